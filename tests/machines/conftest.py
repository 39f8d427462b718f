"""What the real-machine tests share: the command line as a user calls it, and proof that nothing survives."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from vexlab.apt import Apt
from vexlab.cache import Cache, Kind
from vexlab.config import Settings, cache_dir
from vexlab.images import tree
from vexlab.images.recipe import Recipe
from vexlab.lab import Lab, Order
from vexlab.targets.load import find_target

HERE = Path(__file__).parent
PLANTED = HERE.parent / "planted"
CASES = PLANTED / "cases"
Vm = Callable[..., subprocess.CompletedProcess[bytes]]
# What is in no package: a system as small as they come, shaped as Alpine's is. Nothing is known of vexlab there.
INITTAB = """\
::sysinit:/bin/busybox sh /etc/init.d/rcS
::respawn:/usr/sbin/dropbear -F -R -s
::shutdown:/bin/busybox umount -a -r
"""
RCS = """\
export PATH=/usr/sbin:/usr/bin
busybox mount -t proc proc /proc
busybox mount -t sysfs sys /sys
busybox mount -t devtmpfs dev /dev
busybox mkdir -p /dev/pts /etc/dropbear
busybox mount -t devpts pts /dev/pts
busybox --install -s /usr/bin
busybox hostname tiny
"""


@dataclass(frozen=True)
class Run:
    """How ``vexlab run`` ended; ``verdicts`` maps case names (without the kernel) to verdicts."""

    status: int
    document: dict[str, Any]
    stderr: str

    @property
    def verdicts(self) -> dict[str, str]:
        return {case["id"].partition("[")[0]: case["verdict"] for case in self.document["cases"]}

    def metrics(self, name: str) -> dict[str, float]:
        return {metric["name"]: metric["value"] for metric in self.case(name)["metrics"]}

    def case(self, name: str) -> dict[str, Any]:
        return next(case for case in self.document["cases"] if case["id"].startswith(name))


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """A shell that puts the tests into the background lets them ignore SIGINT, and so would all that they start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def vexlab(tmp_path: Path) -> Callable[..., Run]:
    """Return a function that runs ``vexlab run`` with the given arguments in an empty folder."""

    def call(*argv: str, timeout: float = 300) -> Run:
        file = tmp_path / "result.json"
        command = [
            sys.executable,
            "-m",
            "vexlab",
            "run",
            "--no-probe",
            "--json",
            str(file),
            "--results",
            str(tmp_path / "r"),
            *argv,
        ]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=timeout)
        document = json.loads(file.read_text()) if file.exists() else {"cases": []}
        return Run(status=done.returncode, document=document, stderr=done.stderr)

    return call


def working_in(folder: Path) -> list[str]:
    """Return the command lines of QEMU processes that name ``folder``."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if "qemu-system" in command and f"{folder}/" in command:
            found.append(command)
    return found


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Return a lab on the warm cache."""
    with Lab(Settings()) as lab:
        yield lab


@pytest.fixture(scope="module")
def order(lab: Lab) -> Order:
    """Return an order for the planted module on 6.1."""
    target, kernel = find_target(str(PLANTED)), lab.kernels.get("6.1")
    return Order(target=target, kernel=kernel, artifact=lab.artifact(target, kernel))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the tar of a root filesystem without a kernel, made of Debian's packages without root."""
    folder = tmp_path_factory.mktemp("tiny")
    for name, text in {
        "etc/inittab": INITTAB,
        "etc/init.d/rcS": RCS,
        "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
        "etc/group": "root:x:0:\n",
        "etc/shells": "/bin/sh\n",
        "etc/nsswitch.conf": "passwd: files\ngroup: files\n",
    }.items():
        (folder / "files" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "files" / name).write_text(text)
    apt = Apt(Cache(cache_dir(Settings())).root / Kind.APT)
    wanted = ("busybox-static", "dropbear-bin", "libc6")
    packages = [package.file for package in apt.download_closure(wanted)]
    busybox = next(file for file in packages if file.name.startswith("busybox-static"))
    subprocess.run(["dpkg-deb", "-x", busybox, folder / "busybox"], check=True)
    for name in ("init", "sh"):  # copies: a tar that vexlab writes has no links but Debian's own
        target = folder / "files" / "usr" / ("sbin" if name == "init" else "bin") / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((folder / "busybox" / "bin" / "busybox").read_bytes())
    recipe = Recipe(name="tiny", packages=wanted, exclude=("usr/share/*", "usr/bin/sh", "usr/bin/dash"))
    tree.write_tree(recipe, packages, folder / "files", folder / "tiny.tar")
    return folder / "tiny.tar"


@pytest.fixture(scope="module")
def state() -> Iterator[Path]:
    """Return a state folder with a short path: sockets are made below it."""
    with tempfile.TemporaryDirectory(prefix="own", dir="/tmp") as folder:
        yield Path(folder)
        assert working_in(Path(folder)) == [], "no QEMU is left"


@pytest.fixture(scope="module")
def vm(state: Path) -> Vm:
    """Return a function that calls ``vexlab vm`` and, unless told otherwise, asserts that it went well."""

    def call(*argv: str, stdin: bytes = b"", status: int | None = 0) -> subprocess.CompletedProcess[bytes]:
        done = subprocess.run(
            [sys.executable, "-m", "vexlab", "vm", *argv],
            input=stdin,
            capture_output=True,
            timeout=600,
            env={**os.environ, "VEXLAB_STATE": str(state)},
        )
        assert status in (None, done.returncode), done.stderr.decode(errors="replace")
        return done

    return call
