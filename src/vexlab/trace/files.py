"""A trace in a folder: the trace itself, the same for people, pictures, and files for other programs."""

from __future__ import annotations

from pathlib import Path

import msgspec

from vexlab.errors import UsageError
from vexlab.model.trace import FILE, FORMAT, Trace
from vexlab.trace.chrome import chrome_trace
from vexlab.trace.flame import flame_svg, speedscope
from vexlab.trace.words import lines_of

TEXT = "trace.txt"
TIME_LINE = "trace.chrome.json"
_MOST = 256 << 20  # bytes of a trace that is read


def write_trace(trace: Trace, folder: Path) -> tuple[Path, ...]:
    """Write everything about ``trace`` to ``folder`` and return the files; raises ``OSError``."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {FILE: msgspec.json.encode(trace), TEXT: "\n".join([*lines_of(trace), ""]).encode()}
    if trace.calls:
        files[TIME_LINE] = chrome_trace(trace)
    pictures = (
        ("on-cpu", "on the processor", trace.on_cpu, "samples", "none"),
        ("off-cpu", "waiting", trace.off_cpu, "ns", "nanoseconds"),
        ("locks", "waiting for locks", trace.locks, "ns", "nanoseconds"),
        ("outstanding", "allocated and not freed", trace.outstanding, "bytes", "bytes"),
    )
    for name, title, stacks, unit, word in pictures:
        if stacks:
            whole = f"{trace.target}: {title}"
            files[f"{name}.svg"] = flame_svg(stacks, module=trace.module, title=whole, unit=unit).encode()
            files[f"{name}.speedscope.json"] = speedscope(stacks, name=whole, unit=word)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return tuple(folder / name for name in files)


def read_trace(file: Path) -> Trace:
    """Return the trace in ``file``, or in the folder that is named; raise ``UsageError``."""
    if file.is_dir():
        file = file / FILE
    try:
        if file.stat().st_size > _MOST:
            raise UsageError(f"{file} is larger than {_MOST >> 20} MiB")
        trace = msgspec.json.decode(file.read_bytes(), type=Trace)
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}", hint=f"name the {FILE} of a trace") from error
    except msgspec.DecodeError as error:
        raise UsageError(f"{file} is no trace: {error}", hint=f"name the {FILE} of a trace") from error
    if trace.format != FORMAT:
        raise UsageError(f"{file} has format {trace.format}, this vexlab reads {FORMAT}", hint="trace it anew")
    return trace
