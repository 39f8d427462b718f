"""Configurations of a target: an axis of a run like the kernel, of which nothing is seen until one is asked for."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from vexlab.domains import FOLDER
from vexlab.errors import UsageError
from vexlab.model.case import PLAN, CaseResult, Plan, RunInfo, RunResult, Summary
from vexlab.model.key import CaseKey
from vexlab.model.profile import Capability, Profile, State
from vexlab.model.provenance import Provenance
from vexlab.model.target import Target
from vexlab.model.verdict import Verdict
from vexlab.report import jsonfile, junit
from vexlab.report.content import Content
from vexlab.report.matrix import verdict_table
from vexlab.report.terminal import Progress
from vexlab.session import Request, pytest_arguments
from vexlab.session.baseline import remember
from vexlab.targets.configurations import chosen, configured
from vexlab.targets.load import find_target, load_target

FILE = """
name = "thing"
fstype = "thingfs"
mkfs = "mkfs.thing {device}"
mount_options = ["noatime"]

[refuses]
acl = "none"

[configurations.small_blocks]
mkfs = "mkfs.thing -b 1024 {device}"
refuses.large_files = "16 GiB are the largest file then"

[configurations.data_journal]
options = ["data=journal"]
"""


def _load(folder: Path, text: str = FILE) -> Target:
    file = folder / "target.toml"
    file.write_text(text)
    return load_target(file)


def test_a_configuration_changes_mkfs_mount_options_and_what_is_refused(tmp_path: Path) -> None:
    target = _load(tmp_path)
    assert configured(target, "") is configured(target, "default") is target
    assert target.configuration == ""
    small, journal = (configured(target, name) for name in ("small_blocks", "data_journal"))
    assert small.mkfs == ("mkfs.thing", "-b", "1024", "{device}")
    assert (small.mount_options, [word for word, _ in small.refuses]) == (("noatime",), ["acl", "large_files"])
    assert (journal.mkfs, journal.mount_options) == (target.mkfs, ("noatime", "data=journal"))
    assert journal.refuses == target.refuses
    changed = {"mkfs", "mount_options", "refuses", "configuration"}
    for each in (small, journal):
        names = {field.name for field in dataclasses.fields(Target)}
        assert {name for name in names if getattr(each, name) != getattr(target, name)} <= changed


def test_all_is_the_target_s_own_and_every_other(tmp_path: Path) -> None:
    target = _load(tmp_path)
    assert chosen(target, ()) == ()
    assert chosen(target, ("all",)) == ("default", "data_journal", "small_blocks")
    assert chosen(target, ("small_blocks", "default", "small_blocks")) == ("small_blocks", "default")
    assert chosen(target, chosen(target, ("all",))) == chosen(target, ("all",))


@pytest.mark.parametrize(
    ("word", "hint"), [("smal_blocks", "did you mean `small_blocks`?"), ("x\x1b[2J", "known: all, data_journal")]
)
def test_an_unknown_configuration_is_a_mistake(tmp_path: Path, word: str, hint: str) -> None:
    with pytest.raises(UsageError, match="thing has no configuration `") as caught:
        chosen(_load(tmp_path), (word,))
    assert hint in caught.value.hint
    assert "\x1b" not in caught.value.message


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('[configurations.x]\nmkf = "a {device}"', "[configurations.x]: unknown key `mkf`"),
        ('[configurations.x]\nmkfs = "mkfs.thing"', "must say where the device goes"),
        ('[configurations.x]\noptions = ["a b"]', "`options` cannot be `a b`"),
        ("[configurations.x]", "changes nothing"),
        ('[configurations.all]\noptions = ["sync"]', "a name that means another thing"),
        ('[configurations.default]\noptions = ["sync"]', "a name that means another thing"),
        ('[configurations.small-blocks]\noptions = ["sync"]', "`configurations` cannot be `small-blocks`"),
        ('[configurations.x]\noptions = ["sync"]\nrefuses.acls = "none"', "unknown word `acls` in [refuses]"),
        ('configurations = ["x"]', "Expected `object`, got `array`"),
    ],
)
def test_a_wrong_configuration_is_explained(tmp_path: Path, table: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        _load(tmp_path, f'name = "x"\nfstype = "x"\n{table}')
    assert said in caught.value.message


@pytest.mark.parametrize("name", ["ext4", "xfs", "targets/vexfs"])
def test_shipped_targets_have_two(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    target = find_target(name)
    assert len(target.configurations) == 2
    commands = {configured(target, each.name).mkfs[0] for each in target.configurations}
    assert commands == {target.mkfs[0]}


CASES = """
import pytest
from vexlab.plugin.recorder import recorder_of

@pytest.fixture(autouse=True)
def _looked(request):  # as if it had had a machine
    recorder_of(request.node).looked = True


def test_own(target):
    assert bool(target.configuration) == ("-b" in target.mkfs)

@pytest.mark.parametrize("size", ["big", "small_blocks"])
def test_sized(target, size):
    assert len(target.mkfs) == (4 if target.configuration == "small_blocks" else 2)

def test_alone():
    pass
"""


def _collected(folder: Path, *options: str) -> list[str]:
    """Run the cases above, and return the ids of the plan."""
    _load(folder)
    (folder / "results").mkdir()
    (folder / "test_mine.py").write_text(CASES)
    plugins = ["-p", "vexlab.plugin", "-p", "no:cacheprovider", "--import-mode", "importlib"]
    command = [sys.executable, "-m", "pytest", *plugins, "-c", str(FOLDER / "pytest.ini"), "--rootdir", str(FOLDER)]
    command += ["--vexlab-target", str(folder / "target.toml"), "--vexlab-results", str(folder / "results"), *options]
    done = subprocess.run([*command, str(folder / "test_mine.py")], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    plan = msgspec.json.decode((folder / "results" / PLAN).read_bytes(), type=Plan)
    assert {case.key.configuration for case in plan.cases} <= {"", "small_blocks"}
    return sorted(case.id.partition(".")[2] for case in plan.cases)


def test_without_one_ids_are_as_they_were(tmp_path: Path) -> None:
    assert _collected(tmp_path) == ["alone", "own", "sized[big]", "sized[small_blocks]"]


def test_a_case_that_uses_the_target_runs_in_each(tmp_path: Path) -> None:
    assert _collected(tmp_path, "--vexlab-configuration", "small_blocks") == [
        "alone",
        "own[small_blocks]",
        "sized[small_blocks-big]",
        "sized[small_blocks-small_blocks]",
    ]


def test_the_target_s_own_has_no_word(tmp_path: Path) -> None:
    options = ("--vexlab-configuration", "default", "--vexlab-configuration", "small_blocks")
    assert _collected(tmp_path, *options) == [
        "alone",
        "own",
        "own[small_blocks]",
        "sized[big]",
        "sized[small_blocks-big]",
        "sized[small_blocks-small_blocks]",
        "sized[small_blocks]",
    ]


def test_plain_pytest_refuses_an_unknown_one(tmp_path: Path) -> None:
    _load(tmp_path)
    command = [sys.executable, "-m", "pytest", "-p", "vexlab.plugin", "--vexlab-target", str(tmp_path)]
    command += ["--vexlab-configuration", "smal_blocks", "--collect-only", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 4
    assert "did you mean `small_blocks`?" in done.stderr


def test_a_request_names_them_to_pytest() -> None:
    arguments = pytest_arguments(Request(target="t", kernels=("6.1",), configurations=("default", "small")), Path("r"))
    words = [arguments[at + 1] for at, word in enumerate(arguments) if word == "--vexlab-configuration"]
    assert words == ["default", "small"]


def _case(configuration: str, verdict: Verdict = Verdict.PASSED) -> CaseResult:
    key = CaseKey(domain="alpha", name="one", kernel="6.1", configuration=configuration, parameters="x")
    return CaseResult(key=key, node=configuration, level=1, verdict=verdict)


def test_the_verdict_table_has_a_column_for_each() -> None:
    console = Console(width=100)
    with console.capture() as capture:
        console.print(verdict_table([_case(""), _case("small_blocks", Verdict.FAILED)]))
    lines = [line.split() for line in capture.get().splitlines()]
    assert lines[0] == ["domain", "6.1", "6.1", "small_blocks"]
    assert lines[1] == ["alpha", "1", "passed", "1", "failed"]
    assert lines[2] == ["alpha.one[x]", "passed", "failed"]


def _profile(configuration: str, state: State = State.WORKS) -> Profile:
    found = (Capability(name="link", state=state),)
    return Profile(target="t", fstype="t", kernel="6.1", digest="d", capabilities=found, configuration=configuration)


def test_the_head_of_a_run_names_them(capsys: pytest.CaptureFixture[str]) -> None:
    run = RunInfo(
        id="1", target="t", kernels=("6.1",), accelerator="tcg", started="",
        provenance=Provenance(configurations=("default", "small_blocks")),
    )  # fmt: skip
    with Progress(plain=True) as progress:
        progress.begin(run)
        progress.profile(_profile(""))
        progress.profile(_profile("small_blocks"))
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "t on kernel 6.1 (tcg), configuration default, small_blocks"
    assert [line.split(": ")[0].strip() for line in said[1::3]] == ["6.1", "6.1 small_blocks"]


def test_what_worked_before_is_known_of_each(tmp_path: Path) -> None:
    profiles = [_profile(""), _profile("small_blocks", State.REFUSED)]
    for run in ("1", "2"):
        (tmp_path / run).mkdir()
        remember(tmp_path, tmp_path / run, profiles, run, "")
    before = msgspec.json.decode((tmp_path / "2" / "capabilities-before.json").read_bytes())
    assert {where: list(known) for where, known in before.items()} == {"6.1": ["link"], "6.1 small_blocks": []}


def test_reports_name_the_configuration() -> None:
    run = RunInfo(id="1", target="t", kernels=("6.1",), accelerator="tcg", started="")
    cases = (_case(""), _case("small_blocks"))
    result = RunResult(run=run, summary=Summary.of(cases), cases=cases)
    content = Content.of(result)
    document = msgspec.json.decode(jsonfile.render(content))
    assert [(case["id"], case["configuration"]) for case in document["cases"]] == [
        ("alpha.one[6.1-x]", ""),
        ("alpha.one[6.1-small_blocks-x]", "small_blocks"),
    ]
    assert b'name="one[6.1-small_blocks-x]"' in junit.render(content)
    commands = [content.command(case) for case in cases]
    assert ["--configuration small_blocks" in command for command in commands] == [False, True]


@pytest.mark.parametrize(("given", "told"), [("", "t"), ("my fs/target.toml", "'my fs/target.toml'"), ("ext4", "ext4")])
def test_commands_name_the_target_as_the_run_was_given_it(given: str, told: str) -> None:
    origin = Provenance(given=given)
    run = RunInfo(id="1", target="t", kernels=("6.1",), accelerator="tcg", started="", provenance=origin)
    case = dataclasses.replace(_case(""), verdict=Verdict.FAILED, reason="open: Input/output error (EIO)")
    content = Content.of(RunResult(run=run, summary=Summary.of([case]), cases=(case,)))
    assert content.command(case).startswith(f"vexlab run --target {told} ")
    assert content.errno_command(case).startswith(f"vexlab trace --target {told} --errno ")


def test_two_cases_that_read_alike_are_refused() -> None:
    same = dataclasses.replace(_case("").key, configuration="", parameters="small_blocks-x")
    plan = Plan(cases=(_case("small_blocks"), dataclasses.replace(_case(""), key=same)))
    assert "alpha.one[6.1-small_blocks-x] is the id of 2 cases" in plan.refusal
