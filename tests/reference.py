"""The tables of docs/reference that are made from the code. `python -m tests.reference` writes them anew.

What stands between two comments, `<!-- made: NAME -->` and `<!-- end -->`, is made; the rest of a page is written.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import click

import vexlab.plugin
from vexlab.cli.run import command as run
from vexlab.config import ComponentSettings, DomainSettings, Settings
from vexlab.library.collector import ResultCollector
from vexlab.library.machines import VMConfig, VMInstance, VMManager
from vexlab.library.stress import StressTestFramework
from vexlab.model.setting import ABOUT
from vexlab.plugin import DomainBase, TestResult, TestStatus
from vexlab.plugin.marks import MARKS
from vexlab.vm.machine import Machine

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
# <!-- made: machine --> … <!-- end -->
_MADE = re.compile(r"<!-- made: (\w+) -->\n.*?<!-- end -->\n", re.DOTALL)
# def exec(self, argv: Sequence[str], *, timeout: float = 30.0) -> CommandResult:
_DEFINITION = re.compile(r"def (\w+)\(\s*(?:self|cls)(?:,\s*)?(.*?),?\s*\)( -> .*?)?:\n", re.DOTALL)


def machine() -> str:
    """Return a section for each public method and property of ``Machine``."""
    return "\n".join(_section(name, member) for name, member in vars(Machine).items() if not name.startswith("_"))


def fixtures() -> str:
    """Return a table of the plugin's fixtures: name, what it is, how long it lives, what it is for."""
    rows = ["| fixture | is | lives for | about |", "|---|---|---|---|"]
    for name, function in plugin_fixtures().items():
        lives = "session" if 'scope="session"' in inspect.getsource(function) else "case"
        rows.append(f"| `{name}` | `{_cell(_given(function))}` | {lives} | {_cell(_words(function.__doc__))} |")
    return "\n".join([*rows, ""])


def marks() -> str:
    """Return a table of the plugin's marks."""
    rows = (f"| `{_cell(name)}` | {_cell(meaning)} |" for name, meaning in MARKS.items())
    return "\n".join(["| mark | meaning |", "|---|---|", *rows, ""])


def run_options() -> str:
    """Return a table of all options of ``vexlab run``."""
    rows = ["| option | meaning |", "|---|---|"]
    for parameter in run.params:
        if not isinstance(parameter, click.Option):
            continue
        flags = f"`{', '.join(sorted(parameter.opts, key=len))}{_metavar(parameter)}`"
        default = f" Default: `{parameter.default}`." if parameter.show_default else ""
        variable = f" Variable: `{parameter.envvar}`." if parameter.envvar else ""
        rows.append(f"| {_cell(flags)} | {_cell(parameter.help or '')}{_bounds(parameter)}{default}{variable} |")
    return "\n".join([*rows, ""])


def settings() -> str:
    """Return a table of every setting: its default with the unit, and what it means."""
    rows = ["| setting | default | meaning |", "|---|---|---|"]
    for name, about in ABOUT.items():
        default = about.default or _default(name)
        rows.append(f"| `{name}` | {_cell(default)} {about.unit if default else ''} | {_cell(about.words)} |")
    return "\n".join([*rows, ""])


def _default(name: str) -> str:
    value: object = Settings()
    for part in name.split("."):
        if isinstance(value, dict) and name.startswith("suites"):
            return ""
        if isinstance(value, dict):
            value = DomainSettings() if name.startswith("domains") else ComponentSettings()
            continue
        value = getattr(value, part)
    if value in (None, "", ()):
        return ""
    return f"`{', '.join(map(str, value)) if isinstance(value, tuple) else str(value).lower()}`"


def library() -> str:
    """Return a section for each class that `from vexlab import …` offers, with its methods."""
    lines = []
    for each in (
        VMManager,
        VMInstance,
        VMConfig,
        ResultCollector,
        StressTestFramework,
        DomainBase,
        TestResult,
        TestStatus,
    ):
        lines += [f"## `{each.__name__}`", "", _text(each.__doc__), ""]
        for name, member in vars(each).items():
            member = member.__func__ if isinstance(member, classmethod) else member
            if inspect.isfunction(member) and not name.startswith("_") and member.__doc__:
                lines.append(f"- `{name}{_short(member)}`: {_words(member.__doc__)}")
        lines.append("")
    return "\n".join(lines)


def _short(function: Callable[..., object]) -> str:
    names = [each for each in inspect.signature(function).parameters if each not in ("self", "cls")]
    return f"({', '.join(names)})"


MAKERS: Mapping[str, Callable[[], str]] = {
    "machine": machine,
    "fixtures": fixtures,
    "marks": marks,
    "run_options": run_options,
    "settings": settings,
    "library": library,
}


def plugin_fixtures() -> dict[str, Callable[..., object]]:
    """Return the functions behind the fixtures that the plugin has, by name."""
    found = ((name, getattr(vexlab.plugin, name)) for name in sorted(vexlab.plugin.__all__) if not name.startswith("_"))
    return {name: each.__wrapped__ for name, each in found if "ixture" in type(each).__name__}


def pages() -> Iterator[tuple[Path, str, str]]:
    """Yield each page that holds something made: its file, its text, and the text as it should be."""
    for file in sorted(FOLDER.glob("*.md")):
        text = file.read_text()
        made = _MADE.sub(lambda found: f"<!-- made: {found[1]} -->\n{MAKERS[found[1]]()}<!-- end -->\n", text)
        if _MADE.search(text):
            yield file, text, made


def _section(name: str, member: object) -> str:
    if isinstance(member, classmethod):
        member = member.__func__
    if inspect.isfunction(member):
        return f"### `{_signature(member)}`\n\n{_text(member.__doc__)}\n"
    return f"### `{name}`\n\n{_text(member.__doc__)}\n"


def _signature(function: Callable[..., object]) -> str:
    """Return a method's signature as it stands in the source, on one line."""
    match = _DEFINITION.search(inspect.getsource(function))
    assert match, function
    return " ".join(f"{match[1]}({match[2]}){match[3] or ''}".split())


def _metavar(option: click.Option) -> str:
    """Return how an option's value is written: ``N`` of a number, its words where there are only some."""
    if option.is_flag:
        return ""
    if isinstance(option.type, click.Choice):
        return f" {'|'.join(map(str, option.type.choices))}"
    return f" {option.metavar or ('N' if isinstance(option.type, click.IntRange) else option.type.name.upper())}"


def _bounds(option: click.Option) -> str:
    if not isinstance(option.type, click.IntRange):
        return ""
    least, most = option.type.min, option.type.max
    return f" From {least} to {most}." if most is not None else f" At least {least}."


def _given(function: Callable[..., object]) -> str:
    """Return the type of what a fixture gives, without the ``Iterator`` of one that has an end."""
    words = str(function.__annotations__["return"])
    match = re.fullmatch(r"Iterator\[(.*)\]", words)
    return match[1] if match else words


def _text(words: str | None) -> str:
    return inspect.cleandoc(words or "").replace("``", "`")


def _words(words: str | None) -> str:
    return " ".join(_text(words).split()).removeprefix("Return ")


def _cell(words: str) -> str:
    return words.replace("|", "\\|")


if __name__ == "__main__":
    for page, was, now in pages():
        if was != now:
            page.write_text(now)
