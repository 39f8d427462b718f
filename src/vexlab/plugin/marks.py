"""Marks, and what they say of a case."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from vexlab.kernels.table import flavour_of
from vexlab.model.case import Safety
from vexlab.model.key import OWN, CaseKey

# The fixture by whose parameter a case learns the target's configuration; the name leaves `configuration` to cases.
CONFIGURATION = "target_configuration"

MARKS = {
    "domain(name)": "the bounded context the case belongs to (default: the name of its folder)",
    "level(n)": "1 basic validation, 2 VM mount operations, 3 ultimate stress (default 1)",
    "scenario(n)": "the scenario the case is a phase of",
    "safety(word)": "safe, risky or dangerous for the machine it runs in (default safe)",
    "quick": "belongs to the shortest useful subset of its level",
    "slow": "takes far longer than its neighbours; started first where machines run side by side",
    "single_thread_tcg(yes=True)": (
        "does one thing at a time: the machine's emulated CPUs may take turns in one thread, which is faster where "
        "machines run side by side. Not for cases about races: there two CPUs must really run at once"
    ),
    "needs(*options, source=False, mkfs=False, loadable=False, fields=False, vectors=False, capabilities='', ...)": (
        "kernel options (`KASAN`, without CONFIG_), or a property of the target (also `options`, "
        "`statistics`), without which the case is skipped; capabilities of the probed profile, separated by blanks: "
        "it is skipped where one is refused, and blocked where one is broken"
    ),
    "crafted_images": (
        "is about images that no mkfs and no mount has made: where target.toml says that images are trusted, what goes "
        "wrong in the case is listed and not counted"
    ),
    "vm(**order)": (
        "machine of another shape: memory=MiB, cpus=N, disks=(...), append='...', recipe='name'; a function gives the "
        "value for a target"
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseMarks:
    """What a case's marks amount to; the target has no part in it."""

    key: CaseKey
    level: int
    scenario: int
    safety: Safety
    quick: bool
    single_thread_tcg: bool
    crafted_images: bool

    @property
    def id(self) -> str:
        """The key as text: ``domain.name[kernel-parameters]``."""
        return str(self.key)

    @property
    def domain(self) -> str:
        """The domain the case belongs to."""
        return self.key.domain


def marks_of(item: pytest.Item) -> CaseMarks:
    """Return the marks of ``item``, with defaults."""
    in_one = item.get_closest_marker("single_thread_tcg")
    return CaseMarks(
        key=_key(item),
        level=int(str(_argument(item, "level", 1))),
        scenario=int(str(_argument(item, "scenario", 0))),
        safety=Safety(str(_argument(item, "safety", Safety.SAFE))),
        quick=item.get_closest_marker("quick") is not None,
        crafted_images=item.get_closest_marker("crafted_images") is not None,
        single_thread_tcg=in_one is not None and bool(in_one.kwargs.get("yes", True)),
    )


def configuration_of(item: pytest.Item) -> str:
    """Return the target's configuration that the case is about, empty for its own."""
    callspec = getattr(item, "callspec", None)
    return str(callspec.params.get(CONFIGURATION, "")) if callspec else ""


def _key(item: pytest.Item) -> CaseKey:
    callspec = getattr(item, "callspec", None)
    kernel, configuration = str(callspec.params.get("kernel", "")) if callspec else "", configuration_of(item)
    words = _without(str(callspec.id), kernel) if callspec else ""
    if callspec and CONFIGURATION in callspec.params:
        words = _without(words, configuration or OWN)
    name = (getattr(item, "originalname", "") or item.name) if callspec else item.name
    return CaseKey(
        domain=str(_argument(item, "domain", Path(item.path).parent.name)),
        name=name.removeprefix("test_"),
        parameters=words,
        kernel=kernel,
        configuration=configuration,
        flavour=flavour_of(kernel),
    )


def _without(words: str, value: str) -> str:
    """Return pytest's words for a case's parameters, ``6.1-small``, less one of them, wherever it stands."""
    shown = value.encode("unicode_escape").decode()  # as pytest writes a text that is not ASCII
    if not value or shown not in words:
        return words
    inner = f"-{words}-".replace(f"-{shown}-", "-", 1)
    return inner[1:-1]


def _argument(item: pytest.Item, name: str, default: object) -> object:
    mark = item.get_closest_marker(name)
    return mark.args[0] if mark and mark.args else default
