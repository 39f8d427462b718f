"""What this domain's cases ask for: the target's vectors behind an adapter."""

from __future__ import annotations

import pytest

from vexlab.guest.post_checks import PostChecks
from vexlab.guest.vectors import ADAPTERS, IndexedStore, VectorStore
from vexlab.model.target import Target


@pytest.fixture
def store(target: Target, post_checks: PostChecks) -> VectorStore:
    """Return the target's vectors, on a fresh filesystem that is given the post checks afterwards."""
    adapter = ADAPTERS.get(target.vectors)
    assert adapter, f"there is no adapter `{target.vectors}`; there are {', '.join(ADAPTERS)}"
    return adapter(post_checks.filesystem.machine)


@pytest.fixture
def collection(post_checks: PostChecks) -> str:
    """Return the path of a file that is to become a collection."""
    return f"{post_checks.filesystem.mountpoint}/collection"


@pytest.fixture
def indexed(store: VectorStore) -> IndexedStore:
    """Return the target's vectors where they can have an approximate index."""
    if not isinstance(store, IndexedStore):
        pytest.skip("the target's vectors have no approximate index")
    return store
