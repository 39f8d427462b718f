"""What a run reached in forms of others: pages with the source, an lcov tracefile, Cobertura XML. gcovr writes them.

gcovr reads what gcov writes as JSON. It is given the sums over all cases in that form, of the host's own making: what a
guest wrote is numbers by then.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from vexlab import process, temporary
from vexlab.errors import InfraError, UsageError
from vexlab.model.coverage import Coverage, FileCounts

_WRITE_S = 300.0
_KEEP = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """What is to be written: pages into the folder ``html``, an ``lcov`` tracefile, ``cobertura`` XML."""

    html: Path | None = None
    lcov: Path | None = None
    cobertura: Path | None = None


def write(coverage: Coverage, source: Path, outputs: Outputs, *, title: str) -> None:
    """Write what a run reached of the files in ``source``; ``index.html`` is the first of the pages.

    Raises ``UsageError`` where gcovr is not installed or cannot write there, ``InfraError`` where it fails.
    """
    if importlib.util.find_spec("gcovr") is None:
        raise UsageError("gcovr is not installed", hint="`pip install 'vexlab[coverage]'`")
    options: list[str] = []
    if outputs.html:
        _make(outputs.html)
        options += ["--html-details", str(outputs.html / "index.html"), "--html-title", title]
    if outputs.lcov:
        options += ["--lcov", str(outputs.lcov)]
    if outputs.cobertura:
        options += ["--cobertura", str(outputs.cobertura), "--cobertura-pretty"]
    with temporary.folder("gcovr") as work:
        for number, (path, counts) in enumerate(coverage.files.items()):
            document = json.dumps(gcov_document(path, counts, source)).encode()
            (work / f"{number:05}.gcov.json.gz").write_bytes(gzip.compress(document))
        argv = [sys.executable, "-m", "gcovr", "--gcov-use-existing-files", "--root", str(source)]
        argv += ["--gcov-suspicious-hits-threshold", "0", *options, str(work)]
        done = process.run(argv, timeout=_WRITE_S, cwd=work, keep=_KEEP)
    if done.returncode:
        raise InfraError(f"gcovr wrote nothing: {done.error_text.strip()[-500:]}", hint="is the place there, and free?")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder} cannot be made: {error}", hint="name another place") from error


def gcov_document(path: str, counts: FileCounts, source: Path) -> dict[str, object]:
    """Return counts as ``gcov --json-format`` of gcc 14 writes them; blocks are not known, and numbered anew."""
    functions = [
        {
            "name": each.name,
            "demangled_name": each.name,
            "start_line": each.first,
            "start_column": 1,
            "end_line": each.last,
            "end_column": 1,
            "blocks": 1,
            "blocks_executed": int(each.calls > 0),
            "execution_count": each.calls,
        }
        for each in counts.functions
    ]
    lines = []
    for line, count in counts.lines.items():
        function = counts.function_at(line)
        lines.append(
            {
                "line_number": line,
                "function_name": function.name if function else "",
                "count": count,
                "unexecuted_block": False,
                "block_ids": [0],
                "branches": [
                    {
                        "count": taken,
                        "throw": False,
                        "fallthrough": False,
                        "source_block_id": 0,
                        "destination_block_id": number,
                    }
                    for number, taken in enumerate(counts.branches.get(line, ()), 1)
                ],
            }
        )
    return {
        "format_version": "2",
        "gcc_version": "14",
        "current_working_directory": str(source),
        "data_file": path,
        "files": [{"file": path, "functions": functions, "lines": lines}],
    }
