"""What the probed profile means for cases: which are skipped, which are blocked, and what counts as declared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from vexlab.errors import Blocked
from vexlab.model.capabilities import CAPABILITIES
from vexlab.model.profile import Capability, Profile, State
from vexlab.model.target import Target

# What need not be declared: target.toml says itself whether there is a checker, and quotas have to be asked for.
_NEVER_DECLARED = ("fsck", "quota")
# A case that uses one of these fixtures cannot begin without the capabilities behind it.
_OF_FIXTURES = {"filesystem": ("mkfs", "mount"), "mounted": ("mkfs", "mount"), "post_checks": ("mkfs", "mount")}


def effective(target: Target, profile: Profile | None) -> Target:
    """Return ``target`` with what the probe saw refused taken for declared: one case alone tells of it."""
    if profile is None:
        return target
    declared = dict(target.refuses)
    for name, kind in CAPABILITIES.items():
        capability = profile.behind(name)
        for word in kind.refuses if capability.state is State.REFUSED else ():
            declared.setdefault(
                word, f"refused when it was probed{f' ({capability.errno})' if capability.errno else ''}"
            )
    return replace(target, refuses=tuple(sorted(declared.items())))


def needed(item: pytest.Item) -> tuple[str, ...]:
    """Return the capabilities without which the case cannot look at what it is about."""
    fixtures: Sequence[str] = getattr(item, "fixturenames", ())
    names = [name for fixture in fixtures for name in _OF_FIXTURES.get(fixture, ())]
    for mark in item.iter_markers("needs"):
        names += str(mark.kwargs.get("capabilities", "")).split()
    return tuple(dict.fromkeys(names))


def demand(profile: Profile | None, names: Sequence[str]) -> None:
    """Skip the case where one of ``names`` is refused, raise ``Blocked`` where one is broken."""
    for capability in map(profile.behind, names) if profile else ():
        if capability.state is State.BROKEN:
            raise Blocked(why_blocked(capability), by=capability.name)
        if capability.state is State.REFUSED:
            pytest.skip(why_skipped(capability))


def why_blocked(capability: Capability) -> str:
    """Return the words of a case that is blocked by ``capability``."""
    why = capability.finding or capability.detail
    return f"blocked by `{capability.name}`, which is broken: {why}"


def why_skipped(capability: Capability) -> str:
    """Return the words of a case that is about what ``capability`` refuses."""
    error = f" ({capability.errno})" if capability.errno else ""
    return f"it needs `{capability.name}`, which the filesystem refuses{error}"


def broken_words(found: Capability, before: Capability | None) -> str:
    """Return the words of the case about a capability that is broken, ``""`` where it is not.

    ``found`` is what came of asking it alone, ``before`` what the probe before the run found. All other cases keep away
    from what that calls broken, so that it is told whatever it takes to show it.
    """
    if found.state is State.BROKEN:
        return _broken(found)
    if before is None or before.state is not State.BROKEN:
        return ""
    alone = f"so it was when everything was probed before the run; asked alone it is {found.state}"
    return f"{_broken(before)}\n{alone}: it takes what was done before it"


def _broken(found: Capability) -> str:
    what = CAPABILITIES[found.name].words
    shortest = f"\nshortest: {found.trigger}" if found.trigger else ""
    return f"`{found.name}` is broken: {found.detail or found.finding} (what it is: {what}){shortest}"


def undeclared(target: Target, profile: Profile) -> tuple[Capability, ...]:
    """Return what the probe saw refused, by an error or silently, and ``target.toml`` does not declare."""
    declared = {name for name, _ in target.refuses}
    return tuple(
        each
        for each in profile.refused()
        if each.name not in declared
        and not declared & {*CAPABILITIES[each.name].refuses, CAPABILITIES[each.name].within}
        and each.name not in _NEVER_DECLARED
    )


def works_after_all(target: Target, profile: Profile) -> tuple[str, ...]:
    """Return the words of ``[refuses]`` that name a capability which the probe saw working, whatever its limit."""
    return tuple(
        name
        for name, _ in target.refuses
        if name in CAPABILITIES and not CAPABILITIES[name].unit and profile.get(name).state is State.WORKS
    )
