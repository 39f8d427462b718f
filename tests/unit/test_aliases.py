"""Old names of cases lead to the cases of today."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vexlab.model.aliases import CASES, PARAMETERS, current

DOMAINS = Path(__file__).parents[2] / "src/vexlab/domains"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("vector_operations.told", "vector_operations.info"),
        ("vector_operations.told[6.12]", "vector_operations.info[6.12]"),
        ("safety_validation.work_leaks_nothing[6.1-asked]", "safety_validation.operation_leaks[6.1-stat]"),
        ("integration.regression[6.1-bytes_behind_a_cut]", "integration.regression[6.1-stale_bytes_after_truncate]"),
        ("filesystem_operations.family[6.1-asked]", "filesystem_operations.family[6.1-asked]"),
        ("vector_operations.tol", "vector_operations.tol"),
        ("mine.case", "mine.case"),
        ("*told*", "*told*"),
        ("", ""),
    ],
)
def test_current(old: str, new: str) -> None:
    assert current(old) == new
    assert current(new) == new


def test_every_alias_leads_to_a_case() -> None:
    there = {
        f"{file.parent.name}.{name}"
        for file in DOMAINS.rglob("test_*.py")
        for name in re.findall(r"^def test_(\w+)\(", file.read_text(), re.MULTILINE)
    }
    assert {*CASES.values(), *PARAMETERS} <= there
    assert not there & set(CASES)
