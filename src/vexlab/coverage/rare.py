"""Which sizes and offsets earlier runs seldom or never had, so that what draws at random is steered there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from vexlab.coverage.inputs import read_inputs
from vexlab.coverage.partitions import OFFSETS, SIZES
from vexlab.errors import UsageError
from vexlab.model.inputs import Counts, Inputs, OperationInputs, Rare, render_rare, together

_SELDOM = 100  # the mean of an operation's partitions of one kind is this many times as much


def rare(inputs: Inputs) -> tuple[Rare, ...]:
    """Return what was seldom or never tried, by operation."""
    nothing = OperationInputs(calls=0)
    return tuple(
        Rare(operation=name, kind=kind, digits=digits)
        for name in sorted({*SIZES, *OFFSETS})
        for kind, most, counts in _kinds(name, inputs.get(name, nothing))
        for digits in range(most + 2)
        if counts.get(digits, 0) * _SELDOM * (most + 2) <= sum(counts.values())
    )


def _kinds(name: str, own: OperationInputs) -> Iterator[tuple[str, int, Counts]]:
    if name in SIZES:
        yield "size", SIZES[name], own.sizes
    if name in OFFSETS:
        yield "offset", OFFSETS[name], own.offsets


def rare_in(runs: Iterable[Path]) -> str:
    """Return the list of what all runs with their evidence in these folders seldom had; "" where none counted."""
    parts = []
    for folder in runs:
        with contextlib.suppress(UsageError):
            parts.append(read_inputs(folder))
    return render_rare(rare(together(parts))) if parts else ""
