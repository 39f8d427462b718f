"""Files for editors: they parse, name commands that there are, and their patterns match what is really printed."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import click
import pytest

from vexlab.cli.main import cli

ROOT = Path(__file__).parents[2]
VSCODE = ROOT / "editors" / "vscode"
LAUNCH = json.loads((VSCODE / "launch.json").read_text())["configurations"]
TASKS = {task["label"]: task for task in json.loads((VSCODE / "tasks.json").read_text())["tasks"]}
TOOLS = ElementTree.parse(ROOT / "editors" / "clion" / "vexlab.xml").getroot()
CLION = [f"vexlab {each.attrib['value']}" for each in TOOLS.iter("option") if each.attrib["name"] == "PARAMETERS"]
COMMANDS = [task["command"] for task in TASKS.values()] + CLION


@pytest.mark.parametrize("line", COMMANDS)
def test_what_editors_call_is_understood(line: str) -> None:
    given = {"${input:target}": "targets/vexfs", "${input:machine}": "debug", "$Prompt$": "targets/vexfs"}
    program, *words = shlex.split(re.sub(r"\$\{input:\w+\}|\$Prompt\$", lambda found: given[found[0]], line))
    assert program == "vexlab"
    found: click.Command | None = cli
    name = ""
    while isinstance(found, click.Group):
        name = words.pop(0)
        found = found.get_command(click.Context(found), name)
    assert found is not None
    params = found.make_context(name, words).params
    assert params.get("target") == "targets/vexfs" or params.get("where") == "debug"


def test_a_launch_configuration_lets_gdb_in_first() -> None:
    """What gdb is told then is tried on a machine in tests/machines/test_debugger.py."""
    (launch,) = LAUNCH
    task = TASKS[launch["preLaunchTask"]]
    (command,) = launch["customLaunchSetupCommands"]
    assert task["command"].endswith(f"--commands {command['text'].removeprefix('source ')}")
    assert Path(launch["program"]).is_file(), (
        "the extension wants a program that is there; symbols come by the commands"
    )
    assert (launch["type"], launch["MIMode"], launch["launchCompleteCommand"]) == ("cppdbg", "gdb", "exec-continue")


def _pattern(label: str) -> dict[str, Any]:
    pattern: dict[str, Any] = TASKS[label]["problemMatcher"]["pattern"]
    return pattern


@pytest.mark.parametrize(
    ("line", "file", "number"),
    [
        ("super.c:10:5: error: unknown type name 'intt'", "super.c", "10"),
        ("./include/vexfs.h:3:10: fatal error: nosuch.h: No such file or directory", "include/vexfs.h", "3"),
        ("dir.c:7: warning: unused variable 'x' [-Wunused-variable]", "dir.c", "7"),
    ],
)
def test_errors_of_a_build_are_found(line: str, file: str, number: str) -> None:
    pattern = _pattern("vexlab: build for clangd")
    match = re.search(pattern["regexp"], line)
    assert match
    assert (match[pattern["file"]], match[pattern["line"]]) == (file, number)


def test_findings_with_a_line_are_found() -> None:
    pattern = _pattern("vexlab: quick cases")
    line = "           kernel: WARNING: CPU: 1 PID: 233 at super.c:120 vexfs_fill_super+0x1a/0x40 [vexfs]"
    match = re.search(pattern["regexp"], line)
    assert match
    assert (match[pattern["file"]], match[pattern["line"]]) == ("super.c", "120")
    assert not re.search(pattern["regexp"], "  passed   kernel_module.load[6.1]          2.0 s")


@pytest.mark.parametrize("file", [VSCODE / "settings.json", ROOT / ".devcontainer" / "devcontainer.json"])
def test_other_files_are_json(file: Path) -> None:
    assert isinstance(json.loads(file.read_text()), dict)


def test_the_container_is_set_up_by_what_sets_a_checkout_up() -> None:
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    assert (ROOT / container["postCreateCommand"]).is_file()
