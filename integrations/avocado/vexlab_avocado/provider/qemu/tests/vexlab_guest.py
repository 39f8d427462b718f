"""Avocado-VT's test: scripts of `scripts/` in a machine that Avocado-VT started, each from the same snapshot.

A script passes where it ends with 0 and vexlab finds nothing on the console; 77 says that it cannot run here.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shlex
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from avocado.core.exceptions import TestWarn
from virttest.guest_agent import QemuAgent
from virttest.qemu_monitor import MonitorError

_AGENT = "agent"  # the serial port's name in subtests.cfg
_BOOT_S, _STEP_S, _ANSWER_S = 600.0, 600.0, 120.0
_CHUNK = 1 << 19
_CANNOT = 77
_SHOWN = 300
_READY = "ready"
# What Avocado-VT puts before each line: 2026-11-28 23:27:17: [   19.816600] vexlab: ready
_STAMP = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d: ", re.MULTILINE)
_FOLDER = "/vexlab"


class Guest:
    """The guest, spoken to through its agent."""

    def __init__(self, vm: Any, document: Mapping[str, Any]) -> None:
        self.vm = vm
        self.document = document
        self._agent: Any = None

    def connect(self, timeout: float) -> None:
        """Wait until the agent answers."""
        end = time.monotonic() + timeout
        place = {"monitor_filename": self.vm.get_serial_console_filename(_AGENT)}
        while True:
            try:
                self._agent = QemuAgent(self.vm, _AGENT, "virtio", place, get_supported_cmds=True)
            except MonitorError:  # of which the agent's errors are some
                if time.monotonic() > end or self.vm.is_dead():
                    raise
                time.sleep(2)
            else:
                return

    def run(self, argv: list[str], env: Mapping[str, str], timeout: float) -> tuple[int, str]:
        """Run a command; return its exit status (128 and the signal, where one ended it) and what it said."""
        arguments = {
            "path": argv[0],
            "arg": argv[1:],
            "env": [f"{name}={value}" for name, value in env.items()],
            "capture-output": True,
        }
        pid = self._ask("guest-exec", arguments)["pid"]
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            state = self._ask("guest-exec-status", {"pid": pid}, debug=False)
            if state["exited"]:
                said = b"".join(base64.b64decode(state.get(part, "")) for part in ("out-data", "err-data"))
                status = state.get("exitcode", 128 + state.get("signal", 0))
                return status, said.decode(errors="replace")
            time.sleep(0.2)
        raise TimeoutError(f"{shlex.join(argv)} did not end within {timeout:g} s")

    def put(self, source: Path, path: str, mode: int) -> None:
        """Write a file of the host to ``path``."""
        handle = self._ask("guest-file-open", {"path": path, "mode": "w"})
        with source.open("rb") as file:
            while data := file.read(_CHUNK):
                text = base64.b64encode(data).decode()
                self._ask("guest-file-write", {"handle": handle, "buf-b64": text}, debug=False)
        self._ask("guest-file-close", {"handle": handle})
        self.run(["/bin/busybox", "chmod", f"{mode:o}", path], {}, _STEP_S)

    def snapshot(self) -> None:
        """Keep memory and disks."""
        self._monitor(f"savevm {_READY}")

    def restore(self) -> None:
        """Go back to what was kept."""
        self._monitor(f"loadvm {_READY}")
        self._ask("guest-ping", {})

    def _ask(self, command: str, arguments: Mapping[str, object], *, debug: bool = True) -> Any:
        """Give the agent time to answer: Avocado-VT's 20 s are too few for an emulated guest on a busy host."""
        return self._agent.cmd(command, arguments, timeout=_ANSWER_S, debug=debug)

    def _monitor(self, line: str) -> None:
        said = self.vm.monitor.cmd("human-monitor-command", {"command-line": line})
        if said and said.strip():
            raise RuntimeError(f"QEMU says to `{line}`: {said.strip()}")


def run(test: Any, params: Any, env: Any) -> None:
    """Boot vexlab's image, and run the scripts that the variant names, each from the same snapshot."""
    folder = Path(params["vexlab_guest"])
    document = json.loads((folder / "guest.json").read_text())
    vm = env.get_vm(params["main_vm"])
    vm.verify_alive()
    guest = Guest(vm, document)
    guest.connect(_BOOT_S)
    _fill(guest, folder)
    guest.snapshot()
    told: dict[str, list[str]] = {"passed": [], "cannot": [], "failed": []}
    for name in params.objects("scripts"):
        guest.restore()
        verdict, words = _try(test, guest, name)
        told[verdict].append(f"{name}: {words}" if words else name)
        if vm.is_dead():
            break
    test.whiteboard = json.dumps(told, indent=2)
    if told["failed"]:
        test.fail("; ".join(told["failed"]))
    if not told["passed"]:
        test.cancel("; ".join(told["cannot"]) or "no script was named")
    if told["cannot"]:
        raise TestWarn(f"cannot run here: {'; '.join(told['cannot'])}")


def _fill(guest: Guest, folder: Path) -> None:
    """Put the module, its tools and the scripts into the guest."""
    folders = [f"{_FOLDER}/{name}" for name in ("bin", "lib", "vt")]
    guest.run(["/bin/busybox", "mkdir", "-p", *folders], {}, _STEP_S)
    for file in guest.document["files"]:
        guest.put(folder / file["file"], file["path"], file["mode"])
    for script in sorted((Path(__file__).parents[2] / "scripts").glob("*.sh")):
        guest.put(script, f"{_FOLDER}/vt/{script.name}", 0o755)


def _try(test: Any, guest: Guest, name: str) -> tuple[str, str]:
    """Run a script; return what it is told under, and why."""
    before = len(_console(guest.vm))
    try:
        argv = ["/bin/busybox", "sh", f"{_FOLDER}/vt/{name}.sh"]
        status, said = guest.run(argv, _words(guest.document), _STEP_S)
    except TimeoutError as error:
        status, said = 1, str(error)
    except MonitorError as error:  # a guest that dies takes the agent along: the console says why
        status, said = 1, f"the agent is gone: {error}"
    console = Path(test.logdir) / f"{name}-console.log"
    console.write_text(_console(guest.vm)[before:], errors="replace")
    (Path(test.logdir) / f"{name}.log").write_text(said, errors="replace")
    test.log.info("%s: exit status %s\n%s", name, status, said)
    last = said.strip()[-_SHOWN:]
    if finding := _findings(console):
        return "failed", finding
    if status == _CANNOT:
        return "cannot", last
    return ("failed", last or f"exit status {status}") if status else ("passed", "")


def _words(document: Mapping[str, Any]) -> dict[str, str]:
    target = document["target"]
    return {
        "PATH": f"{_FOLDER}/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "MODULE": target["module"],
        "DEPENDS": " ".join(target["depends"]),
        "FSTYPE": target["fstype"],
        "MKFS": shlex.join(target["mkfs"]),
        "FSCK": shlex.join(target["fsck"]),
    }


def _console(vm: Any) -> str:
    """Return what the guest said on its serial console so far."""
    return _STAMP.sub("", Path(vm.serial_console_log).read_text(errors="replace"))


def _findings(console: Path) -> str:
    """Return what vexlab reads in a console's text, empty where nothing; raise where it cannot be asked."""
    command = shlex.split(os.environ["VEXLAB_COMMAND"])
    ended = subprocess.run([*command, "classify", "--json", str(console)], capture_output=True, text=True, check=False)
    if ended.returncode not in (0, 1):
        raise RuntimeError(f"vexlab classify: {ended.stderr.strip()}")
    return "; ".join(str(each["report"]["title"]) for each in json.loads(ended.stdout)["findings"])
