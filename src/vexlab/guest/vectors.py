"""Vectors stored by the target, behind an adapter; and what a search must find, computed exactly on the host.

Exact distances are plain Python: components are binary32, sums are rounded once (``math.fsum``). That is more exact
than a sum of binary64 numbers in an array, and quick enough for the sizes that a case uses.
"""

from __future__ import annotations

import itertools
import json
import math
import random
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from vexlab.errors import TargetFailure
from vexlab.guest.recall import Built, Searched, parse_built, parse_searched
from vexlab.model.machine import CommandResult
from vexlab.vm.machine import Machine

Vector = tuple[float, ...]
_CALL_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A vector that a search found, with its distance."""

    id: int
    distance: float


class VectorStore(Protocol):
    """What a filesystem that stores vectors can do. A refused call gives a result that is not ``ok``."""

    def create(self, path: str, *, dim: int, metric: str = "euclidean", meta_size: int = 0) -> CommandResult:
        """Make a collection."""

    def add(self, path: str, vectors: Sequence[Vector], *, at_once: int = 0) -> CommandResult:
        """Add vectors, ``at_once`` by each call (0: as many as it likes); they get consecutive ids."""

    def get(self, path: str, ids: Sequence[int]) -> dict[int, Vector]:
        """Return the vectors that are there."""

    def delete(self, path: str, ids: Sequence[int]) -> CommandResult:
        """Delete vectors."""

    def search(self, path: str, queries: Sequence[Vector], *, k: int) -> list[list[Hit]]:
        """Return the nearest ``k`` of each query, the nearest first."""

    def live(self, path: str) -> int:
        """Return how many vectors can be found."""


@runtime_checkable
class IndexedStore(VectorStore, Protocol):
    """A store with an approximate index too; ``probes`` is how many of its lists a search looks into."""

    def index(self, path: str, *, lists: int = 0, timeout: float = _CALL_S) -> Built:
        """Make an index, of ``lists`` lists (0: as many as suit), in place of the one there is."""

    def drop_index(self, path: str) -> CommandResult:
        """Take the index away."""

    def search_index(self, path: str, queries: Sequence[Vector], *, k: int, probes: int) -> list[list[Hit]]:
        """Return what the index gives for the nearest ``k`` of each query, the nearest first."""

    def measure(
        self, path: str, queries: str, *, k: int, probes: Sequence[int], timeout: float = _CALL_S
    ) -> tuple[Searched, ...]:
        """Search for all vectors of the guest's file ``queries``, once with each number of probes (0: exactly)."""

    def index_bytes(self, path: str) -> tuple[int, int]:
        """Return the index's size on the disk and in the kernel's memory, in bytes."""


class Vexctl:
    """The adapter for VexFS: its program ``vexctl`` in the guest."""

    def __init__(self, machine: Machine, program: str = "vexctl") -> None:
        self._machine = machine
        self._program = program
        self._files = itertools.count()

    def create(self, path: str, *, dim: int, metric: str = "euclidean", meta_size: int = 0) -> CommandResult:
        """Make a collection."""
        return self._run("create", path, "--dim", str(dim), "--metric", metric, "--meta-size", str(meta_size))

    def add(self, path: str, vectors: Sequence[Vector], *, at_once: int = 0) -> CommandResult:
        """Add vectors; they get consecutive ids, in the order given."""
        file = self._put(vectors)
        return self._run("add-many", path, file, *(("--batch", str(at_once)) if at_once else ()))

    def get(self, path: str, ids: Sequence[int]) -> dict[int, Vector]:
        """Return the vectors that are there."""
        result = self._run("get", path, *map(str, ids))
        rows = [json.loads(line) for line in result.text.splitlines()]
        return {row["id"]: _binary32(row["vector"]) for row in rows}

    def delete(self, path: str, ids: Sequence[int]) -> CommandResult:
        """Delete vectors."""
        return self._run("delete", path, *map(str, ids))

    def search(self, path: str, queries: Sequence[Vector], *, k: int) -> list[list[Hit]]:
        """Return the nearest ``k`` of each query, the nearest first; one command in the guest for all queries."""
        return self._search(path, queries, "-k", str(k))

    def search_index(self, path: str, queries: Sequence[Vector], *, k: int, probes: int) -> list[list[Hit]]:
        """Return what the index gives for the nearest ``k`` of each query, looking into ``probes`` lists."""
        return self._search(path, queries, "-k", str(k), "--probes", str(probes))

    def index(self, path: str, *, lists: int = 0, timeout: float = _CALL_S) -> Built:
        """Make an index in place of the one there is."""
        words = ("--lists", str(lists)) if lists else ()
        result = self._machine.exec([self._program, "--json", "index", path, *words], timeout=timeout)
        if not result.ok:
            raise TargetFailure(f"the index cannot be made: {result}")
        return parse_built(result.text)

    def drop_index(self, path: str) -> CommandResult:
        """Take the index away."""
        return self._run("index", path, "--drop")

    def measure(
        self, path: str, queries: str, *, k: int, probes: Sequence[int], timeout: float = _CALL_S
    ) -> tuple[Searched, ...]:
        """Search for all vectors of the guest's file ``queries``, once with each number of probes (0: exactly)."""
        words = ["measure", path, "-k", str(k), "--from", queries, *map(str, probes)]
        result = self._machine.exec([self._program, "--json", *words], timeout=timeout)
        if not result.ok:
            raise TargetFailure(f"the search failed: {result}")
        return parse_searched(result.text)

    def index_bytes(self, path: str) -> tuple[int, int]:
        """Return the index's size on the disk and in the kernel's memory, in bytes."""
        told = self._told(path)
        return int(told["index_bytes"]), int(told["index_memory"])

    def _search(self, path: str, queries: Sequence[Vector], *words: str) -> list[list[Hit]]:
        file = self._put(queries)
        script = f'for n in $(seq 0 {len(queries) - 1}); do "$@" --row $n || exit; done'
        argv = [self._program, "--json", "search", path, *words, "--from", file]
        result = self._machine.ash(script, *argv, timeout=_CALL_S)
        if not result.ok:
            raise TargetFailure(f"the search failed: {result}")
        answers = [json.loads(line)["results"] for line in result.text.splitlines()]
        if len(answers) != len(queries):
            raise TargetFailure(f"{len(queries)} searches gave {len(answers)} answers")
        return [[Hit(id=hit["id"], distance=float(hit["distance"])) for hit in answer] for answer in answers]

    def live(self, path: str) -> int:
        """Return how many vectors can be found."""
        return int(self._told(path)["live"])

    def _told(self, path: str) -> Mapping[str, int]:
        result = self._run("stats", path)
        if not result.ok:
            raise TargetFailure(f"the collection cannot be asked: {result}")
        told: Mapping[str, int] = json.loads(result.text)
        return told

    def _run(self, *words: str) -> CommandResult:
        return self._machine.exec([self._program, "--json", *words], timeout=_CALL_S)

    def _put(self, vectors: Sequence[Vector]) -> str:
        path = f"/tmp/vectors{next(self._files)}.fvecs"  # noqa: S108 - in the guest
        rows = (struct.pack(f"<i{len(vector)}f", len(vector), *vector) for vector in vectors)
        self._machine.push(b"".join(rows), path, timeout=_CALL_S)
        return path


# By the word that a target's `vectors` names: another vector filesystem is attached with a line here.
ADAPTERS: Mapping[str, Callable[[Machine], VectorStore]] = {"vexctl": Vexctl}


def _binary32(values: Sequence[float]) -> Vector:
    """Round to binary32: nine digits tell which of them is meant, and are not its value."""
    return struct.unpack(f"<{len(values)}f", struct.pack(f"<{len(values)}f", *values))


def draw(seed: int, count: int, dim: int, *, scale: float = 1.0) -> list[Vector]:
    """Return ``count`` vectors of binary32 components, normally distributed."""
    source = random.Random(seed)  # noqa: S311 - no secret
    numbers = _binary32([source.gauss(0, scale) for _ in range(count * dim)])
    return [numbers[at : at + dim] for at in range(0, count * dim, dim)]


def _dot(a: Vector, b: Vector) -> float:
    return math.fsum(x * y for x, y in zip(a, b, strict=True))


def _cosine(a: Vector, b: Vector) -> float:
    norms = math.sqrt(_dot(a, a)) * math.sqrt(_dot(b, b))
    return 1 - _dot(a, b) / norms if norms else 1.0


# As include/uapi/vexfs.h has them: the nearest is the smallest.
DISTANCES: Mapping[str, Callable[[Vector, Vector], float]] = {
    "euclidean": math.dist,
    "cosine": _cosine,
    "dot": lambda a, b: -_dot(a, b),
    "manhattan": lambda a, b: math.fsum(abs(x - y) for x, y in zip(a, b, strict=True)),
}


def wrong_hits(
    hits: Sequence[Hit], stored: Mapping[int, Vector], query: Vector, metric: str, k: int, *, near: float = 1e-9
) -> str:
    """Return what is wrong with a search's answer as one sentence, or ``""``.

    It must hold the ``k`` nearest (fewer only where fewer are stored), by distance, then by id, with their distances;
    ``near`` is the relative error allowed to a distance. Of copies of the last one found, which are as far as it is,
    those with the lowest ids must be there.
    """
    distance = DISTANCES[metric]
    exact = {number: distance(vector, query) for number, vector in stored.items()}
    wanted = sorted(exact.values())[:k]
    if len(hits) != len(wanted):
        return f"{len(hits)} found instead of {len(wanted)}"
    if len({hit.id for hit in hits}) != len(hits):
        return "an id is found twice"
    for place, (hit, want) in enumerate(zip(hits, wanted, strict=True), 1):
        if hit.id not in exact:
            return f"id {hit.id} at place {place} is not stored"
        slack = near * max(1.0, abs(want))
        if not abs(hit.distance - exact[hit.id]) <= slack:
            return f"id {hit.id} is at {exact[hit.id]!r}, the answer says {hit.distance!r}"
        if not abs(exact[hit.id] - want) <= slack:
            return f"at place {place} is id {hit.id} at {exact[hit.id]!r}, the right one is at {want!r}"
    if hits and (lower := _passed_over(hits, stored)):
        return f"id {lower} is passed over for id {hits[-1].id}, whose vector is the same"
    for one, two in itertools.pairwise(hits):
        if (two.distance, two.id) <= (one.distance, one.id):
            return f"id {two.id} at {two.distance!r} comes after id {one.id} at {one.distance!r}"
    return ""


def _passed_over(hits: Sequence[Hit], stored: Mapping[int, Vector]) -> int | None:
    """Return the lowest id below the last hit's that holds the same vector and was not found."""
    last = hits[-1].id
    found = {hit.id for hit in hits}
    return min(
        (
            number
            for number, vector in stored.items()
            if number < last and number not in found and vector == stored[last]
        ),
        default=None,
    )
