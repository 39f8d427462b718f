"""bpftrace in a guest: started beside what is traced, attached before that begins, ended with its figures."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vexlab.errors import InfraError, MachineError
from vexlab.model.target import Target
from vexlab.model.trace import Trace
from vexlab.trace import parse
from vexlab.trace.cost import Costs
from vexlab.trace.probes import BY_NAME, PROBES, Probe, resolve
from vexlab.trace.program import CALLS, Plan, program
from vexlab.trace.symbols import ModuleText, module_text, parse_kallsyms
from vexlab.vm.machine import Machine
from vexlab.workloads import script

log = logging.getLogger(__name__)

FOLDER = "/run/vexlab-trace"
ATTACH_S = 600.0  # most of it is what LLVM and clang take under emulation
END_S = 120.0
_ASK_S = 30.0
_LOOK_S = 60.0
_OUTPUT_MOST = 64 << 20
_SCRIPT_MOST = 1 << 20
_KEYS = 1 << 16  # entries of a map
_TICK_S = 0.05

# 	'f_op' type_id=612 bits_offset=320
_OFFSET = re.compile(r"'f_op' type_id=\d+ bits_offset=(\d+)")
_LOOK = script("trace_look.sh")
_START = script("trace_start.sh")
_STATE = '[ -e "$1/ready" ] && echo ready; read -r pid <"$1/pid"; [ -d "/proc/$pid" ] && echo alive; :'
_END = '[ -e "$1/ready" ] || exit 0; echo >"$1/stop"'
_KILL = 'read -r pid <"$1/pid" && kill -9 "$pid" 2>/dev/null; rm -rf "$1"; :'
# What is still attached: kprobes of perf's and programs of bpf's.
LEFT = (
    "cat /sys/kernel/debug/kprobes/list; bpftool prog show 2>/dev/null | grep -E ' (kprobe|tracepoint|perf_event) '; :"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be traced: names of probes (none: all that can be set) and the user's own bpftrace scripts."""

    names: tuple[str, ...] = ()
    scripts: tuple[Path, ...] = ()
    calls: int = CALLS


@dataclass(slots=True)
class Tracer:
    """Traces ``target`` in one machine: ``start`` once its module is loaded, ``stop`` before it goes.

    Both may be done again and again; figures add up. ``trace`` returns what was seen.
    """

    machine: Machine
    target: Target
    kernel: str
    wanted: Wanted = field(default_factory=Wanted)
    notes: list[str] = field(default_factory=list)
    _running: _Running | None = None
    _seen: list[Trace] = field(default_factory=list)

    @property
    def is_running(self) -> bool:
        """Whether probes are attached now."""
        return self._running is not None

    def start(self) -> None:
        """Attach the probes.

        Raises ``UsageError`` for a probe that cannot be set, ``MachineError`` with bpftrace's words where it refuses.
        """
        if self._running:
            return
        look = self._look()
        symbols = parse_kallsyms(look.kallsyms, self.target.module)
        probes, notes = resolve(self.wanted.names, self.target, symbols, look.tracepoints)
        text = module_text(self.target.module, look.kallsyms, look.modules)
        unfit = {probe.name: why for probe in probes if (why := _why_not(probe, text, look))}
        probes = tuple(probe for probe in probes if probe.name not in unfit)
        notes = (*notes, *(f"{name}: {why}" for name, why in unfit.items()))
        self._note(notes)
        plan = Plan(
            probes=probes,
            text=(text.low, text.high),
            devices=look.devices,
            f_op=look.f_op,
            calls=self.wanted.calls,
            calibrated=any(probe.kind == "function" for probe in probes),
        )
        costs = Costs(self.machine, plan)
        costs.before()
        programs = [_Program(self.machine, f"{FOLDER}/own", program(plan), "-f json")]
        programs += [
            _Program(self.machine, f"{FOLDER}/script-{number}", file.read_text(), "", name=file.name)
            for number, file in enumerate(self.wanted.scripts)
        ]
        try:
            for each in programs:
                each.start()
            for each in programs:
                each.wait_attached()
            costs.after()
        except BaseException:
            for each in programs:
                each.kill()
            raise
        self._running = _Running(probes=probes, text=text, programs=programs, costs=costs, since=time.monotonic())

    def stop(self) -> None:
        """Detach the probes and keep what they saw; raise ``MachineError`` where the guest cannot tell any more."""
        running, self._running = self._running, None
        if not running:
            return
        seconds = time.monotonic() - running.since
        costs = running.costs.each(running.probes)
        own, *scripts = running.programs
        try:
            printed = parse.parse_output(own.end(_OUTPUT_MOST))
            texts = {each.name: each.end(_SCRIPT_MOST) for each in scripts}
        finally:
            for each in running.programs:
                each.kill()
        self._note(_losses(printed))
        calls, left_out = parse.calls(printed, running.probes)
        self._seen.append(
            Trace(
                target=self.target.name,
                module=self.target.module,
                kernel=self.kernel,
                what="",
                seconds=seconds,
                probes=parse.figures(printed, running.probes, costs),
                locks=parse.lock_waits(printed, running.text),
                outstanding=parse.outstanding(printed, running.text),
                on_cpu=parse.samples(printed, running.text),
                off_cpu=parse.waits(printed, running.text),
                calls=calls,
                left_out=left_out,
                scripts=texts,
            )
        )

    def abandon(self) -> None:
        """Forget a tracer whose machine is gone."""
        if self._running:
            self._running = None
            self._note(["the machine went before the probes could be read, so what they saw last is lost"])

    def trace(self, what: str) -> Trace:
        """Return everything that was seen while ``what`` ran."""
        from vexlab.trace.together import together

        if not self._seen:
            self._note(["the module was never loaded as the probes need it, so nothing was traced"])
        empty = Trace(target=self.target.name, module=self.target.module, kernel=self.kernel, what=what)
        return together(empty, self._seen, self.notes)

    def _note(self, notes: Sequence[str]) -> None:
        self.notes += [note for note in notes if note not in self.notes]

    def _look(self) -> _Look:
        own = [function for _, function in self.target.probes]
        wanted = [*own, *self.wanted.names, *(name for each in PROBES for name in each.kernel)]
        functions = [name.rpartition(":")[2].replace(".", "[.]") for name in wanted if name not in BY_NAME]
        built_in = [f"_*{prefix}_.*" for prefix in dict.fromkeys([self.target.module, self.target.fstype])]
        pattern = "|".join([*functions, *built_in])
        filtered = any(BY_NAME[name].filtered for name in self.wanted.names if name in BY_NAME)
        words = "file" if filtered or not self.wanted.names else ""
        result = self.machine.ash(_LOOK, self.target.module, pattern, words, timeout=_LOOK_S)
        if not result.ok:
            raise MachineError(f"the guest does not tell what can be probed: {result}")
        return _look_of(result.text)


@dataclass(slots=True)
class _Running:
    probes: tuple[Probe, ...]
    text: ModuleText
    programs: list[_Program]
    costs: Costs
    since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    kallsyms: str
    modules: str
    tracepoints: frozenset[str]
    devices: tuple[int, ...]
    f_op: int


def _look_of(text: str) -> _Look:
    kallsyms, _, rest = text.partition("== modules\n")
    modules, _, rest = rest.partition("== tracepoints\n")
    points, _, rest = rest.partition("== devices\n")
    devices, _, member = rest.partition("== file")
    offset = _OFFSET.search(member)
    return _Look(
        kallsyms=kallsyms,
        modules=modules,
        tracepoints=frozenset(line.replace("/", ":") for line in points.splitlines()),
        devices=tuple(map(_device, devices.split())),
        f_op=int(offset[1]) // 8 if offset else 0,
    )


def _why_not(probe: Probe, text: ModuleText, look: _Look) -> str:
    """Return why a probe cannot tell what is the module's from the rest; empty where it can, or need not."""
    if probe.kind == "memory" and not text.low:
        return "the module is built into the kernel, so its calls cannot be told from others"
    if probe.filtered and not (text.low and look.f_op):
        return "the kernel does not say (BTF) which of its files are the module's"
    return ""


def _device(words: str) -> int:
    """Return the kernel's number (include/linux/kdev_t.h: 20 bits for the minor) of a device such as ``254:32``."""
    major, _, minor = words.partition(":")
    return (int(major) << 20) | int(minor)


def _losses(printed: parse.Printed) -> list[str]:
    lost = [f"bpftrace had no room for {printed.lost} calls of the time line"] if printed.lost else []
    return lost + ([f"{printed.odd} lines that bpftrace printed are not understood"] if printed.odd else [])


@dataclass(slots=True)
class _Program:
    """One bpftrace in ``folder`` of the guest."""

    machine: Machine
    folder: str
    text: str
    options: str
    name: str = ""

    def start(self) -> None:
        self.machine.ash('rm -rf "$1"; mkdir -p "$1"', self.folder, timeout=_ASK_S)
        self.machine.push(self.text.encode(), f"{self.folder}/program.bt")
        started = self.machine.ash(_START, self.folder, str(_KEYS), self.options, timeout=_ASK_S)
        if not started.ok:
            raise MachineError(f"bpftrace does not start: {started}")

    def wait_attached(self) -> None:
        for _ in self.machine.deadline(ATTACH_S).poll(_TICK_S, 0.5):
            state = self.machine.ash(_STATE, self.folder, timeout=_ASK_S).text.split()
            if "ready" in state:
                return
            if "alive" not in state:
                break
        else:
            raise MachineError(f"bpftrace has not attached its probes in {ATTACH_S:g} s: {self._log()}")
        said = self._log()
        if self.name:
            raise InfraError(f"bpftrace refuses {self.name}: {said}", hint="it is run by bpftrace 0.17 in the guest")
        raise MachineError(f"bpftrace does not attach its probes: {said}")

    def end(self, most: int) -> str:
        self.machine.ash(_END, self.folder, timeout=_ASK_S)
        for _ in self.machine.deadline(END_S).poll(_TICK_S, 0.5):
            if "alive" not in self.machine.ash(_STATE, self.folder, timeout=_ASK_S).text.split():
                break
        else:
            raise MachineError(f"bpftrace does not end: {self._log()}")
        return self.machine.pull(f"{self.folder}/out", most=most, timeout=END_S).decode(errors="replace")

    def kill(self) -> None:
        self.machine.ash(_KILL, self.folder, timeout=_ASK_S)

    def _log(self) -> str:
        said = self.machine.ash('tail -c 2000 "$1/log"; head -c 500 "$1/out"', self.folder, timeout=_ASK_S).text
        return " ".join(said.split())[-1500:] or "it says nothing"
