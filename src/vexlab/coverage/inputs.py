"""What the cases of a run asked of the filesystem, and what never: read from the evidence, as text and as a page."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from vexlab.coverage.partitions import Kind, Partition, partitions, unexpected
from vexlab.errors import UsageError
from vexlab.model.inputs import CASE_FILE, Asked, Inputs, OperationInputs, together

_HINT = "`vexlab run --inputs` counts what the workloads ask of the filesystem; it needs no special kernel"
_STYLE = """
body { font: 14px system-ui, sans-serif; margin: 2em; }
table { border-collapse: collapse; }
th, td { border: 1px solid #bbb; padding: .2em .6em; text-align: left; vertical-align: top; }
td.number { text-align: right; }
.never { background: #f6d5d5; }
.tried { background: #d9efd9; }
"""


def has_inputs(folder: Path) -> bool:
    """Whether the run with its evidence in ``folder`` counted any inputs."""
    return any(folder.glob(f"cases/*/{CASE_FILE}"))


def read_inputs(folder: Path) -> dict[str, OperationInputs]:
    """Return what all cases of the run in ``folder`` asked for; raise ``UsageError`` where it counted nothing."""
    parts = []
    for file in sorted(folder.glob(f"cases/*/{CASE_FILE}")):
        try:
            parts.append(msgspec.json.decode(file.read_bytes(), type=dict[str, OperationInputs]))
        except (OSError, msgspec.MsgspecError) as error:
            raise UsageError(f"{file} cannot be read: {error}", hint="was it changed? Run the cases again") from error
    if not parts:
        raise UsageError(f"the run {folder.name} did not count what was asked of the filesystem", hint=_HINT)
    return together(parts)


def input_lines(inputs: Inputs) -> Iterator[str]:
    """Yield a line for each operation, what was never tried of it, and errors never seen."""
    found = partitions(inputs)
    kinds = tuple(Kind)
    yield f"{'':16} {'calls':>10} " + " ".join(f"{_plural(kind):>10}" for kind in kinds)
    for name in dict.fromkeys(each.operation for each in found):
        own = [each for each in found if each.operation == name]
        calls = inputs[name].calls if name in inputs else 0
        yield f"{name:16} {calls:10} " + " ".join(f"{_had(own, kind):>10}" for kind in kinds)
    yield f"{'all':16} {sum(each.calls for each in inputs.values()):10} " + " ".join(
        f"{_had(found, kind):>10}" for kind in kinds
    )
    yield from _never(inputs)
    if odd := unexpected(inputs):
        yield ""
        yield "errors that the man page does not name:"
        yield from (f"  {each.operation}: {each.name}, {each.count} times" for each in odd)


def asked(inputs: Inputs) -> tuple[Asked, ...]:
    """Return what was asked of each operation in short, in the order of the table."""
    found = partitions(inputs)
    told = []
    for name in dict.fromkeys(each.operation for each in found):
        own = [each for each in found if each.operation == name]
        missing: dict[Kind, list[str]] = {}
        for each in own:
            if not each.count:
                missing.setdefault(each.kind, []).append(each.name)
        told.append(
            Asked(
                operation=name,
                calls=inputs[name].calls if name in inputs else 0,
                tried=sum(each.count > 0 for each in own),
                of=len(own),
                never=tuple(f"{_plural(kind)}: {_short(names)}" for kind, names in missing.items()),
            )
        )
    return tuple(told)


def _never(inputs: Inputs) -> Iterator[str]:
    yield ""
    yield "never tried, and errors never seen:"
    for each in asked(inputs):
        if each.operation not in inputs:
            yield f"  {each.operation}: never called"
            continue
        yield from (f"  {each.operation}, {words}" for words in each.never)


def _plural(kind: Kind) -> str:
    return f"{kind.value}s"


def _had(own: Iterable[Partition], kind: Kind) -> str:
    counts = [each.count for each in own if each.kind is kind]
    return f"{sum(count > 0 for count in counts)}/{len(counts)}" if counts else "-"


def _short(names: Iterable[str]) -> str:
    """Return names in one line; powers of two that follow one another as a range."""
    found: list[list[str]] = []
    for name in names:
        last = found[-1][-1] if found else ""
        follows = name.startswith("2^") and last.startswith("2^") and int(name[2:]) == int(last[2:]) + 1
        if follows:
            found[-1].append(name)
        else:
            found.append([name])
    return " ".join(f"{run[0]}..{run[-1]}" if len(run) > 2 else " ".join(run) for run in found)


def document(inputs: Inputs) -> Mapping[str, object]:
    """Return what is known, for JSON."""
    found = partitions(inputs)
    return {
        "operations": msgspec.to_builtins(inputs, str_keys=True),
        "partitions": msgspec.to_builtins(found),
        "never": msgspec.to_builtins([each for each in found if not each.count]),
        "unexpected": msgspec.to_builtins(unexpected(inputs)),
    }


def page(inputs: Inputs, title: str) -> str:
    """Return a page of HTML: each partition green where it was tried, red where never."""
    found = partitions(inputs)
    rows = []
    for name in dict.fromkeys(each.operation for each in found):
        own = [each for each in found if each.operation == name]
        cells = "".join(f"<td>{_cell(own, kind)}</td>" for kind in Kind)
        calls = inputs[name].calls if name in inputs else 0
        rows.append(f'<tr><th>{html.escape(name)}</th><td class="number">{calls}</td>{cells}</tr>')
    head = "".join(f"<th>{_plural(kind)}</th>" for kind in Kind)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{html.escape(title)}</h1>"
        f"<table><tr><th>operation</th><th>calls</th>{head}</tr>{''.join(rows)}</table></body></html>\n"
    )


def _cell(own: Iterable[Partition], kind: Kind) -> str:
    return " ".join(
        f'<span class="{"tried" if each.count else "never"}" title="{each.count} calls">{html.escape(each.name)}</span>'
        for each in own
        if each.kind is kind
    )
