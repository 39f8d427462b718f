from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from vexlab.cli.classify import command
from vexlab.errors import UsageError

LOG = """\
[    1.000000] WARNING: CPU: 0 PID: 7 at fs/demo.c:12 demo_write+0x1/0x2 [demo]
[    1.000001] CPU: 0 PID: 7 Comm: [red]dd[/red] Not tainted 6.1.0 #1
[    1.000002] RIP: 0010:demo_write+0x1/0x2 [demo]
[    1.000003] Call Trace:
[    1.000004]  vfs_write+0x1/0x2
[    1.000005]  ksys_write+0x1/0x2
"""
KNOWN = """\
[[issue]]
title = "WARNING in demo_write"
reason = "harmless"
owner = "us"
expires = {expires}
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / "dmesg"
    file.write_text(LOG)
    return file


def run(*arguments: object, text: str | bytes | None = None) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments], input=text)


def test_nothing_found_is_0_and_something_is_1(log: Path, tmp_path: Path) -> None:
    clean = tmp_path / "clean"
    clean.write_text("[    1.000000] all is well\n")
    assert run(clean).exit_code == 0
    assert run(log).exit_code == 1
    assert run(clean, log).exit_code == 1
    assert run(text=LOG).exit_code == 1
    assert run("-", text=b"\xff\xfe\x00BUG\n").exit_code == 0


def test_the_words_for_people_hold_what_matters(log: Path) -> None:
    shown = run(log, "--target", "demo").output
    for word in ("WARNING in demo_write", "6.1.0", "[red]dd[/red]:7", "vfs_write+0x1/0x2", "1 finding", f"{log}:1-1"):
        assert word in shown
    assert "\x1b" not in run("-", text=LOG.replace("dd", "\x1b[2Jdd\x9b")).output


def test_the_title_line_names_the_modules_function_where_another_is_guilty(tmp_path: Path) -> None:
    file = tmp_path / "dmesg"
    file.write_text(
        LOG.replace("demo_write+0x1/0x2 [demo]", "vfs_demo+0x1/0x2").replace(
            "ksys_write+0x1/0x2", "demo_sync+0x1/0x2 [demo]"
        )
    )
    assert "WARNING in vfs_demo  (target: demo_sync)" in run(file, "--target", "demo").output
    assert "(target:" not in run(file).output


def test_a_remark_is_shown(tmp_path: Path) -> None:
    file = tmp_path / "dmesg"
    file.write_text(
        "BUG: kernel NULL pointer dereference, address: 0\nOops: 0010 [#1] SMP\nRIP: 0010:0x0\n"
        "Call Trace:\n __lookup_slow+0x1/0x2\n walk_component+0x1/0x2\n"
    )
    shown = run(file).output
    assert "jump to address 0: __lookup_slow() found no lookup in struct inode_operations" in shown


def test_json_is_for_programs(log: Path) -> None:
    found = json.loads(run(log, "--json", "--target", "demo").output)["findings"]
    (finding,) = found
    assert finding["file"] == str(log)
    report = finding["report"]
    assert (report["title"], report["in_target"], report["target_frame"]) == (
        "WARNING in demo_write",
        True,
        "demo_write",
    )
    assert report["traces"][0]["frames"][0] == {
        "function": "demo_write", "offset": 1, "size": 2, "module": "demo", "inline": False, "guess": False,
        "source": "",
    }  # fmt: skip


def test_repeats_are_counted(tmp_path: Path) -> None:
    findings = json.loads(run("--json", text=LOG * 5).output)["findings"]
    assert [finding["count"] for finding in findings] == [5]
    assert len(json.loads(run("--json", "--all", text=LOG * 5).output)["findings"]) == 5


def test_known_issues(log: Path, tmp_path: Path) -> None:
    known = tmp_path / "known.toml"
    known.write_text(KNOWN.format(expires="2999-01-01"))
    result = run(log, "--known", known)
    assert result.exit_code == 0
    assert "WARNING in demo_write" in result.output
    assert "harmless (us, until 2999-01-01)" in result.output
    known.write_text(KNOWN.format(expires="2001-01-01"))
    result = run(log, "--known", known)
    assert result.exit_code == 1
    assert "known issue expired on 2001-01-01" in result.output
    assert run(known, "--known", known).exit_code == 1


@pytest.mark.parametrize("arguments", [("/no/such/log",), ("--known", "/no/such/file"), ("--module", "/no/such.ko")])
def test_wrong_input_is_the_users_error(log: Path, arguments: tuple[str, ...]) -> None:
    result = run(log, *arguments)
    assert isinstance(result.exception, UsageError)
    assert result.exception.exit_code == 2
