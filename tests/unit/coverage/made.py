"""A run that counted, made on this host: a small program compiled as kbuild compiles a module, and run by its cases."""

from __future__ import annotations

import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from vexlab.coverage.gcov import program
from vexlab.model.case import PlannedCase
from vexlab.model.coverage import CASE_FILE, RUN_FOLDER, UNREAD
from vexlab.model.key import CaseKey
from vexlab.plugin.evidence import CASE
from vexlab.targets.build import take
from vexlab.targets.counted import keep_notes

SOURCE = """\
#include "twice.h"

static int small(int n)
{
	return n;
}

static int never(int n)
{
	return n + 1;
}

int chosen(int n)
{
	if (n > 3)
		return twice(n);
	if (n < 0)
		return never(n);
	return small(n);
}
"""
HEADER = "static inline int twice(int n)\n{\n\treturn 2 * n;\n}\n"
MAIN = "#include <stdlib.h>\nint chosen(int n);\nint main(int c, char **v)\n{\n\tchosen(atoi(v[1]));\n}\n"
KERNEL = "6.1-kasan"


def compiler() -> str:
    return {"gcov-12": "gcc-12"}.get(program(), "gcc")


def counted_build(folder: Path, source: str = SOURCE) -> Path:
    """Compile the source into ``folder``/source, and return the program that counts."""
    copy = folder / "source"
    copy.mkdir(parents=True)
    for name, text in (("chosen.c", source), ("twice.h", HEADER)):
        (copy / name).write_text(text)
    (folder / "main.c").write_text(MAIN)
    flags = ["-fprofile-arcs", "-ftest-coverage", f"-ffile-prefix-map={copy}=."]
    subprocess.run([compiler(), "-c", *flags, "-o", copy / "chosen.o", copy / "chosen.c"], check=True)
    subprocess.run([compiler(), "-o", folder / "main", folder / "main.c", copy / "chosen.o", "--coverage"], check=True)
    return folder / "main"


def counters(folder: Path, *arguments: int) -> bytes:
    """Run the program of ``counted_build`` once for each argument, and return what it counted in all."""
    file = folder / "source" / "chosen.gcda"
    file.unlink(missing_ok=True)
    for each in arguments:
        subprocess.run([folder / "main", str(each)], check=True, cwd=folder)
    return file.read_bytes()


def counted_run(run: Path, build: Path, cases: Mapping[str, bytes | None], kernel: str = KERNEL) -> Path:
    """Leave what a run leaves that counted: notes and sources, and for each case its counters (``None``: none came)."""
    keep_notes(build / "source", run / RUN_FOLDER / kernel, lambda made, to: take(build, made, to))
    for number, (name, data) in enumerate(cases.items()):
        folder = run / "cases" / f"case-{number}"
        folder.mkdir(parents=True)
        key = CaseKey(domain="d", name=name, kernel=kernel, target="vexfs")
        (folder / CASE).write_bytes(msgspec.json.encode(PlannedCase(key=key, node=name, level=1)))
        with zipfile.ZipFile(folder / CASE_FILE, "w") as archive:
            entry = UNREAD if data is None else "chosen.gcda"
            archive.writestr(f"1/{kernel}/{entry}", data or b"")
    return run
