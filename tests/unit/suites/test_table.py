"""The table of suites, and how a run asks for them."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from tests.unit.suites.jobs import ended, job

from vexlab import suites
from vexlab.cache import Cache
from vexlab.config import Settings, load_settings
from vexlab.errors import UsageError
from vexlab.images.recipe import find_recipe
from vexlab.model.request import Request, command_line, runs_domains, suites_of
from vexlab.plugin.reproduce import settings_toml
from vexlab.session import pytest_arguments
from vexlab.suites.adapter import Search
from vexlab.suites.crates import Crate


def test_a_run_of_suites_leaves_the_domains_out() -> None:
    both = Request(suites=("fsx", "pjdfstest", "fsx"), xfstests=True)
    assert suites_of(both) == ("fsx", "pjdfstest", "xfstests")
    assert runs_domains(both)
    only = Request(suites=("fsx",))
    assert not runs_domains(only)
    nodes = [word for word in pytest_arguments(only, Path("r")) if "::" in word or "domains/" in word]
    assert [Path(node).name for node in nodes if "::" in node] == ["test_suites.py::test_fsx"]
    assert not [node for node in nodes if node.endswith("/integration")]
    assert [word for word in pytest_arguments(both, Path("r")) if word.endswith("/integration")]
    assert command_line(only)[-2:] == ["--suite", "fsx"]


def test_an_unknown_suite_has_a_suggestion() -> None:
    with pytest.raises(UsageError) as error:
        suites.find_suite("xfstest")
    assert "xfstests" in error.value.hint


def test_where_a_suite_is_comes_from_option_variable_and_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"xfstests": "/from/settings"}
    monkeypatch.delenv("VEXLAB_XFSTESTS", raising=False)
    assert suites.given_place("xfstests", "", settings) == "/from/settings"
    monkeypatch.setenv("VEXLAB_XFSTESTS", "/from/variable")
    assert suites.given_place("xfstests", "", settings) == "/from/variable"
    assert suites.given_place("xfstests", "/from/option", settings) == "/from/option"
    assert suites.given_place("fsx", "", settings) == ""


def test_settings_of_suites_are_relative_to_their_file_and_written_again(tmp_path: Path) -> None:
    file = tmp_path / "vexlab.toml"
    file.write_text('[suites]\nxfstests = "tree"\n')
    settings = load_settings(file)
    assert settings.suites == {"xfstests": str(tmp_path / "tree")}
    again = tmp_path / "again.toml"
    again.write_text(settings_toml(replace(Settings(), suites=settings.suites)))
    assert load_settings(again).suites == settings.suites


def test_a_program_that_is_none_is_told(tmp_path: Path) -> None:
    program = tmp_path / "fsx"
    search = Search(given=str(program), cache=Cache(tmp_path))
    with pytest.raises(UsageError, match="is no program"):
        Crate("fsx", "0.3.2").find(search)
    program.write_text("#!/bin/sh\necho who knows\n")
    program.chmod(0o755)
    with pytest.raises(UsageError, match="does not say a version: who knows"):
        Crate("fsx", "0.3.2").find(search)
    program.write_text("#!/bin/sh\necho fsx 1.2.3\n")
    assert Crate("fsx", "0.3.2").find(search).version == "1.2.3"


def test_suites_of_packages_are_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = EntryPoint(name="mine", value="vexlab.suites.fsx:SUITE", group=suites.GROUP)
    monkeypatch.setattr(suites, "entry_points", lambda group: [mine] if group == suites.GROUP else [])
    with pytest.raises(UsageError, match="two suites are called `fsx`"):
        suites.all_suites()
    broken = EntryPoint(name="mine", value="vexlab.suites.fsx:CRATE", group=suites.GROUP)
    monkeypatch.setattr(suites, "entry_points", lambda group: [broken] if group == suites.GROUP else [])
    with pytest.raises(UsageError, match="is no Suite"):
        suites.all_suites()


def test_the_example_is_a_suite_in_under_60_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path(__file__).parents[3] / "examples" / "suite"
    module = folder / "fs_mark_suite.py"
    assert len(module.read_text().splitlines()) < 60
    monkeypatch.syspath_prepend(str(folder))
    entry = EntryPoint(name="fs-mark", value="fs_mark_suite:SUITE", group=suites.GROUP)
    monkeypatch.setattr(suites, "entry_points", lambda group: [entry] if group == suites.GROUP else [])
    suite = suites.find_suite("fs-mark")
    results = suite.parse(job(), "end none 0\nend fsync-each 1\n", ended())
    assert [each.verdict.value for each in results] == ["passed", "failed", "failed", "failed"]
    assert find_recipe(suite.recipe).packages[-1] == "fsmark"
