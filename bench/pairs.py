"""Two mistakes at once: is the second found although the first breaks what others rely on?

``python -m bench.pairs [BROKEN ...]`` builds each pair of ``targets/vexfs/pairs.toml`` into VexFS and runs the probe,
the cases about the profile, and the case that the pair names. A pair is done when problems at the end of one run name
both; with ``--whole`` a pair that is not done so is tried with all of level 1. ``--state`` keeps what is done: a second
start goes on. Exit status 1 where a pair is not found.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path

import msgspec

VEXFS = Path(__file__).parents[1] / "targets" / "vexfs"
CATALOGUE = VEXFS / "pairs.toml"
_PROFILE = ("filesystem_operations.capabilit", "filesystem_operations.refusals")
_LONGEST_S = 4 * 3600
_WORDS_MOST = 160


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """A ``[[pair]]`` table; the last two are regular expressions."""

    broken: str
    defect: str
    way: str
    case: str
    names_broken: str
    names_defect: str


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one run of a pair showed: the problem that names each, empty for none; of ``problems`` in all."""

    broken: str
    defect: str
    broken_as: str
    defect_as: str
    problems: int
    seconds: float
    cases: str

    @property
    def both(self) -> bool:
        """Whether both were named."""
        return bool(self.broken_as and self.defect_as)


def load_pairs(file: Path = CATALOGUE) -> tuple[Pair, ...]:
    """Read the pairs."""
    return msgspec.convert(tomllib.loads(file.read_text())["pair"], tuple[Pair, ...])


def judge(pair: Pair, problems: Sequence[tuple[str, str]], *, seconds: float, cases: str) -> Outcome:
    """Return which of ``problems`` (key and title) name the two mistakes of ``pair``; no problem names both."""
    broken = _naming(pair.names_broken, problems)
    defect = _naming(pair.names_defect, [each for each in problems if each != broken])
    return Outcome(
        broken=pair.broken,
        defect=pair.defect,
        broken_as=broken[1] if broken else "",
        defect_as=defect[1] if defect else "",
        problems=len(problems),
        seconds=round(seconds, 1),
        cases=cases,
    )


def _naming(pattern: str, problems: Sequence[tuple[str, str]]) -> tuple[str, str] | None:
    return next((each for each in problems if re.search(pattern, " ".join(each), re.DOTALL)), None)


def _run(pair: Pair, kernel: str, folder: Path, cases: Sequence[str]) -> Outcome:
    words = [word for case in cases for word in ("--case", case)] or ["--level", "1"]
    file = folder / "run.json"
    command = [sys.executable, "-m", "vexlab", "run", "--target", str(VEXFS), "--kernel", kernel]
    command += ["--jobs", "1", "--ci", "--build-arg", f"DEFECT={pair.broken},{pair.defect}"]
    command += ["--results", str(folder / "results"), "--json", str(file), *words]
    begin = time.monotonic()
    with (folder / "run.log").open("w") as log:
        done = subprocess.run(command, check=False, stdout=log, stderr=log, timeout=_LONGEST_S)
    if not file.exists():
        raise SystemExit(f"the run of {pair.broken} and {pair.defect} gave no result ({done.returncode}): {log.name}")
    problems = [(each["key"], each["title"]) for each in json.loads(file.read_text())["problems"]]
    which = pair.case if cases else "level 1"
    return judge(pair, problems, seconds=time.monotonic() - begin, cases=which)


def outcome(pair: Pair, kernel: str, state: Path, *, whole: bool) -> Outcome:
    """Return what a pair's runs showed, of an earlier start where it was done there."""
    folder = state / f"{pair.broken}-{pair.defect}"
    folder.mkdir(parents=True, exist_ok=True)
    note = folder / "outcome.json"
    if note.exists():
        kept = msgspec.json.decode(note.read_bytes(), type=Outcome)
        if kept.both or not whole or kept.cases == "level 1":
            return kept
    found = None if note.exists() else _run(pair, kernel, folder, (*_PROFILE, pair.case))
    if whole and not (found and found.both):
        found = _run(pair, kernel, folder, ())
    assert found is not None
    note.with_suffix(".new").write_bytes(msgspec.json.format(msgspec.json.encode(found)))
    note.with_suffix(".new").replace(note)
    return found


def table(outcomes: Sequence[Outcome]) -> str:
    """Return the outcomes as a table in Markdown."""
    lines = ["| broken | named as | second defect | named as | problems |", "|---|---|---|---|---|"]
    for each in outcomes:
        told = (_cell(each.broken_as), each.defect, _cell(each.defect_as), each.problems)
        lines.append(f"| {' | '.join(map(str, (each.broken, *told)))} |")
    both = sum(each.both for each in outcomes)
    return "\n".join([*lines, "", f"both found in {both} of {len(outcomes)} pairs"])


def _cell(words: str) -> str:
    line = words.partition("\n")[0].replace("|", "\\|").replace("`", "")
    return (line[:_WORDS_MOST] + "…" if len(line) > _WORDS_MOST else line) or "**not found**"


def main() -> int:
    """Try the pairs that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench.pairs", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="BROKEN", help="only the pairs of these broken capabilities")
    parser.add_argument("--kernel", default="6.1")
    parser.add_argument("--state", type=Path, default=Path("vexlab-pairs"), help="folder of what is done")
    parser.add_argument("--whole", action="store_true", help="all of level 1 where the named case does not suffice")
    options = parser.parse_args()
    pairs = load_pairs()
    if unknown := set(options.names) - {pair.broken for pair in pairs}:
        parser.error(f"no pair of {', '.join(sorted(unknown))}")
    outcomes = []
    for pair in pairs:
        if not options.names or pair.broken in options.names:
            outcomes.append(outcome(pair, options.kernel, options.state, whole=options.whole))
            print(f"{pair.broken}, {pair.defect}: {'both' if outcomes[-1].both else 'NOT both'}", file=sys.stderr)
    print(table(outcomes))
    return 0 if all(each.both for each in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
