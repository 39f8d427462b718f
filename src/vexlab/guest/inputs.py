"""The guest's table of what its workloads asked of the filesystem: made, read back. Its form is that of inputs.h.

The workloads that are linked with ``lib/wrap*.c`` count their calls there (``WATCHED`` in their Makefile). What ends in
a panic is lost with the machine.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from functools import cache

from vexlab.errors import OddAnswer
from vexlab.model.inputs import OperationInputs
from vexlab.vm.machine import Machine
from vexlab.workloads import WORKLOADS

_HEADER = "lib/inputs.h"
_RARE_HEADER = "lib/rare.h"
# Anyone's program must be able to count: some give up their rights.
_MAKE = 'printf %s "$1" >"$2" && truncate -s "$3" "$2" && chmod 666 "$2"'
_READ_S = 30.0
# define INPUTS_FLAG 1 /* no flag; then a counter for each bit of the flags */
_NUMBER = re.compile(r"^#define INPUTS_(\w+) (\d+)", re.MULTILINE)
# define RARE_FILE "/run/vexlab-rare"
_RARE_FILE = re.compile(r'^#define RARE_FILE "(\S+)"$', re.MULTILINE)
# define INPUTS_FILE "/run/vexlab-inputs"
_FILE = re.compile(r'^#define INPUTS_FILE "(\S+)"$', re.MULTILINE)
# 	op(copy_file_range) \
_OPERATION = re.compile(r"^\top\((\w+)\)", re.MULTILINE)
_BITS, _DIGITS = 32, 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where things stand in the table: ``path`` in the guest, ``header`` bytes, ``cells`` counters an operation.

    The others are the first counters of their kind.
    """

    path: str
    header: int
    cells: int
    operations: tuple[str, ...]
    calls: int
    flag: int
    size: int
    offset: int
    errno: int
    errno_most: int

    @property
    def bytes(self) -> int:
        """The size of the whole table."""
        return self.header + 8 * self.cells * len(self.operations)


def parse_layout(text: str) -> Layout:
    """Read the header; raise ``ValueError`` where it does not say what it must."""
    numbers = {name.lower(): int(value) for name, value in _NUMBER.findall(text)}
    path = _FILE.search(text)
    operations = tuple(_OPERATION.findall(text))
    if not path or not operations:
        raise ValueError(f"{_HEADER} names no file, or no operations")
    names = ("header", "cells", "calls", "flag", "size", "offset", "errno", "errno_most")
    return Layout(path=path[1], operations=operations, **{name: numbers[name] for name in names})


@cache
def layout() -> Layout:
    """Return the layout of the tables that our workloads fill."""
    return parse_layout((WORKLOADS.source / _HEADER).read_text())


@cache
def rare_file() -> str:
    """Return where the guest's programs look for the list of what they are to draw more of."""
    path = _RARE_FILE.search((WORKLOADS.source / _RARE_HEADER).read_text())
    if not path:
        raise ValueError(f"{_RARE_HEADER} names no file")
    return path[1]


def begin(machine: Machine, fstype: str) -> bool:
    """Have the machine's workloads count what they ask of filesystems of this type; ``False`` where it cannot."""
    form = layout()
    return machine.ash(_MAKE, fstype[: form.header - 1], form.path, str(form.bytes), timeout=_READ_S).ok


def read_inputs(machine: Machine) -> dict[str, OperationInputs]:
    """Return what was counted since ``begin``. Raises ``OddAnswer`` where the table is none; as ``Machine.pull``."""
    form = layout()
    return parse(machine.pull(form.path, most=form.bytes + 1, timeout=_READ_S), form)


def parse(data: bytes, form: Layout) -> dict[str, OperationInputs]:
    """Read a table; an operation that was never called is left out."""
    if len(data) != form.bytes:
        raise OddAnswer(f"the guest's table of inputs has {len(data)} bytes instead of {form.bytes}")
    counters = struct.unpack(f"<{form.cells * len(form.operations)}Q", data[form.header :])
    found = {}
    for number, name in enumerate(form.operations):
        own = counters[number * form.cells : (number + 1) * form.cells]
        if own[form.calls]:
            found[name] = OperationInputs(
                calls=own[form.calls],
                flags=_counts(own[form.flag : form.flag + 1 + _BITS], least=-1),
                sizes=_counts(own[form.size : form.size + 1 + _DIGITS]),
                offsets={
                    **({-1: own[form.errno - 1]} if own[form.errno - 1] else {}),
                    **_counts(own[form.offset : form.offset + _DIGITS]),
                },
                errnos=_counts(own[form.errno : form.errno + 1 + form.errno_most]),
            )
    return found


def _counts(cells: tuple[int, ...], *, least: int = 0) -> dict[int, int]:
    return {number: count for number, count in enumerate(cells, least) if count}
