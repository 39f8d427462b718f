"""A command in a machine that other commands use as well: nothing is held while it runs."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

from vexlab.deadline import Deadline
from vexlab.errors import AgentError, GuestTimeout, MachineLost, UsageError, VexlabError
from vexlab.model.machine import CommandResult, short_command
from vexlab.vm.machine import Machine

_FIRST_S, _MOST_S = 0.02, 0.5
_NEVER_S = 1e9

Connect = Callable[[], AbstractContextManager[Machine]]


def run_command(
    connect: Connect,
    argv: Sequence[str],
    *,
    stdin: bytes = b"",
    timeout: float | None = None,
    guard: Callable[[Sequence[str]], AbstractContextManager[object]] = nullcontext,
) -> CommandResult:
    """Run ``argv`` in the guest, connecting anew for each look at it, and return how it ended.

    Raises ``GuestTimeout`` after ``timeout`` seconds. Whatever ends the wait, the command and its children are killed:
    by us, or by what ``guard`` does with the guest's command that ends them, when we are ourselves killed.
    """
    begun = time.monotonic()
    deadline = Deadline.after(timeout or _NEVER_S)
    # a group of its own, so that it can be killed with its children; setsid replaces itself
    command = ["/usr/bin/setsid", *argv]
    with connect() as machine:
        if stdin:
            file = f"/run/vexlab-stdin-{uuid.uuid4().hex}"
            machine.push(stdin, file, timeout=max(60.0, len(stdin) / (1 << 18)))
            command = ["/bin/sh", "-c", 'exec <"$0"; rm -f "$0"; exec "$@"', file, *command]
        pid = machine.begin(command)
    try:
        with guard(_kill_argv(pid)):
            for _ in deadline.poll(_FIRST_S, _MOST_S):
                with connect() as machine:
                    if result := machine.ended(pid, argv, begun):
                        return result
    except UsageError as error:
        raise MachineLost(f"{error.message} while `{argv[0]}` ran", hint=error.hint) from error
    except BaseException:
        with contextlib.suppress(VexlabError):
            _kill(connect, pid)
        raise
    _kill(connect, pid)
    raise GuestTimeout(
        f"`{short_command(argv)}` did not end within {timeout:g} s", command=argv[0], pid=pid, seconds=timeout or 0.0
    )


def _kill(connect: Connect, pid: int) -> None:
    with connect() as machine, contextlib.suppress(AgentError):
        machine.exec(_kill_argv(pid))


def _kill_argv(pid: int) -> list[str]:
    return ["/bin/sh", "-c", f"kill -9 -- -{pid} {pid}"]
