"""What searches by an approximate index found, beside what an exact search found, and how long each took. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from vexlab.errors import MachineError


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """An index that was made: how many vectors in how many lists, the seconds to find the lists and to store them."""

    count: int
    lists: int
    train_s: float
    store_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """All queries in turn with one number of ``probes`` (0: exactly): the ids found for each, the nearest first.

    ``seconds`` are the guest's, for all queries together; ``scanned`` counts the vectors compared.
    """

    probes: int
    seconds: float
    scanned: int
    answers: tuple[tuple[int, ...], ...]

    @property
    def per_second(self) -> float:
        """Queries per second."""
        return len(self.answers) / self.seconds


def parse_built(text: str) -> Built:
    """Read what making an index printed; raise ``MachineError`` where that is something else."""
    try:
        return msgspec.json.decode(text, type=Built)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise MachineError(f"making the index printed something else: {text[:200]}") from error


def parse_searched(text: str) -> tuple[Searched, ...]:
    """Read a line for each number of probes; raise ``MachineError`` where that is something else."""
    try:
        found = tuple(msgspec.json.decode(line, type=Searched) for line in text.splitlines())
    except (msgspec.DecodeError, UnicodeError) as error:
        raise MachineError(f"the searches printed something else: {text[:200]}") from error
    if not found or any(not each.answers or each.seconds <= 0 for each in found):
        raise MachineError(f"the searches took no time or gave no answers: {text[:200]}")
    return found


def recall(exact: Searched, found: Searched, k: int) -> float:
    """Return which part of the nearest ``k`` of all queries was found among the first ``k`` answers, 0 to 1.

    Of equally far vectors an exact search gives the lowest ids (include/uapi/vexfs.h), so that ids can be compared.
    """
    wanted = [answer[:k] for answer in exact.answers]
    if len(found.answers) != len(wanted):
        raise MachineError(f"{len(wanted)} queries were asked, {len(found.answers)} answered")
    right = sum(_common(one, other[:k]) for one, other in zip(wanted, found.answers, strict=True))
    return right / sum(map(len, wanted))


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    return len(set(one) & set(other))
