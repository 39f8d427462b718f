"""Findings for people: one block each, in colour where the terminal has it. Log text is never read as markup."""

from __future__ import annotations

import re

from rich.console import Console
from rich.text import Text

from vexlab.cli.answer import Answer, FoundReport
from vexlab.model.report import Frame, Report, Severity

_STYLES = {Severity.FATAL: "bold white on red", Severity.CRASH: "bold red", Severity.WARNING: "bold yellow"}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_MOST_FRAMES = 16
_MOST_TRACES = 3


def render(answer: Answer, *, text: bool) -> None:
    """Print findings, then expired known issues, then a line of counts."""
    console = Console(highlight=False, soft_wrap=True)
    for finding in answer.findings:
        _finding(console, finding, text=text)
    for issue in answer.expired:
        words = f"known issue expired on {issue.expires}: {issue.name} ({issue.owner})"
        console.print(Text(_plain(words), style="bold yellow"))
    new = sum(not finding.known for finding in answer.findings)
    known = len(answer.findings) - new
    console.print(Text(f"{new} finding{'s' * (new != 1)}" + (f", {known} known" if known else "")))


def _plain(text: str) -> str:
    """Without control characters, which could drive the reader's terminal."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def _finding(console: Console, finding: FoundReport, *, text: bool) -> None:
    report = finding.report
    head = Text()
    head.append(f"{report.severity.value}", style="dim" if finding.known else _STYLES[report.severity])
    head.append(f"  {_plain(report.title)}", style="dim" if finding.known else "bold")
    if report.target_frame and report.target_frame != report.frame:
        head.append(f"  (target: {_plain(report.target_frame)})", style="dim" if finding.known else "bold")
    if finding.count > 1:
        head.append(f"  x{finding.count}")
    console.print(head)
    for name, value in _facts(finding):
        console.print(Text.assemble((f"  {name:<12}", "dim"), _plain(value)))
    if finding.known:
        console.print(Text(f"  known issue: {_plain(finding.known)}", style="italic"))
    for trace in report.traces[:_MOST_TRACES]:
        console.print(Text(f"  {_plain(trace.heading)}", style="dim"))
        shown = [frame for frame in trace.frames if not frame.guess]
        for frame in shown[:_MOST_FRAMES]:
            console.print(_frame(frame, report))
        if len(shown) > _MOST_FRAMES:
            console.print(Text(f"    … {len(shown) - _MOST_FRAMES} more", style="dim"))
    if text:
        console.print(Text("\n".join(f"  | {_plain(line)}" for line in report.text.split("\n"))))
    console.print()


def _facts(finding: FoundReport) -> list[tuple[str, str]]:
    report = finding.report
    flags = [word for word, is_set in (("corrupted", report.corrupted), ("suppressed", report.suppressed)) if is_set]
    rows = (
        ("type", " · ".join((report.type, *flags))),
        ("in", report.frame),
        ("target", report.target_frame or "yes" if report.in_target else ""),
        ("task", f"{report.task}:{report.pid}" if report.task else ""),
        ("cpu", str(report.cpu) if report.cpu >= 0 else ""),
        ("kernel", report.release),
        ("taint", " ".join(report.taint)),
        ("where", f"{finding.file}:{report.first_line}-{report.last_line}"),
        ("fingerprint", report.fingerprint),
        ("note", report.remark),
        ("then", "; ".join(report.follow_on[:4])),
    )
    return [(name, value) for name, value in rows if value]


def _frame(frame: Frame, report: Report) -> Text:
    blamed = frame.function in (report.frame, report.target_frame)
    line = Text("    ")
    line.append(frame.function, style="bold" if blamed else "")
    if frame.offset >= 0:
        line.append(f"+{frame.offset:#x}" + (f"/{frame.size:#x}" if frame.size >= 0 else ""))
    if frame.module:
        line.append(f" [{frame.module}]", style="cyan")
    if frame.source:
        line.append(f" {_plain(frame.source)}", style="green")
    if frame.inline:
        line.append(" [inline]", style="dim")
    return line
