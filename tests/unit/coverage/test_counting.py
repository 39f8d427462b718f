"""What a case's machines counted is read when they are let go, and lies in its evidence."""

from __future__ import annotations

import dataclasses
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from vexlab.errors import UsageError
from vexlab.guest.inputs import read_inputs
from vexlab.kernels.counters import check_countable
from vexlab.model.coverage import CASE_FILE, UNREAD
from vexlab.model.inputs import CASE_FILE as INPUTS_FILE
from vexlab.model.inputs import OperationInputs
from vexlab.model.kernel import Kernel
from vexlab.model.request import Request
from vexlab.model.target import Target
from vexlab.observe import gcov
from vexlab.plugin.counting import CaseCounting, keep_counted, kernel_folder
from vexlab.plugin.watched import WatchedMachine
from vexlab.session.prepare import _check_counting


def _machine(answers: dict[Callable[..., Any], Any], *, ended: bool = False) -> WatchedMachine:
    order = SimpleNamespace(kernel=SimpleNamespace(name="6.1-kasan"))
    return cast("WatchedMachine", SimpleNamespace(order=order, ended=ended, ask=answers.get))


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """Return a run's folder of notes, of a module with two objects."""
    made = tmp_path / "made" / "notes" / "sub"
    made.mkdir(parents=True)
    (made.parent / "super.gcno").touch()
    (made / "dir.gcno").touch()
    keep_counted({"6.1-kasan": tmp_path / "made"}, tmp_path / "run")
    return tmp_path / "run" / "coverage"


def test_counters_of_each_machine_are_kept_and_only_known_ones(notes: Path, tmp_path: Path) -> None:
    case = CaseCounting(notes=notes)
    found = {"./b/source/super.gcda": b"1", "./b/source/sub/dir.gcda": b"2", "./b/source/evil.gcda": b"3"}
    case.read(_machine({gcov.read_counters: found}))
    case.read(_machine({gcov.read_counters: found}, ended=True))
    case.write(tmp_path / "case")
    with zipfile.ZipFile(tmp_path / "case" / CASE_FILE) as archive:
        kept = {name: archive.read(name) for name in archive.namelist()}
    assert kept == {
        "1/6.1-kasan/super.gcda": b"1", "1/6.1-kasan/sub/dir.gcda": b"2", f"2/6.1-kasan/{UNREAD}": b"",
    }  # fmt: skip
    assert not (tmp_path / "case" / INPUTS_FILE).exists()


def test_a_module_that_the_run_did_not_build_counts_nothing(tmp_path: Path) -> None:
    case = CaseCounting(notes=tmp_path)
    case.read(_machine({gcov.read_counters: {"./x/super.gcda": b"1"}}))
    case.write(tmp_path / "case")
    assert not (tmp_path / "case" / CASE_FILE).exists()


def test_inputs_of_all_machines_are_one_file(tmp_path: Path) -> None:
    case = CaseCounting(inputs=True)
    for _ in range(2):
        case.read(_machine({read_inputs: {"mkdir": OperationInputs(calls=3, errnos={0: 3})}}))
    case.write(tmp_path)
    kept = msgspec.json.decode((tmp_path / INPUTS_FILE).read_bytes(), type=dict[str, OperationInputs])
    assert kept == {"mkdir": OperationInputs(calls=6, errnos={0: 6})}
    assert not (tmp_path / CASE_FILE).exists()


def test_a_kernel_named_by_its_path_has_a_folder() -> None:
    assert kernel_folder("/boot/vmlinuz-6.1") == "boot_vmlinuz-6.1"


def _kernel(folder: Path, config: str) -> Kernel:
    (folder / "config").write_text(config)
    return Kernel(name="6.1", release="6.1", version="1", image=folder, modules=folder, config=folder / "config")


def test_a_kernel_without_gcov_is_refused_with_the_next_step(tmp_path: Path) -> None:
    target = Target(name="x", fstype="x", module="x", file=tmp_path, source=tmp_path)
    check_countable(target, _kernel(tmp_path, "CONFIG_GCOV_KERNEL=y\n"))
    with pytest.raises(UsageError, match="without CONFIG_GCOV_KERNEL") as caught:
        check_countable(target, _kernel(tmp_path, "# CONFIG_GCOV_KERNEL is not set\n"))
    assert "vexlab kernels build kasan" in caught.value.hint


def test_a_module_of_the_kernels_own_is_refused(tmp_path: Path) -> None:
    target = Target(name="ext4", fstype="ext4", module="ext4", file=tmp_path)
    with pytest.raises(UsageError, match="comes with the kernel"):
        check_countable(target, _kernel(tmp_path, "CONFIG_GCOV_KERNEL=y\n"))


@pytest.mark.parametrize("request_", [Request(artifact="/tmp"), Request(cluster="local:2")])
def test_what_cannot_count_is_refused(request_: Request) -> None:
    _check_counting(request_)
    with pytest.raises(UsageError, match="--coverage and"):
        _check_counting(dataclasses.replace(request_, coverage=True))
