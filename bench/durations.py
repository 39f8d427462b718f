"""Write the table of expected durations: ``python -m bench.durations RESULT.json ...`` (of ``vexlab run --json``)."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from vexlab.plugin.durations import FILE, name_of, parse, render


def main(files: list[str]) -> int:
    """Merge the results into the table, the longest time of each case."""
    seconds: dict[str, float] = {}
    for file in files:
        for case in json.loads(Path(file).read_text())["cases"]:
            if case["verdict"] not in ("skipped", "undecided"):
                name = name_of(case["id"], case["kernel"])
                seconds[name] = max(seconds.get(name, 0.0), case["duration_s"])
    old = parse(FILE.read_text()) if FILE.exists() else {}
    FILE.write_text(render({**old, **seconds}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
