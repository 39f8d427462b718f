"""Which cases an earlier run leaves, how many machines fit, what is logged, and what a target's checks say."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from vexlab import runlog
from vexlab.cli.earlier import last_failed
from vexlab.errors import BuildError, UsageError
from vexlab.model.case import CaseResult, PlannedCase, RunInfo, RunState
from vexlab.model.key import CaseKey
from vexlab.model.provenance import Provenance, UsedKernel
from vexlab.model.request import Request
from vexlab.model.target import ModuleArtifact, Target
from vexlab.model.verdict import Verdict
from vexlab.plugin.narrowing import listed
from vexlab.results.store import Store
from vexlab.targets import checks
from vexlab.vm import room
from vexlab.vm.room import machines_at_once

KERNEL = UsedKernel(name="6.1", release="6.1.0-9", version="6.1.27-1", flavour="distro", accelerator="tcg", module="ab")
RUN = RunInfo(
    id="20261128-000000-0000", target="x", kernels=("6.1",), accelerator="tcg", started="2026-11-28T00:00:00",
    state=RunState.FINISHED, provenance=Provenance(kernels=(KERNEL,)),
)  # fmt: skip


def _case(name: str, verdict: Verdict) -> CaseResult:
    planned = PlannedCase(
        key=CaseKey(domain="d", name=name, kernel="6.1", target="x"), digest=name * 4, node=name, level=1
    )
    return dataclasses.replace(planned.undecided(""), verdict=verdict)


CASES = (
    _case("good", Verdict.PASSED), _case("skip", Verdict.SKIPPED), _case("bad", Verdict.FAILED),
    _case("dead", Verdict.CRASHED), _case("lab", Verdict.ERROR), _case("late", Verdict.UNDECIDED),
)  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    (tmp_path / "target.toml").write_text('name = "x"\nfstype = "x"\n')
    (tmp_path / "evidence").mkdir()
    with closing(Store(tmp_path / "results")) as made:
        made.begin(RUN, str(tmp_path / "evidence"))
        for case in CASES:
            made.save(RUN.id, case)
        made.finish(RUN)
        yield made


def test_what_failed_last_runs_again_whatever_changed(store: Store, tmp_path: Path) -> None:
    rest = last_failed(Request(target=str(tmp_path)), store, tmp_path)
    assert listed(Path(rest.request.only)) == {"d.bad[6.1]", "d.dead[6.1]", "d.lab[6.1]", "d.late[6.1]"}
    assert rest.request.expect == ()


def test_a_target_without_a_run_is_told(store: Store, tmp_path: Path) -> None:
    (tmp_path / "y").mkdir()
    (tmp_path / "y" / "target.toml").write_text('name = "y"\nfstype = "y"\n')
    with pytest.raises(UsageError, match="no run `last` of the target `y`"):
        last_failed(Request(target=str(tmp_path / "y")), store, tmp_path)


@pytest.mark.parametrize(("available", "cores", "machines"), [(4096, 4, 4), (700, 4, 2), (100, 4, 1), (1 << 20, 1, 1)])
def test_as_many_machines_as_cores_and_memory_carry(
    monkeypatch: pytest.MonkeyPatch, available: int, cores: int, machines: int
) -> None:
    monkeypatch.setattr(room, "available_memory", lambda: available << 20)
    monkeypatch.setattr(room.os, "sched_getaffinity", lambda _pid: set(range(cores)))  # type: ignore[attr-defined]
    assert machines_at_once(256) == machines


@pytest.mark.parametrize(
    ("environment", "level"),
    [
        ({}, logging.INFO),
        ({runlog.LEVEL: "debug"}, logging.DEBUG),
        ({runlog.LEVEL: "ERROR"}, logging.ERROR),
        ({runlog.DEBUG: "1", runlog.LEVEL: "ERROR"}, logging.DEBUG),
        ({runlog.DEBUG: "0"}, logging.INFO),
    ],
)
def test_the_environment_says_what_is_logged(environment: dict[str, str], level: int) -> None:
    assert runlog.level_of(environment, "INFO") == level


def test_a_level_that_there_is_not() -> None:
    with pytest.raises(UsageError, match="is no level"):
        runlog.level_of({runlog.LEVEL: "LOUD"}, "INFO")


def test_a_run_has_a_log_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # pytest would keep the words for its report, and cannot send such to its main process
    monkeypatch.setattr(logging.getLogger("vexlab"), "propagate", False)
    handler = runlog.to_file(tmp_path, environment={})
    logging.getLogger("vexlab.some.module").info("a machine boots: %s", "\udc80")
    logging.getLogger("vexlab.some.module").debug("a detail")
    runlog.stop(handler)
    logging.getLogger("vexlab.some.module").error("after its end")
    text = (tmp_path / runlog.FILE).read_text()
    assert "INFO vexlab.some.module: a machine boots" in text
    assert "a detail" not in text
    assert "after its end" not in text


def test_the_terminal_is_not_told_what_only_the_log_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (list(logging.getLogger().handlers), logging.getLogger().level)
    try:
        runlog.to_terminal({})
        handler = runlog.to_file(tmp_path, environment={})
        logging.getLogger("vexlab.x").info("for the log")
        logging.getLogger("vexlab.x").warning("for both")
        logging.getLogger(runlog.EVENTS).warning("shown as an event")
        runlog.stop(handler)
    finally:
        logging.getLogger().handlers[:] = before[0]
        logging.getLogger().setLevel(before[1])
    assert capsys.readouterr().err == "for both\n"
    text = (tmp_path / runlog.FILE).read_text()
    assert "for the log" in text
    assert "shown as an event" in text


def _target(folder: Path) -> Target:
    return Target(name="x", fstype="x", module="x", file=folder / "target.toml", source=folder / "src")


def _artifact(*warnings: str) -> ModuleArtifact:
    return ModuleArtifact(target="x", kernel="6.1", path=None, digest="", warnings=warnings)


def test_a_build_that_fails_is_told_with_the_compilers_words(tmp_path: Path) -> None:
    def build(_target: Target) -> ModuleArtifact:
        raise BuildError("x does not build", log="a.c:1: error: y\n")

    found = checks.built(_target(tmp_path), build)
    assert (found.ok, found.words, found.details) == (False, "x does not build", ("a.c:1: error: y",))


@pytest.mark.parametrize(
    ("text", "ok", "words"),
    [
        ("def test_a(): pass\n", True, "1 passed"),
        ("def test_a(): assert 0\n", False, "1 failed"),
        ("import pytest\n@pytest.mark.machine\ndef test_a(): pass\n", None, "none of them can run without a machine"),
    ],
)
def test_a_targets_own_tests_are_run(tmp_path: Path, text: str, ok: bool | None, words: str) -> None:  # noqa: FBT001
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_own.py").write_text(text)
    found = checks.unit_tests(_target(tmp_path))
    assert found.ok is ok
    assert words in found.words


def test_a_target_without_tests_is_skipped(tmp_path: Path) -> None:
    assert checks.unit_tests(_target(tmp_path)).ok is None
