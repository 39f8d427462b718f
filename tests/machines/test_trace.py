"""Probes in real guests: what they count is what was done, an error is followed to its function, nothing is left."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from vexlab.config import Settings
from vexlab.errors import UsageError
from vexlab.guest.block import device_of
from vexlab.guest.module import GuestModule
from vexlab.guest.mount import GuestFilesystem
from vexlab.lab import Lab, Order
from vexlab.model.target import Target
from vexlab.model.trace import Trace
from vexlab.targets.build import debug_file
from vexlab.targets.load import find_target
from vexlab.trace.arguments import fetches
from vexlab.trace.errno import ErrnoProbes
from vexlab.trace.functions import returning
from vexlab.trace.places import with_places
from vexlab.trace.tracer import LEFT, Tracer, Wanted
from vexlab.trace.work import Work, trace_work
from vexlab.vm.machine import Machine

pytestmark = [pytest.mark.machine, pytest.mark.long]  # the image is built first, and probes are set slowly

VEXFS = Path(__file__).parents[2] / "targets" / "vexfs"
_CREATE_TWICE = "import os; [os.setxattr('.', 'user.a', b'1', os.XATTR_CREATE) for _ in range(2)]"
_FIO = "fio --name=f --directory=. --size=4m --bs=4k --ioengine=psync --fallocate=none --output-format=json"
# Two tasks that remove files side by side, so that each waits for the lock that the other holds.
_REMOVE = """
for task in a b; do mkdir $task; (cd $task && touch 1 2 3 4 5 6 7 8 9 10); done
for task in a b; do rm -r $task & done
wait
"""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Return a lab on the warm cache."""
    with Lab(Settings()) as lab:
        yield lab


def _mounted(machine: Machine, target: Target) -> GuestFilesystem:
    assert GuestModule(machine, target).load().ok
    filesystem = GuestFilesystem(machine, target, device_of(machine, "scratch"))
    assert filesystem.mkfs().ok
    assert filesystem.mount().ok
    filesystem.prove()
    return filesystem


def test_an_error_is_followed_to_the_function_that_set_it(lab: Lab) -> None:
    target, kernel = find_target(str(VEXFS)), lab.kernels.get("6.1")
    artifact = lab.artifact(target, kernel)
    file = debug_file(artifact, target.module)
    assert file
    with lab.machine(Order(target=target, kernel=kernel, artifact=artifact)) as machine:
        machine.patience = 5.0  # the module's load sets the probes
        functions = returning(file)
        probes = ErrnoProbes(machine, target.module, "EEXIST", functions, fetches(file, functions))
        probes.set()
        where = _mounted(machine, target).mountpoint
        made = machine.exec(["python3", "-c", f"import os; os.chdir('{where}'); {_CREATE_TWICE}"])
        assert "File exists" in made.error_text
        trace = with_places(probes.read(), file, lab.cache.root, target.source)
        probes.remove()
        left = machine.ash("cd /sys/kernel/tracing && cat ../debug/kprobes/list kprobe_events && ls instances")
        assert left.text == ""
    origin = trace.origins[0]
    assert origin.system_call == "setxattr"
    assert re.search(r"xattr\w*\.c:\d+$", origin.returns[0].function.source)
    assert any(re.search(r"xattr\w*\.c:\d+$", line) for line in origin.lines)
    assert origin.returns[-1].function.function == "vexfs_set_xattr"
    given = origin.returns[-1].arguments
    assert 'dentry="/", inode=2, name="a"' in given, "the handler of user attributes takes a name without its prefix"
    assert "size=1, flags=1" in given


def _trace(lab: Lab, work: Work, wanted: Wanted, *defects: str) -> tuple[Trace, str]:
    arguments = [f"DEFECT={','.join(defects)}"] if defects else []
    target, kernel = find_target(str(VEXFS), build_args=arguments), lab.kernels.get("6.1")
    traced = trace_work(lab, target, kernel, wanted, work, say=print)
    assert traced.result
    assert traced.result.ok, str(traced.result)
    return traced.trace, traced.result.text


@pytest.mark.parametrize(("name", "call"), [("read", "__x64_sys_pread64"), ("write", "__x64_sys_pwrite64")])
def test_calls_and_latencies_are_those_of_fio(lab: Lab, name: str, call: str) -> None:
    command = tuple(f"{_FIO} --rw=rand{name} --percentile_list=50:99".split())
    trace, text = _trace(lab, Work(command=command), Wanted(names=(name, f"kernel:{call}")))
    (job,) = json.loads(text[text.index("{") :])["jobs"]
    probe = trace.probe(name)
    assert probe
    assert probe.calls == job[name]["total_ios"] == 1024
    assert probe.missed == 0
    assert probe.cost_ns > 0
    same = trace.probe(f"kernel:{call}")  # all tasks' calls: some thirty more
    assert same
    for percent in (50, 99):
        told = int(job[name]["clat_ns"]["percentile"][f"{percent}.000000"])
        bucket = same.bucket_of(percent)
        assert bucket
        assert abs(told.bit_length() - bucket.low.bit_length()) <= 1, f"p{percent}: fio says {told} ns, we {bucket}"


def test_a_lock_that_is_held_long_and_a_leak_are_shown_where_they_are(lab: Lab) -> None:
    wanted = Wanted(names=("lock_contention", "memory_alloc"))
    work = Work(command=("bash", "-c", _REMOVE))
    trace, _ = _trace(lab, work, wanted, "orphan_lock_held_long", "leak_per_open", "link_wrong_errno")
    locks = [each.of_module("vexfs") for each in trace.locks]
    worst = next(frame for frame in locks if frame)
    assert worst.function in ("vexfs_orphan_add", "vexfs_orphan_del")
    assert re.search(r"orphan\.c:\d+$", worst.source)
    leaks = [
        each for each in trace.outstanding if (frame := each.of_module("vexfs")) and frame.function == "vexfs_open"
    ]
    assert sum(each.count for each in leaks) == 20
    assert any("file.c:" in frame.source for each in leaks for frame in each.frames)


def test_probes_leave_nothing_behind_and_a_wrong_name_gets_a_suggestion(lab: Lab) -> None:
    target, kernel = find_target(str(VEXFS)), lab.kernels.get("6.1")
    order = Order(target=target, kernel=kernel, artifact=lab.artifact(target, kernel), traced=True)
    with lab.machine(order) as machine:
        module = GuestModule(machine, target)
        assert module.load().ok
        before = machine.ash(LEFT).text
        with pytest.raises(UsageError, match="vexfs has no function vexfs_mkdr") as raised:
            Tracer(machine=machine, target=target, kernel="6.1", wanted=Wanted(names=("vexfs:vexfs_mkdr",))).start()
        assert "did you mean `vexfs_mkdir`?" in raised.value.hint
        tracer = Tracer(machine=machine, target=target, kernel="6.1", wanted=Wanted(names=("mount", "block_io")))
        tracer.start()
        assert machine.ash(LEFT).text != before
        tracer.stop()
        assert machine.ash(LEFT).text == before
        assert not machine.ash("ls -d /run/vexlab-trace/*/out 2>/dev/null; pidof bpftrace; :").text
        assert module.unload().ok
