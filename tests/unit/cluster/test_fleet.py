"""What a coordinator asks of its hosts."""

from __future__ import annotations

import pytest

pytest.importorskip("distributed", reason="the extra `fleet` is not installed")

from vexlab.cluster.fleet import began_here, longest_s
from vexlab.config import RunSettings, Settings
from vexlab.model.case import PlannedCase
from vexlab.model.key import CaseKey
from vexlab.model.request import Request

CASES = [PlannedCase(key=CaseKey(domain="d", name="a", kernel="6.1"), node="n", level=1)]


@pytest.mark.parametrize(
    ("request_", "seconds"),
    [
        (Request(retry=0), 400),
        (Request(), 500),
        (Request(retry=2), 600),
        (Request(retry=0, stress="20"), 2300),
        (Request(retry=0, stress="2h"), 7600),
    ],
)
def test_a_host_is_given_more_than_its_cases_may_take(request_: Request, seconds: float) -> None:
    assert longest_s(request_, Settings(run=RunSettings(case_s=100.0)), CASES) == seconds


@pytest.mark.parametrize(("started", "told"), [(105.0, 105.0), (99.0, 100.0), (86505.0, 100.0)])
def test_a_wrong_clock_of_a_host_does_not_move_a_case_in_time(started: float, told: float) -> None:
    assert began_here(started, 100.0, 120.0) == told
