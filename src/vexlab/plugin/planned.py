"""What is known of a case before it runs."""

from __future__ import annotations

import dataclasses

import pytest

from vexlab.model.case import PlannedCase
from vexlab.plugin.digest import case_digest
from vexlab.plugin.marks import marks_of
from vexlab.plugin.options import target_name

_PLANNED = pytest.StashKey[PlannedCase]()


def planned(item: pytest.Item) -> PlannedCase:
    """Return what is known of a case before it runs."""
    if _PLANNED not in item.stash:
        marks = marks_of(item)
        item.stash[_PLANNED] = PlannedCase(
            key=dataclasses.replace(marks.key, target=target_name(item.config)),
            digest=case_digest(item),
            node=item.nodeid,
            level=marks.level,
            scenario=marks.scenario,
            safety=marks.safety,
        )
    return item.stash[_PLANNED]
