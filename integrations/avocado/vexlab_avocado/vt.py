"""``vexlab-avocado-vt``: the orchestrations under Avocado-VT: comprehensive, edge-cases, report."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vexlab_avocado.command import VARIABLE, VexlabError, program
from vexlab_avocado.outcome import printable

# The scripts of provider/scripts that an orchestration runs; each from the same snapshot.
ORCHESTRATIONS: Mapping[str, tuple[str, ...]] = {
    "comprehensive": ("basic", "parallel", "cycles", "full"),
    "edge-cases": ("garbage", "busy", "full"),
}
REPORT = "report"
PROVIDER = Path(__file__).with_name("provider")
_BOOTSTRAP = ("--vt-type", "qemu", "--vt-no-downloads", "--vt-skip-verify-download-assets", "--yes-to-all")
_DATA = Path("~/avocado/data/avocado-vt")  # where Avocado-VT keeps what it works with


def cartesian(guest: Path, document: Mapping[str, Any], qemu: str) -> str:
    """Return Avocado-VT's configuration of the orchestrations for the guest in ``guest``. Pure.

    Disks find their place by their serial; the scratch disk is the first that can be written, so that a snapshot's
    memory goes there.
    """
    lines = [
        "vm_type = qemu",
        "vms = vexlab",
        "main_vm = vexlab",
        f"qemu_binary = {qemu}",
        "qemu_img_binary = qemu-img",
        "machine_type = q35",
        "vm_accelerator = " + str(document["accelerator"]),
        "auto_cpu_model = no",
        "cpu_model = " + str(document["cpu"]).partition(",")[0],
        "cpu_model_flags = ," + str(document["cpu"]).partition(",")[2],
        f"smp = {document['cpus']}",
        f"mem = {document['memory_mib']}",
        f"kernel = {guest / document['kernel']}",
        f"initrd = {guest / document['initrd']}",
        f'kernel_params = "{document["append"]}"',
        "images = " + " ".join(disk["serial"] for disk in document["disks"]),
    ]
    for disk in document["disks"]:
        serial = disk["serial"]
        lines += [
            f"image_name_{serial} = {guest / Path(disk['file']).stem}",
            f"image_format_{serial} = {disk['format']}",
            f"image_raw_device_{serial} = no",
            f"image_readonly_{serial} = {'yes' if disk['readonly'] else 'no'}",
            f"drive_format_{serial} = virtio",
            f"blk_extra_params_{serial} = serial={serial}",
        ]
    return "\n".join([*lines, *_REST, *_variants(guest), ""])


# What every machine of Avocado-VT's needs a word for. Nothing is recorded, restored or fetched by it.
_REST = (
    "cdroms =",
    "nics =",
    "usbs =",
    "usb_devices =",
    "serials = serial0 agent",
    "serial_type = isa-serial",
    "serial_type_agent = virtserialport",
    "serial_name_agent = org.qemu.guest_agent.0",
    "monitors = qmp1",
    "monitor_type_qmp1 = qmp",
    "monitor_type = qmp",
    "chardev_backend_qmp1 = unix_socket",
    'extra_params = " -display none"',
    "vga = none",
    "nettype = user",
    "defaults = no",
    "memballoon_model =",
    "virtio_rng =",
    "enable_debugcon = no",
    "enable_pvpanic = no",
    "start_vm = yes",
    "kill_vm = yes",
    "kill_vm_gracefully = no",
    "kill_unresponsive_vms = yes",
    "force_create_image = no",
    "create_image = no",
    "check_image = no",
    "skip_image_processing = yes",
    "take_regular_screendumps = no",
    "store_vm_info = no",
    "encode_video_files = no",
    "run_tcpdump = no",
    "verify_host_dmesg = no",
    "verify_guest_dmesg = no",
    "boot_order = c",
    "boot_once = c",
    "boot_menu = off",
    "boot_strict = off",
    "drive_cache = unsafe",
    "test_timeout = 3600",
    "login_timeout = 60",
    "shell_port = 22",
    "type = vexlab_guest",
    "provider = vexlab",
)


def _variants(guest: Path) -> list[str]:
    found = [f"vexlab_guest = {guest}", "variants:"]
    for name, scripts in ORCHESTRATIONS.items():
        found += [f"    - {name.replace('-', '_')}:", f"        scripts = {' '.join(scripts)}"]
    return found


def main(words: Sequence[str] | None = None) -> int:
    """Run an orchestration, or say what the last ones brought; return the exit status of Avocado."""
    parser = argparse.ArgumentParser(prog="vexlab-avocado-vt", description=__doc__)
    parser.add_argument("what", choices=[*ORCHESTRATIONS, REPORT])
    parser.add_argument("--target", default="targets/vexfs", help="as `vexlab run --target`")
    parser.add_argument("--kernel", default="6.1", help="a name of `vexlab kernels list`")
    parser.add_argument("--work", type=Path, default=Path("vexlab-avocado-vt"), help="folder of guests and results")
    given = parser.parse_args(words)
    work = given.work.absolute()
    try:
        return _report(work) if given.what == REPORT else _carry_out(given.what, given.target, given.kernel, work)
    except (VexlabError, subprocess.CalledProcessError, OSError) as error:
        sys.stderr.write(f"vexlab-avocado-vt: {error}\n")
        return 3


def _carry_out(what: str, target: str, kernel: str, work: Path) -> int:
    vexlab = program("")
    guest = work / f"guest-{Path(target).stem}-{kernel}"
    if not (guest / "guest.json").exists():
        subprocess.run([*vexlab, "vm", "export", str(guest), "--target", target, "--kernel", kernel], check=True)
    document = json.loads((guest / "guest.json").read_text())
    qemu = subprocess.run(["sh", "-c", "command -v qemu-system-x86_64"], capture_output=True, text=True, check=True)
    config = work / "subtests.cfg"  # the only name under which Avocado-VT takes the names of tests
    config.write_text(cartesian(guest, document, qemu.stdout.strip()))
    avocado = str(Path(sys.executable).with_name("avocado"))
    if not (_DATA.expanduser() / "backends" / "qemu" / "cfg" / "tests.cfg").exists():
        subprocess.run([avocado, "vt-bootstrap", *_BOOTSTRAP], check=True)
    _register()
    argv = [avocado, "run", "--vt-config", str(config), "--vt-only-filter", what.replace("-", "_")]
    argv += ["--max-parallel-tasks", "1", "--job-results-dir", str(work / "results" / what)]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])  # aexpect_helper
    environment = {**os.environ, VARIABLE: " ".join(vexlab), "PATH": path}
    return subprocess.run(argv, check=False, env=environment).returncode


def _register() -> None:
    """Tell Avocado-VT of our provider, in the user's data folder; without a provider there it does not start at all."""
    folder = _DATA.expanduser() / "virttest" / "test-providers.d"
    (folder / "downloads").mkdir(parents=True, exist_ok=True)
    link = folder / "downloads" / "vexlab"
    link.unlink(missing_ok=True)
    link.symlink_to(PROVIDER)
    (folder / "vexlab.ini").write_text(f"[provider]\nuri: file://{PROVIDER}\n[qemu]\nsubdir: qemu/\n")


def _report(work: Path) -> int:
    """Print what the last run of each orchestration brought; return 0 only where each has passed."""
    all_passed = True
    for what in ORCHESTRATIONS:
        file = work / "results" / what / "latest" / "results.json"
        tests = json.loads(file.read_text())["tests"] if file.exists() else []
        sys.stdout.write("\n".join(summary(what, tests)) + "\n")
        all_passed = all_passed and bool(tests) and all(test["status"] == "PASS" for test in tests)
    return 0 if all_passed else 1


def summary(what: str, tests: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the lines of a report about an orchestration, of the tests in Avocado's ``results.json``. Pure."""
    lines = [] if tests else [f"{what:14} not run yet"]
    for test in tests:
        reason = "" if test["status"] == "PASS" else f"  {printable(str(test.get('fail_reason', '')))}"
        lines.append(f"{what:14} {test['status']:8} {test['logdir']}{reason}")
        with contextlib.suppress(ValueError):  # a test that came to no end has written nothing
            board = json.loads(test.get("whiteboard") or "{}")
            lines += [
                f"{'':14} {verdict:8} {printable(str(each))}"
                for verdict in ("passed", "cannot", "failed")
                for each in board.get(verdict, ())
            ]
    return lines


if __name__ == "__main__":
    sys.exit(main())
