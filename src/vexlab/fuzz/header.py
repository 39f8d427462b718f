"""A target's uapi header, compiled: the layout of its structures and the values of its constants.

The compiler and pahole run in the sandbox of builds, as a target's Makefile does: a header is other people's work.
"""

from __future__ import annotations

import struct
import tempfile
from pathlib import Path

from vexlab import process
from vexlab.errors import InfraError, UsageError
from vexlab.fuzz.layout import Call, Interface, Named, check_sizes, named_in, parse_pahole, with_comments
from vexlab.model.request import Sandboxing
from vexlab.model.target import Target
from vexlab.targets.sandbox import Workplace, wanted

_STEP_S = 60.0
_MOST = 1 << 20  # bytes of a header
_WORDS = 1000
_SECTION = ".vexlab"


def interface_of(target: Target, sandboxing: Sandboxing = "auto") -> Interface:
    """Return the interface that the ``uapi`` (or ``[fuzz] header``) of ``target`` defines.

    Raises ``UsageError`` where the target names none, or it does not compile.
    """
    if target.fuzz is None or target.fuzz.header is None:
        raise UsageError(
            f"{target.name} names no header of its ioctls",
            hint='`uapi = ["include/uapi/x.h"]` in target.toml does',
        )
    return read_header(target.fuzz.header, sandboxing)


def read_header(header: Path, sandboxing: Sandboxing = "auto") -> Interface:
    """Return the interface that ``header`` defines; raises as ``interface_of``."""
    text = header.read_bytes()[:_MOST].decode(errors="replace")
    named = named_in(text)
    if process.find("pahole") is None:
        raise InfraError("pahole is not installed", hint="`vexlab doctor --for kernels` names the package")
    with tempfile.TemporaryDirectory(prefix="vexlab-header-") as folder:
        work = Path(folder).resolve()
        place = Workplace(work=work, readable=(header.parent.resolve(),), sandboxed=wanted(sandboxing))
        (work / "probe.c").write_text(_probe(header.resolve(), named))
        _step(place, ["gcc", "-g", "-O0", "-w", "-c", "-o", "probe.o", "probe.c"], f"{header} does not compile")
        _step(place, ["objcopy", "-O", "binary", "-j", _SECTION, "probe.o", "values"], "its constants cannot be read")
        layout = _step(place, ["pahole", "probe.o"], "its layout cannot be read")
        values = [value for (value,) in struct.iter_unpack("<q", (work / "values").read_bytes())]
    return _assembled(text, named, layout, values)


def _step(place: Workplace, argv: list[str], what: str) -> str:
    done = place.run(argv, timeout=_STEP_S)
    if done.returncode:
        raise UsageError(f"{what}: {done.error_text.strip()[:_WORDS]}")
    return done.text


def _probe(header: Path, named: Named) -> str:
    """Return a C file that uses every structure and every constant, so that both are in the object."""
    names = [*(name for name, _, _ in named.ioctls), *named.constants]
    values = "".join(f"\t(long long)({name}),\n" for name in names)
    structures = "".join(f"struct {name} vexlab_structure_{name};\n" for name in named.structures)
    return (
        f'#include "{header}"\n{structures}'
        f'const long long vexlab_values[] __attribute__((section("{_SECTION}"))) = {{\n{values}}};\n'
    )


def _assembled(text: str, named: Named, layout: str, values: list[int]) -> Interface:
    if len(values) != len(named.ioctls) + len(named.constants):
        raise InfraError(f"the compiler gave {len(values)} values for {len(named.ioctls) + len(named.constants)} names")
    numbers, rest = values[: len(named.ioctls)], values[len(named.ioctls) :]
    constants = dict(zip(named.constants, rest, strict=True))
    structures = with_comments(parse_pahole(layout), text, constants)
    calls = []
    for (name, way, kind), number in zip(named.ioctls, numbers, strict=True):
        structure = structures.get(kind.removeprefix("struct ")) if kind.startswith("struct ") else None
        number &= 0xFFFFFFFF  # noqa: PLW2901 - the compiler gave it as a signed one
        calls.append(
            Call(
                name=name,
                number=number,
                way=way,
                structure=structure.name if structure else "",
                size=structure.size if structure else number >> 16 & 0x3FFF,
            )
        )
    found = Interface(calls=tuple(calls), structures=structures, constants=constants, enums=named.enums)
    if wrong := check_sizes(found):
        raise InfraError(f"the header was misread: {wrong[0]}")
    return found
