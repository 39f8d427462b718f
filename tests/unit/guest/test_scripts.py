"""Programs that cases put into a guest, on a filesystem of this host."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from vexlab.workloads import LIBRARY, SCRIPTS


def _run(name: str, *words: object, content: bytes = b"", status: int = 0) -> list[str]:
    environment = {**os.environ, "PYTHONPATH": str(LIBRARY[0].parent)}  # nothing is known here of what works
    argv = [sys.executable, str(SCRIPTS / name), *map(str, words)]
    done = subprocess.run(argv, capture_output=True, input=content, check=False, timeout=60, env=environment)
    assert done.returncode == status, done.stderr.decode()
    return done.stdout.decode().splitlines()


def _json(lines: list[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines]


def test_what_nobody_wrote_is_told(tmp_path: Path) -> None:
    assert _run("leave_unwritten.py", tmp_path, "make") == []
    assert len(list((tmp_path / "names").iterdir())) > 100
    assert _run("leave_unwritten.py", tmp_path, "read") == []
    with (tmp_path / "gap 511").open("r+b") as file:
        file.write(b"memory of others")
    (told,) = _json(_run("leave_unwritten.py", tmp_path, "read"))
    assert (told["file"], told["bytes"]) == ("gap 511", 16)


def test_what_only_memory_holds_is_found_on_a_device(tmp_path: Path) -> None:
    device = tmp_path / "device"
    device.write_bytes(bytes(8192) + b"memory of others" + bytes(100) + b"\x5a" * 32 + bytes(4))
    size, *rows = _json(_run("scan_device.py", device))
    assert size == {"read": 8192 + 16 + 100 + 32 + 4}
    assert [(row["at"], row["times"]) for row in rows] == [(8192, 1), (8308, 2)]


def test_writes_are_made_to_fail_where_the_data_is() -> None:
    content = bytes(1024) + b"vexlab was here ".ljust(512, b".") * 2 + bytes(512)
    told = _run("locate_writes.py", "/dev/x", content=content)
    assert [line.split() for line in told] == [
        ["0", "2", "linear", "/dev/x", "0"],
        ["2", "2", "error"],
        ["4", "1", "linear", "/dev/x", "4"],
    ]
    assert _run("locate_writes.py", "/dev/x", content=bytes(512), status=1)


def test_every_way_to_wait_for_data_says_how_it_ended(tmp_path: Path) -> None:
    ready, *rows = _run("failing_writes.py", tmp_path, "everywhere", content=b"go\n")
    assert ready == "ready"
    told = {row["name"]: row["got"] for row in _json(rows)}
    assert set(told.values()) == {"OK"}
    assert {"fsync", "fdatasync", "msync", "syncfs", "fsync of a folder with a new name"} <= set(told)


def test_files_that_differ_from_the_first_pass_are_told(tmp_path: Path) -> None:
    tree, notes = tmp_path / "tree", tmp_path / "notes"
    tree.mkdir()
    for name in ("same", "other"):
        (tree / name).write_text(name)
    assert _run("compare_files.py", tree, notes) == []
    (tree / "other").write_text("changed")
    (told,) = _json(_run("compare_files.py", tree, notes))
    assert told == {"wrong": ["other"], "read": 2, "failed": 0, "noted": 2}


def test_a_bit_is_turned_over_wherever_a_vector_lies(tmp_path: Path) -> None:
    vector, device = bytes(range(1, 33)), tmp_path / "device"
    content = bytes((1 << 20) - 16) + vector + bytes(4000) + vector + bytes(100)  # the first lies across two reads
    device.write_bytes(content)
    assert _json(_run("damage_vector.py", device, vector.hex(), 16)) == [{"places": 2}]
    differ = [at for at, (one, two) in enumerate(zip(content, device.read_bytes(), strict=True)) if one != two]
    assert differ == [1 << 20, (1 << 20) + 32 + 4000]
    assert _json(_run("damage_vector.py", device, vector.hex(), 16)) == [{"places": 0}]


def _vectors(folder: Path, rows: list[str], deleted: int = 0) -> tuple[Path, Path]:
    stats, dumped = folder / "stats", folder / "dumped"
    stats.write_text(json.dumps({"live": len(rows), "deleted": deleted}))
    dumped.write_text("".join(f"{row}\n" for row in rows))
    return stats, dumped


def test_vectors_of_whole_steps_are_what_a_crash_may_leave(tmp_path: Path) -> None:
    rows = [f"{step} 1 2 3 4 5 6 7" for step in range(3)] + [f"3 {n} 2 3 4 5 6 7" for n in range(1, 301)]
    whole = _vectors(tmp_path, rows)
    assert _run("crash_vectors.py", 2, 4, *whole) == []
    assert _run("crash_vectors.py", 5, 6, *whole, status=1) == [
        "the vectors of 4 steps are there; 5 were fsynced and 6 begun"
    ]
    half = _vectors(tmp_path, rows[:153])
    assert _run("crash_vectors.py", 2, 4, *half, status=1) == ["of the 300 vectors added by one call 150 are there"]
    other = _vectors(tmp_path, [rows[0], "1 9 2 3 4 5 6 7", *rows[2:]])
    (told,) = _run("crash_vectors.py", 2, 4, *other, status=1)
    assert "('1 9 2 3 4 5 6 7', '1 1 2 3 4 5 6 7')" in told


@pytest.mark.parametrize(
    "program", [*sorted(SCRIPTS.glob("*.py")), *(file for file in LIBRARY if file.suffix == ".py")]
)
def test_a_users_image_may_have_an_older_python(program: Path) -> None:
    """Debian 11 and RHEL 9 have Python 3.9."""
    tree = ast.parse(program.read_text(), feature_version=(3, 9))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Match)]
    named = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "zip"]
    assert not [node for node in named if node.keywords], "zip has no `strict` before Python 3.10"
