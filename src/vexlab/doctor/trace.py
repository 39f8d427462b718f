"""What tracing needs: programs here, options of the kernels that are traced, room for a larger guest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from vexlab.doctor.check import Check
from vexlab.doctor.packages import Need, remedy
from vexlab.kernels.configuration import parse

_BINUTILS = ("binutils", "binutils", "binutils", "binutils")
_ROOM_MIB = 900  # a traced guest and its QEMU
PROGRAMS = tuple(
    Need(anyof=(name,), why=why, packages=_BINUTILS)
    for name, why in (
        ("readelf", "reads a module's functions"),
        ("addr2line", "says file and line of a function"),
        ("objdump", "finds where an error is set"),
    )
)
# What an option is for: without the first there is no probe, without the second no bpftrace.
_OPTIONS = {
    "KPROBE_EVENTS": "probes on functions",
    "KRETPROBES": "the end of a call, and where an error came from",
    "BPF_SYSCALL": "bpftrace",
    "DEBUG_INFO_BTF": "arguments by their type: `read` and `write` where the kernel's own functions serve a filesystem",
    "FTRACE_SYSCALLS": "the system call that an error ended in",
}
_NEEDED = ("KPROBE_EVENTS", "KRETPROBES", "BPF_SYSCALL")


def for_trace(
    installed: Mapping[str, bool], configs: Mapping[str, Path], available: int, family: str
) -> Iterator[Check]:
    """Yield a check for each thing; ``installed`` tells of programs, ``configs`` are those of kernels by name.

    ``available`` is memory in bytes.
    """
    for need in PROGRAMS:
        name = need.anyof[0]
        ok = installed.get(name, False)
        yield Check(name=name, ok=ok, detail=need.why, fix=remedy([need], family))
    for kernel, file in configs.items():
        options = parse(file.read_text()) if file.is_file() else {}
        lacks = [name for name in _OPTIONS if options.get(name) != "y"]
        told = "; ".join(f"no {name}: without it no {_OPTIONS[name]}" for name in lacks)
        yield Check(
            name=f"kernel {kernel}",
            ok=not lacks,
            detail=told or "can be traced",
            fix="take a kernel of a distribution: `vexlab kernels list`",
            needed=any(name in lacks for name in _NEEDED),
        )
    free = available >> 20
    yield Check(
        name="memory of a traced guest",
        ok=free >= _ROOM_MIB,
        detail=f"{free} MiB are available, {_ROOM_MIB} are needed",
        fix="end other programs",
    )
