"""What trials of defects showed, and the table's figures. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """What the domains made of one trial: ``found_by`` are case ids, ``findings`` their titles or reasons.

    ``took`` is the seconds that each case ran. ``error`` says why nothing was tried: then the trial says nothing about
    the laboratory. ``undecided`` says how far it came where its budget was used up first; it is not found so far.
    """

    name: str
    found: bool
    found_by: tuple[str, ...]
    findings: tuple[str, ...]
    duration_s: float
    took: Mapping[str, float] = field(default_factory=dict)
    error: str = ""
    undecided: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """``rate``: the share of tried defects that were found, 0 to 1; ``false_alarms``: red cases of clean targets.

    ``missed`` are those that no case found, ``undecided`` those whose budget was used up before every case had run.
    """

    rate: float
    tried: int
    found: int
    missed: tuple[str, ...]
    undecided: tuple[str, ...]
    not_tried: tuple[str, ...]
    false_alarms: int

    @property
    def flawless(self) -> bool:
        """Every defect tried and found, nothing found where nothing is."""
        return not (self.missed or self.undecided or self.not_tried or self.false_alarms)


def without_false_alarms(found: Sequence[Detection], alarms: Sequence[str]) -> list[Detection]:
    """Return ``found`` without the cases that were red on the clean target as well: those show nothing."""
    return [_without(each, frozenset(alarms)) for each in found]


def figures(clean: Sequence[Detection], found: Sequence[Detection]) -> Figures:
    """Count; a clean target that could not be tried counts as not tried, never as quiet."""
    tried = [each for each in found if not each.error]
    seen = [each for each in tried if each.found]
    return Figures(
        rate=round(len(seen) / len(tried), 4) if tried else 0.0,
        tried=len(tried),
        found=len(seen),
        missed=tuple(each.name for each in tried if not each.found and not each.undecided),
        undecided=tuple(each.name for each in tried if not each.found and each.undecided),
        not_tried=tuple(each.name for each in (*clean, *found) if each.error),
        false_alarms=sum(len(each.found_by) for each in clean),
    )


def _without(each: Detection, alarms: frozenset[str]) -> Detection:
    kept = [pair for pair in zip(each.found_by, each.findings, strict=True) if pair[0] not in alarms]
    return replace(
        each, found=bool(kept), found_by=tuple(case for case, _ in kept), findings=tuple(words for _, words in kept)
    )
