"""A suite that is started ahead: the machine that is asked for, and what happens where the start fails."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from tests.unit.suites.jobs import KERNEL

from vexlab.config import Settings
from vexlab.errors import MachineError, TargetFailure
from vexlab.lab import Lab, Order
from vexlab.model.request import Request
from vexlab.model.target import ModuleArtifact
from vexlab.plugin.recorder import Recorder
from vexlab.suites import xfstests
from vexlab.suites.cases import running
from vexlab.suites.cases.running import Bench
from vexlab.targets.load import find_target
from vexlab.vm.machine import Machine


class _Lab:
    """A lab whose snapshots succeed, or do not."""

    def __init__(self, error: MachineError | None = None) -> None:
        self.error = error
        self.asked: list[Order] = []

    def snapshot(self, order: Order) -> None:
        self.asked.append(order)
        if self.error:
            raise self.error


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(running, "request_of", lambda _config: Request(suites=("xfstests",)))
    monkeypatch.setattr(running, "settings_of", lambda _config: Settings(cache=str(tmp_path / "cache")))
    artifact = ModuleArtifact(target="vexfs", kernel="6.1", path=None, digest="1")
    order = Order(target=find_target("targets/vexfs"), kernel=KERNEL, artifact=artifact)
    config = cast("pytest.Config", SimpleNamespace(stash=pytest.Stash()))
    recorder = Recorder(tmp_path / "run" / "cases" / "x", 0.0, tmp_path)
    return Bench(xfstests.SUITE, order, recorder, config, "generic/001", loads=True)


def test_machines_start_where_the_suite_has_begun(bench: Bench) -> None:
    lab = _Lab()
    order = bench.order(cast("Lab", lab))
    assert order.preparation
    assert order.preparation.words == "starting xfstests in the machine"
    assert lab.asked == [order]
    assert bench.order(cast("Lab", lab)).preparation  # the same for the next test


def _start(bench: Bench, monkeypatch: pytest.MonkeyPatch, console: str, *taints: int) -> None:
    """Start the suite in a machine whose kernel is so tainted, before and after, and says this."""
    order = bench.order(cast("Lab", _Lab()))
    values = iter(taints)
    monkeypatch.setattr(running, "read_taint", lambda _machine: next(values))
    monkeypatch.setattr(running, "device_of", lambda _machine, serial: f"/dev/{serial}")
    monkeypatch.setattr(running, "GuestModule", lambda *_: SimpleNamespace(load=lambda: SimpleNamespace(ok=True)))
    done = SimpleNamespace(ok=True)
    text = SimpleNamespace(text=lambda: console)
    machine = SimpleNamespace(ash=lambda *_: done, exec=lambda *_, **__: done, console=text)
    assert order.preparation
    order.preparation.change(cast("Machine", machine))


def test_a_kernel_that_warned_while_the_suite_started_is_no_beginning(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    proprietary, warned = 1 << 12, 1 << 9
    _start(bench, monkeypatch, "", proprietary, proprietary)
    with pytest.raises(TargetFailure, match="before its first test the kernel has warned"):
        _start(bench, monkeypatch, "", 0, proprietary | warned)
    with pytest.raises(TargetFailure, match="the kernel says something before its first test"):
        _start(bench, monkeypatch, "BUG: kernel NULL pointer dereference, address: 0000000000000000\n", 0, 0)


def test_a_start_that_fails_is_tried_once_and_left_to_each_test(bench: Bench) -> None:
    lab = _Lab(MachineError("the kernel died"))
    assert bench.order(cast("Lab", lab)).preparation is None
    assert bench.order(cast("Lab", lab)).preparation is None
    assert len(lab.asked) == 1
