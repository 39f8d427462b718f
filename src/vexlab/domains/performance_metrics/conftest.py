"""What this domain's cases ask for: the target with a reference beside it, and a judge of what is measured."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from vexlab.domains.performance_metrics.judge import Judge
from vexlab.domains.performance_metrics.limits import Limits
from vexlab.domains.performance_metrics.pair import Pair
from vexlab.guest.post_checks import PostChecks
from vexlab.plugin.fixtures import Metrics


@pytest.fixture
def ext2(post_checks: PostChecks) -> Iterator[Pair]:
    """Return the target beside ext2; when the case has ended the target is given the post checks."""
    pair = Pair(post_checks.filesystem, "ext2")
    yield pair
    pair.let_go()


@pytest.fixture
def ext4(post_checks: PostChecks) -> Iterator[Pair]:
    """Return the target beside ext4; when the case has ended the target is given the post checks."""
    pair = Pair(post_checks.filesystem, "ext4")
    yield pair
    pair.let_go()


@pytest.fixture
def judge(metrics: Metrics) -> Judge:
    """Return what records and judges figures; a case ends with its ``done``."""
    return Judge(metrics)


@pytest.fixture
def limits() -> Limits:
    """Return what is allowed."""
    return Limits()
