"""The library call behind ``vexlab run``: a request becomes a plan, the plan is carried out, events tell of it.

::

    from vexlab.session import Request, execute

    ended = execute(Request(target="targets/vexfs", kernels=("6.1",), quick=True), settings, results, subscribers)
    ended.result.summary.failed
"""

from __future__ import annotations

from vexlab.model.request import Request
from vexlab.session.execution import Ended, execute
from vexlab.session.request import pytest_arguments
from vexlab.session.stream import Stream, Subscriber

__all__ = ["Ended", "Request", "Stream", "Subscriber", "execute", "pytest_arguments"]
