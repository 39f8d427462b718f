"""What a run reached, as lines of text. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from vexlab.coverage.difference import FileDifference
from vexlab.model.coverage import Coverage, FileCounts, FunctionCount, Share, Shares, runs, shares, spans

_NAME = 34
_HEAD = f"{'':{_NAME}} {'lines':>20} {'functions':>18} {'branches':>20}"
_UNREAD_SHOWN = 5


def table(coverage: Coverage, *, functions: bool = False) -> Iterator[str]:
    """Yield a line for each file, and with ``functions`` for each function of it, and one for all together."""
    yield _HEAD
    for path, counts in coverage.files.items():
        yield _row(path, shares([counts]))
        for each in counts.functions if functions else ():
            yield _row(f"  {each.name}", shares([_only(counts, each)]), calls=each.calls)
    yield _row("all", shares(coverage.files.values()))
    yield ""
    yield f"{_times(len(coverage.cases), 'case')} gave counters"
    yield from _unread(coverage.unread)


def _row(name: str, found: Shares, *, calls: int | None = None) -> str:
    middle = _of(found.functions) if calls is None else _times(calls, "call")
    return f"{name:{_NAME}} {_of(found.lines):>20} {middle:>18} {_of(found.branches):>20}".rstrip()


def _times(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _of(share: Share) -> str:
    return f"{share.reached}/{share.of} {share.percent:5.1f} %" if share.of else "-"


def _only(counts: FileCounts, function: FunctionCount) -> FileCounts:
    """Return what of a file's counts belongs to one of its functions."""
    inside = range(function.first, function.last + 1)
    return FileCounts(
        lines={line: count for line, count in counts.lines.items() if line in inside},
        branches={line: ways for line, ways in counts.branches.items() if line in inside},
    )


def _unread(unread: Mapping[str, str]) -> Iterator[str]:
    if unread:
        yield f"of {_times(len(unread), 'case')} something is missing:"
    for case, why in list(unread.items())[:_UNREAD_SHOWN]:
        yield f"  {case}: {why}"
    if len(unread) > _UNREAD_SHOWN:
        yield f"  and {len(unread) - _UNREAD_SHOWN} more"


def missed(coverage: Coverage, source: Callable[[str], str]) -> Iterator[str]:
    """Yield what no case reaches: functions that nothing calls, then lines of those that something does.

    ``source`` returns the text of a file.
    """
    for path, counts in coverage.files.items():
        dead = [each for each in counts.functions if not each.calls]
        inside = {line for each in dead for line in range(each.first, each.last + 1)}
        lines = [line for line, count in counts.lines.items() if not count and line not in inside]
        text = source(path).splitlines()
        for each in dead:
            yield f"{path}:{each.first}: {each.name} is never called"
        for first, last in runs(lines):
            function = counts.function_at(first)
            where = f" ({function.name})" if function else ""
            words = text[first - 1].strip() if first <= len(text) else ""
            yield f"{path}:{spans(range(first, last + 1))}{where}: {words}".rstrip(": ")


def line(coverage: Coverage, path: str, number: int, source: Callable[[str], str]) -> Iterator[str]:
    """Yield which cases reach a line, and the line itself."""
    counts = coverage.files[path]
    text = source(path).splitlines()
    function = counts.function_at(number)
    where = f" in {function.name}" if function else ""
    words = text[number - 1].strip() if number <= len(text) else ""
    yield f"{path}:{number}{where}: {words}"
    if number not in counts.lines:
        yield "the compiler made no code of this line, so nothing is counted there"
        return
    ways = counts.branches.get(number, ())
    taken = f", branches {', '.join(map(str, ways))}" if ways else ""
    yield f"it ran {_times(counts.lines[number], 'time')}{taken}"
    for case in coverage.reaching(path, [number]):
        yield f"  {case}"


def difference_lines(found: Sequence[FileDifference], before: str) -> Iterator[str]:
    """Yield what is reached now and was not by the run ``before``, and the other way round."""
    if not found:
        yield f"the same lines are reached as by {before}"
    for each in found:
        yield f"{each.path}: {len(each.gained)} lines gained, {len(each.lost)} lost, {each.new} new"
        yield from _spans("gained", each.gained)
        yield from _spans("lost", each.lost)


def _spans(word: str, lines: Iterable[int]) -> Iterator[str]:
    if text := spans(lines):
        yield f"  {word}: {text.replace(',', ', ')}"
