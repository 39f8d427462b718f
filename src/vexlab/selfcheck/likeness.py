"""How much two texts have in common. Pure."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping

_LENGTH = 4


def likeness(text: str, others: Mapping[str, str]) -> dict[str, float]:
    """Return for each of ``others`` its likeness to ``text``: 0, nothing in common, to 1.

    It is the cosine of the texts' tf-idf vectors (Salton and Buckley 1988). Terms are pieces of words, four letters
    long, so that ``vecsearch.c`` is like ``search_exact`` without anybody saying so.
    """
    counts = {name: Counter(_pieces(other)) for name, other in others.items()}
    everywhere = Counter(piece for each in counts.values() for piece in each)

    def vector(count: Counter[str]) -> dict[str, float]:
        weights = {
            piece: math.log1p(times) * math.log(len(others) / everywhere[piece])
            for piece, times in count.items()
            if piece in everywhere
        }
        length = math.hypot(*weights.values()) or 1.0
        return {piece: weight / length for piece, weight in weights.items()}

    wanted = vector(Counter(_pieces(text)))
    vectors = {name: vector(count) for name, count in counts.items()}
    return {
        name: sum(weight * wanted.get(piece, 0.0) for piece, weight in each.items()) for name, each in vectors.items()
    }


def _pieces(text: str) -> Iterable[str]:
    for word in re.findall(r"[a-z]+", text.lower()):
        bounded = f" {word} "  # where a word begins and ends is part of it
        yield from (bounded[at : at + _LENGTH] for at in range(max(1, len(bounded) - _LENGTH + 1)))
