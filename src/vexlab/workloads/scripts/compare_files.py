"""Two passes over a tree: the first notes every file's bytes, the second tells what differs and what cannot be read.

``compare_files.py POINT NOTES``: the second pass, which prints a line of JSON, is the one that finds NOTES.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys

point, notes = sys.argv[1:]
failed: list[str] = []
sums: dict[str, str] = {}


def read(path: str) -> None:
    """Note the file's digest, or that it cannot be read."""
    try:
        with open(path, "rb") as file:
            sums[os.path.relpath(path, point)] = hashlib.sha1(file.read()).hexdigest()
    except OSError:
        failed.append(path)


for folder, _, names in os.walk(point, onerror=lambda error: failed.append(error.filename)):
    for path in (os.path.join(folder, name) for name in sorted(names)):
        if os.path.isfile(path) and not os.path.islink(path):
            read(path)
if os.path.exists(notes):
    with open(notes) as noted:
        before = json.load(noted)
    wrong = [path for path, said in sums.items() if before.get(path) != said]
    print(json.dumps({"wrong": wrong, "read": len(sums), "failed": len(failed), "noted": len(before)}))
else:
    with open(notes, "w") as noted:
        json.dump(sums, noted)
