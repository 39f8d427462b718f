"""The programs that run inside the guest: C sources, built on the host like a target's own tools, and scripts."""

from __future__ import annotations

import functools
import itertools
from pathlib import Path

from vexlab.model.target import Tool

# What scripts in the guest read of the profile, measure and call of VexFS, and one that runs some programs of mkfs;
# they lie in FOLDER/lib there.
LIBRARY = tuple(
    Path(__file__).with_name(name)
    for name in ("capable.py", "capable.sh", "room.py", "sample.sh", "vexfs_calls.py", "mkfs_on_file.sh")
)
SCRIPTS = Path(__file__).with_name("scripts")  # programs in Python and shell, put into the guest by who needs them
KCOVMARK = Path(__file__).with_name("kcovmark")  # a module of ours for guests of syz-manager
RUNNER = "runner"  # runs the commands of the others
WORKLOADS = Tool(
    source=Path(__file__).parent,
    outputs=(
        "build/bin/fscheck",
        "build/bin/fscrash",
        "build/bin/fsdamage",
        "build/bin/fsfault",
        "build/bin/fsfuzz",
        "build/bin/fsperf",
        "build/bin/fsprobe",
        "build/bin/fsseq",
        "build/bin/fstree",
        "build/bin/modload",
        "build/bin/runner",
        "build/bin/vecdraw",
    ),
    args=("O=build",),
)


@functools.cache
def script(name: str) -> str:
    """Return a program of ``SCRIPTS`` without the remarks at its head, to be given to a shell in the guest."""
    lines = (SCRIPTS / name).read_text().splitlines(keepends=True)
    return "".join(itertools.dropwhile(lambda line: line.startswith("#"), lines))
