"""How the plugin speaks with vexlab, a program."""

from __future__ import annotations

import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from vexlab.model.key import CaseKey
from vexlab_avocado.command import VARIABLE, VexlabError, list_cases, program, run_argv
from vexlab_avocado.reference import case_id, parse

KEY = {"domain": "d", "name": "n", "kernel": "6.1", "configuration": "", "parameters": "p"}
Fake = Callable[[str], str]


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    """Write a program that stands for vexlab."""

    def write(body: str) -> str:
        file = tmp_path / "vexlab"
        file.write_text(f"#!{sys.executable}\nimport json, sys\n{body}\n")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
        return str(file)

    return write


def test_a_list_is_asked_for_with_target_and_kernels(fake: Fake) -> None:
    wish = parse("vexlab:level1")
    assert wish is not None
    config = {
        "vexlab.command": fake("print(json.dumps([{'said': sys.argv[1:]}]))"),
        "vexlab.target": "xfs",
        "vexlab.kernel": "6.1 6.12",
    }
    words = "list --json --level 1 --target xfs --kernel 6.1 --kernel 6.12"
    assert list_cases(config, wish) == [{"said": words.split()}]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("sys.exit('vexlab: no target `x`')", "no target `x`"),
        ("print('hello')", "ended with status 0"),
        ("print('{}')", "ended with status 0"),
        ("print('[]'); sys.exit(3)", "ended with status 3"),
    ],
)
def test_a_refusal_is_told_in_the_words_of_vexlab(fake: Fake, body: str, words: str) -> None:
    wish = parse("vexlab:all")
    assert wish is not None
    with pytest.raises(VexlabError, match=words):
        list_cases({"vexlab.command": fake(body)}, wish)


def test_no_case_is_no_error(fake: Fake) -> None:
    wish = parse("vexlab:all")
    assert wish is not None
    assert list_cases({"vexlab.command": fake("print('[]'); sys.exit(4)")}, wish) == []


def test_a_program_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wish = parse("vexlab:all")
    assert wish is not None
    with pytest.raises(VexlabError, match="cannot be asked"):
        list_cases({"vexlab.command": str(tmp_path / "none")}, wish)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(VexlabError, match="--vexlab-command"):
        program("")


def test_the_program_is_taken_from_settings_then_variable_then_beside_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "python -m vexlab")
    assert program("/opt/vexlab --x") == ["/opt/vexlab", "--x"]
    assert program("") == ["python", "-m", "vexlab"]


def test_a_run_is_of_one_case_and_leaves_all_in_the_folder(tmp_path: Path) -> None:
    config = {"vexlab.command": "vexlab", "vexlab.target": "vexfs", "vexlab.options": "--retry 2"}
    argv, case = run_argv(config, KEY, ("--suite", "fsx"), {}, tmp_path)
    assert case == "d.n[6.1-p]"
    assert argv[:4] == ["vexlab", "run", "--suite", "fsx"]
    assert argv[-2:] == ["--retry", "2"]
    for option, value in (
        ("--target", "vexfs"),
        ("--kernel", "6.1"),
        ("--only-from", str(tmp_path / "case.txt")),
        ("--results", str(tmp_path / "vexlab")),
        ("--json", str(tmp_path / "result.json")),
    ):
        assert argv[argv.index(option) + 1] == value


def test_a_variant_chooses_kernel_flavour_target_and_memory(tmp_path: Path) -> None:
    given = {"kernel": "6.12", "flavour": "kasan", "target": "ext4", "memory": "512", "configuration": "small"}
    argv, case = run_argv({"vexlab.command": "vexlab", "vexlab.target": "vexfs"}, KEY, (), given, tmp_path)
    assert case == "d.n[6.12-kasan-small-p]"
    for option, value in (("--kernel", "6.12-kasan"), ("--target", "ext4"), ("--memory", "512")):
        assert argv[argv.index(option) + 1] == value
    assert argv.count("--target") == 1


@pytest.mark.parametrize(
    "key",
    [
        CaseKey(domain="d", name="n"),
        CaseKey(domain="", name="n", kernel="6.1"),
        CaseKey(domain="d", name="n", kernel="6.1-kasan", configuration="c", parameters="a-b"),
    ],
)
def test_ids_are_those_of_vexlab(key: CaseKey) -> None:
    parts = ("domain", "name", "kernel", "configuration", "parameters")
    assert case_id({part: getattr(key, part) for part in parts}) == str(key)


def test_the_list_of_vexlab_has_what_the_plugin_reads() -> None:
    wish = parse("vexlab:quick")
    assert wish is not None
    command = f"{sys.executable} -m vexlab"
    rows = list_cases({"vexlab.command": command, "vexlab.kernel": "6.1", "vexlab.target": "targets/vexfs"}, wish)
    assert rows
    for row in rows:
        assert {"domain", "name", "parameters", "kernel", "configuration", "level", "scenario", "safety"} <= set(row)
        assert case_id({name: str(value) for name, value in row.items()}) == row["id"]
