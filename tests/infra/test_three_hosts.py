"""Real machines on hosts of their own: each has its network, its cache, its limit of machines.

One is cut off in the middle, two have wrong clocks, one a disk that is too small.
"""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

pytest.importorskip("distributed", reason="the extra `fleet` is not installed")

from tests.infra.clock import built, clock
from tests.infra.namespaces import network, until
from tests.infra.runs import PORT, Started, left_on, worker
from tests.machines.test_verdicts import EXPECTED

pytestmark = [pytest.mark.infra, pytest.mark.long]
NAMES = ("planted.clean", "planted.warning", "planted.oops_unnoticed", "planted.assertion", "planted.panic")
MORE = ("planted.late_oops", "planted.corrupt_list", "planted.double_free")
_SMALL = "96m"  # a disk that holds neither kernel nor snapshot
_AHEAD_S = 30 * 86400
_FORGOTTEN_S = 240.0  # after 120 s without a word a host ends its machines


def test_a_cut_cable_a_wrong_clock_and_a_full_disk_cost_no_verdict(tmp_path: Path) -> None:
    names, began = (*NAMES, *MORE), time.time()
    with network() as net:
        hosts = [net.host(f"lab{number}") for number in range(4)]
        lab0, lab1, lab2, full = hosts
        net.introduce(tmp_path, hosts)
        cluster = tmp_path / "lab.toml"
        cluster.write_text(f'listen = "tcp://{lab0.address}:{PORT}"\nwait_s = 600.0\nleast = 3\n')
        run = Started(lab0, tmp_path, "--cluster", str(cluster), "--verbose", names=names)
        for host in (lab1, lab2, full):
            cache = tmp_path / f"cache-{host.name}"
            cache.mkdir()
            env = {"VEXLAB_CACHE": str(cache)}
            if host is full:
                host.disk(cache, _SMALL)
            else:
                ahead = _AHEAD_S if host is lab1 else -_AHEAD_S
                env |= clock(built(tmp_path), tmp_path / f"clock-{host.name}", ahead).env
            worker(host, tmp_path, f"tcp://lab0:{PORT}", env=env)
        until(lambda: run.hosts() or run.process.poll() is not None, 1500, "no machine")
        assert run.process.poll() is None, run.said()
        first, other = (lab1, lab2) if "lab1" in run.hosts() else (lab2, lab1)
        net.cut(first)  # before the other, which is sent its part after the first, is ready
        ended = run.end(1500)
        assert ended.verdicts == {name: EXPECTED[name][0] for name in names}, ended.stderr
        assert ended.status == 1, ended.stderr
        assert len(ended.document["cases"]) == len(names), "none is counted twice"
        assert run.hosts() == {"lab1", "lab2"}
        assert re.search("host lab3 takes no part: the cache .* has no room for", ended.stderr)
        # whichever of the scheduler's two ways to say so comes first
        assert re.search(f"host {first.name}: (it is gone|its worker died); cases that go elsewhere: 1", ended.stderr)
        times = [case["started"] for case in ended.document["cases"]]
        assert began <= min(times), "the hosts' clocks have no say in when a case began"
        assert max(times) <= time.time()
        for host in (lab1, lab2):
            assert (tmp_path / f"cache-{host.name}" / "kernels" / "6.1").is_dir(), "it was sent what it lacked"
        until(
            lambda: not [line for line in left_on(first) if "qemu" in line], _FORGOTTEN_S, "a machine outlives its run"
        )
        assert not [line for line in left_on(other) if "qemu" in line]


def test_a_disk_that_fills_in_the_middle_costs_no_verdict(tmp_path: Path) -> None:
    """What a machine or its evidence could not write is never taken for what the module did."""
    with network() as net:
        lab0, lab1, lab2 = hosts = [net.host(f"lab{number}") for number in range(3)]
        net.introduce(tmp_path, hosts)
        cluster = tmp_path / "lab.toml"
        cluster.write_text(f'listen = "tcp://{lab0.address}:{PORT}"\nwait_s = 600.0\nleast = 2\n')
        run = Started(lab0, tmp_path, "--cluster", str(cluster), "--verbose", names=(*NAMES, *MORE))
        for host in (lab1, lab2):
            disk = tmp_path / f"disk-{host.name}"
            disk.mkdir()
            host.disk(disk, "300m")
            worker(host, tmp_path, f"tcp://lab0:{PORT}", env={"TMPDIR": str(disk)})
        until(lambda: "lab1" in run.hosts() or run.process.poll() is not None, 600, "no machine on lab1")
        assert run.process.poll() is None, run.said()
        lab1.fill(tmp_path / "disk-lab1")
        ended = run.end(1500)
        assert ended.verdicts == {name: EXPECTED[name][0] for name in (*NAMES, *MORE)}, ended.stderr
        assert len(ended.document["cases"]) == len((*NAMES, *MORE))
        assert re.search("host lab1: .*only 0 MiB are free in .*; it is set aside", ended.stderr)
