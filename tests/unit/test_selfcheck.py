"""Catalogues of defects are read strictly, and chosen from the same way every time."""

from __future__ import annotations

from pathlib import Path

import pytest

from vexlab.errors import UsageError
from vexlab.selfcheck.defects import load_defects, named, sample, visible_on

SHIPPED = Path(__file__).parents[2] / "targets" / "vexfs" / "defects.toml"
ENTRY = """
[[defect]]
name = "x"
class = "leak"
description = "d"
where = "f.c"
flavour = ["kasan"]
expected = "e"
"""


def _file(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "defects.toml"
    file.write_text(text)
    return file


def test_the_shipped_catalogue() -> None:
    defects = load_defects(SHIPPED)
    assert len(defects) >= 36
    assert len({defect.name for defect in defects}) == len(defects)
    assert 0 < len(visible_on(defects, "distro")) <= len(defects)


def test_a_sample_is_spread_and_repeatable() -> None:
    defects = load_defects(SHIPPED)
    assert sample(defects, 5) == sample(defects, 5)
    assert len(set(sample(defects, 5))) == 5
    assert sample(defects, 0) == defects


def test_flavours_and_names(tmp_path: Path) -> None:
    defects = load_defects(_file(tmp_path, ENTRY))
    assert visible_on(defects, "distro") == ()
    assert named(defects, ("x",)) == defects
    with pytest.raises(UsageError, match="no defect `y`"):
        named(defects, ("y",))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[defect]", "cannot be read"),
        (ENTRY + 'naem = "y"\n', "unknown key `naem`"),
        ("[[defect]]\nname = 3\n", "defects.toml"),
    ],
)
def test_a_wrong_catalogue_is_explained(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_defects(_file(tmp_path, text))
    assert said in caught.value.message
