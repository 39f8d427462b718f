"""Named machines: they live on after the command that started them, each in a folder of its own.

A folder holds the machine's record, its writable disks, its sockets while it runs, its console and QEMU's messages.
Whether it runs is looked up each time, never remembered.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from vexlab.deadline import Deadline
from vexlab.errors import GuestTimeout, InfraError, MachineError, MachineLost, UsageError
from vexlab.model.machine import MachineSpec
from vexlab.tables import suggest
from vexlab.vm import emulator, own
from vexlab.vm import record as records
from vexlab.vm.argv import MachineFiles
from vexlab.vm.commands import CONNECT_S
from vexlab.vm.janitor import Janitor
from vexlab.vm.machine import Machine
from vexlab.vm.network import set_up_network
from vexlab.vm.own import Reach
from vexlab.vm.record import Record, State, Status
from vexlab.vm.session import SOCKET_PATH_MOST
from vexlab.vm.shares import mount_shares

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
_BUSY_S = 60.0
_PUSH_S = 120.0
_LOOK_S = 0.3  # longer than another command looks whether a lock is held
_PAST = {State.STARTING: "is being started", State.STOPPED: "is stopped", State.DIED: "died"}

Watch = Callable[[Machine], Callable[[str], None]]


def _nothing(_folder: Path) -> None:
    """Put nothing into a machine's folder."""


class NamedMachines:
    """All named machines of this user, under ``root``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def names(self) -> tuple[str, ...]:
        """Return the names of all machines."""
        return tuple(sorted(file.parent.name for file in self.root.glob(f"[!.]*/{records.FILE}")))

    def files(self, name: str) -> MachineFiles:
        """Return where the machine's files lie; raise ``UsageError`` for a name that cannot be one."""
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"`{name}` is no name for a machine",
                hint="use up to 32 letters, digits, dots, dashes and underscores, beginning with a letter or digit",
            )
        files = MachineFiles(self.root / name)
        if len(os.fsencode(files.console)) > SOCKET_PATH_MOST:
            raise UsageError(
                f"{files.folder} is too long a path for unix sockets",
                hint="set VEXLAB_STATE to a folder with a shorter path, or give a shorter name",
            )
        return files

    def record(self, name: str) -> Record:
        """Return what was ordered; raise ``UsageError`` where there is no such machine."""
        try:
            return records.read(self.files(name).folder)
        except FileNotFoundError:
            hint = suggest(name, self.names()) if self.names() else f"`vexlab vm start {name}` starts one"
            raise UsageError(f"no machine `{name}`", hint=hint) from None

    def status(self, name: str) -> Status:
        """Return what the machine is like now."""
        record = self.record(name)
        files = self.files(name)
        pid = emulator.running(files)
        if _is_locked(self._start_lock(name)):
            state = State.STARTING
        elif pid:
            state = State.RUNNING
        else:  # QEMU removes its pid file when it ends in order
            state = State.DIED if files.pid.exists() else State.STOPPED
        return Status(
            record=record,
            state=state,
            pid=pid,
            since=files.pid.stat().st_mtime if pid else 0.0,
            words=emulator.last_words(files).removeprefix(": "),
            disk=_size(files.folder),
        )

    def create(
        self, record: Record, watch: Watch, *, wait_s: float, prepare: Callable[[Path], None] = _nothing
    ) -> None:
        """Make a machine and boot it, as ``boot`` does; nothing of it is left where that fails.

        ``prepare`` puts what the machine needs besides into its folder.
        """
        files = self.files(record.name)
        with self._starting(record.name), ExitStack() as guard:
            try:
                files.folder.mkdir(mode=0o700)
            except FileExistsError as error:
                hint = f"`vexlab vm rm {record.name}` removes it, or take another name"
                raise UsageError(f"there is a machine `{record.name}` already", hint=hint) from error
            janitor = Janitor(files.folder)
            guard.callback(janitor.close)
            prepare(files.folder)
            records.write(record, files.folder)
            self._boot(record.name, watch, wait_s)
            janitor.dismiss()

    def reach(self, name: str) -> Reach | None:
        """Return the way by ssh into a machine of somebody else's image; ``None`` for one of vexlab's own."""
        record = self.record(name)
        if record.image is None:
            return None
        return Reach(spec=record.spec, image=record.image, folder=self.files(name).folder)

    def boot(self, name: str, watch: Watch, *, wait_s: float) -> None:
        """Boot a machine that is there but does not run, and wait until it is ready. Its disks are as they were.

        ``watch`` makes what is called with the console's text meanwhile. Raises ``UsageError`` where it runs already,
        ``InfraError`` where it does not come up; then no QEMU is left.
        """
        with self._starting(name), ExitStack() as guard:
            if emulator.running(self.files(name)):
                raise UsageError(f"`{name}` runs already", hint=f"`vexlab vm restart {name}` starts it anew")
            janitor = Janitor(self.files(name).folder, remove=False)
            guard.callback(janitor.close)
            self._boot(name, watch, wait_s)
            janitor.dismiss()

    @contextmanager
    def connect(self, name: str) -> Iterator[Machine]:
        """Give the running machine to one command at a time; raise ``UsageError`` where it does not run."""
        status = self.status(name)
        if status.state != State.RUNNING:
            hint = f"`vexlab vm status {name}` tells more"
            raise UsageError(f"`{name}` {_PAST[status.state]}", hint=hint)
        files = self.files(name)
        with _locked(files.folder / "lock", _BUSY_S, f"another command uses `{name}`"):
            try:
                with Machine.attach(status.record.spec, files.folder) as machine:
                    machine.agentless = status.record.image is not None
                    yield machine
            except MachineLost as error:
                why = "" if emulator.running(files) else f"; QEMU is gone{emulator.last_words(files)}"
                hint = f"`vexlab vm logs {name}` shows its last words"
                raise MachineLost(f"`{name}`: {error.message}{why}", hint=hint) from error
            except GuestTimeout as error:
                error.hint = error.hint or f"`vexlab vm logs {name}` shows what its kernel said last"
                raise

    def stop(self, name: str, *, timeout: float) -> None:
        """Let the guest switch itself off; raise ``MachineError`` where it does not in ``timeout`` seconds."""
        reach = self.reach(name)
        try:
            with self.connect(name) as machine:
                if reach:
                    own.power_off(machine, reach, timeout)
                else:
                    machine.poweroff(timeout=timeout)
        except GuestTimeout as error:
            raise MachineError(
                f"`{name}` did not switch itself off within {timeout:g} s",
                hint=f"`vexlab vm stop --force {name}` pulls the plug",
            ) from error

    def kill(self, name: str) -> None:
        """End the machine at once, if it runs, as a power cut would. Works without a readable record, too."""
        files = self.files(name)
        emulator.end(files)
        for _ in Deadline.after(CONNECT_S).poll():
            if not emulator.running(files):
                files.pid.unlink(missing_ok=True)
                return
        raise MachineError(f"QEMU of `{name}` cannot be ended")

    def remove(self, name: str) -> None:
        """Remove a machine that does not run, with its disks; raise ``UsageError``."""
        files = self.files(name)
        if not files.folder.exists():
            self.record(name)
        with self._starting(name):
            if emulator.running(files):
                raise UsageError(f"`{name}` runs", hint=f"`vexlab vm stop {name}` first, or give --force")
            shutil.rmtree(files.folder)
            self._start_lock(name).unlink()

    def _boot(self, name: str, watch: Watch, wait_s: float) -> None:
        record, files = self.record(name), self.files(name)
        _require_files(record.spec, name)
        with contextlib.suppress(FileNotFoundError):
            files.console_log.replace(files.folder / "console.previous.log")
        with Machine.launch(record.spec, files.folder, detached=True) as machine:
            machine.detach()  # from here on the janitor ends it, where that is needed
            machine.watch = watch(machine)
            machine.agentless = record.image is not None
            try:
                if reach := self.reach(name):
                    own.wait_ready(machine, reach, wait_s)
                    return
                machine.wait_ready(wait_s)
                for file in record.payload:
                    machine.exec(["mkdir", "-p", str(Path(file.path).parent)])
                    machine.push(file.source, file.path, mode=file.mode, timeout=_PUSH_S)
                if record.spec.network:
                    set_up_network(machine)
                mount_shares(machine)
            except MachineLost as error:
                words = emulator.last_words(files)
                raise MachineLost(f"`{name}` did not come up: {error.message}{words}") from error

    def _start_lock(self, name: str) -> Path:
        return self.root / f".{name}.starting"

    @contextmanager
    def _starting(self, name: str) -> Iterator[None]:
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            hint = "set VEXLAB_STATE to a folder of yours"
            raise InfraError(f"{self.root} cannot be made: {error}", hint=hint) from error
        with _locked(self._start_lock(name), _LOOK_S, f"`{name}` is being started by another command"):
            yield


def _require_files(spec: MachineSpec, name: str) -> None:
    for share in spec.shares:
        if not share.folder.is_dir():
            raise UsageError(f"`{name}` cannot start: the folder {share.folder} is gone")
    disks = [file for disk in spec.disks for file in (disk.file, disk.backing) if file]
    for file in (spec.kernel, spec.initrd, *disks):
        if not file.exists():
            raise UsageError(
                f"`{name}` cannot start: {file} is gone",
                hint=f"the cache was cleared, or the image moved; `vexlab vm rm {name}` and start it anew",
            )


def _size(folder: Path) -> int:
    total = 0
    for file in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # sockets come and go
            total += file.lstat().st_blocks * 512
    return total


def _is_locked(file: Path) -> bool:
    with contextlib.suppress(FileNotFoundError), file.open("r") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@contextmanager
def _locked(file: Path, wait_s: float, why: str) -> Iterator[None]:
    """Hold the lock ``file``, waiting up to ``wait_s``; raise ``UsageError`` that says ``why`` where it is taken."""
    with file.open("w") as lock:
        for _ in Deadline.after(wait_s).poll():
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
        else:
            raise UsageError(why, hint="try again when that has ended")
        yield
