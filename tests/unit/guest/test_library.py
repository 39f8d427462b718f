"""What scripts in the guest read of the profile, and the file in parts that they fill a device with."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vexlab.workloads import LIBRARY

_PROFILE = """\
symlink refused - EPERM
rename broken - EIO
mmap_write deadly - -
acl unknown - -
mkdir works - -
file_size works 48000 EFBIG
file_sparse works 15269888 -
dir_entries works 256 ENOSPC
time_granularity works 2000000000 -
"""
_KEEPS = """
import os
from room import Large
large = Large("large")
data = bytes(range(251)) * 2000
assert large.write(data) == len(data) == large.size
assert large.write(b"end") == 3
large.sync()
paths = list(large.paths())
assert len(paths) > 10, paths
assert all(path.stat().st_size <= 24000 for path in paths)
folders = [names for _, _, names in os.walk(".")]
assert max(map(len, folders)) <= 128, folders
assert b"".join(path.read_bytes() for path in paths) == data + b"end"
found = Large("large").find()
assert (found.size, list(found.paths())) == (large.size, paths)
large.remove()
assert os.listdir(".") == []
small = Large("small", 20000)
small.write(b"s" * 20000)
small.close()
assert os.listdir(".") == ["small"] and Large("small", 20000).find().size == 20000
"""


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Return the library beside a profile of its own."""
    folder = tmp_path / "library"
    folder.mkdir()
    (folder / "profile").write_text(_PROFILE)
    for file in LIBRARY:
        (folder / file.name).write_text(file.read_text().replace("/vexlab/profile", str(folder / "profile")))
    return folder


def _python(library: Path, script: str, where: Path) -> str:
    where.mkdir(exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(library)}
    argv = [sys.executable, "-c", script]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=where, env=environment, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _shell(library: Path, shell: str, script: str) -> str:
    argv = [shell, "-c", f"set -eu\n. {library}/capable.sh\n{script}"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


_WITHIN = [
    ("file_size", 48000, 48000),
    ("file_size", 48001, 24000),
    ("file_sparse", 1 << 40, 1 << 40),  # the search ended there, without an error
    ("name_max", 255, 255),
]


@pytest.mark.parametrize(("name", "wanted", "expected"), _WITHIN)
def test_a_limit_is_halved_only_where_less_was_refused(library: Path, name: str, wanted: int, expected: int) -> None:
    script = f"from capable import within; print(within({name!r}, {wanted}))"
    assert _python(library, script, library) == str(expected)
    for shell in ("bash", "sh"):
        assert _shell(library, shell, f"within {name} {wanted}") == str(expected)


def test_a_directory_of_one_block_takes_few_long_names(library: Path) -> None:
    script = "from capable import entries; print(entries(100, 250), entries(100, 4), entries(5, 40), entries(9, 4000))"
    assert _python(library, script, library) == "5 100 5 1"
    (library / "profile").write_text("dir_entries works 600 -\n")
    assert _python(library, script, library) == "100 100 5 9", "the search ended there, without an error"


def test_only_what_is_known_not_to_work_does_not(library: Path) -> None:
    names = ("symlink", "rename", "mmap_write", "acl", "mkdir", "link")
    script = f"from capable import can; print(*(can(name) for name in {names}))"
    assert _python(library, script, library) == "False False False True True True"
    words = " ".join(names)
    said = _shell(library, "bash", f'for name in {words}; do if can "$name"; then echo yes; else echo no; fi; done')
    assert said.split() == ["no", "no", "no", "yes", "yes", "yes"]
    assert _shell(library, "bash", "tick") == "3"


def test_what_is_broken_and_the_errors_are_told_apart(library: Path) -> None:
    script = (
        "from capable import broken, error_of\n"
        "print(*map(broken, ('symlink', 'rename', 'mmap_write', 'link', '')))\n"
        "print([error_of(name) for name in ('symlink', 'file_size', 'mkdir', 'link', '')])"
    )
    told = _python(library, script, library).splitlines()
    assert told == ["False True True False False", "['EPERM', 'EFBIG', '', '', '']"]


def test_without_a_profile_all_works(library: Path) -> None:
    (library / "profile").unlink()
    assert _shell(library, "bash", "can symlink && within file_size 99999 && tick").split() == ["99999", "0.02"]
    script = "from capable import can, within; print(can('symlink'), within('file_size', 99999))"
    assert _python(library, script, library) == "True 99999"


@pytest.mark.parametrize("folders", ["mkdir works - -", "mkdir refused - EPERM"])
def test_a_large_file_keeps_its_bytes_in_parts(library: Path, tmp_path: Path, folders: str) -> None:
    (library / "profile").write_text(_PROFILE.replace("mkdir works - -", folders))
    _python(library, _KEEPS, tmp_path / "work")
