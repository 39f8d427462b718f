"""Filesystems that nobody here wrote: what each can do, how its run ends, and which problems are named.

``python -m bench.filesystems [NAME ...] [-- option of `vexlab run` ...]`` writes a target for each by ``vexlab init``
and runs it; ``--level 1 --quick`` without options. ``--state`` keeps what is done: a second start goes on. Exit status
1 where a filesystem could not be made, or the lab failed in its run.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from vexlab.targets.distribution import PROGRAMS

WRITABLE = tuple(sorted(name for name, programs in PROGRAMS.items() if programs.mkfs))
QUICK = ("--level", "1", "--quick")
_LONGEST_S = 2 * 3600
_SHOWN, _WORDS_MOST = 3, 120


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How the run of one filesystem ended: counts of capabilities by state and of cases by verdict, and its problems.

    ``lacking`` says why there was no run, empty where there was one.
    """

    name: str
    lacking: str = ""
    capabilities: dict[str, int] = {}
    cases: dict[str, int] = {}
    problems: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def ran(self) -> bool:
        """Whether the run came to verdicts, and the lab itself failed nowhere."""
        return not self.lacking and not self.cases.get("errors") and bool(self.cases.get("passed"))


def read(name: str, document: dict[str, Any], seconds: float) -> Outcome:
    """Return what a run's results say."""
    states = (each["state"] for profile in document["profiles"] for each in profile["capabilities"])
    return Outcome(
        name=name,
        capabilities=dict(Counter(states)),
        cases={verdict: count for verdict, count in document["summary"].items() if verdict != "stability"},
        problems=tuple(each["title"] for each in document["problems"]),
        seconds=round(seconds, 1),
    )


def table(outcomes: Sequence[Outcome]) -> str:
    """Return the outcomes as a table in Markdown."""
    lines = ["| filesystem | works | refused | broken | passed | failed | skipped | seconds | problems |"]
    lines.append("|---|--:|--:|--:|--:|--:|--:|--:|---|")
    for each in outcomes:
        if each.lacking:
            lines.append(f"| {each.name} | | | | | | | | not run: {_cell(each.lacking)} |")
            continue
        red = sum(each.cases.get(verdict, 0) for verdict in ("failed", "crashed", "errors", "blocked"))
        numbers = [each.capabilities.get(state, 0) for state in ("works", "refused", "broken")]
        numbers += [each.cases.get("passed", 0), red, each.cases.get("skipped", 0), round(each.seconds)]
        shown = "; ".join(map(_cell, each.problems[:_SHOWN]))
        more = f"; and {len(each.problems) - _SHOWN} more" if len(each.problems) > _SHOWN else ""
        lines.append(f"| {each.name} | {' | '.join(map(str, numbers))} | {shown or 'none'}{more} |")
    return "\n".join(lines)


def _cell(words: str) -> str:
    line = words.partition("\n")[0].replace("|", "\\|").replace("`", "")
    return line[:_WORDS_MOST] + "…" if len(line) > _WORDS_MOST else line


def _vexlab(*words: str, log: Path) -> int:
    with log.open("a") as file:
        argv = [sys.executable, "-m", "vexlab", *words]
        return subprocess.run(argv, check=False, stdout=file, stderr=file, timeout=_LONGEST_S).returncode


def outcome(name: str, state: Path, kernel: str, options: Sequence[str]) -> Outcome:
    """Return how a filesystem's run ended, of an earlier start where it was done there."""
    folder = state / name
    folder.mkdir(parents=True, exist_ok=True)
    note, target, file, log = (folder / each for each in ("outcome.json", "target.toml", "run.json", "run.log"))
    if note.exists():
        return msgspec.json.decode(note.read_bytes(), type=Outcome)
    begin = time.monotonic()
    _vexlab("init", name, "--kernel", kernel, "--force", "--output", str(target), log=log)
    if target.exists():
        words = ("--results", str(folder / "results"), "--json", str(file), "--ci", *options)
        status = _vexlab("run", "--target", str(target), "--kernel", kernel, *words, log=log)
    if not file.exists():
        last = log.read_text(errors="replace").strip().splitlines()[-1:] or ["nothing was said"]
        why = f"exit status {status}: {last[0]}" if target.exists() else last[0]
        found = Outcome(name=name, lacking=why)
    else:
        found = read(name, json.loads(file.read_text()), time.monotonic() - begin)
    note.with_suffix(".new").write_bytes(msgspec.json.format(msgspec.json.encode(found)))
    note.with_suffix(".new").replace(note)
    return found


def main() -> int:
    """Try the filesystems that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench.filesystems", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"only these of {', '.join(WRITABLE)}")
    parser.add_argument("--kernel", default="6.1-amd64", help="one whose package has the modules")
    parser.add_argument("--state", type=Path, default=Path("vexlab-filesystems"), help="folder of what is done")
    words = sys.argv[1:]
    own = words.index("--") if "--" in words else len(words)
    asked, options = parser.parse_args(words[:own]), words[own + 1 :]
    if unknown := set(asked.names) - set(WRITABLE):
        parser.error(f"no filesystem {', '.join(sorted(unknown))}; known are {', '.join(WRITABLE)}")
    outcomes = []
    for name in asked.names or WRITABLE:
        outcomes.append(outcome(name, asked.state, asked.kernel, options or QUICK))
        print(f"{name}: {outcomes[-1].lacking or outcomes[-1].cases}", file=sys.stderr)
    print(table(outcomes))
    return 0 if all(each.ran for each in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
