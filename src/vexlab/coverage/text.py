"""What a run reached, as lines of text. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from vexlab.coverage.difference import FileDifference
from vexlab.coverage.reasons import Reason, reason_of
from vexlab.model.coverage import Coverage, FileCounts, FunctionCount, Share, Shares, shares, spans

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


def missed(coverage: Coverage, source: Callable[[str], str], reasons: Sequence[Reason] = ()) -> Iterator[str]:
    """Yield what no case reaches: functions that nothing calls, then lines of those that something does.

    ``source`` returns the text of a file. With ``reasons`` each is told with its own, and how many have none.
    """
    count = without = 0
    for path, counts in coverage.files.items():
        text = source(path).splitlines()
        names = {line: _named(counts.function_at(line)) for line, times in counts.lines.items() if not times}
        dead = {each.name: each for each in counts.functions if not each.calls}
        why = {line: _why(reasons, path, name, text, line) for line, name in names.items()}
        count, without = count + len(names), without + sum(not each for each in why.values())
        for each in dead.values():
            told = {why[line] for line, name in names.items() if name == each.name}
            yield f"{path}:{each.first}: {each.name} is never called{_because(told)}"
        for (_, name, reason), lines in _alike(names, why):
            if name in dead:
                continue
            where = f" ({name})" if name else ""
            words = _text(text, lines[0])
            yield f"{path}:{spans(lines)}{where}: {words}".rstrip(": ") + _because({reason})
    if reasons:
        yield f"{_times(count, 'line')} not reached, {without} of them without a reason"


def _named(function: FunctionCount | None) -> str:
    return function.name if function else ""


def _text(text: Sequence[str], number: int) -> str:
    return text[number - 1].strip() if number <= len(text) else ""


def _why(reasons: Sequence[Reason], path: str, function: str, text: Sequence[str], number: int) -> str:
    return reason_of(reasons, path, function, _text(text, number))


def _because(reasons: Iterable[str]) -> str:
    words = "; ".join(sorted(filter(None, reasons)))
    return f" -- {words}" if words else ""


def _alike(names: Mapping[int, str], why: Mapping[int, str]) -> Iterator[tuple[tuple[int, str, str], list[int]]]:
    """Yield lines that follow one another in one function for one reason."""
    ordered = sorted(names)
    keyed = ((line - place, names[line], why[line], line) for place, line in enumerate(ordered))
    for key, group in itertools.groupby(keyed, key=lambda each: each[:3]):
        yield key, [line for *_, line in group]


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
