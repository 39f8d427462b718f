"""The newest run of a results folder, by domain. Run it where `vexlab run` has left results."""

from __future__ import annotations

import json
import sys

from vexlab import ResultCollector


def main(folder: str = "vexlab-results") -> None:
    """Print the sums of a run, and the first lines of its report."""
    collector = ResultCollector.of_run(folder)
    sys.stdout.write(json.dumps(collector.generate_summary_report(), indent=2) + "\n")
    sys.stdout.write("\n".join(collector.export_results("text").splitlines()[:5]) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
