"""A running virtual machine: owns its process, sockets and folder; few verbs, each with a deadline."""

from __future__ import annotations

import contextlib
import io
import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Protocol, Self

from vexlab.deadline import Deadline
from vexlab.errors import DiskFault, EmulatorDied, MachineError, MachineLost
from vexlab.model.machine import CommandResult, MachineSpec, Snapshot, script_line
from vexlab.vm import disks, emulator
from vexlab.vm.argv import RUNNER_PORT, MachineFiles, Start, qemu_argv
from vexlab.vm.clock import MachineClock
from vexlab.vm.commands import CONNECT_S, Commands
from vexlab.vm.console import Console
from vexlab.vm.files import BUSYBOX, pull, push
from vexlab.vm.qmp import Qmp
from vexlab.vm.runner import Chunk
from vexlab.vm.transcript import Transcript
from vexlab.vm.transfer import Progress
from vexlab.workloads import script

START_S = CONNECT_S
_SNAPSHOT_S = 120.0
_RUNNER = script("start_runner.sh")


def _silent(done: int) -> None:
    """Tell nobody of a transfer's progress."""


class ModuleWatch(Protocol):
    """Who wants to know when the module under test comes into a guest, and before it goes."""

    def after_load(self) -> None:
        """Take note that the module was loaded."""

    def before_unload(self) -> None:
        """Take note that the module is about to be unloaded."""


class Machine:
    """One QEMU. Make it with ``launch`` or ``attach``; leaving the context kills an owned machine and its folder.

    ``watch`` is called with the new console text, if any, again and again while a command's answer is awaited; what it
    raises ends the wait. ``last_command`` was begun at ``asked_at``, by ``clock``. ``process`` is ``None`` for a
    machine that another process started. ``symbols`` are addresses of the kernel's variables, where the lab knows them:
    QEMU can read those whatever state the guest is in. ``transcript`` is what was done in the guest;
    ``debugged`` tells that somebody stops it and lets it go on, which takes no time of its ``clock``;
    ``module_watch`` is told of the module under test; ``kmemleak`` and ``kcsan`` tell whether the kernel has that. An
    ``agentless`` one is somebody else's image, whose agent, if it has one, may come and go.
    """

    def __init__(self, spec: MachineSpec, files: MachineFiles, child: emulator.Child | None, qmp: Qmp) -> None:
        self.spec = spec
        self.files = files
        self.console = Console(files.console_log)
        self.watch: Callable[[str], None] | None = None
        self.asked_at = 0.0
        self.last_command = ""
        self._killed = False
        self._booting = False
        self.before_kill: Callable[[], None] | None = None
        self.symbols: Mapping[str, int] = {}
        self.transcript = Transcript()
        self.module_watch: ModuleWatch | None = None
        self.kmemleak = self.kcsan = False
        self.patience = 1.0
        self.agentless = False
        self.debugged = False
        self.qmp = qmp
        self._child = child
        self.commands = Commands(files, idle=self._idle, stopwatch=self.clock.unbounded)

    @classmethod
    def launch(cls, spec: MachineSpec, folder: Path, start: Start | None = None, *, detached: bool = False) -> Machine:
        """Start a QEMU in ``folder``. Unless ``detached`` it dies with us. The guest need not be up yet.

        Raises ``InfraError`` with QEMU's own words where it does not come up.
        """
        files = MachineFiles(folder)
        for disk in spec.disks:
            if not disk.readonly and not files.disk(disk).exists():
                disks.create_disk(files.disk(disk), disk.size, disk.backing)
        arguments = qemu_argv(spec, files, start or Start(memory=files.memory))
        child = emulator.start(files, arguments, detached=detached)
        try:
            qmp = emulator.connect(files, child)
        except BaseException:
            child.kill()
            child.wait()
            raise
        return cls(spec, files, child, qmp)

    @classmethod
    def attach(cls, spec: MachineSpec, folder: Path) -> Machine:
        """Connect to a machine that another process of ours started; leaving the context only disconnects."""
        files = MachineFiles(folder)
        return cls(spec, files, None, Qmp(files.qmp, Deadline.after(START_S)))

    @property
    def pid(self) -> int:
        """QEMU's process id."""
        return self._child.pid if self._child else int(self.files.pid.read_text())

    @cached_property
    def clock(self) -> MachineClock:
        """The time that limits and durations of commands are counted in."""
        return MachineClock(self.pid)

    def deadline(self, seconds: float) -> Deadline:
        """Return the deadline ``seconds`` from now by ``clock``, as long again as the kernel is slow.

        So all times that a case gives are those of a distribution's kernel. ``patience`` times as long, besides, while
        the machine is traced.
        """
        return Deadline.after(seconds * self.spec.timeout_scale * self.patience, self.clock)

    @property
    def alive(self) -> bool:
        """Whether QEMU still runs."""
        if self._child:
            return self._child.poll() is None
        return emulator.running(self.files) != 0

    def detach(self) -> None:
        """Let the machine live on: from now on, leaving the context only disconnects."""
        self._child = None

    def look(self) -> None:
        """Hear what QEMU and the console told meanwhile, as while a command runs; raises as ``exec`` does."""
        self._idle()

    def wait_ready(self, timeout: float) -> None:
        """Wait until the guest's agent answers; raise ``GuestTimeout`` or ``MachineLost``."""
        self.commands.agent(self.deadline(timeout)).sync(self.deadline(timeout))

    def exec(
        self,
        argv: Sequence[str],
        *,
        timeout: float = 30.0,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
    ) -> CommandResult:
        """Run a command in the guest (no shell) and return how it ended.

        Raises ``GuestTimeout`` after ``timeout`` seconds, as ``deadline`` counts them, ``MachineLost`` where the
        machine went away, and whatever ``watch`` raises.
        """
        deadline = self.deadline(timeout)
        self._note(argv)
        with self.transcript.command(argv, stdin, env) as ended:
            return ended(self.commands.fastest(deadline).exec(argv, deadline, stdin=stdin, env=env))

    @property
    def streams(self) -> bool:
        """Whether output can be had while a command runs (``stream``)."""
        return self.commands.has_runner

    def stream(self, argv: Sequence[str], chunk: Chunk, *, timeout: float = 30.0) -> CommandResult:
        """As ``exec``, but output is given to ``chunk`` as it comes, however much, and kept nowhere.

        The command and its process group are killed where its time is over or ``chunk`` raises. Raises ``MachineError``
        where the guest has no command runner.
        """
        deadline = self.deadline(timeout)
        self._note(argv)
        if runner := self.commands.runner(deadline):
            with self.transcript.command(argv) as ended:
                return ended(runner.exec(argv, deadline, chunk=chunk))
        raise MachineError("the guest has no command runner, so that output cannot be had while a command runs")

    def start_runner(self, program: str) -> None:
        """Start the command runner, the guest's ``program``, which is used from now on; raise ``MachineError``."""
        started = self.exec([BUSYBOX, "sh", "-c", _RUNNER, "sh", RUNNER_PORT, program])
        if not started.ok:
            raise MachineError(f"the command runner does not start: {started}")
        self.commands.has_runner = True
        self.commands.connect()

    def _note(self, argv: Sequence[str]) -> None:
        """Note which command is begun, and when."""
        self.last_command = script_line(argv)
        self.asked_at = self.clock()

    def ping(self, timeout: float) -> None:
        """Ask the guest's agent for a sign of life; as ``exec``, but nothing is started in the guest."""
        # Not the runner, which is quicker: a module that corrupts programs shows in what the agent answers.
        deadline = self.deadline(timeout)
        self.commands.agent(deadline).ping(deadline)

    def begin(self, argv: Sequence[str], *, timeout: float = 30.0) -> int:
        """Start a command in the guest and return its process id there, for ``ended`` to ask about, even by others."""
        deadline = Deadline.after(timeout * self.spec.timeout_scale)
        with self.transcript.command(argv):
            return self.commands.agent(deadline).begin(argv, deadline)

    def ended(self, pid: int, argv: Sequence[str], begun: float, *, timeout: float = 30.0) -> CommandResult | None:
        """Return how the command ended that began as ``pid`` at ``begun`` (monotonic); ``None`` while it runs."""
        deadline = Deadline.after(timeout * self.spec.timeout_scale)
        return self.commands.agent(deadline).ended(pid, argv, deadline, begun)

    def shell(self, script: str, *words: str, timeout: float = 30.0) -> CommandResult:
        """Run a shell script in the guest, ``words`` being ``$1`` and so on; as ``exec``."""
        return self.exec(["/bin/bash", "-c", script, *(("bash", *words) if words else ())], timeout=timeout)

    def ash(
        self, script: str, *words: str, timeout: float = 30.0, env: Mapping[str, str] | None = None
    ) -> CommandResult:
        """Run a script with busybox's shell and commands, ``words`` being ``$1`` and so on; as ``exec``.

        A tenth of ``shell``'s time: nothing is linked, and busybox is one program. For what vexlab itself asks.
        """
        return self.exec([BUSYBOX, "sh", "-c", script, "sh", *words], timeout=timeout, env=env)

    def push(
        self,
        source: Path | bytes,
        path: str,
        *,
        mode: int = 0o644,
        timeout: float = 60.0,
        progress: Progress = _silent,
    ) -> None:
        """Write a host file or bytes to ``path`` in the guest; ``progress`` is told the bytes written so far.

        The file has its name only once it is whole. What is no regular file, a device for one, is written in place.
        """
        deadline = self.deadline(timeout)
        size = len(source) if isinstance(source, bytes) else source.stat().st_size
        with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
            push(self.commands, self.files.data, file, size, path, mode=mode, deadline=deadline, progress=progress)
        self.transcript.put(source, path, mode)

    def pull(self, path: str, *, most: int = 256 << 20, timeout: float = 60.0) -> bytes:
        """Return up to ``most`` bytes of a guest's file."""
        into = io.BytesIO()
        self.pull_to(path, into, most=most, timeout=timeout)
        return into.getvalue()

    def pull_to(
        self,
        path: str,
        into: BinaryIO,
        *,
        most: int = 1 << 60,
        timeout: float = 60.0,
        progress: Progress = _silent,
    ) -> int:
        """Write up to ``most`` bytes of a guest's file to ``into`` and return their number."""
        deadline = self.deadline(timeout)
        return pull(self.commands, self.files.data, path, into, most=most, deadline=deadline, progress=progress)

    def snapshot(self, name: str) -> None:
        """Keep memory and disks under ``name``, inside the machine's first writable disk."""
        disks = self._writable()
        arguments = {"tag": name, "vmstate": disks[0], "devices": disks}
        self.qmp.job("snapshot-save", arguments, timeout=_SNAPSHOT_S)

    def snapshots(self) -> tuple[Snapshot, ...]:
        """Return what ``snapshot`` keeps in the machine's first writable disk, oldest first."""
        serial = self._writable()[0]
        blocks = self.qmp.command("query-block")
        images = (block.get("inserted", {}).get("image", {}) for block in blocks if _serial(block) == serial)
        found = [each for image in images for each in image.get("snapshots", ())]
        return tuple(
            Snapshot(tag=each["name"], taken=each["date-sec"] + each["date-nsec"] / 1e9, size=each["vm-state-size"])
            for each in sorted(found, key=lambda each: (each["date-sec"], each["date-nsec"]))
        )

    def forget(self, name: str) -> None:
        """Delete the snapshot ``name``."""
        self.qmp.job("snapshot-delete", {"tag": name, "devices": self._writable()}, timeout=_SNAPSHOT_S)

    def restore(self, name: str) -> None:
        """Go back to ``name``, memory and disks, in the running process; raise ``MachineError`` where it is unknown.

        Nobody is waited for in an ``agentless`` machine.
        """
        self.transcript.cannot("the machine went back to a snapshot")
        disks = self._writable()
        self.qmp.command("stop")
        arguments = {"tag": name, "vmstate": disks[0], "devices": disks}
        try:
            self.qmp.job("snapshot-load", arguments, timeout=_SNAPSHOT_S)
        except MachineError:
            self.qmp.command("cont")  # refused, so nothing was changed
            raise
        self.qmp.events()  # loading closes and opens the agent's port; that is not the agent's death
        self.qmp.command("cont")
        self.commands.disconnect()
        if not self.agentless:
            self.commands.connect()
            self.wait_ready(START_S)

    def reset(self, *, timeout: float = 180.0) -> None:
        """Press the reset button: memory is lost, disks stay; return when the booted system's agent answers."""
        self.transcript.cannot("the machine was reset")
        deadline = Deadline.after(timeout)
        self.qmp.command("set-action", {"reboot": "reset"})  # machines are started with -no-reboot
        self.qmp.command("system_reset")
        for _ in deadline.poll():
            # the port of the agent closes before this event; that is not the agent's death
            if any(event["event"] == "RESET" for event in self.qmp.events()):
                break
        self.commands.disconnect()
        self.commands.has_runner = False  # it was in the memory that is lost
        self._booting = True  # a busy host may tell of the closed port as late as now
        try:
            self.wait_ready(deadline.remaining)
        finally:
            self._booting = False
        self.qmp.command("set-action", {"reboot": "shutdown"})

    def poweroff(self, *, timeout: float = 30.0) -> None:
        """Let the guest sync, unmount and switch itself off; raise ``MachineError`` where it does not."""
        script = "sync; umount -a -r -t nosquashfs,nooverlay,noproc,nosysfs,nodevtmpfs,notmpfs 2>/dev/null; "
        with contextlib.suppress(MachineLost):
            self.shell(script + "busybox poweroff -f", timeout=timeout)
        for _ in Deadline.after(timeout * self.spec.timeout_scale).poll():
            if not self.alive:
                return
        raise MachineError("the guest did not switch itself off", hint="`vexlab vm stop --force` ends it the hard way")

    def kill(self) -> None:
        """End QEMU at once, as a power cut would, and wait until it is gone."""
        if self._child:
            if self.before_kill and self._child.poll() is None:
                self.before_kill()
            self._killed = True
            self._child.kill()
            self._child.wait()
            return
        emulator.end(self.files)
        for _ in Deadline.after(START_S).poll():
            if not self.alive:
                return

    def close(self) -> None:
        """Disconnect; an owned machine is killed and its folder removed.

        QEMU's monitor is left last, for whoever looks at the machine before it is killed.
        """
        with ExitStack() as stack:
            if self._child:
                stack.callback(shutil.rmtree, self.files.folder, ignore_errors=True)
            stack.callback(self.qmp.close)
            if self._child:
                stack.callback(self.kill)
            stack.callback(self.commands.disconnect)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _writable(self) -> list[str]:
        disks = [disk.serial for disk in self.spec.disks if not disk.readonly]
        if not disks:
            raise MachineError("a machine without a writable disk cannot keep snapshots")
        return disks

    def _idle(self) -> None:
        if self.watch:
            self.watch(self.console.new())
        if self._child and self._child.poll() is not None:
            if self._killed:
                raise EmulatorDied("the case itself ended this machine")
            status = self._child.returncode
            if status < 0:  # no guest sends its QEMU a signal: the host was out of memory, somebody killed it, a bug
                name = signal.Signals(-status).name
                raise EmulatorDied(
                    f"QEMU was ended by {name}{emulator.last_words(self.files)}", hint="is memory short?"
                )
            raise MachineLost(f"QEMU ended with status {status}{emulator.last_words(self.files)}")
        for event in self.qmp.events():
            self._heed(event["event"], event.get("data", {}))

    def _heed(self, event: str, data: Mapping[str, Any]) -> None:
        if event == "BLOCK_IO_ERROR":
            raise DiskFault(
                f"the host cannot {data.get('operation')} the guest's disk {data.get('node-name')}: "
                f"{data.get('reason', 'no reason given')}",
                hint=f"is the disk of {self.files.folder.parent.parent} full? TMPDIR names another one",
            )
        if self.debugged and event in ("STOP", "RESUME"):
            (self.clock.stand if event == "STOP" else self.clock.go)()
        agent = event == "VSERPORT_CHANGE" and data.get("id") == "agent" and not self.agentless
        if agent and not data.get("open") and not self._booting:
            raise MachineLost("the guest agent is gone while the kernel runs on")
        if event == "VSERPORT_CHANGE" and data.get("id") == "runner":
            self.commands.runner_changed(is_open=bool(data.get("open")))
        if event == "SHUTDOWN" and str(data.get("reason", "")).startswith("host-"):
            raise EmulatorDied(f"QEMU was told to end by the host ({data['reason']})")
        if event == "SHUTDOWN":
            raise MachineLost(f"the guest went down ({data.get('reason', 'no reason given')})")


def _serial(block: Mapping[str, Any]) -> str:
    """Return the node's name of a block device; disks bear their serial as that."""
    return str(block.get("inserted", {}).get("node-name", ""))
