"""A capability that worked in an earlier run and is gone is told, until it is declared."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from vexlab.errors import InfraError
from vexlab.model.baseline import FILE, Worked, learned, lost
from vexlab.model.profile import Capability, Profile, State
from vexlab.session.baseline import remember

NONE: frozenset[str] = frozenset()


def _profile(*capabilities: Capability) -> Profile:
    return Profile(target="t", fstype="t", kernel="6.1", digest="d", capabilities=capabilities)


def _works(name: str, limit: int | None = None, *, at_least: bool = False) -> Capability:
    return Capability(name=name, state=State.WORKS, limit=limit, at_least=at_least)


def test_what_is_refused_or_broken_now_is_lost_until_it_is_declared() -> None:
    known = learned({}, _profile(_works("symlink"), _works("link"), _works("punch_hole")), "run1", "v1")
    now = _profile(
        Capability(name="symlink", state=State.REFUSED, errno="EPERM"),
        Capability(name="link", state=State.BROKEN, detail="EIO"),
        Capability(name="punch_hole", state=State.REFUSED, errno="EOPNOTSUPP"),
        Capability(name="fifo", state=State.REFUSED, errno="EPERM"),
    )
    assert lost(known, now, NONE) == (
        "symlink: worked in run run1 (v1), is refused now (EPERM)",
        "link: worked in run run1 (v1), is broken now: EIO",
        "punch_hole: worked in run run1 (v1), is refused now (EOPNOTSUPP)",
    )
    assert len(lost(known, now, frozenset({"symlink", "fallocate"}))) == 1
    again = learned(known, now, "run2", "v2")
    assert lost(again, now, NONE) == lost(known, now, NONE), "it is told again in the next run"


@pytest.mark.parametrize(
    ("name", "before", "now", "worse"),
    [("file_size", 100, 99, True), ("file_size", 99, 100, False), ("smallest_device", 8, 16, True)],
)
def test_a_limit_that_got_worse_is_lost(name: str, before: int, now: int, worse: bool) -> None:  # noqa: FBT001
    known = learned({}, _profile(_works(name, before)), "run1", "")
    assert bool(lost(known, _profile(_works(name, now)), NONE)) is worse
    assert not lost(known, _profile(_works(name, now, at_least=True)), NONE), "the search ended there, nothing else"


def test_a_better_limit_stays_what_is_expected() -> None:
    known = learned({}, _profile(_works("file_size", 100)), "run1", "")
    known = learned(known, _profile(_works("file_size", 50)), "run2", "")
    assert known["file_size"] == Worked(run="run1", limit=100)


def test_the_results_folder_remembers(tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / str(number)).mkdir()
        remember(tmp_path, tmp_path / str(number), [_profile(_works("link"))], f"run{number}", "")
    before = [msgspec.json.decode((tmp_path / str(number) / FILE).read_bytes()) for number in (1, 2)]
    assert before[0] == {"6.1": {}}
    assert before[1]["6.1"]["link"]["run"] == "run1"
    (tmp_path / "capabilities.json").write_text("nonsense")
    remember(tmp_path, tmp_path / "1", [_profile(_works("link"))], "run3", "")
    with pytest.raises(InfraError, match="cannot be written"):
        remember(tmp_path, tmp_path / "none", [], "run4", "")
