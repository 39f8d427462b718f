"""Logs with what must be read out of them: crashes really provoked on our own machines (``logs``, by ``provoke.py``),
and logs written after the kernel's sources for kinds that our machines cannot provoke (``written``).

Each log begins with a header written by hand: for each report, in order, a block of ``KEY: value`` lines, an empty line
between blocks, then a line of ``---``. No block: no report. What a block does not name is not compared. ``MODULE``
names the module under test. ``--update`` refreshes the ``LINES`` and nothing else.

=========== =================================================================
TITLE       the title, always given
TYPE        the type
SEVERITY    fatal, crash, warning
FRAME       the blamed function, ``-`` for none
TARGET      the module's function, ``yes`` for one that has no name, ``no``
FLAGS       ``corrupted``, ``suppressed``, or ``-``
TASK        ``name:pid``
CPU         number
RELEASE     of the kernel
FOLLOW      number of follow-on headlines
NOTE        the remark
LINES       first and last, counted from 1 behind the header
=========== =================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from vexlab.classify import classify
from vexlab.model.report import Report

HERE = Path(__file__).parent
PROVOKED = sorted((HERE / "logs").glob("*.log"))
LOGS = [*PROVOKED, *sorted((HERE / "written").glob("*.log"))]
END = "---\n"

Block = dict[str, str]


def _target(report: Report) -> str:
    return report.target_frame or ("yes" if report.in_target else "no")


READ: dict[str, Callable[[Report], str]] = {
    "TITLE": lambda report: report.title,
    "TYPE": lambda report: report.type,
    "SEVERITY": lambda report: report.severity.value,
    "FRAME": lambda report: report.frame or "-",
    "TARGET": _target,
    "FLAGS": lambda report: "corrupted " * report.corrupted + "suppressed " * report.suppressed or "-",
    "TASK": lambda report: f"{report.task}:{report.pid}",
    "CPU": lambda report: str(report.cpu),
    "RELEASE": lambda report: report.release,
    "FOLLOW": lambda report: str(len(report.follow_on)),
    "NOTE": lambda report: report.remark,
    "LINES": lambda report: f"{report.first_line}-{report.last_line}",
}


def split(text: str) -> tuple[list[Block], str]:
    """The header's blocks and the log behind it."""
    header, end, log = text.partition(END)
    assert end, "a golden log begins with its header"
    blocks = [
        dict(line.split(": ", 1) for line in block.splitlines() if line) for block in header.split("\n\n") if block
    ]
    return [block for block in blocks if block], log


def join(blocks: list[Block], log: str) -> str:
    return "\n".join("".join(f"{key}: {value}\n" for key, value in block.items()) for block in blocks) + END + log


def module(blocks: list[Block]) -> list[str]:
    return [block["MODULE"] for block in blocks if "MODULE" in block]


@pytest.mark.parametrize("path", LOGS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_log(path: Path, request: pytest.FixtureRequest) -> None:
    blocks, log = split(path.read_text())
    found = classify(log, target_modules=module(blocks))
    expected = [block for block in blocks if "TITLE" in block]
    assert [report.title for report in found] == [block["TITLE"] for block in expected]
    if request.config.getoption("--update", default=False):
        fresh = [
            {**block, "LINES": READ["LINES"](report)} if "LINES" in block else block
            for block, report in zip(expected, found, strict=True)
        ]
        path.write_text(join([*fresh, *blocks[len(fresh) :]], log))
        expected = fresh
    for block, report in zip(expected, found, strict=True):
        seen = {key: READ[key](report).strip() for key in block if key in READ}
        assert seen == {key: value.strip() for key, value in block.items() if key in READ}
        assert set(block) <= {*READ, "MODULE"}, "an unknown key in a header"


@pytest.mark.parametrize("name", sorted({log.stem.partition("-")[2] for log in PROVOKED}))
def test_the_same_crash_has_one_fingerprint_on_all_kernels(name: str) -> None:
    logs = [split(log.read_text())[1] for log in PROVOKED if log.stem.partition("-")[2] == name]
    reports = [classify(log, target_modules=["crashes"]) for log in logs]
    assert len({found[0].fingerprint for found in reports if found}) <= 1
