"""What this domain's cases ask for: the target's vectors behind an adapter."""

from __future__ import annotations

import pytest

from vexlab.guest.questions import LastQuestions
from vexlab.guest.vectors import ADAPTERS, VectorStore
from vexlab.model.target import Target


@pytest.fixture
def store(target: Target, questions: LastQuestions) -> VectorStore:
    """Return the target's vectors, on a fresh filesystem that is asked the last questions afterwards."""
    adapter = ADAPTERS.get(target.vectors)
    assert adapter, f"there is no adapter `{target.vectors}`; there are {', '.join(ADAPTERS)}"
    return adapter(questions.filesystem.machine)


@pytest.fixture
def collection(questions: LastQuestions) -> str:
    """Return the path of a file that is to become a collection."""
    return f"{questions.filesystem.mountpoint}/collection"
