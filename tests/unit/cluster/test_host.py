"""A host ends what its coordinator has left behind, and refuses what is another thing than the coordinator's."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest

from vexlab.cluster import host
from vexlab.cluster.host import Host, digest_of
from vexlab.cluster.messages import Answer, End, Opening
from vexlab.errors import InfraError, UsageError
from vexlab.model.kernel import Kernel
from vexlab.model.provenance import UsedKernel
from vexlab.model.request import Request

OPENING = Opening(run="r1", request=Request(), settings="", plan="p", machines=2, kernels=())


class Fake:
    """A run on a host, without machines."""

    def __init__(self, opening: Opening, parcel: bytes, starter: ThreadPoolExecutor) -> None:
        self.touched = time.monotonic()
        self.closed = False

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "OpenRun", Fake)
    monkeypatch.setattr(host, "_LOOK_S", 0.02)


@pytest.mark.usefixtures("fakes")
def test_a_run_of_which_nobody_asks_any_more_is_ended() -> None:
    here = Host()
    run: Any = here.open(OPENING, b"")
    assert [here.open(OPENING, b"")] == [run], "it is opened once"
    here.touch("r1")
    time.sleep(0.1)
    assert not run.closed
    run.touched -= host.LEASE_S + 1
    end = time.monotonic() + 5
    while not run.closed:
        assert time.monotonic() < end
        time.sleep(0.01)
    with pytest.raises(InfraError):
        here.get("r1")
    here.close()


@pytest.mark.usefixtures("fakes")
def test_closing_a_host_ends_its_runs() -> None:
    here = Host()
    run: Any = here.open(OPENING, b"")
    here.close()
    assert run.closed


def test_another_kernel_of_the_same_name_is_refused() -> None:
    there = Kernel(
        name="6.1", release="6.1.0-9", version="6.1.1-2", image=Path("/k"), modules=Path("/m"), config=Path("/c")
    )
    wanted = UsedKernel(name="6.1", release="6.1.0-9", version="6.1.1-1", flavour="distro", accelerator="tcg")
    with pytest.raises(UsageError) as raised:
        host._check_kernel(there, wanted)
    assert "6.1.0-9 6.1.1-2, the run's is 6.1.0-9 6.1.1-1" in raised.value.message


def test_a_plan_is_known_by_its_cases_and_their_code() -> None:
    assert digest_of({"a": "1", "b": "2"}) == digest_of({"b": "2", "a": "1"})
    assert digest_of({"a": "1", "b": "2"}) != digest_of({"a": "1", "b": "3"})


def test_messages_arrive_as_they_were_sent() -> None:
    opening = Opening(
        run="r",
        request=Request(paths=("{parcel}/a",), kernels=("6.1",), seed=3),
        settings="cpus = 2\n",
        plan="p",
        machines=3,
        kernels=(UsedKernel(name="a", release="b", version="c", flavour="d", accelerator="e", module="f"),),
        files={"profile.json": b"\xff"},
    )
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(opening), type=Opening) == opening
    answer = Answer(case="c", end=End.DIED, evidence=b"\x00", shared={"hangs/1": b"x"})
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(answer), type=Answer) == answer
