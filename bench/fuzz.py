"""Eight mistakes behind ioctls, sequences of calls and fields of images: does fuzzing find them, and how soon?

``python -m bench.fuzz [DEFECT ...]`` builds each into VexFS and fuzzes until its first crash, for at most ``--budget``
seconds, with the layout of the interface and, with ``--blind``, without. ``--state`` keeps the campaigns: a second
start goes on with them. Exit status 1 where fewer than six of the eight are found with the layout.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

VEXFS = Path(__file__).parents[1] / "targets" / "vexfs"
WANTED = 6
_SETTLE_S = 240
_WORDS_MOST = 110


@dataclass(frozen=True, slots=True, kw_only=True)
class Hidden:
    """A mistake, its class, and the way of fuzzing that should meet it."""

    defect: str
    kind: str
    mode: str


HIDDEN = (
    Hidden(defect="get_ignores_room", kind="unchecked length", mode="ioctl"),
    Hidden(defect="list_size_overflow", kind="integer overflow in a size", mode="ioctl"),
    Hidden(defect="list_room_refetched", kind="double fetch", mode="ioctl"),
    Hidden(defect="index_kept_freed", kind="use after free by two calls", mode="ioctl"),
    Hidden(defect="index_unlocked", kind="missing lock", mode="calls"),
    Hidden(defect="result_leak", kind="kernel memory to user space", mode="ioctl"),
    Hidden(defect="rare_search_flag", kind="NULL dereference on a rare flag", mode="ioctl"),
    Hidden(defect="unchecked_block_number", kind="unchecked block number behind two indirections", mode="image"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one campaign showed; ``seconds`` and ``programs`` until the first crash, or in all where there was none."""

    hidden: Hidden
    blind: bool
    title: str
    seconds: float
    programs: int
    again: str
    parts: str


def fuzz(hidden: Hidden, state: Path, *, budget: int, blind: bool, kernel: str) -> Row:
    """Fuzz one build, or go on with it; raise ``RuntimeError`` where the campaign could not be made."""
    name = f"{hidden.defect}{'-blind' if blind else ''}"
    argv = [sys.executable, "-m", "vexlab", "fuzz", hidden.mode, "--target", str(VEXFS), "--kernel", kernel]
    argv += [
        "--build-arg",
        f"DEFECT={hidden.defect}",
        "--duration",
        f"{budget}s",
        "--settle",
        f"{_SETTLE_S}s",
        "--first",
    ]
    argv += ["--campaign", name, "--results", str(state), "--no-record", "--no-probe", "--seed", "1"]
    done = subprocess.run([*argv, *(["--blind"] if blind else [])], check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"vexlab fuzz ended with status {done.returncode}")
    report = [sys.executable, "-m", "vexlab", "fuzz", "report", name, "--results", str(state), "--json"]
    told = json.loads(subprocess.run(report, capture_output=True, check=False).stdout)
    return row_of(hidden, told, blind=blind)


def row_of(hidden: Hidden, told: dict[str, object], *, blind: bool) -> Row:
    """Return the row of a report in JSON."""
    crashes = told["crashes"]
    first = crashes[0] if isinstance(crashes, list) and crashes else None
    if first is None:
        seconds, programs = float(str(told["seconds"])), int(str(told["programs"]))
        return Row(hidden=hidden, blind=blind, title="", seconds=seconds, programs=programs, again="", parts="")
    again = f"{first['verified']['hits']} of {first['verified']['tries']}"
    parts = f"{first['parts_before']} to {first['parts']}"
    return Row(
        hidden=hidden, blind=blind, title=first["title"], seconds=first["seconds"], programs=first["programs"],
        again=again, parts=parts,
    )  # fmt: skip


def main() -> int:
    """Fuzz what was asked for and print a table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="DEFECT", help=", ".join(each.defect for each in HIDDEN))
    parser.add_argument("--budget", type=int, default=1800, help="seconds of a campaign")
    parser.add_argument("--blind", action="store_true", help="also without the layout, with the same budget")
    parser.add_argument("--state", type=Path, default=Path("vexlab-bench-fuzz"), help="results folder of the campaigns")
    parser.add_argument("--kernel", default="6.1")
    asked = parser.parse_args()
    chosen = [each for each in HIDDEN if not asked.names or each.defect in asked.names]
    if len(chosen) < len(asked.names):
        parser.error("there is no such defect")
    rows = []
    for each in chosen:
        for blind in (False, True) if asked.blind else (False,):
            try:
                rows.append(fuzz(each, asked.state, budget=asked.budget, blind=blind, kernel=asked.kernel))
            except RuntimeError as error:
                print(f"{each.defect}: not tried: {error}", file=sys.stderr)
    _print(rows)
    found = {row.hidden.defect for row in rows if row.title and not row.blind}
    return 0 if len(found) >= min(WANTED, len(chosen)) else 1


def _print(rows: list[Row]) -> None:
    print("| defect | class | by | found as | after | programs | parts | again |")
    print("|---|---|---|---|--:|--:|--:|--:|")
    for row in rows:
        how = f"{row.hidden.mode}{', blind' if row.blind else ''}"
        title = row.title[:_WORDS_MOST] or "not found"
        print(f"| `{row.hidden.defect}` | {row.hidden.kind} | {how} | {title} | {row.seconds:.0f} s | {row.programs} "
              f"| {row.parts} | {row.again} |")  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
