"""``vexlab classify``: read kernel logs and say what went wrong in them."""

from __future__ import annotations

import datetime
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
import msgspec

from vexlab.classify import known as known_issues
from vexlab.classify.known import KnownIssue
from vexlab.classify.stream import classify_stream
from vexlab.cli.answer import Answer, FoundReport
from vexlab.config import cache_dir
from vexlab.errors import UsageError

_CHUNK = 1 << 20
_MOST_DISTINCT = 10_000  # different findings kept of one call; a flood has few


@click.command("classify")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, allow_dash=True), metavar="[FILE...|-]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for programs.")
@click.option("--vmlinux", type=click.Path(path_type=Path), help="Kernel with debug information, for file:line.")
@click.option(
    "--module",
    "modules",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="M.ko",
    help="Module under test with debug information; its frames are marked.",
)
@click.option(
    "--target", "targets", multiple=True, metavar="NAME", help="Name of a module under test, without its file."
)
@click.option("--known", "known", type=click.Path(path_type=Path), metavar="FILE", help="Known issues (TOML).")
@click.option("--text/--no-text", default=False, help="Print the extracted report, too.")
@click.option("--all/--distinct", "every", default=False, help="Print repeats of the same finding one by one.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    files: tuple[Path, ...],
    as_json: bool,
    vmlinux: Path | None,
    modules: tuple[Path, ...],
    targets: tuple[str, ...],
    known: Path | None,
    text: bool,
    every: bool,
) -> None:
    """Find crashes, splats and stalls in kernel logs: dmesg, serial console, journal.

    Without FILE, or with -, standard input is read. The exit status is 0 where nothing was found, 1 where
    something was (known issues do not count, expired ones do), 2 where the input is wrong.
    """
    issues = known_issues.load(known) if known else ()
    names = (*targets, *(path.name.split(".")[0] for path in modules))
    found = _distinct(_read_all(files or (Path("-"),), names), every=every)
    found = _symbolised(found, vmlinux, modules)
    answer = _sort_out(found, issues)
    if as_json:
        click.echo(msgspec.json.encode(answer).decode())
    else:
        from vexlab.cli.findings import render  # which imports rich

        render(answer, text=text)
    new = any(not finding.known for finding in answer.findings)
    ctx.exit(1 if new or answer.expired else 0)


def _read_all(files: Iterable[Path], targets: tuple[str, ...]) -> Iterator[FoundReport]:
    for path in files:
        for report in classify_stream(_chunks(path), target_modules=targets):
            yield FoundReport(file=str(path), report=report)


def _chunks(path: Path) -> Iterator[str]:
    """A file's text in pieces; what is not UTF-8 is replaced."""
    if str(path) == "-":
        sys.stdin.reconfigure(errors="replace", newline="\n")  # type: ignore[union-attr]
        while piece := sys.stdin.read(_CHUNK):
            yield piece
        return
    try:
        with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
            while piece := file.read(_CHUNK):
                yield piece
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error


def _distinct(findings: Iterable[FoundReport], *, every: bool) -> list[FoundReport]:
    """Repeats counted instead of listed, so that a flood of one crash is one finding."""
    if every:
        return list(findings)
    kept: dict[tuple[str, str], FoundReport] = {}
    for finding in findings:
        key = (finding.file, finding.report.fingerprint)
        first = kept.get(key)
        if first is not None:
            kept[key] = msgspec.structs.replace(first, count=first.count + 1)
        elif len(kept) < _MOST_DISTINCT:
            kept[key] = finding
    return list(kept.values())


def _symbolised(found: list[FoundReport], vmlinux: Path | None, modules: tuple[Path, ...]) -> list[FoundReport]:
    if not vmlinux and not modules:
        return found
    from vexlab.classify.symbols import DebugInfo, symbolise

    info = DebugInfo(vmlinux=vmlinux, modules={path.name.split(".")[0]: path for path in modules})
    done = symbolise((finding.report for finding in found), info, cache=cache_dir())
    for remark in done.remarks:
        click.echo(f"note: {remark}", err=True)
    return [
        msgspec.structs.replace(finding, report=report) for finding, report in zip(found, done.reports, strict=True)
    ]


def _sort_out(found: list[FoundReport], issues: tuple[KnownIssue, ...]) -> Answer:
    today = datetime.datetime.now(tz=datetime.UTC).date()
    findings = []
    for finding in found:
        divided = known_issues.sort_out((finding.report,), issues, today=today)
        reason = divided.known[0][1] if divided.known else None
        words = reason.words if reason else ""
        findings.append(msgspec.structs.replace(finding, known=words))
    expired = known_issues.sort_out((), issues, today=today).expired
    return Answer(findings=tuple(findings), expired=expired)
