"""The bpftrace program (0.17 or newer) for a set of probes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vexlab.trace.probes import Probe

STACK = 24  # functions kept of a stack
HERTZ = 97  # samples a second and processor; no divisor of the timer's frequency, so as not to beat with it
CALLS = 20_000  # calls on the time line
EVENT = "C"  # what a line of the time line begins with
_OTHERS = 'comm != "bpftrace"'  # what attaching the probes costs is not what is traced
CALIBRATION = "__x64_sys_getppid"  # a system call that does nothing, to learn what a probe costs


_CALIBRATED = f"""\
// what a probe costs is measured with this one
kprobe:{CALIBRATION} {{ @c[tid] = nsecs; @cn[0] = count(); }}
kretprobe:{CALIBRATION} /@c[tid]/ {{
    $d = nsecs - @c[tid]; delete(@c[tid]); @ch[0] = hist($d); @cs[0] = stats($d);
}}"""
_CALIBRATED_MAPS = ("c", "cn", "ch", "cs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is traced: ``text`` are the addresses of the module's code, ``devices`` numbers of the disks that count.

    ``f_op`` is where in a ``struct file`` the pointer to its operations is, in bytes: a file is the module's whose
    operations lie in the module. ``calls`` is how many calls the time line takes. With ``calibrated`` there is a probe
    on a system call that does nothing, too, which does what every probe on a function does.
    """

    probes: tuple[Probe, ...]
    text: tuple[int, int] = (0, 0)
    devices: tuple[int, ...] = ()
    f_op: int = 0
    calls: int = CALLS
    calibrated: bool = False


def program(plan: Plan) -> str:
    """Return the text of the program. Its maps are keyed by the number of the probe in ``plan``."""
    parts = ["// Written by vexlab; each block is one probe of `vexlab trace`."]
    temporary: list[str] = []
    for number, probe in enumerate(plan.probes):
        block, maps = _BLOCKS[probe.kind](number, probe, plan)
        parts.append(f"// {probe.name}: {probe.place}\n{block}")
        temporary += maps
    if plan.calibrated:
        parts.append(_CALIBRATED)
        temporary += _CALIBRATED_MAPS
    clears = " ".join(f"clear(@{name});" for name in temporary)
    parts.append(f"END {{ {clears} }}")
    return "\n".join(parts) + "\n"


def _call(number: int, plan: Plan, thread: str, detail: str = "0", comm: str = "comm") -> str:
    """Return what puts a call on the time line, of which ``$d`` is the duration."""
    if not plan.calls:
        return ""
    return (
        f"@calls++; if (@calls <= {plan.calls}) "
        f'{{ printf("{EVENT}|{number}|%d|%llu|%llu|%llu|%s\\n", {thread}, nsecs - $d, $d, (uint64){detail}, {comm}); }}'
    )


def _measure(number: int) -> str:
    return f"@h[{number}] = hist($d); @s[{number}] = stats($d);"


def _function(number: int, probe: Probe, plan: Plan) -> tuple[str, list[str]]:
    begun = f"@t{number}"
    note = f"{begun}[tid] = nsecs; @n[{number}] = count();"
    if probe.filtered:
        # ki_filp comes first in struct kiocb (include/linux/fs.h); types by name would have clang read all the kernel's
        low, high = plan.text
        note = (
            f"$op = *(uint64 *)kptr(*(uint64 *)kptr(arg0) + {plan.f_op}); "
            f"if ($op >= {low} && $op < {high}) {{ {note} }}"
        )
    return (
        f"kprobe:{probe.function} {{ {note} }}\n"
        f"kretprobe:{probe.function} /{begun}[tid]/ {{\n"
        f"    $d = nsecs - {begun}[tid]; delete({begun}[tid]);\n"
        f"    {_measure(number)}\n    {_call(number, plan, 'tid')}\n}}",
        [f"t{number}"],
    )


def _locks(number: int, _probe: Probe, plan: Plan) -> tuple[str, list[str]]:
    # a task that waits for a mutex may begin twice, spinning and then asleep, and ends once (kernel/locking/mutex.c)
    begun = f"@t{number}"
    return (
        f"tracepoint:lock:contention_begin /{_OTHERS} && !{begun}[tid]/ {{ {begun}[tid] = nsecs; }}\n"
        f"tracepoint:lock:contention_end /{begun}[tid]/ {{\n"
        f"    $d = nsecs - {begun}[tid]; delete({begun}[tid]);\n"
        f"    @n[{number}] = count(); {_measure(number)}\n"
        f"    @locks[kstack(perf, {STACK})] = stats($d);\n    {_call(number, plan, 'tid')}\n}}",
        [f"t{number}"],
    )


def _memory(number: int, _probe: Probe, plan: Plan) -> tuple[str, list[str]]:
    low, high = plan.text
    ours = f"(uint64)args->call_site >= {low} && (uint64)args->call_site < {high}"
    note = f"@n[{number}] = count(); @h[{number}] = hist($d); @s[{number}] = stats($d);"
    keep = f"@bytes[(uint64)args->ptr] = $d; @from[(uint64)args->ptr] = kstack(perf, {STACK});"
    blocks = [
        f"tracepoint:kmem:{name} /{ours}/ {{ $d = (uint64)args->bytes_alloc; {note} {keep} }}"
        for name in ("kmalloc", "kmem_cache_alloc")
    ]
    blocks += [
        # the caller of kvmalloc_node is on top of the stack (x86-64); its size is the first argument
        "kprobe:kvmalloc_node {\n"
        '    $caller = *(uint64 *)kptr(reg("sp"));\n'
        f"    if ($caller >= {low} && $caller < {high}) "
        f"{{ @kv[tid] = arg0; @kvfrom[tid] = kstack(perf, {STACK}); }}\n}}",
        "kretprobe:kvmalloc_node /@kv[tid]/ {\n"
        f"    $d = (uint64)@kv[tid]; {note}\n"
        "    @bytes[(uint64)retval] = $d; @from[(uint64)retval] = @kvfrom[tid];\n"
        "    delete(@kv[tid]); delete(@kvfrom[tid]);\n}",
        "tracepoint:kmem:kfree { delete(@bytes[(uint64)args->ptr]); delete(@from[(uint64)args->ptr]); }",
        "tracepoint:kmem:kmem_cache_free { delete(@bytes[(uint64)args->ptr]); delete(@from[(uint64)args->ptr]); }",
        "kprobe:vfree { delete(@bytes[(uint64)arg0]); delete(@from[(uint64)arg0]); }",
    ]
    return "\n".join(blocks), ["kv", "kvfrom"]


def _block(number: int, _probe: Probe, plan: Plan) -> tuple[str, list[str]]:
    begun = f"@t{number}"
    rule = " || ".join(f"args->dev == {device}" for device in plan.devices) or "1"
    key = "[args->dev, args->sector]"
    return (
        f"tracepoint:block:block_rq_issue /{rule}/ {{ {begun}{key} = nsecs; @n[{number}] = count(); }}\n"
        f"tracepoint:block:block_rq_complete /{begun}{key}/ {{\n"
        f"    $d = nsecs - {begun}{key}; delete({begun}{key});\n    {_measure(number)}\n"
        f"    {_call(number, plan, 'args->dev', 'args->nr_sector * 512', 'args->rwbs')}\n}}",
        [f"t{number}"],
    )


def _on_cpu(_number: int, _probe: Probe, _plan: Plan) -> tuple[str, list[str]]:
    return f"profile:hz:{HERTZ} /pid && {_OTHERS}/ {{ @oncpu[kstack(perf, {STACK}), comm] = count(); }}", []


def _off_cpu(number: int, _probe: Probe, _plan: Plan) -> tuple[str, list[str]]:
    begun, where = f"@t{number}", f"@w{number}"
    return (
        "tracepoint:sched:sched_switch {\n"
        f"    $next = (uint64)args->next_pid;\n"
        f"    if ({begun}[$next]) {{\n"
        f"        @offcpu[{where}[$next], args->next_comm] = stats(nsecs - {begun}[$next]);\n"
        f"        delete({begun}[$next]); delete({where}[$next]);\n    }}\n"
        f"    if (tid && {_OTHERS}) {{\n"
        f"        {begun}[(uint64)tid] = nsecs; {where}[(uint64)tid] = kstack(perf, {STACK});\n    }}\n}}",
        [f"t{number}", f"w{number}"],
    )


_BLOCKS: dict[str, Callable[[int, Probe, Plan], tuple[str, list[str]]]] = {
    "function": _function,
    "locks": _locks,
    "memory": _memory,
    "block": _block,
    "on_cpu": _on_cpu,
    "off_cpu": _off_cpu,
}


def names_of(probes: Sequence[Probe]) -> tuple[str, ...]:
    """Return the names of ``probes``, in the order of the numbers that the program knows them by."""
    return tuple(probe.name for probe in probes)
