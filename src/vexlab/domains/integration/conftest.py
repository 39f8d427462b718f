"""What this domain's cases ask for: workflows on the mounted target."""

from __future__ import annotations

import pytest

from vexlab.domains.integration.workflow import Workflow
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.post_checks import PostChecks
from vexlab.plugin.fixtures import Metrics


@pytest.fixture
def workflow(mounted: GuestFilesystem, post_checks: PostChecks, metrics: Metrics) -> Workflow:
    """Return the workflows on a fresh filesystem, which is given the post checks afterwards."""
    return Workflow(machine=mounted.machine, mountpoint=mounted.mountpoint, post_checks=post_checks, metrics=metrics)
