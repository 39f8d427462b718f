"""Named machines of images that others made: reached by ssh, or by the guest agent where that runs alone.

Nothing is known of the guest but what it says itself: whether somebody answers at its ssh port, and whether the agent
has opened its port (QMP's ``query-chardev``).
"""

from __future__ import annotations

import contextlib
import io
import socket
import tarfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vexlab import process
from vexlab.deadline import Deadline
from vexlab.errors import DeadlineError, GuestTimeout, MachineError, MachineLost
from vexlab.model.machine import CommandResult, MachineSpec
from vexlab.vm import ssh
from vexlab.vm.machine import Machine
from vexlab.vm.record import OwnImage

_ASK_S = 5.0
_LOGIN_S = 60.0  # a handshake under emulation
_KEY_S = 120.0
_SSH_FAILED = 255  # ssh(1), EXIT STATUS
# What ssh says of itself, and a guest's program would not: "ssh: connect to host …", "kex_exchange_identification: …"
_SSH_SAYS = (b"ssh: ", b"kex_", b"Connection ", b"@@@", b"Host key ", b"Permission denied (")
_WRITE = 'cat >"$2" && chmod "$1" "$2" && mv -f "$2" "$3"'
_LET_IN = "umask 077; mkdir -p ~/.ssh; cd ~/.ssh && cat >authorized_keys.new && mv authorized_keys.new authorized_keys"
_POWEROFF = "poweroff || /sbin/poweroff || busybox poweroff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """The way into a guest by ssh: ``folder`` is the machine's, with its keys."""

    spec: MachineSpec
    image: OwnImage
    folder: Path

    def argv(self, words: Sequence[str], *, batch: bool = False) -> tuple[str, ...]:
        """Return the arguments for ``ssh``; as ``vexlab.vm.ssh.ssh_argv``."""
        trust = {} if self.image.host_key else {"StrictHostKeyChecking": "accept-new"}
        return ssh.ssh_argv(self.spec, self.folder, words, login=self.image.login, batch=batch, **trust)

    @property
    def answers(self) -> bool:
        """Whether somebody in the guest says what an SSH server says first (RFC 4253, 4.2): QEMU alone connects."""
        port = ssh.forwarded_port(self.spec)
        if not port:
            return False
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), _ASK_S) as connection:
            connection.settimeout(_ASK_S)
            return connection.recv(4) == b"SSH-"
        return False

    def lets_in(self) -> bool:
        """Whether the user can log in and become root."""
        with contextlib.suppress(MachineError):
            return self.run(["true"], timeout=_LOGIN_S).ok
        return False

    def run(self, argv: Sequence[str], *, timeout: float, stdin: bytes = b"") -> CommandResult:
        """Run ``argv`` as root in the guest; raise ``GuestTimeout``, or ``MachineError`` where ssh gets nowhere."""
        words = argv if self.image.login == "root" else ["sudo", "-n", "--", *argv]
        begun = time.monotonic()
        try:
            ended = process.run(["ssh", *self.argv(words, batch=True)], timeout=timeout, input=stdin)
        except DeadlineError as error:
            said = f"`{argv[0]}` did not end within {timeout:g} s"
            raise GuestTimeout(said, command=argv[0], seconds=timeout) from error
        if ended.returncode == _SSH_FAILED and any(says in ended.stderr for says in _SSH_SAYS):
            raise MachineError(f"ssh into the guest failed: {ended.error_text.strip()[-300:]}")
        return CommandResult(
            argv=tuple(argv),
            status=ended.returncode,
            signal=0,  # ssh tells of a signal no more than a shell does
            stdout=ended.stdout,
            stderr=ended.stderr,
            duration=time.monotonic() - begun,
        )

    def push(self, source: Path, path: str, *, mode: int, timeout: float) -> None:
        """Write a host file to ``path``, which has its name only once it is whole; raise ``MachineError``."""
        argv = ["sh", "-c", _WRITE, "sh", f"{mode:o}", f"{path}.vexlab-part", path]
        done = self.run(argv, timeout=timeout, stdin=source.read_bytes())
        if not done.ok:
            raise MachineError(f"{path} cannot be written: {done}")

    def pull(self, path: str, *, timeout: float) -> bytes:
        """Return the content of the guest's file ``path``; raise ``MachineError``."""
        done = self.run(["cat", "--", path], timeout=timeout)
        if not done.ok:
            raise MachineError(f"{path} cannot be read: {done}")
        return done.stdout

    def renew_key(self) -> None:
        """Make a new key pair and let it alone in; the old one gets nobody in any more.

        It is kept for snapshots of before, which know no other. Raises ``MachineError``, and then the old one is left.
        """
        key, new = self.folder / ssh.KEY, self.folder / "ssh_key_new"
        ssh.make_key(new)
        argv = self.argv(["sh", "-c", _LET_IN], batch=True)  # not as root: it is the user's file
        done = process.run(["ssh", *argv], timeout=_KEY_S, input=ssh.public_of(new).read_bytes())
        if done.returncode:
            raise MachineError(f"the guest does not take the new key: {done.error_text.strip()[-300:]}")
        for old, to in ((key, self.folder / ssh.KEY_BEFORE), (new, key)):
            old.replace(to)
            ssh.public_of(old).replace(ssh.public_of(to))


def agent_runs(machine: Machine) -> bool:
    """Whether something in the guest has opened the agent's port."""
    ports = machine.qmp.command("query-chardev")
    return any(port["label"] == "agent" and port["frontend-open"] for port in ports)


def wait_ready(machine: Machine, reach: Reach, timeout: float) -> None:
    """Wait until the user can log in, or at least the agent answers; raise ``GuestTimeout`` or ``MachineLost``.

    Where the agent is there first, ssh is given a little longer: it is the better of the two.
    """
    agent_alone: Deadline | None = None
    for _ in Deadline.after(timeout).poll(0.5, 2.0):
        machine.look()
        if reach.answers and reach.lets_in():
            return
        if agent_alone is None and agent_runs(machine):
            agent_alone = Deadline.after(_LOGIN_S)
        if agent_alone and agent_alone.expired:
            machine.wait_ready(_LOGIN_S)
            return
    raise GuestTimeout(
        f"nobody answered within {timeout:g} s, neither by ssh nor the guest agent",
        hint="`--wait` gives it longer, `--vnc-port` and `vexlab vm console` show how far it comes",
    )


def power_off(machine: Machine, reach: Reach, timeout: float) -> None:
    """Let the guest switch itself off, by its own command, else by its power button; raise ``GuestTimeout``."""
    deadline = Deadline.after(timeout)
    with contextlib.suppress(MachineLost):
        with contextlib.suppress(MachineError):
            if reach.answers and reach.run(["sh", "-c", _POWEROFF], timeout=timeout / 2).ok:
                _went(machine, deadline.sooner(timeout / 2))
        if machine.alive:
            machine.qmp.command("system_powerdown")
    if not _went(machine, deadline):
        raise GuestTimeout(f"the guest did not switch itself off within {timeout:g} s")


def _went(machine: Machine, deadline: Deadline) -> bool:
    return any(not machine.alive for _ in deadline.poll(0.1, 0.5))


def write_files(folder: Path, into: Path) -> None:
    """Write a tar that lets the machine's key in as root, for a guest whose cloud-init will not do it."""
    public = ssh.public_of(folder / ssh.KEY).read_bytes()
    with tarfile.open(into, "w") as tar:
        for name, kind, mode, data in (
            ("root/.ssh", tarfile.DIRTYPE, 0o700, b""),
            ("root/.ssh/authorized_keys", tarfile.REGTYPE, 0o600, public),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.mode, info.size, info.mtime = kind, mode, len(data), int(folder.stat().st_mtime)
            tar.addfile(info, io.BytesIO(data))
