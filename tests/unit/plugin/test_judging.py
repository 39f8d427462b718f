"""The worse of what case and kernel say is the verdict; only the lab's own failures are tried again."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import msgspec
import pytest
from tests.unit.plugin.conftest import Run
from tests.unit.test_watched import OOPS

from vexlab.model.request import Request, command_line

TITLE = "BUG: unable to handle kernel NULL pointer dereference in evil_dereference"


# What a case does, its verdict, and what stands in the reason.
JUDGED = {
    "passes": ("machine.exec(['true'])", "passed", ""),
    "fails": ("assert False, 'its own words'", "failed", "its own words"),
    "says_nothing": ("assert machine.number == 7", "failed", " == 7 (test_it.py:"),
    "skips": ("pytest.skip('nothing to see')", "skipped", "nothing to see"),
    "is_blocked": ("raise Blocked('needs what is broken', by='link')", "blocked", "needs what is broken"),
    "is_wrong": ("raise KeyError('a mistake')", "error", "an error of the case itself: KeyError: 'a mistake'"),
    "oops_unnoticed": ("machine.exec(['oops'])", "crashed", TITLE),
    "oops_and_fails": (
        "machine.exec(['oops']); assert False, 'its own words'", "crashed", f"its own words\nkernel: {TITLE}"
    ),
    "oops_and_skips": ("machine.exec(['oops']); pytest.skip('nothing to see')", "crashed", TITLE),
    "dies": ("machine.exec(['die'])", "crashed", TITLE),
    "vanishes": ("machine.exec(['vanish'])", "crashed", "lost machine: the guest went down"),
    "is_slow": ("machine.exec(['hang'], timeout=3)", "failed", "`hang` did not end within 3 s"),
    "lab_fails": ("machine.exec(['lab-fails'])", "error", "QEMU was ended by SIGKILL"),
    "oops_then_lab_fails": ("machine.exec(['oops']); machine.exec(['lab-fails'])", "crashed", TITLE),
}  # fmt: skip


def test_a_verdict_is_the_worse_of_both(run: Run) -> None:
    ran = run("".join(f"def test_{name}(machine):\n    {body}\n" for name, (body, _, _) in JUDGED.items()))
    assert {name: ran.case(f"{name}[")["verdict"] for name in JUDGED} == {
        name: verdict for name, (_, verdict, _) in JUDGED.items()
    }
    for name, (_, _, reason) in JUDGED.items():
        assert reason in ran.case(f"{name}[")["reason"], name
    assert ran.status == 1
    assert len(ran.machines) == len(JUDGED) + 1, "only where the lab failed, and nothing else, is there a second one"
    assert ran.case("lab_fails")["attempts"] == ["QEMU was ended by SIGKILL"]


def test_what_passes_is_skipped_or_blocked_ends_well(run: Run) -> None:
    names = ("passes", "skips", "is_blocked")
    assert run("".join(f"def test_{name}(machine):\n    {JUDGED[name][0]}\n" for name in names)).status == 0


def test_what_the_kernel_said_is_kept_with_the_case(run: Run) -> None:
    ran = run("def test_it(machine):\n    machine.exec(['oops'])\n")
    (finding,) = ran.case("it")["findings"]
    assert (finding["title"], finding["severity"], finding["source"]) == (TITLE, "crash", "console")
    assert finding["fingerprint"]
    assert (ran.evidence("it") / "finding-1.txt").read_text().startswith(TITLE)


def test_the_step_that_a_case_was_in_stands_beside_the_finding(run: Run) -> None:
    ran = run("def test_it(machine, step):\n    step('round 3')\n    machine.exec(['oops'])\n    step('round 4')\n")
    assert "(round 4)" in ran.case("it")["reason"]


def test_what_comes_while_the_machine_is_let_go_is_the_cases(run: Run) -> None:
    cases = "@pytest.fixture\ndef late(machine):\n    yield machine\n    machine.exec(['oops'])\n"
    ran = run(f"{cases}def test_it(late): pass\n")
    assert ran.case("it")["verdict"] == "crashed"


def test_only_the_labs_failure_is_tried_again(run: Run) -> None:
    ran = run("def test_it(machine):\n    machine.exec(['lab-fails-once'])\n")
    case = ran.case("it")
    assert (case["verdict"], case["attempts"]) == ("passed", ["QEMU was ended by SIGKILL"])
    assert {"name": "attempts_count", "value": 2.0}.items() <= case["metrics"][0].items()
    assert "SIGKILL" in (ran.evidence("it") / "first-attempt.txt").read_text()
    assert ran.status == 0


def test_a_case_has_its_time_on_the_host(run: Run) -> None:
    cases = "def test_it(machine):\n    time.sleep(30)\ndef test_next(machine):\n    pass\n"
    ran = run(cases, settings="[run]\ncase_s = 1\n")
    assert ran.case("it")["verdict"] == "error"
    assert "did not end within 1 s on the host" in ran.case("it")["reason"]
    assert ran.case("next")["verdict"] == "passed"


def test_a_case_that_looked_at_no_kernel_has_nothing_to_say(run: Run) -> None:
    ran = run("def test_a(): pass\ndef test_b(): assert False\ndef test_c(artifact): pass\ndef test_d(profile): pass\n")
    assert {name: ran.case(name)["verdict"] for name in "abcd"} == {
        "a": "error",
        "b": "failed",
        "c": "passed",
        "d": "error",
    }
    assert "looked at no machine, no build and no profile" in ran.case("a")["reason"]


def test_a_case_leaves_the_process_as_it_was(run: Run) -> None:
    cases = (
        "def test_a(machine): os.chdir('/'); os.environ['LEFT'] = '1'\n"
        "def test_b(machine): assert os.getcwd() != '/'; assert 'LEFT' not in os.environ\n"
    )
    ran = run(cases)
    assert [ran.case(name)["verdict"] for name in "ab"] == ["passed", "passed"]


def test_evidence_lets_anyone_check(run: Run) -> None:
    ran = run(
        "def test_it(machine):\n    machine.exec(['oops'])\n    assert False, 'its own words'\n", "--vexlab-strict"
    )
    folder = ran.evidence("it")
    assert (folder / "console.log").read_text() == OOPS
    assert (folder / "outcome.txt").read_text().startswith("its own words")
    assert (folder / "qemu.txt").read_text().startswith("snapshot abc\n")
    assert (ran.results / "boot-abc.log").read_text() == "booted\n"
    script = (folder / "reproduce").read_text()
    assert (folder / "reproduce").stat().st_mode & 0o111
    for words in ("--case 'own.it[6.1]'", "--kernel 6.1", "--expect module=", "--no-probe", "--strict", "test_it.py"):
        assert words in script
    assert subprocess.run(["sh", "-n", folder / "reproduce"], check=False).returncode == 0
    assert (ran.results / "artifacts" / "6.1" / "evil.ko").read_bytes() == b"built"
    again = msgspec.json.decode((folder / "again.json").read_bytes(), type=Request)
    assert shlex.join(command_line(again)) in script, "the request itself, for commands that run the case otherwise"


def test_a_case_in_an_image_of_the_users_runs_there_again(run: Run) -> None:
    ran = run("def test_it(machine): assert False\n", "--vexlab-kernel", "image:deb")
    script = (ran.evidence("it") / "reproduce").read_text()
    for words in ("--case 'own.it[image:deb]'", "--image deb", "--expect kernel=image:deb:1"):
        assert words in script
    assert "--kernel" not in script, "the image's own"


def test_what_a_case_was_steered_by_is_kept_for_its_next_run(run: Run, tmp_path: Path) -> None:
    (tmp_path / "steer").write_text("pwrite size 18\n")
    ran = run("def test_it(machine): assert False\n", "--vexlab-rare", str(tmp_path / "steer"))
    assert f"--rare {ran.results}/rare.txt" in (ran.evidence("it") / "reproduce").read_text()
    assert (ran.results / "rare.txt").read_text() == "pwrite size 18\n"


_KEEP = """

@pytest.hookimpl(trylast=True)
def pytest_runtest_logreport(report):
    if report.when == "teardown":
        with open("judged", "a") as file:
            print(report.vexlab_case["verdict"], file=file)
"""


def test_a_pass_that_nobody_can_check_is_none(run: Run, pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("results", "cases").write_text("a file where folders are to be")
    conftest = pytester.path / "conftest.py"
    conftest.write_text(conftest.read_text() + _KEEP)
    run("def test_a(machine):\n    pass\ndef test_b(machine):\n    machine.exec(['oops'])\n")
    assert (pytester.path / "judged").read_text().split() == ["error", "crashed"]
