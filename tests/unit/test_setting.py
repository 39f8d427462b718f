"""Every setting is documented: its words, its unit, its default."""

from __future__ import annotations

import dataclasses
import json
import typing
from pathlib import Path

import pytest
from click.testing import CliRunner

from vexlab.cli.config import command, rows_of
from vexlab.config import Settings, load_settings
from vexlab.errors import UsageError
from vexlab.model.setting import ABOUT

FULL = """
memory = 512
[run]
retry = 0
[components.benchmarks]
enabled = true
[domains.kernel_module]
max_load_time = 30
"""


def _names(kind: type, place: str = "") -> list[str]:
    hints = typing.get_type_hints(kind)
    found = []
    for field in dataclasses.fields(kind):
        hint = hints[field.name]
        if dataclasses.is_dataclass(hint):
            found += _names(typing.cast("type", hint), f"{place}{field.name}.")
        elif typing.get_origin(hint) is dict and not dataclasses.is_dataclass(typing.get_args(hint)[1]):
            found.append(f"{place}{field.name}.NAME")
        elif typing.get_origin(hint) is dict:
            found += _names(typing.get_args(hint)[1], f"{place}{field.name}.NAME.")
        else:
            found.append(f"{place}{field.name}")
    return found


def test_each_setting_has_its_words_and_no_other() -> None:
    assert sorted(_names(Settings)) == sorted(ABOUT)


def test_what_a_file_gives_is_told_from_defaults(tmp_path: Path) -> None:
    (tmp_path / "vexlab.toml").write_text(FULL)
    rows = {row["name"]: row for row in rows_of(load_settings(tmp_path / "vexlab.toml"))}
    given = {name for name, row in rows.items() if row["given"]}
    assert given == {
        "memory", "run.retry", "components.benchmarks.enabled", "domains.kernel_module.max_load_time", "results.folder",
    }  # fmt: skip
    assert rows["memory"]["unit"] == "MiB"


def test_no_password_is_shown(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('[results]\nurl = "postgresql+psycopg://me:hunter2@host/db"\n')
    shown = CliRunner().invoke(command, ["show", "--config", str(tmp_path / "a.toml")])
    assert "me@host/db" in shown.stdout
    assert "hunter2" not in shown.stdout


def test_show_prints_a_file_that_is_read_back(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(FULL)
    shown = CliRunner().invoke(command, ["show", "--config", str(tmp_path / "a.toml"), "--toml"])
    (tmp_path / "b.toml").write_text(shown.stdout)
    assert load_settings(tmp_path / "b.toml") == load_settings(tmp_path / "a.toml")
    listed = CliRunner().invoke(command, ["show", "--config", str(tmp_path / "a.toml"), "--json"])
    assert {row["name"] for row in json.loads(listed.stdout)} >= {"memory", "thresholds.load_s"}


def test_check_says_that_a_file_is_sound(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(FULL)
    done = CliRunner().invoke(command, ["check", str(tmp_path / "a.toml")])
    assert done.exit_code == 0
    assert "is sound: 5 settings" in done.stdout


@pytest.mark.parametrize("text", ["[components.fuzzer]\nenabled = false", "[components.syzkaller]\nenabled = true"])
def test_a_component_that_is_not_there_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.toml").write_text(text)
    done = CliRunner().invoke(command, ["check", str(tmp_path / "a.toml")])
    assert isinstance(done.exception, UsageError)
    assert "syzkaller" in done.exception.message or "fuzzer" in done.exception.message
