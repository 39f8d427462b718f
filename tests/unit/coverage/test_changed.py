"""``--changed`` where a run has counted: the cases that reach a changed function come first."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.unit.coverage.made import HEADER, KERNEL, SOURCE, counted_build, counted_run, counters

from vexlab.cli.changed import by_changes
from vexlab.model.case import RunInfo, RunState
from vexlab.model.request import Request
from vexlab.results.store import Store

TARGET = 'name = "vexfs"\nfstype = "vexfs"\nmodule = "chosen"\nsource = "module"\n'
RUN = RunInfo(
    id="20261128-000000-0000", target="vexfs", kernels=(KERNEL,), accelerator="tcg",
    started="2026-11-28T00:00:00", state=RunState.FINISHED,
)  # fmt: skip


def _git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=folder, check=True)


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("build")
    counted_build(folder)
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Return the folder of a target in a repository, its source that of the run that counted."""
    folder = tmp_path / "target"
    (folder / "module").mkdir(parents=True)
    (folder / "target.toml").write_text(TARGET)
    (folder / "module" / "chosen.c").write_text(SOURCE)
    (folder / "module" / "twice.h").write_text(HEADER)
    _git(folder, "init", "-q")
    _git(folder, "add", "-A")
    _git(folder, "commit", "-qm", "first")
    return folder


@pytest.fixture
def store(tmp_path: Path, build: Path) -> Iterator[Store]:
    """Return a store with a run that counted: one case reached ``small``, one ``twice``, one ``never``."""
    cases = {"small": counters(build, 1), "twice": counters(build, 5), "negative": counters(build, -1)}
    counted_run(tmp_path / "results" / RUN.id, build, cases)
    with closing(Store(tmp_path / "results")) as made:
        made.begin(RUN, str(tmp_path / "results" / RUN.id))
        made.finish(RUN)
        yield made


def _first(target: Path, store: Store, tmp_path: Path, request: Request | None = None) -> tuple[list[str], str]:
    """Return the cases that come first, and what is said."""
    asked = request or Request(target=str(target), kernels=("6.1",))
    rest = by_changes(asked, "HEAD", store, tmp_path)
    assert not rest.nothing
    assert not rest.request.domains, "all cases run"
    return Path(rest.request.order).read_text().splitlines(), rest.words


def test_who_reaches_the_changed_function_comes_first(target: Path, store: Store, tmp_path: Path) -> None:
    (target / "module" / "chosen.c").write_text(SOURCE.replace("return n + 1;", "return n + 2;"))
    first, words = _first(target, store, tmp_path)
    assert first == ["d.negative[6.1]"], "on the kernel that is asked for"
    assert "never (chosen.c) changed" in words
    assert RUN.id in words


def test_an_inline_function_in_a_header_counts(target: Path, store: Store, tmp_path: Path) -> None:
    (target / "module" / "twice.h").write_text(HEADER.replace("2 * n", "n + n"))
    assert _first(target, store, tmp_path)[0] == ["d.twice[6.1]"]


def test_what_was_changed_and_committed_before_is_looked_through(target: Path, store: Store, tmp_path: Path) -> None:
    moved = f"/* a new head */\n\n{SOURCE}"
    (target / "module" / "chosen.c").write_text(moved)
    _git(target, "commit", "-qam", "moved since it was counted")
    (target / "module" / "chosen.c").write_text(moved.replace("return n + 1;", "return n + 2;"))
    assert _first(target, store, tmp_path)[0] == ["d.negative[6.1]"]


def test_a_change_outside_of_functions_concerns_all_who_reach_the_file(
    target: Path, store: Store, tmp_path: Path
) -> None:
    (target / "module" / "chosen.c").write_text(SOURCE.replace('#include "twice.h"', '#include "twice.h"\n#define N 3'))
    first, words = _first(target, store, tmp_path)
    assert set(first) == {"d.small[6.1]", "d.twice[6.1]", "d.negative[6.1]"}
    assert "chosen.c outside of its functions" in words


def test_an_order_that_was_given_comes_before(target: Path, store: Store, tmp_path: Path) -> None:
    (tmp_path / "order.txt").write_text("d.mine[6.1]\n")
    (target / "module" / "chosen.c").write_text(SOURCE.replace("return n + 1;", "return n + 2;"))
    request = Request(target=str(target), kernels=("6.1",), order=str(tmp_path / "order.txt"))
    assert _first(target, store, tmp_path, request)[0] == ["d.mine[6.1]", "d.negative[6.1]"]


def test_without_a_map_it_goes_by_rules_on_files(target: Path, tmp_path: Path) -> None:
    (target / "module" / "journal.c").write_text("int a;\n")
    with closing(Store(tmp_path / "empty")) as store:
        rest = by_changes(Request(target=str(target)), "HEAD", store, tmp_path)
    assert rest.request.domains == ("safety_validation",)
    assert "no run has counted" in rest.words


def test_what_is_only_documentation_runs_nothing(target: Path, store: Store, tmp_path: Path) -> None:
    (target / "README.md").write_text("new")
    assert by_changes(Request(target=str(target)), "HEAD", store, tmp_path).nothing
