"""The programs that run inside the guest: C sources, built on the host like a target's own tools, and scripts."""

from __future__ import annotations

from pathlib import Path

from vexlab.model.target import Tool

# What scripts in the guest read of the profile, and one that runs some programs of mkfs; they lie in FOLDER/lib there.
LIBRARY = tuple(Path(__file__).with_name(name) for name in ("capable.py", "capable.sh", "room.py", "mkfs_on_file.sh"))
SCRIPTS = Path(__file__).with_name("scripts")  # programs of single cases, which put them into the guest
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
        "build/bin/runner",
        "build/bin/vecdraw",
    ),
    args=("O=build",),
)
