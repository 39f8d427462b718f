"""The formats of a run's report: one table, one interface. A new format is a line here and a pure function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vexlab.errors import UsageError
from vexlab.report import charts, csvfile, draw, jsonfile, junit, ktap, markdown, page, pdf, sarif, stability, text
from vexlab.report.content import Content, one_line
from vexlab.tables import suggest, visible


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One file of a format, by the name it has in a folder."""

    file: str
    render: Callable[[Content], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A format; of several ``parts`` each is a file. ``screen``: it is printed where no output is named.

    ``charts``: it draws the runs before, which its content must then have. ``check`` raises ``UsageError`` where what
    it needs is not installed.
    """

    name: str
    about: str
    parts: tuple[Part, ...]
    screen: bool = True
    charts: bool = False
    check: Callable[[], None] = lambda: None


def _all_charts(content: Content) -> bytes:
    title = f"{content.headline.word}: {one_line(content.result.run.target)}, run {one_line(content.result.run.id)}"
    return draw.together(charts.charts(content), title).encode()


FORMATS = (
    Format(
        name="html",
        about="one self-contained page",
        parts=(Part(file="report.html", render=page.render),),
        screen=False,
        charts=True,
        check=page.check,
    ),
    Format(
        name="pdf",
        about="pages for a release's file",
        parts=(Part(file="report.pdf", render=pdf.render),),
        screen=False,
        charts=True,
        check=pdf.check,
    ),
    Format(
        name="svg",
        about="the charts as a picture",
        parts=(Part(file="charts.svg", render=_all_charts),),
        charts=True,
        check=draw.check,
    ),
    Format(name="json", about="everything, for programs", parts=(Part(file="result.json", render=jsonfile.render),)),
    Format(name="md", about="a comment of a pull request", parts=(Part(file="report.md", render=markdown.render),)),
    Format(name="junit", about="JUnit XML, for CI servers", parts=(Part(file="junit.xml", render=junit.render),)),
    Format(
        name="csv",
        about="two tables: cases and metrics",
        parts=(
            Part(file="cases.csv", render=csvfile.render_cases),
            Part(file="metrics.csv", render=csvfile.render_metrics),
        ),
        screen=False,
    ),
    Format(name="ktap", about="the kernel's test protocol", parts=(Part(file="report.ktap", render=ktap.render),)),
    Format(name="sarif", about="for code scanning", parts=(Part(file="findings.sarif", render=sarif.render),)),
    Format(name="text", about="one screen, for mailing lists", parts=(Part(file="report.txt", render=text.render),)),
)
ONLY: Mapping[str, Callable[[Content], bytes]] = {"stability": stability.render}  # parts of a report by themselves
BY_NAME = {each.name: each for each in FORMATS}


def chosen(names: str) -> tuple[Format, ...]:
    """Return the formats of a list with commas, each once; raise ``UsageError`` for one that there is not."""
    found = []
    for name in dict.fromkeys(word.strip() for word in names.split(",") if word.strip()):
        if name not in BY_NAME:
            raise UsageError(f"no format `{visible(name)[:80]}`", hint=suggest(name, BY_NAME))
        BY_NAME[name].check()
        found.append(BY_NAME[name])
    if not found:
        raise UsageError("no format is named", hint=f"there are {', '.join(BY_NAME)}")
    return tuple(found)
