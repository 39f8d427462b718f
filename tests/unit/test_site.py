"""The documentation: every link leads somewhere, every command that it shows is understood, the site is built."""

from __future__ import annotations

import itertools
import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from vexlab.cli.main import COMMANDS, cli

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
IDS = [str(page.relative_to(ROOT)) for page in PAGES]
# [words](target.md#anchor)  ·  ![words](picture.png)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
_HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)
# `vexlab run --target DIR`, on a line of its own (after four blanks or `$ `)
_SHOWN = re.compile(r"^(?:    |\$ )(vexlab [^\n]*)", re.MULTILINE)

_ENDS = {"|", "||", "&", "&&", ";", ">", ">>", "<"}  # of a command, in a shell's line


def _anchor(heading: str) -> str:
    plain = re.sub(r"[`*_]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
    return re.sub(r"[^\w\- ]", "", plain).strip().replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_link_leads_somewhere(page: Path) -> None:
    wrong = []
    for link in _LINK.findall(_CODE.sub("", page.read_text())):
        if re.match(r"\w+:", link):
            continue
        name, _, anchor = link.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.exists():
            wrong.append(link)
        elif anchor and file.suffix == ".md":
            anchors = {_anchor(heading) for heading in _HEADING.findall(file.read_text())}
            wrong += [link] if anchor not in anchors else []
    assert wrong == []


def _parsed(line: str) -> None:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words = [word for word in itertools.takewhile(lambda word: word not in _ENDS, lexer) if word not in ("…", "...")][
        1:
    ]
    context: click.Context | None = None
    command: click.Command = cli
    while isinstance(command, click.Group):
        context = command.make_context(command.name, words, parent=context)
        words = [*context._protected_args, *context.args]
        if not words:
            return
        _, found, words = command.resolve_command(context, words)
        assert found is not None
        command = found
    options = {flag for each in command.params for flag in each.opts}
    given = {word.partition("=")[0] for word in words if word.startswith("--") and word != "--"}
    assert given <= options | {"--help"}, line


SHOWN = sorted({(IDS[at], line.strip()) for at, page in enumerate(PAGES) for line in _SHOWN.findall(page.read_text())})


@pytest.mark.parametrize(("page", "line"), SHOWN)
def test_a_command_that_a_page_shows_has_these_options(page: str, line: str) -> None:
    """What needs files or machines is not run; its command and its options must be there."""
    _parsed(re.sub(r"[\[\]]", "", line))


def test_every_command_is_on_the_page_of_the_command_line() -> None:
    text = (ROOT / "docs" / "reference" / "command-line.md").read_text()
    assert [name for name in COMMANDS if f"`{name}" not in text] == []


@pytest.mark.skipif(not find_spec("mkdocs"), reason="mkdocs-material is not installed (the extra `dev`)")
def test_the_site_is_built(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", str(tmp_path / "site")]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) >= len(list((ROOT / "docs").rglob("*.md")))
    home = (tmp_path / "site" / "index.html").read_text()
    assert not re.search(r'<(?:script|link)[^>]+(?:src|href)="https?:', home), "nothing is fetched from elsewhere"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_its_completion(shell: str) -> None:
    done = CliRunner().invoke(cli, ["completion", shell])
    assert done.exit_code == 0
    assert "_VEXLAB_COMPLETE" in done.stdout


def test_the_manual_page_has_every_command() -> None:
    done = CliRunner().invoke(cli, ["manual"])
    assert done.exit_code == 0
    for name in COMMANDS:
        assert f".SS vexlab {name}".replace("-", "\\-") in done.stdout
    requests = {line.split(" ")[0] for line in done.stdout.splitlines() if line.startswith(".")}
    assert requests <= {".TH", ".SH", ".SS", ".B", ".TP", ".PP"}


@pytest.mark.skipif(not find_spec("hatchling"), reason="hatchling is not installed (the extra `setup`)")
def test_the_package_is_the_same_twice(tmp_path: Path) -> None:
    for name in ("one", "two"):
        argv = [sys.executable, "-m", "hatchling", "build", "-d", str(tmp_path / name)]
        subprocess.run(argv, cwd=ROOT, check=True, capture_output=True)
    first, second = (sorted((tmp_path / name).iterdir()) for name in ("one", "two"))
    assert [file.suffix for file in first] == [".whl", ".gz"] or [file.suffix for file in first] == [".gz", ".whl"]
    assert [file.read_bytes() for file in first] == [file.read_bytes() for file in second]
