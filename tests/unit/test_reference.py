"""The reference says what the code says: tables made from it are as it would make them now."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from tests.reference import FOLDER, MAKERS, fixtures, machine, pages, plugin_fixtures, run_options

from vexlab.cli.run import command as run

PAGES = {file.name: (text, made) for file, text, made in pages()}


@pytest.mark.parametrize("page", PAGES)
def test_what_is_made_is_up_to_date(page: str) -> None:
    text, made = PAGES[page]
    assert text == made, f"`python -m tests.reference` writes {page} anew"


def test_every_table_stands_on_a_page() -> None:
    text = "".join(file.read_text() for file in FOLDER.glob("*.md"))
    assert [name for name in MAKERS if f"<!-- made: {name} -->" not in text] == []


def test_the_tables_hold_all_there_is() -> None:
    options = {flag for option in run.params if isinstance(option, click.Option) for flag in option.opts}
    assert {flag for flag in options if not re.search(rf"^\| `[^`]*{flag}\b", run_options(), re.MULTILINE)} == set()
    assert {"machine", "mounted", "thresholds", "lab", "build", "metrics"} <= set(plugin_fixtures())
    assert all(f"| `{name}` |" in fixtures() for name in plugin_fixtures())
    assert all(f"### `{verb}(" in machine() for verb in ("exec", "shell", "ash", "push", "pull", "restore", "reset"))


def test_every_page_of_the_reference_is_linked_from_another() -> None:
    root = Path(FOLDER).parents[1]
    texts = [file.read_text() for file in (*root.glob("*.md"), *root.glob("docs/*/*.md"))]
    assert [page.name for page in FOLDER.glob("*.md") if not any(f"{page.name})" in text for text in texts)] == []
