"""``--changed``: which cases a change of the target concerns, by what they reached, else by rules on files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import click

from vexlab.cli.earlier import Rest
from vexlab.config import settings_for
from vexlab.coverage.difference import Reaching, changed_lines, moved, reaching
from vexlab.coverage.run import has_coverage, read_coverage, source_of
from vexlab.model.case import RunInfo
from vexlab.model.coverage import Coverage
from vexlab.model.key import CaseKey
from vexlab.model.request import Request, Sandboxing
from vexlab.model.target import Target
from vexlab.plugin.durations import expected_s
from vexlab.results.store import Store
from vexlab.targets.changes import changed_files, concern, module_sources, text_at
from vexlab.targets.load import find_target

_NAMES_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Map:
    """What a run of the target reached: ``source`` is the folder of the sources that it counted."""

    run: RunInfo
    coverage: Coverage
    source: Path


def by_changes(request: Request, revision: str, store: Store, folder: Path) -> Rest:
    """Return what runs the cases that the changes since ``revision`` concern.

    Where an earlier run counted which lines of the target each case reaches, those that reach a changed function come
    first, the rest after them; ``folder`` takes the list. Else it is the domains that rules on files name.
    """
    target = find_target(request.target)
    files = changed_files(target, revision)
    concerned = concern(files, target)
    words = f"since {revision}: {concerned.why}"
    if concerned.nothing:
        return Rest(request=request, words=words, nothing=True)
    sources = module_sources(files, target)
    known = _map(store, target, settings_for(request).sandbox) if sources else None
    if known is None:
        why = "no run has counted which case reaches which function" if sources else "no source of the module changed"
        words += f" (by rules on files: {why})"
        domains = tuple(name for name in concerned.domains if not request.domains or name in request.domains)
        if concerned.domains and not domains:
            return Rest(request=request, words=f"{words}; of these no domain was asked for", nothing=True)
        return Rest(request=replace(request, domains=domains or request.domains), words=words)
    found = reaching(known.coverage, _changed(known, target, revision, sources), _seconds(known.run))
    file = folder / "first.txt"
    given = Path(request.order).read_text() if request.order else ""
    ids = _ids(found, known.run, settings_for(request).kernels)
    file.write_text(given + "".join(f"{case}\n" for case in ids))
    return Rest(request=replace(request, order=str(file)), words=f"since {revision}: {_words(found, known.run)}")


def _map(store: Store, target: Target, sandboxing: Sandboxing) -> _Map | None:
    """Return what the newest run of the target that counted reached, ``None`` where none did."""
    for each in store.overview():
        folder = store.evidence(each.run.id)
        if each.run.target == target.name and has_coverage(folder):
            coverage = read_coverage(folder, sandboxing, progress=_say)
            return _Map(run=each.run, coverage=coverage, source=source_of(folder))
    return None


def _say(words: str) -> None:
    click.echo(words, err=True)


def _changed(known: _Map, target: Target, revision: str, sources: Mapping[str, str]) -> dict[str, frozenset[int]]:
    """Return the changed lines of each source, as they are numbered in the source that was counted."""
    changed = {}
    for name, path in sources.items():
        now, counted = _read(target.file.parent / name), _read(known.source / path)
        before = text_at(target, revision, name)
        if not before:  # new since then; whoever reached what was there when it was counted reaches it
            changed[path] = frozenset(range(1, counted.count("\n") + 2)) if counted else frozenset()
            continue
        places = moved(before, counted)
        changed[path] = frozenset(_place(line, places) for line in changed_lines(before, now))
    return changed


def _place(line: int, places: Mapping[int, int]) -> int:
    """Return where a line stands, or the last one above it that still stands somewhere."""
    return next((places[each] for each in range(line, 0, -1) if each in places), 1)


def _read(file: Path) -> str:
    return file.read_text(errors="replace") if file.is_file() else ""


def _seconds(run: RunInfo) -> Callable[[str], float]:
    """Return what tells how long a case of the run may be expected to take."""
    return lambda case: expected_s(case, CaseKey.parse(case, run.kernels).kernel)


def _ids(found: Reaching, run: RunInfo, kernels: tuple[str, ...]) -> list[str]:
    """Return the ids of the cases on the kernels that are asked for; it was another one that counted."""
    keys = [CaseKey.parse(case, run.kernels) for case in found.cases]
    return [str(replace(key, kernel=kernel)) for key in keys for kernel in (kernels if key.kernel else ("",))]


def _words(found: Reaching, run: RunInfo) -> str:
    names = [f"{name} ({path})" for path, functions in found.functions.items() for name in functions]
    names += [f"{path} outside of its functions" for path in found.whole]
    if not names:
        return f"what changed is in no function that run {run.id} counted; all cases run, by level"
    more = len(names) - _NAMES_SHOWN
    shown = ", ".join(names[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
    if not found.cases:
        return f"{shown} changed, which no case of run {run.id} reaches; all cases run, by level"
    count = len(found.cases)
    first = "the case that reaches it comes first" if count == 1 else f"the {count} cases that reach it come first"
    return f"{shown} changed; {first}, as run {run.id} counted"
