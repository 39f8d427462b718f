"""Rounds of syz-manager: begun, watched, ended, and what it has kept read.

Its folder holds the corpus and every crash from the moment it is seen, so that whoever dies, the next round goes on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from vexlab import process
from vexlab.classify import classify
from vexlab.deadline import Deadline
from vexlab.errors import InfraError
from vexlab.fuzz.campaign import RoundFinding, RoundResult
from vexlab.fuzz.crash import worst, wrong_finding
from vexlab.fuzz.folder import State
from vexlab.fuzz.syzkaller import LOG_MOST, text_of
from vexlab.model.verdict import Finding
from vexlab.plugin.findings import finding_of

ROUND_S = 3600.0
_TICK_S = 2.0
_END_S = 60.0
_LOG = "manager.log"
_SEEN = "vexlab.json"  # in a crash's folder of syz-manager's: what we have taken of it
# 2026/11/29 22:41:10 candidates=0 corpus=31 coverage=812 exec total=1873 (6/sec) pending=0 reproducing=0
_STATUS = re.compile(r"^\S+ \S+ (?=.*\bexec total=)(.*)$", re.MULTILINE)
_NUMBER = re.compile(r"(\w[\w ]*?)=(\d+)")
# 22:41:03 executing program 1:  ·  2026/11/29 22:41:03 executing program 0 (fault-call:3 fault-nth:1):
_BEGINS = re.compile(r"^.*executing program \d+.*:$")
# r0 = openat$vexfs(…  ·  ioctl$X(…
_CALL = re.compile(r"^(?:r\d+ = )?[a-z_]\w*(?:\$\w+)?\(.*\).*$")
_LAST = 3  # programs, each alone, before all of them together are tried


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What syz-manager said last: programs, how many are in its corpus, places of coverage."""

    programs: int = 0
    corpus: int = 0
    cover: int = 0


@dataclass(slots=True)
class ManagerRounds:
    """Runs ``argv`` in ``folder``, whose ``workdir`` is syz-manager's; use it as ``vexlab.fuzz.campaign.Rounds``.

    ``stop`` asks whether somebody wants it to end. With ``first`` a round ends with its first crash.
    """

    argv: tuple[str, ...]
    folder: Path
    workdir: Path
    module: str
    stop: Callable[[], bool]
    first: bool = False
    covered: bool = True
    heard: Callable[[State, Figures, float], None] = lambda _state, _figures, _seconds: None
    _log: Path = field(init=False)
    _began: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        """Know where syz-manager's words go."""
        self._log = self.folder / _LOG

    def __call__(self, state: State, corpus: str, seconds: float, keep: Callable[[Finding], Path]) -> RoundResult:
        """Let it fuzz for at most ``seconds``; raise ``InfraError`` where it ends by itself."""
        del corpus
        deadline = Deadline.after(min(seconds, ROUND_S))
        self._began = self._log.stat().st_size if self._log.exists() else 0
        marks: dict[Path, tuple[float, int]] = {}
        manager = process.Started(self.argv, self._log)
        try:
            spent = self._watch(manager, deadline, state, marks)
        finally:
            manager.end(_END_S)  # it ends its machines and leaves its corpus whole
        figures = figures_in(_since(self._log, self._began))
        met = tuple(self._met(marks, keep))
        return RoundResult(
            programs=figures.programs, calls=0, guest_seconds=spent, signatures=figures.corpus,
            cover=figures.cover if self.covered else None, met=met,
        )  # fmt: skip

    def _watch(
        self, manager: process.Started, deadline: Deadline, state: State, marks: dict[Path, tuple[float, int]]
    ) -> float:
        whole = deadline.remaining
        spent = 0.0
        for _ in deadline.poll(_TICK_S, _TICK_S):
            spent = whole - deadline.remaining
            if manager.returncode is not None:
                words = "; ".join(_since(self._log, self._began).splitlines())[-600:]
                raise InfraError(f"syz-manager ended with status {manager.returncode}: {words}")
            figures = figures_in(_since(self._log, self._began))
            for place in new_crashes(self.workdir):
                marks.setdefault(place, (spent, figures.programs))
            self.heard(state, figures, spent)
            if self.stop() or (self.first and marks):
                break
        return spent

    def _met(self, marks: dict[Path, tuple[float, int]], keep: Callable[[Finding], Path]) -> Iterator[RoundFinding]:
        for place in new_crashes(self.workdir):
            seconds, programs = marks.get(place, (None, None))
            finding = finding_in(place, self.module)
            folder = keep(finding)
            folder.mkdir(parents=True, exist_ok=True)
            logs = _logs(place)
            if logs:
                (folder / "console.log").write_text(text_of(logs[0]), errors="replace")
            (folder / "syzkaller.txt").write_text(f"{text_of(place / 'description').strip()}\n{place}\n")
            yield RoundFinding(
                finding=finding, candidates=candidates_in(place), seconds=seconds, programs=programs
            )  # fmt: skip
            (place / _SEEN).write_text(json.dumps({"logs": len(logs)}))


def new_crashes(workdir: Path) -> tuple[Path, ...]:
    """Return the folders of crashes with more logs than were taken."""
    return tuple(
        described.parent
        for described in sorted(workdir.glob("crashes/*/description"))
        if len(_logs(described.parent)) > _taken(described.parent)
    )


def _taken(place: Path) -> int:
    try:
        return int(json.loads((place / _SEEN).read_text())["logs"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _logs(place: Path) -> list[Path]:
    return sorted(place.glob("log[0-9]*"), key=lambda file: int(file.name.removeprefix("log") or 0))


def finding_in(place: Path, module: str) -> Finding:
    """Return what the kernel said in a crash's log as we title it; syzkaller's title where we see nothing in it."""
    text = text_of(logs[0]) if (logs := _logs(place)) else ""
    found = worst([finding_of(report) for report in classify(text, target_modules=(module,))])
    return found or wrong_finding(text_of(place / "description").strip() or "a crash without a description")


def candidates_in(place: Path) -> tuple[str, ...]:
    """Return programs that may show a crash, the likeliest first: its reproducer, the last ones, all of the log's."""
    own = [text_of(file) for file in sorted(place.glob("repro.prog"))]
    logs = _logs(place)
    programs = programs_in(text_of(logs[0])) if logs else []
    together = ["".join(f"executing program 0:\n{each}" for each in programs)] if len(programs) > 1 else []
    return tuple(dict.fromkeys([*own, *reversed(programs[-_LAST:]), *together]))


def programs_in(log: str) -> list[str]:
    """Return the programs of a log of syzkaller's in the order in which they began.

    >>> programs_in("00:01 executing program 0:\\nr0 = dup(0x1)\\nclose(r0)\\n\\n[  1.0] oops\\n")
    ['r0 = dup(0x1)\\nclose(r0)\\n']
    """
    found: list[list[str]] = []
    inside = False
    for line in log.splitlines():
        if _BEGINS.match(line):
            found.append([])
            inside = True
        elif inside and _CALL.match(line):
            found[-1].append(line)
        else:
            inside = False
    return ["".join(f"{call}\n" for call in calls) for calls in found if calls]


def figures_in(log: str) -> Figures:
    """Return what the last line of figures in syz-manager's words says.

    >>> figures_in("2026/11/29 22:41:10 candidates=0 corpus=31 coverage=812 exec total=1873 (6/sec) pending=0\\n").cover
    812
    """
    lines = _STATUS.findall(log)
    said = {name.strip(): int(number) for name, number in _NUMBER.findall(lines[-1])} if lines else {}
    return Figures(
        programs=said.get("exec total", 0), corpus=said.get("corpus", 0), cover=said.get("coverage", 0)
    )  # fmt: skip


def _since(log: Path, at: int) -> str:
    with log.open("rb") as file:
        file.seek(max(at, log.stat().st_size - LOG_MOST))
        return file.read().decode(errors="replace")
