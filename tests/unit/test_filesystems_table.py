"""The table of the kernel's own filesystems: what a run's results say, and what is no run."""

from __future__ import annotations

from typing import Any

from bench.filesystems import Outcome, read, table

DOCUMENT: dict[str, Any] = {
    "profiles": [{"capabilities": [{"state": "works"}, {"state": "works"}, {"state": "refused"}, {"state": "broken"}]}],
    "summary": {"passed": 3, "failed": 1, "crashed": 0, "skipped": 2, "errors": 0, "blocked": 1, "stability": 75.0},
    "problems": [{"title": "a name | with a bar\nand a second line"}],
}


def test_results_become_a_line() -> None:
    found = read("vfat", DOCUMENT, 12.34)
    assert found.ran
    assert found.capabilities == {"works": 2, "refused": 1, "broken": 1}
    assert table([found]).splitlines()[-1] == "| vfat | 2 | 1 | 1 | 3 | 2 | 2 | 12 | a name \\| with a bar |"


def test_a_run_in_which_the_lab_failed_is_none() -> None:
    assert not read("vfat", DOCUMENT | {"summary": {"passed": 3, "errors": 1}}, 1).ran
    assert not read("vfat", DOCUMENT | {"summary": {"passed": 0, "errors": 0}}, 1).ran


def test_what_could_not_be_made_says_why() -> None:
    found = Outcome(name="jfs", lacking="kernel 6.1 has no module jfs")
    assert not found.ran
    assert "not run: kernel 6.1 has no module jfs" in table([found])
