"""What the domains build on: each family of checks has a case; a wrong answer of a search is told from a right one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import vexlab
from vexlab.domains import domain_folders, find_domains
from vexlab.domains.filesystem_operations.families import FAMILIES
from vexlab.errors import UsageError
from vexlab.guest.vectors import Hit, Vector, draw, wrong_hits

CHECKS = Path(vexlab.__file__).parent / "workloads" / "fscheck"
STORED: dict[int, Vector] = {1: (0.0, 0.0), 2: (3.0, 4.0), 3: (1.0, 0.0), 4: (1.0, 0.0)}
QUERY: Vector = (0.0, 0.0)
RIGHT = (Hit(id=1, distance=0.0), Hit(id=3, distance=1.0), Hit(id=4, distance=1.0))


def test_every_family_has_a_case() -> None:
    # 	{ "open", "creates", "POSIX.1-2017 open()", creates },
    entry = re.compile(r'^\t\{ "(\w+)", "\w+",\s*"[^"]+",\s*\w+ \}', re.MULTILINE)
    families = {name for file in CHECKS.glob("*.c") for name in entry.findall(file.read_text())}
    # of their own: full on a small device, mark and persist around an unmount, readonly on a read-only mount
    assert families - {"full", "mark", "persist", "readonly"} == set(FAMILIES)


def test_right_hits() -> None:
    assert wrong_hits(RIGHT, STORED, QUERY, "euclidean", 3) == ""


@pytest.mark.parametrize(
    ("hits", "words"),
    [
        (RIGHT[:2], "2 found instead of 3"),
        ((RIGHT[0], RIGHT[2], RIGHT[1]), "comes after"),
        ((RIGHT[0], RIGHT[1], RIGHT[1]), "twice"),
        ((RIGHT[0], RIGHT[1], Hit(id=2, distance=5.0)), "the right one"),
        ((RIGHT[0], RIGHT[1], Hit(id=4, distance=1.1)), "the answer says"),
        ((RIGHT[0], RIGHT[1], Hit(id=4, distance=float("nan"))), "the answer says"),
        ((RIGHT[0], RIGHT[1], Hit(id=9, distance=1.0)), "not stored"),
    ],
)
def test_wrong_hits(hits: tuple[Hit, ...], words: str) -> None:
    assert words in wrong_hits(hits, STORED, QUERY, "euclidean", 3)


def test_copies_with_lower_ids_may_not_be_passed_over() -> None:
    assert wrong_hits(RIGHT[:2], STORED, QUERY, "euclidean", 2) == ""
    assert "id 3 is passed over for id 4" in wrong_hits((RIGHT[0], RIGHT[2]), STORED, QUERY, "euclidean", 2)
    mirrored: dict[int, Vector] = {1: (0.0, 1.0), 2: (1.0, 0.0)}  # equally far only as far as rounding goes
    assert wrong_hits((Hit(id=2, distance=1.0),), mirrored, QUERY, "euclidean", 1) == ""


def test_drawn_vectors_are_the_same_again() -> None:
    assert draw(1, 3, 4) == draw(1, 3, 4) != draw(2, 3, 4)


def test_domains_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "single.py").touch()
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "README.md").touch()
    found = find_domains([tmp_path])
    assert found["mine"] == tmp_path / "mine"
    assert found["single"] == tmp_path / "single.py"
    assert set(found) - {"mine", "single"} == {folder.name for folder in domain_folders()}


def test_domains_of_an_installed_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "their_package").mkdir()
    (tmp_path / "their_package" / "__init__.py").touch()
    (tmp_path / "their-1.dist-info").mkdir()
    (tmp_path / "their-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: their\nVersion: 1\n")
    (tmp_path / "their-1.dist-info" / "entry_points.txt").write_text("[vexlab.domains]\ntheirs = their_package\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert find_domains()["their_package"] == tmp_path / "their_package"


def test_a_name_is_taken_once(tmp_path: Path) -> None:
    (tmp_path / "kernel_module").mkdir()
    with pytest.raises(UsageError, match="two domains are called `kernel_module`"):
        find_domains([tmp_path])
