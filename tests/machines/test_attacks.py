"""Attacks on the verdict: modules, guests, cases and hosts that have got a wrong one, each with what it must be."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.machines.conftest import Run

pytestmark = pytest.mark.machine

ATTACKS = Path(__file__).parents[1] / "attacks"
CASES = ATTACKS / "cases"

NULL = "BUG: unable to handle kernel NULL pointer dereference in attack_dereference"
SILENT = "silent machine: its kernel answers, no program in it does"
NO_ANSWER = "lost machine: the guest agent's answer to"

# Attack, verdict, words of its reason. What only the module does is told whatever the case believes.
TABLE: tuple[tuple[str, str, str], ...] = (
    ("attack.words[6.1-fake_kasan]", "passed", ""),
    ("attack.words[6.1-innocent]", "passed", ""),
    ("attack.words[6.1-markup]", "passed", ""),
    ("attack.kernel[6.1-fake_boot_oops]", "crashed", NULL),
    ("attack.kernel[6.1-mkdtemp_uaf]", "crashed", "general protection fault in attack_use_after_free"),
    ("attack.kernel[6.1-console_lock_warn]", "failed", "WARNING in attack_init"),
    ("attack.kernel[6.1-console_lock_oops]", "crashed", NULL),
    ("attack.kernel[6.1-silence_warn]", "failed", "WARNING in attack_init"),
    ("attack.kernel[6.1-poison]", "crashed", "Poison overwritten"),
    ("attack.kernel[6.1-recursion]", "crashed", "stack guard page was hit"),
    ("attack.kernel[6.1-bug]", "crashed", "kernel BUG in attack_init"),
    ("attack.kernel[6.1-thread]", "crashed", NULL),
    ("attack.silent_panic[6.1]", "crashed", "kernel panic: attack"),
    ("attack.warn_then_oops[6.1]", "crashed", NULL),
    ("attack.exit_oops[6.1]", "crashed", NULL),
    # whether the work runs before the module is unloaded or after it is a matter of the host's speed
    ("attack.after_the_end[6.1-late_oops]", "crashed", "BUG: unable to handle kernel"),
    ("attack.after_the_end[6.1-timer]", "crashed", "BUG: unable to handle kernel"),
    ("attack.exit_work[6.1]", "crashed", "BUG: unable to handle kernel"),
    ("attack.dead_at_the_end[6.1-late_spin]", "crashed", "silent machine"),
    ("attack.dead_at_the_end[6.1-late_stop]", "crashed", SILENT),
    ("attack.forged_taint[6.1]", "crashed", ""),
    ("attack.lowered_loglevel[6.1]", "crashed", NULL),
    ("attack.reboot_on_oops[6.1]", "crashed", NULL),
    ("attack.swallowed[6.1]", "crashed", NULL),
    ("attack.skipped[6.1]", "crashed", NULL),
    ("attack.expected_to_fail[6.1]", "crashed", NULL),
    ("attack.background[6.1]", "crashed", NULL),
    ("attack.powered_off_after_the_end[6.1]", "crashed", "lost machine"),
    ("attack.agent_killed_after_the_end[6.1]", "crashed", "lost machine: the guest agent is gone"),
    ("attack.agent[6.1-b64]", "crashed", NO_ANSWER),
    ("attack.agent[6.1-infinite]", "crashed", NO_ANSWER),
    ("attack.agent[6.1-errstr]", "crashed", NO_ANSWER),
    ("attack.agent[6.1-null]", "crashed", NO_ANSWER),
    ("attack.agent[6.1-int]", "crashed", NO_ANSWER),
    ("attack.agent[6.1-garbage]", "crashed", NO_ANSWER),
    ("attack.agent[6.1-deep]", "crashed", NO_ANSWER),
    ("attack.agent[6.1-never]", "crashed", SILENT),
    ("attack.agent_huge[6.1]", "crashed", "lost machine: agent sent a line of more than 96 MiB"),
    ("attack.agent_forges[6.1]", "crashed", NO_ANSWER),
    ("attack.no_proc[6.1]", "passed", ""),
    ("attack.no_busybox[6.1]", "passed", ""),
    ("attack.no_fork[6.1]", "passed", ""),
    ("attack.lab_error_and_warning[6.1]", "failed", "WARNING in attack_init"),
    ("attack.lab_error_and_oops[6.1]", "crashed", "general protection fault in attack_use_after_free"),
    ("attack.killed_emulator_and_warning[6.1]", "failed", "WARNING in attack_init"),
    ("attack.key_error[6.1]", "error", "an error of the case itself: KeyError: 'nothing' (test_attack.py:"),
)


def _settled(tmp_path: Path, **run: float) -> str:
    """Write settings in which a case has time for what comes late, also on a busy host."""
    file = tmp_path / "vexlab.toml"
    file.write_text("[run]\n" + "".join(f"{name} = {value}\n" for name, value in run.items()))
    return str(file)


def test_no_attack_gets_a_wrong_verdict(vexlab: Callable[..., Run], tmp_path: Path) -> None:
    config = _settled(tmp_path, settle_s=1.5)
    run = vexlab("--target", str(ATTACKS), "--jobs", "2", "--config", config, str(CASES / "test_attack.py"))
    found = {case["id"]: (case["verdict"], case["reason"]) for case in run.document["cases"]}
    assert set(found) == {name for name, _, _ in TABLE}
    wrong = {
        name: found[name] for name, verdict, words in TABLE if found[name][0] != verdict or words not in found[name][1]
    }
    assert not wrong
    assert run.status == 1


@pytest.mark.parametrize(
    ("case", "status"),
    [("attack.words[", 0), ("attack.key_error", 3), ("nothing", 4)],
)
def test_the_exit_status_is_that_of_the_verdicts(vexlab: Callable[..., Run], case: str, status: int) -> None:
    run = vexlab("--target", str(ATTACKS), "--case", case, str(CASES / "test_attack.py"))
    assert run.status == status, run.stderr


def test_a_case_cannot_end_the_run(vexlab: Callable[..., Run], tmp_path: Path) -> None:
    config = _settled(tmp_path, case_s=8.0)
    run = vexlab("--target", str(ATTACKS), "--config", config, str(CASES / "test_process.py"))
    ids = [case["id"] for case in run.document["cases"] if case["id"].startswith("process.ids")]
    assert len(ids) == 8
    named = {name: verdict for name, verdict in run.verdicts.items() if name != "process.ids"}
    assert named == {
        "process.first": "passed",
        "process.os_exit": "undecided",
        "process.sys_exit": "error",
        "process.pytest_exit": "error",
        "process.keyboard_interrupt": "error",
        "process.base_exception": "error",
        "process.for_ever": "error",
        "process.last": "passed",
    }
    assert "did not end within 8 s on the host" in run.case("process.for_ever")["reason"]
    assert run.status == 3
    folders = {case["evidence"] for case in run.document["cases"] if case["evidence"]}
    assert len(folders) == len([case for case in run.document["cases"] if case["evidence"]])
    assert all(Path(folder).parent.name == "cases" for folder in folders), "no id leads out of the run's folder"


ODD = {
    "odd.late_fixture": ("crashed", NULL),
    "odd.wordless": ("error", "whose text cannot be had"),
    "odd.surrogate": ("failed", "name is ?"),
    "odd.no_number": ("error", "the metric seed is nan"),
    "odd.elsewhere": ("passed", ""),
    "odd.host_ends_it": ("error", "QEMU was told to end by the host"),
    "odd.stopped": ("error", "the guest does not run: QEMU says paused"),
    "odd.threads": ("passed", ""),
    "odd.swallowed_deadline": ("error", "did not end within 20 s on the host"),
    "odd.group": ("failed", "inner"),
    "odd.unexpected_pass": ("failed", "XPASS"),
    "odd.forked": ("passed", ""),
    "odd.killed": ("error", "the case itself ended this machine"),
    "odd.after_all": ("passed", ""),
}


def test_an_odd_case_is_judged_and_no_other(
    vexlab: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k after_all")  # meant for the user's own sessions
    config = _settled(tmp_path, case_s=20.0)
    run = vexlab("--target", str(ATTACKS), "--jobs", "2", "--config", config, str(CASES / "test_odd.py"))
    found = {name: (verdict, run.case(name)["reason"]) for name, verdict in run.verdicts.items()}
    assert set(found) == set(ODD), run.stderr
    wrong = {
        name: found[name]
        for name, (verdict, words) in ODD.items()
        if found[name][0] != verdict or words not in found[name][1]
    }
    assert not wrong


def test_marks_without_a_meaning_are_refused(vexlab: Callable[..., Run], tmp_path: Path) -> None:
    case = tmp_path / "test_marks.py"
    case.write_text("import pytest\n@pytest.mark.level('high')\ndef test_a(machine):\n    pass\n")
    run = vexlab("--target", str(ATTACKS), str(case))
    assert run.status == 2
    assert "has a mark that means nothing" in run.stderr


@pytest.mark.parametrize("end", ["import sys\nsys.exit(0)\n", "import os\nos._exit(0)\n"], ids=["exit", "os_exit"])
def test_a_conftest_that_exits_is_refused(vexlab: Callable[..., Run], tmp_path: Path, end: str) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "conftest.py").write_text(end)
    (tmp_path / "mine" / "test_a.py").write_text("def test_a(machine):\n    pass\n")
    run = vexlab("--target", str(ATTACKS), str(tmp_path / "mine"))
    assert run.status == 2
    assert "conftest.py ends the session" in run.stderr


def test_two_cases_of_one_id_are_refused(vexlab: Callable[..., Run], tmp_path: Path) -> None:
    """One fails and one passes: the later result must not be taken for both."""
    for name, body in (("a", "assert False"), ("b", "pass")):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"test_{name}.py").write_text(
            "import pytest\npytestmark = pytest.mark.domain('dup')\n"
            f"def test_same(machine):\n    '''The same id.'''\n    {body}\n"
        )
    run = vexlab("--target", str(ATTACKS), str(tmp_path / "a"), str(tmp_path / "b"))
    assert run.status == 2
    assert "dup.same[6.1] is the id of 2 cases" in run.stderr
    assert not run.document["cases"]


def test_a_file_that_exits_when_imported_is_an_error(vexlab: Callable[..., Run], tmp_path: Path) -> None:
    (tmp_path / "test_exits.py").write_text("import sys\nsys.exit(0)\n")
    run = vexlab("--target", str(ATTACKS), str(tmp_path / "test_exits.py"))
    assert run.status == 2
    assert "raises SystemExit when it is imported" in run.stderr


DISK = """
import pytest
pytestmark = pytest.mark.domain("disk")
def test_fill(machine):
    '''Write more to the scratch disk than the host's file may hold.'''
    machine.exec(["dd", "if=/dev/zero", "of=/dev/vdc", "bs=1M", "count=96", "oflag=direct"], timeout=60)
"""


def test_a_full_disk_of_the_host_is_no_fault_of_the_module(tmp_path: Path) -> None:
    """A limit on the size of files stands for the full disk: the host refuses QEMU's write the same way."""
    case = tmp_path / "test_disk.py"
    case.write_text(DISK)
    command = [
        sys.executable,
        "-m",
        "vexlab",
        "run",
        "--no-probe",
        "--target",
        str(ATTACKS),
        "--results",
        str(tmp_path),
        str(case),
    ]

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (48 << 20, 48 << 20))

    subprocess.run([*command, "--case", "nothing"], capture_output=True, timeout=300, cwd=tmp_path)  # fills the cache
    done = subprocess.run(command, preexec_fn=limit, capture_output=True, text=True, timeout=300, cwd=tmp_path)
    assert done.returncode == 3, done.stderr
    assert "the host cannot write the guest's disk scratch" in done.stderr


def test_evidence_that_cannot_be_kept_is_no_pass(vexlab: Callable[..., Run], tmp_path: Path) -> None:
    case = tmp_path / "test_evidence.py"
    case.write_text(
        "import os, pathlib, pytest\n"
        "pytestmark = pytest.mark.domain('evidence')\n"
        "def test_a(machine):\n    '''Passes.'''\n"
        "def test_b(machine):\n"
        "    '''A file takes the place of the folder.'''\n"
        f"    (run,) = pathlib.Path({str(tmp_path)!r}, 'r').glob('2*')\n"
        "    os.rename(run / 'cases', run / 'away')\n"
        "    (run / 'cases').touch()\n"
    )
    run = vexlab("--target", str(ATTACKS), str(case))
    assert run.verdicts == {"evidence.a": "passed", "evidence.b": "error"}
    assert "the evidence cannot be kept" in run.case("evidence.b")["reason"]
    assert run.status == 3


def test_a_slow_module_is_not_hung(vexlab: Callable[..., Run], tmp_path: Path) -> None:
    """A program that goes through the module again and again for longer than its deadline: slow, and no hang."""
    case = tmp_path / "test_slow.py"
    case.write_text(
        "import pytest\n"
        "pytestmark = pytest.mark.domain('slow')\n"
        "def test_reads(module):\n"
        "    assert module.load('bug=none', 'ms=40').ok\n"
        "    loop = 'while :; do read -r line </proc/attack_slow; done'\n"
        "    module.machine.exec(['busybox', 'sh', '-c', loop], timeout=5)\n"
    )
    run = vexlab("--target", str(ATTACKS), str(case))
    found = run.case("slow.reads")
    assert found["verdict"] == "failed", found["reason"]
    assert not found["findings"]
    assert "did not end within" in found["reason"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_names_what_it_did_not_decide(tmp_path: Path, number: signal.Signals) -> None:
    from vexlab.results.store import Store

    case = tmp_path / "test_wait.py"
    case.write_text(
        "import os, signal, time, pytest\n"
        "pytestmark = pytest.mark.domain('wait')\n"
        "def test_a(machine):\n    '''Passes.'''\n"
        "def test_b(machine):\n"
        f"    os.kill(os.getppid(), {int(number)})\n"
        "    machine.exec(['sleep', '60'], timeout=90)\n"
        "def test_c(machine):\n    '''Is not come to.'''\n"
    )
    reset = ["env", "--default-signal=HUP,INT"]  # nohup has them ignored, and vexlab heeds that
    command = [*reset, sys.executable, "-m", "vexlab", "run", "--no-probe", "--target", str(ATTACKS)]
    command += [
        "--results",
        str(tmp_path / "r"),
        "--json",
        str(tmp_path / "out.json"),
        "--junit",
        str(tmp_path / "out.xml"),
        str(case),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path, env=os.environ)
    assert done.returncode == 130, done.stderr
    assert "verdict: INTERRUPTED: 2 of 3 cases did not come to their end" in done.stdout
    result = Store(tmp_path / "r").load("last")
    verdicts = {each.id.partition("[")[0]: each.verdict.value for each in result.cases}
    assert verdicts == {"wait.a": "passed", "wait.b": "undecided", "wait.c": "undecided"}
    assert (tmp_path / "out.json").read_text().count('"undecided"') >= 2
    assert (tmp_path / "out.xml").read_text().count('type="undecided"') == 2
