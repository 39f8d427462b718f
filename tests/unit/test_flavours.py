"""A kernel's flavour decides its boot arguments, the options it must have, and how long everything may take on it."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from vexlab.cache import Cache
from vexlab.config import Settings, Thresholds
from vexlab.deadline import Deadline
from vexlab.errors import MachineError, UsageError
from vexlab.guest.slowdown import processor_seconds
from vexlab.images.builder import Image
from vexlab.kernels import flavours, slowdown
from vexlab.kernels.catalogue import Kernels
from vexlab.kernels.table import DEBIAN
from vexlab.lab import Lab, Order
from vexlab.model.kernel import Flavour, Kernel
from vexlab.model.machine import CommandResult, MachineSpec
from vexlab.model.target import ModuleArtifact, Target
from vexlab.vm.argv import MachineFiles
from vexlab.vm.machine import Machine
from vexlab.vm.qmp import Qmp

SLOW = Flavour(
    name="slow", about="for tests", append="slow=1", options=("KASAN", "LOG_BUF_SHIFT=20"), timeout_scale=4.0
)


@pytest.fixture(autouse=True)
def _slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(flavours.BY_NAME, SLOW.name, SLOW)


def _kernel(folder: Path, config: str, flavour: str = SLOW.name) -> Kernel:
    file = folder / "config"
    file.write_text(config)
    return Kernel(name="7.0", release="7.0", version="1", image=file, modules=folder, config=file, flavour=flavour)


def _found(folder: Path, kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    monkeypatch.setattr(Kernels, "_find", lambda *_: kernel)
    return Kernels(Cache(folder)).get(kernel.name)


def test_every_kernel_of_the_table_has_a_flavour_of_the_table() -> None:
    assert {kernel.flavour for kernel in DEBIAN} <= set(flavours.BY_NAME)


@pytest.mark.parametrize(
    ("config", "missing"),
    [
        ("CONFIG_LOG_BUF_SHIFT=20\n", "CONFIG_KASAN=y; .* has n"),
        ("# CONFIG_KASAN is not set\nCONFIG_LOG_BUF_SHIFT=20\n", "CONFIG_KASAN=y; .* has n"),
        ("CONFIG_KASAN=m\nCONFIG_LOG_BUF_SHIFT=20\n", "CONFIG_KASAN=y; .* has m"),
        ("CONFIG_KASAN=y\nCONFIG_LOG_BUF_SHIFT=17\n", "CONFIG_LOG_BUF_SHIFT=20; .* has 17"),
    ],
)
def test_an_option_that_a_flavour_asks_for_and_a_kernel_lacks_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: str, missing: str
) -> None:
    with pytest.raises(UsageError, match=f"kernel 7.0 is of flavour slow and must be built with {missing}"):
        _found(tmp_path, _kernel(tmp_path, config), monkeypatch)


def test_a_kernel_with_all_that_is_asked_for_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = _kernel(tmp_path, "CONFIG_KASAN=y\nCONFIG_LOG_BUF_SHIFT=20\n")
    assert _found(tmp_path, kernel, monkeypatch) == kernel
    plain = _kernel(tmp_path, "", flavour="distro")
    plain.config.unlink()
    assert _found(tmp_path, plain, monkeypatch) == plain, "of which nothing is asked"


def _spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flavour: str) -> MachineSpec:
    monkeypatch.setattr(Lab, "accelerator", lambda *_: "tcg")
    order = Order(
        target=Target(name="t", fstype="t", module="t", file=tmp_path),
        kernel=_kernel(tmp_path, "", flavour),
        artifact=ModuleArtifact(target="t", kernel="7.0", path=None, digest=""),
        append="own=1",
    )
    image = Image(root=tmp_path, modules=tmp_path, initrd=tmp_path, digest="")
    with Lab(Settings(cache=str(tmp_path))) as lab:
        return lab.spec(order, image)


def test_boot_arguments_are_the_flavours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = _spec(tmp_path, monkeypatch, "slow").append.split()
    assert words[-2:] == ["slow=1", "own=1"]
    assert "console=ttyS0" in words
    assert "slub_debug=FZP" not in words
    assert "slub_debug=FZP" in _spec(tmp_path, monkeypatch, "distro").append.split()


def test_deadlines_follow_what_was_measured_on_the_kernel(tmp_path: Path) -> None:
    def scale(flavour: str = "slow", kernel: str = "7.0") -> float:
        return slowdown.timeout_scale(tmp_path, kernel, flavour)

    assert scale() == 4.0, "the flavour's figure, where the kernel was never booted"
    slowdown.remember(tmp_path, "7.0", 8.6 * slowdown.REFERENCE_S)
    assert scale() == pytest.approx(8.6)
    assert scale(kernel="7.1") == 4.0
    assert scale("distro") == 1.0, "limits are made for a distribution's kernel"
    slowdown.remember(tmp_path, "7.0", 1000.0)
    assert scale() == pytest.approx(8.6), "the host was busy then"
    slowdown.remember(tmp_path, "7.0", 0.1)
    assert scale() == 4.0
    slowdown.remember(tmp_path, "7.2", 1000.0)
    assert scale(kernel="7.2") == slowdown.most_scale("slow") == 16.0
    for file in (tmp_path / "slowdown").iterdir():
        file.write_text("torn")
    assert scale() == 4.0


class Answers:
    """Answers a program with each of ``texts`` in turn."""

    def __init__(self, *texts: str) -> None:
        self.texts = list(texts)

    def ash(self, *_: object, **__: object) -> CommandResult:
        return CommandResult(argv=(), status=0, signal=0, stdout=self.texts.pop(0).encode(), stderr=b"", duration=0.1)


def test_processor_time_is_the_least_of_three_runs() -> None:
    texts = ("0m0.10s 0m0.25s\n0m0.00s 0m0.00s\n", "1m0.10s 0m0.20s\n", "0m0.10s 0m0.20s\n")
    assert processor_seconds(cast("Machine", Answers(*texts))) == pytest.approx(0.3)
    with pytest.raises(MachineError, match="does not tell its processor time: 'no'"):
        processor_seconds(cast("Machine", Answers("no")))
    with pytest.raises(MachineError, match="does not tell"):
        processor_seconds(cast("Machine", Answers("0m1.2.3s 0m0.1s")))


class Clock:
    """Stands still."""

    def __call__(self) -> float:
        return 100.0

    unbounded = __call__


class Commands:
    """Notes the time that it is given."""

    def __init__(self) -> None:
        self.given: list[float] = []

    def fastest(self, deadline: Deadline) -> Commands:
        self.given.append(deadline.remaining)
        return self

    agent = fastest

    def sync(self, deadline: Deadline) -> None:
        self.given.append(deadline.remaining)

    def exec(self, argv: list[str], *_: object, **__: object) -> CommandResult:
        return CommandResult(argv=tuple(argv), status=0, signal=0, stdout=b"", stderr=b"", duration=0.1)

    def ping(self, _: Deadline) -> None: ...


@pytest.mark.parametrize(("flavour", "scale"), [("slow", 4.0), ("distro", 1.0)])
def test_a_slow_kernel_has_more_time_for_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flavour: str, scale: float
) -> None:
    spec = _spec(tmp_path, monkeypatch, flavour)
    monkeypatch.setattr(Machine, "clock", Clock())
    machine = Machine(spec, MachineFiles(tmp_path), None, cast("Qmp", None))
    commands = Commands()
    machine.__dict__["commands"] = commands
    machine.exec(["true"], timeout=10)
    machine.shell("true", timeout=20)
    machine.ash("true", timeout=30)
    machine.ping(40)
    machine.wait_ready(50)
    assert commands.given == [10 * scale, 20 * scale, 30 * scale, 40 * scale, 50 * scale, 50 * scale]


def test_limits_of_measured_times_go_with_the_flavour() -> None:
    limits = Thresholds(load_s=5, unload_s=2, mount_s=10, hang_s=10)
    assert limits.scaled(4) == Thresholds(load_s=20, unload_s=8, mount_s=40, hang_s=10)
    assert limits.scaled(1) == limits
