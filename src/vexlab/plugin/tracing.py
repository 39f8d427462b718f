"""Tracing of a case's machines, where the run asks for it: probes come with the module, what they saw is evidence."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import pytest

from vexlab import temporary
from vexlab.errors import GuestTimeout, InfraError, MachineError, MachineLost, UsageError
from vexlab.images.modules import read_module
from vexlab.lab import Order
from vexlab.model.metric import Metric, measured
from vexlab.model.trace import ErrnoTrace, Trace
from vexlab.plugin.options import request_of, the_lab
from vexlab.targets.build import debug_file
from vexlab.targets.in_tree import is_built_in
from vexlab.trace.errno import ErrnoProbes
from vexlab.trace.files import write_trace
from vexlab.trace.functions import returning
from vexlab.trace.places import with_places
from vexlab.trace.together import together
from vexlab.trace.tracer import Tracer, Wanted
from vexlab.trace.words import errno_lines
from vexlab.trace.work import explained
from vexlab.vm.machine import Machine
from vexlab.vm.transcript import Transcript

log = logging.getLogger(__name__)

ERRNO_FILE, ERRNO_TEXT = "errno.json", "errno.txt"
_PATIENCE = 5.0  # how many times as long a traced machine may take for anything: loading the module sets its probes
_LOADS_MOST = 4  # loads of a module in a case that are traced: attaching takes seconds


@dataclass(slots=True)
class CaseTracing:
    """What is traced in the machines of one case: ``wanted`` probes, the way of the error ``errno``, or both."""

    cache: Path
    wanted: Wanted | None = None
    errno: str = ""
    _machine: Machine | None = None
    _order: Order | None = None
    _tracer: Tracer | None = None
    _probes: ErrnoProbes | None = None
    _loads: int = 0
    _traces: list[Trace] = field(default_factory=list)
    _ways: list[ErrnoTrace] = field(default_factory=list)

    def attach(self, machine: Machine, order: Order) -> None:
        """Begin with a machine, fresh and with the module not loaded; probes follow when it is."""
        if self._machine:  # the last one was killed
            self.detach(usable=False)
        self._machine, self._order = machine, order
        machine.patience = _PATIENCE
        if self.errno and (functions := _functions(order)):
            known, notes = _arguments(order, functions)
            self._probes = ErrnoProbes(machine, order.target.module, self.errno, functions, known, notes)
            with machine.transcript.paused():  # none of the case's own commands
                self._probes.set()
        if self.wanted is not None:
            self._tracer = Tracer(machine=machine, target=order.target, kernel=order.kernel.name, wanted=self.wanted)
            machine.module_watch = self
            if is_built_in(order.kernel, order.target):
                self.after_load()

    def after_load(self) -> None:
        """Attach the probes to the module that was loaded."""
        self._loads += 1
        if not self._tracer or not self._machine:
            return
        if self._loads > _LOADS_MOST:
            self._note(f"only the first {_LOADS_MOST} loads of the module are traced")
            return
        self._try(self._tracer.start)

    def before_unload(self) -> None:
        """Read the probes before the functions go that they are on."""
        if self._tracer:
            self._try(self._tracer.stop)

    def detach(self, *, usable: bool) -> None:
        """Read the probes of a machine that goes; ``usable`` tells whether it still answers."""
        tracer, probes, order = self._tracer, self._probes, self._order
        self._tracer = self._probes = None
        if self._machine:
            self._machine.module_watch = None
        self._machine = None
        if tracer and order:
            if usable:
                with contextlib.suppress(MachineError):  # what is wrong with the machine, others see
                    tracer.stop()
            tracer.abandon()
            self._traces.append(explained(tracer.trace(""), order.artifact, order.target, self.cache))
        if probes and order and usable:
            with contextlib.suppress(MachineError):
                file = debug_file(order.artifact, order.target.module)
                self._ways.append(with_places(probes.read(), file, self.cache, order.target.source))
                probes.remove()

    def write(self, folder: Path) -> tuple[Metric, ...]:
        """Write what was seen in all machines so far to ``folder``, and return its figures as metrics."""
        if self._ways:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / ERRNO_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(self._ways)))
            text = "\n".join(line for way in self._ways for line in (*errno_lines(way), ""))
            (folder / ERRNO_TEXT).write_text(text, errors="replace")
        if not self._traces:
            return ()
        notes = (note for each in self._traces for note in each.notes)
        trace = together(replace(self._traces[0], what=folder.name, notes=()), self._traces, notes)
        write_trace(trace, folder)
        return tuple(_metrics(trace))

    def _try(self, step: Callable[[], None]) -> None:
        """Do a step of tracing, whose failure is no fault of the case's; what ended the machine is everybody's."""
        transcript = self._machine.transcript if self._machine else Transcript()
        try:
            with transcript.paused():
                step()
        except (GuestTimeout, MachineLost, UsageError):
            raise
        except InfraError as error:
            log.warning("tracing: %s", error.message)
            self._note(error.message)

    def _note(self, words: str) -> None:
        if self._tracer and words not in self._tracer.notes:
            self._tracer.notes.append(words)


def tracing_of(config: pytest.Config) -> CaseTracing | None:
    """Return what a case's recorder traces, ``None`` where the run asks for nothing."""
    request = request_of(config)
    if not (request.trace or request.trace_errno):
        return None
    wanted = Wanted(names=request.trace_probes) if request.trace else None
    return CaseTracing(cache=the_lab(config).cache.root, wanted=wanted, errno=request.trace_errno)


def _functions(order: Order) -> tuple[str, ...]:
    """Return the functions of the target's module that return a value; empty where there is no file of it."""
    file = debug_file(order.artifact, order.target.module)
    if file is not None:
        return returning(file)
    found = sorted(order.kernel.modules.rglob(f"{order.target.module}.ko*"))
    if not found:
        return ()
    with temporary.folder("module") as folder:
        (folder / "whole.ko").write_bytes(read_module(found[0]))
        return returning(folder / "whole.ko")


def _arguments(order: Order, functions: Sequence[str]) -> tuple[Mapping[str, str], list[str]]:
    """Return what fetches the arguments of functions, and why there is none."""
    file = debug_file(order.artifact, order.target.module)
    if file is None:
        return {}, []
    try:
        from vexlab.trace.arguments import fetches
    except ImportError:
        return {}, ["what functions were called with needs the extra vexlab[debug]"]
    try:
        return fetches(file, functions), []
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        return {}, [f"what functions were called with cannot be read from {file.name}: {error}"]


def _metrics(trace: Trace) -> Iterable[Metric]:
    for each in trace.probes:
        yield measured(f"trace_{each.name}_calls_count".replace(":", "_"), each.calls)
        if each.unit == "ns" and each.buckets:
            for percent in (50, 99):
                name = f"trace_{each.name}_p{percent}_us".replace(":", "_")
                yield measured(name, round(each.percentile(percent) / 1000, 3))
