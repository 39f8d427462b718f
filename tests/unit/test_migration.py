"""Moving over: the page says what is true, every command of the documents has a row, files are converted."""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from vexlab.cli.main import COMMANDS, cli
from vexlab.config import load_settings
from vexlab.migrate.commands import RULES, translate
from vexlab.migrate.results import paired, read
from vexlab.migrate.workflow import rewrite
from vexlab.model.case import PlannedCase
from vexlab.model.key import CaseKey
from vexlab.model.oldconfig import TABLES
from vexlab.model.setting import ABOUT
from vexlab.model.verdict import Verdict

ROOT = Path(__file__).parents[2]
SEEDS = ROOT.parent / "shared" / "seeds"
PAGE = (ROOT / "docs" / "migration.md").read_text()
# | `old` | `new` | note |
_ROW = re.compile(r"^\| (?P<old>.+?) \| (?P<new>.+?) \| ?(?P<note>.*?) ?\|$", re.MULTILINE)
_CODE = re.compile(r"`([^`]+)`")
# words of the shell's, and what only says something: no program of these is to be moved over
_SHELL = {
    "echo", "cd", "for", "do", "done", "if", "then", "else", "fi", "break", "set", "export", "sudo", "true", "EOF",
    "exit",
}  # fmt: skip


def _section(title: str) -> list[tuple[str, str]]:
    text = PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]
    rows = [(found["old"], found["new"]) for found in _ROW.finditer(text)]
    return [row for row in rows if row != ("old", "new") and not row[0].startswith("---")]


SCRIPTS = [(_CODE.findall(old)[0], _CODE.findall(new)) for old, new in _section("Commands of the scripts")]
BY_HAND = _section("What was done by hand")
_FILES = {"run.log", "cases/*/console.log", "result.json"}  # outputs that are no commands
_COLUMNS = (_section("Commands of the scripts"), BY_HAND, _section("Outputs"))
FORMS = sorted({form for rows in _COLUMNS for _, new in rows for form in _CODE.findall(new)} - _FILES)


def test_the_page_has_rows() -> None:
    assert len(SCRIPTS) > 70
    assert len(BY_HAND) > 12


@pytest.mark.parametrize(("old", "new"), SCRIPTS)
def test_a_row_says_what_the_command_becomes(old: str, new: list[str]) -> None:
    found = translate(old)
    assert found is not None
    assert [found.command] * bool(found.command) == new


@pytest.mark.parametrize("form", FORMS)
def test_a_new_form_is_understood(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    program, *words = shlex.split(form)
    assert program == "vexlab"
    for word in words:
        if word.endswith((".json", ".yml")) or "/" in word:
            Path(word).parent.mkdir(parents=True, exist_ok=True)
            Path(word).touch()
    context: click.Context | None = None
    command: click.Command = cli
    while isinstance(command, click.Group):
        context = command.make_context(command.name, words, parent=context)
        words = [*context._protected_args, *context.args]
        _, found, words = command.resolve_command(context, words)
        assert found is not None
        command = found
    assert command.make_context(command.name, words, parent=context).params is not None


def test_settings_of_the_page_are_settings() -> None:
    for old, new in _section("Settings"):
        for name in _CODE.findall(new):
            assert name in ABOUT or any(each.startswith(f"{name}.") for each in ABOUT), f"{old}: {name}"
    known = {f"{table}.{key}" for table, keys in TABLES.items() for key in keys}
    assert known <= {code for old, _ in _section("Settings") for code in _CODE.findall(old)}


def _seed_blocks() -> Iterator[str]:
    for file in sorted(SEEDS.glob("*.txt")):
        text = file.read_text(errors="replace")
        for kind, block in re.findall(r"```(bash|yaml)\n(.*?)```", text, re.DOTALL):
            block = re.sub(r"\\\n\s*", "", block)
            if kind == "bash":
                # what is assigned in quotes over several lines is one thing
                yield re.sub(r'"[^"\n]*\n[^"]*"', '""', block) if "QEMU_CMD" in block else block
            else:
                yield from re.findall(r"run: ([^|>\s].*)", block)
                yield from re.findall(r"run: \|\n((?:\s{8,}.*\n?)+)", block)


def _commands() -> list[str]:
    lines = (line.strip() for block in _seed_blocks() for line in block.splitlines())
    return [re.sub(r"\s+#\s.*$", "", line) for line in lines if line and not line.startswith("#")]


def _programs(line: str) -> Iterator[str]:
    """Yield the programs that a line runs: the first word of each of its commands."""
    bare = re.sub(r"""'[^']*'|"[^"]*\"|\d?>+\s*&?\S+""", "x", line)
    for part in re.split(r"\|\||&&|[|;&]|\bthen\b|\bdo\b", bare):
        words = [word for word in part.split() if not re.match(r"\w+=|\d?>|[<>]", word)]
        while words and words[0] in ("sudo", "!", "if", "python3", "python", "while"):
            words = words[1:]
        if words and re.match(r"[\w./~-]+$", words[0]) and not words[0].startswith("-"):
            yield words[0].rpartition("/")[2]


@pytest.mark.skipif(not SEEDS.is_dir(), reason="the documents of the old infrastructure are not beside the checkout")
def test_every_command_of_the_documents_has_a_row() -> None:
    scripts = {" ".join(old.split()) for old, _ in SCRIPTS}
    by_hand = {code.split()[0] for old, _ in BY_HAND for code in _CODE.findall(old)}
    missing = set()
    lines = _commands()
    assert len(lines) > 200
    for line in lines:
        for program in _programs(line):
            if program in RULES and program != "cargo" and not program.startswith("run_qemu.sh"):
                found = any(script in " ".join(line.split()) for script in scripts)
                found = found or any(script.partition(" ")[0].endswith(program) for script in scripts)
            else:
                found = program in by_hand or program in _SHELL or _is_no_command(line)
            if not found:
                missing.add(f"{program}: {line}")
    assert missing == set()


def _is_no_command(line: str) -> bool:
    """Whether a line of a block is none of a shell's: a package's name, a program's output, the text of a file."""
    return bool(re.match(r"✅|\$ |build-essential|linux-headers|perf-tools|\w+=|\[|EOF", line))


@pytest.mark.skipif(not SEEDS.is_dir(), reason="the documents of the old infrastructure are not beside the checkout")
def test_every_variable_of_the_documents_has_a_row() -> None:
    text = "".join(file.read_text(errors="replace") for file in SEEDS.glob("*.txt"))
    variables = set(re.findall(r"export (\w+)=", text))
    assert variables
    rows = {code for old, _ in _section("Environment variables") for code in _CODE.findall(old)}
    assert variables <= rows


def test_an_option_that_there_was_not_is_refused() -> None:
    with pytest.raises(ValueError, match="--fast"):
        translate("./run_enhanced_vm_tests.sh --fast")
    assert translate("rsync -a b") is None


WORKFLOW = """name: Tests
on: [push]
jobs:
  vm:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      # the old way
      - name: Deploy
        run: |
          ./tests/infrastructure/scripts/deploy_infrastructure.sh \\
            --environment ci --mode terraform-only
      - name: Run Tests
        run: |
          cd tests/infrastructure/ansible
          ansible-playbook -i inventory/ci/hosts.yml \\
            playbooks/run_domain_tests.yml
      - run: ./run_enhanced_vm_tests.sh --level 1 --quick-test
      - run: make
"""


def test_a_workflow_is_rewritten_and_the_rest_stays() -> None:
    new = rewrite(WORKFLOW)
    assert "      # the old way\n      - name: Deploy\n        run: |\n          vexlab doctor\n" in new.text
    assert (
        "        run: |\n          vexlab run\n      - run: vexlab run --level 1 --quick\n      - run: make\n"
        in new.text
    )
    assert len(new.changes) == 3
    assert new.left == ()


def test_what_is_not_understood_stays_and_is_told(tmp_path: Path) -> None:
    file = tmp_path / "w.yml"
    file.write_text(WORKFLOW + "      - run: cd x && ./run_unified_tests.sh --all-levels\n")
    done = CliRunner().invoke(cli, ["migrate", "ci", str(file)], standalone_mode=False)
    assert done.return_value == 1
    assert "run_unified_tests.sh is still called" in done.stderr


def test_a_workflow_without_old_scripts_is_refused() -> None:
    with pytest.raises(ValueError, match="none of the old scripts"):
        rewrite("jobs: {}\n")


def test_settings_are_converted(tmp_path: Path) -> None:
    (tmp_path / "global_config.json").write_text('{"vm_config": {"memory_mb": 512}, "benchmarks": {"enabled": true}}')
    done = CliRunner().invoke(cli, ["migrate", str(tmp_path / "global_config.json")])
    assert done.exit_code == 0
    (tmp_path / "vexlab.toml").write_text(done.stdout)
    settings = load_settings(tmp_path / "vexlab.toml")
    assert settings.memory == 512
    assert settings.component("benchmarks").enabled


OLD = """{"session": "s", "domains": {"kernel_module": {"tests": [
 {"test_name": "Module Load", "status": "PASSED", "message": "Simulated load"},
 {"test_name": "Memory Leak", "status": "PASSED"},
 {"test_name": "Quantum", "status": "passed"}]}}}"""


def test_an_old_report_is_set_beside_a_run() -> None:
    old = read(OLD)
    assert [(each.name, each.passed, each.simulated) for each in old] == [
        ("Module Load", True, "simulat"), ("Memory Leak", True, ""), ("Quantum", True, ""),
    ]  # fmt: skip
    cases = [
        PlannedCase(key=CaseKey(domain="kernel_module", name=name, kernel="6.1"), node=name, level=1).undecided("")
        for name in ("load", "memory_leak")
    ]
    ran = [
        dataclasses.replace(case, verdict=verdict)
        for case, verdict in zip(cases, (Verdict.CRASHED, Verdict.PASSED), strict=True)
    ]
    words = [pair.words for pair in paired(old, ran)]
    assert words == [
        "passed then, crashed now: kernel_module.load[6.1]",
        "the same",
        "passed then; no case of the run looks at it",
    ]


@pytest.mark.parametrize("text", ["", "{}", "[1, 2]", '{"a": ' * 200 + "1" + "}" * 200, '{"name": "x"}'])
def test_what_is_no_result_file_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"no test|not valid"):
        read(text)


def test_commands_of_the_page_exist() -> None:
    words = {form.split()[1] for form in FORMS}
    assert words <= set(COMMANDS)
