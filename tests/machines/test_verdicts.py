"""A verdict comes from what happened in the kernel, whatever the case itself believed; and the run goes on."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.machines.conftest import CASES, PLANTED, Run

pytestmark = pytest.mark.machine

_OR = " | "
EXPECTED = {
    "planted.clean": ("passed", ""),
    "planted.oops_unnoticed": ("crashed", "NULL pointer dereference in planted_dereference"),
    "planted.late_oops": ("crashed", "NULL pointer dereference in planted_dereference"),
    "planted.panic": ("crashed", "kernel panic: planted"),
    "planted.warning": ("failed", "WARNING in planted_"),
    # 6.12 takes now and then an allocation from KFENCE's pool, which then speaks first
    "planted.double_free": ("crashed", f"BUG{_OR}KFENCE: invalid free in planted_init"),
    "planted.corrupt_list": ("crashed", "corrupted list in planted_corrupt_list"),
    "planted.spin": ("crashed", "hang in planted_spin"),
    "planted.wait": ("crashed", "hang in planted_wait"),
    "planted.agent_killed": ("crashed", "lost machine: the guest agent is gone while the kernel runs on"),
    "planted.powered_off": ("crashed", "lost machine"),
    "planted.slow_program": ("failed", "did not end within"),
    "planted.assertion": ("failed", "the module is loaded"),
    "planted.unmet_need": ("skipped", "NO_SUCH_OPTION"),
}


def told_as_expected(run: Run) -> None:
    """Every planted case has its verdict, and its reason holds one of the forms that its kernel may give."""
    assert run.verdicts == {name: verdict for name, (verdict, _) in EXPECTED.items()}, run.stderr
    for name, (_, reason) in EXPECTED.items():
        assert any(words in run.case(name)["reason"] for words in reason.split(_OR)), name


@pytest.mark.parametrize("kernel", ["6.1", "6.12"])
def test_every_planted_bug_is_told(vexlab: Callable[..., Run], kernel: str) -> None:
    run = vexlab("--target", str(PLANTED), "--kernel", kernel, str(CASES))
    assert run.status == 1
    told_as_expected(run)
    summary = run.document["summary"]
    assert 0 < summary.pop("stability") < 50, "most of the cases ended a kernel"
    counts = {"passed": 1, "failed": 3, "crashed": 9, "skipped": 1, "errors": 0, "undecided": 0}
    assert summary == {**counts, "blocked": 0, "known": 0}


def test_evidence_lets_anyone_check(vexlab: Callable[..., Run], tmp_path: Path) -> None:
    names = ("planted.late_oops", "planted.spin", "planted.assertion")
    run = vexlab("--target", str(PLANTED), *(word for name in names for word in ("--case", name)), str(CASES))
    folder = tmp_path / "r" / run.document["run"]["id"]
    oops, spin, assertion = (folder / run.case(name)["evidence"] for name in names)
    words = (assertion / "outcome.txt").read_text()
    assert words.startswith("the module is loaded"), "first what the case said, whole"
    assert "test_planted.py:" in words, "then where"
    assert "planted_dereference" in (oops / "console.log").read_text()
    assert re.search(
        r"RIP: \S+planted_dereference\S+ \[planted\] \(planted\.c:\d+\)", (oops / "finding-1.txt").read_text()
    )
    assert "RIP=" in (spin / "postmortem.txt").read_text()
    assert "qemu-system-x86_64" in (oops / "qemu.txt").read_text()
    assert list(folder.glob("boot-*.log"))
    again = tmp_path / "again.json"
    done = subprocess.run(
        [str(oops / "reproduce"), "--json", str(again), "--results", str(tmp_path / "r2")],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    (case,) = json.loads(again.read_text())["cases"]
    assert case["findings"][0]["title"] == run.case("planted.late_oops")["findings"][0]["title"]
    snapshots = [(place / "qemu.txt").read_text().split("\n")[0] for place in (oops,)]
    (repeated,) = (tmp_path / "r2").glob("*/cases/*/qemu.txt")
    assert repeated.read_text().split("\n")[0] == snapshots[0], "the case runs again from the same snapshot"


@pytest.mark.parametrize(
    ("bug", "case", "verdict", "said"),
    [
        ("none", "kernel_module.memory_leak", "passed", ""),
        ("leak", "kernel_module.memory_leak", "failed", "memory leak: kmalloc-1k grows by 1.0"),
        ("slow", "kernel_module.load", "failed", ""),
        ("spin", "kernel_module.hang_prevention", "crashed", "hang in planted_spin"),
        ("wait", "kernel_module.hang_prevention", "crashed", "hang in planted_wait"),
        ("oops", "kernel_module.lifecycle_stress", "crashed", "NULL pointer dereference"),
    ],
)
def test_the_domain_finds_the_bug(
    vexlab: Callable[..., Run], tmp_path: Path, bug: str, case: str, verdict: str, said: str
) -> None:
    text = (PLANTED / "target.toml").read_text().replace('"source"', f'"{PLANTED / "source"}"')
    (tmp_path / "target.toml").write_text(text + f'params = ["bug={bug}"]\n')
    (found,) = vexlab("--target", str(tmp_path), "--case", f"{case}[").document["cases"]
    assert found["verdict"] == verdict, found
    assert said in found["reason"]


def test_the_same_fixtures_serve_plain_pytest(tmp_path: Path) -> None:
    test = tmp_path / "test_mine.py"
    test.write_text(
        "def test_loads(module, metrics):\n"
        "    result = module.load('bug=late')\n"
        "    metrics.record('load_s', result.duration)\n"
        "    module.machine.exec(['sleep', '1'])\n"
    )
    import sys

    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "vexlab",
        "-p",
        "no:cacheprovider",
        "--vexlab-target",
        str(PLANTED),
    ]
    done = subprocess.run([*command, str(test)], capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 1
    assert "planted_dereference" in done.stdout
    assert "1 failed" in done.stdout
