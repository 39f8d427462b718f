"""What this domain's cases ask for: workflows on the mounted target."""

from __future__ import annotations

import pytest

from vexlab.domains.integration.workflow import Workflow
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.questions import LastQuestions
from vexlab.plugin.fixtures import Metrics


@pytest.fixture
def workflow(mounted: GuestFilesystem, questions: LastQuestions, metrics: Metrics) -> Workflow:
    """Return the workflows on a fresh filesystem, which is asked the last questions afterwards."""
    return Workflow(machine=mounted.machine, mountpoint=mounted.mountpoint, questions=questions, metrics=metrics)
