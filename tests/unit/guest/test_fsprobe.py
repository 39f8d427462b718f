"""fsprobe finds what a directory's filesystem can do, within which limits, and leaves nothing behind."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
from pathlib import Path
from typing import Any

from vexlab.model.capabilities import CAPABILITIES
from vexlab.probe.prober import GUEST_PROBES

_BASIC = ("create", "write", "fsync", "fdatasync", "syncfs", "reread", "readdir", "unlink", "mkdir", "rmdir")
_HERE = (*_BASIC, "link", "symlink", "rename", "rename_over", "append", "truncate_down", "truncate_up", "mmap_write")


def _probe(programs: Path, folder: Path, *words: str, **more: Any) -> dict[str, dict[str, Any]]:
    """Return the answers by name; each must have begun."""
    argv = [str(programs / "fsprobe"), "run", *words, str(folder)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False, **more)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    answers = {line["name"]: line for line in lines if "name" in line}
    assert [line["begin"] for line in lines if "begin" in line] == list(answers), done
    assert done.returncode == 0, done
    return answers


def test_it_knows_the_names_of_the_table(programs: Path) -> None:
    done = subprocess.run([programs / "fsprobe", "list"], capture_output=True, text=True, timeout=30, check=True)
    names = done.stdout.split()
    assert len(set(names)) == len(names)
    assert set(names) == set(GUEST_PROBES)
    assert len(GUEST_PROBES) >= 70


def test_ordinary_things_work_here(programs: Path, tmp_path: Path) -> None:
    answers = _probe(programs, tmp_path, "--only", ",".join(_HERE))
    assert {name: each["state"] for name, each in answers.items()} == dict.fromkeys(_HERE, "works")
    assert not list(tmp_path.iterdir())


def test_a_limit_is_found_with_its_error(programs: Path, tmp_path: Path) -> None:
    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (48 << 10, 48 << 10))

    names = ("write", "truncate_up", "sparse_files", "file_size", "file_sparse", "large_files", "mmap_write")
    answers = _probe(programs, tmp_path, "--only", ",".join(names), preexec_fn=limit)
    assert (answers["file_size"]["limit"], answers["file_size"]["errno"]) == (48 << 10, "EFBIG")
    assert "at_least" not in answers["file_size"]
    assert (answers["large_files"]["state"], answers["large_files"]["errno"]) == ("refused", "EFBIG")
    assert answers["large_files"]["trigger"]
    for name in ("write", "truncate_up", "sparse_files", "mmap_write"):
        assert answers[name]["state"] == "works", answers[name]
    assert answers["file_sparse"]["limit"] == 48 << 10


def test_a_search_that_ends_at_its_bound_says_at_least(programs: Path, tmp_path: Path) -> None:
    answers = _probe(programs, tmp_path, "--only", "file_size,depth,name_max")
    assert answers["file_size"]["at_least"]
    assert answers["depth"]["at_least"]
    assert answers["depth"]["limit"] == 64
    assert 100 <= answers["name_max"]["limit"] <= 255
    assert not list(tmp_path.iterdir())


def test_a_signal_is_broken(programs: Path, tmp_path: Path) -> None:
    def limit() -> None:  # the signal is not ignored: writing beyond the limit kills
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    answers = _probe(programs, tmp_path, "--only", "write,link", preexec_fn=limit)
    assert answers["write"]["state"] == "broken"
    assert "File size limit exceeded" in answers["write"]["detail"]
    assert (answers["link"]["state"], answers["link"]["detail"]) == ("unknown", "it needs write")


def test_what_does_not_work_is_done_without(programs: Path, tmp_path: Path) -> None:
    names = ("create", "link", "symlink", "rename", "dir_entries", "depth", "name_max", "dir_links")
    answers = _probe(programs, tmp_path, "--only", ",".join(names), "--without", "mkdir,symlink")
    assert {name: each["state"] for name, each in answers.items()} == {
        "create": "works", "link": "works", "symlink": "works", "rename": "works", "dir_entries": "works",
        "depth": "unknown", "name_max": "works", "dir_links": "unknown",
    }  # fmt: skip
    assert not list(tmp_path.iterdir())


def test_only_and_skip(programs: Path, tmp_path: Path) -> None:
    assert list(_probe(programs, tmp_path, "--only", "link,symlink,links", "--skip", "link,sym")) == ["symlink"]
    done = subprocess.run(
        [programs / "fsprobe", "run", "--only", "nonsense", tmp_path], capture_output=True, timeout=30, check=False
    )
    assert done.returncode == 2


def test_what_reaches_beyond_a_directory_is_not_asked_here(programs: Path, tmp_path: Path) -> None:
    answers = _probe(programs, tmp_path, "--only", "freeze,swap_files,quota,file_handles")
    assert {each["state"] for each in answers.values()} == {"unknown"}


def test_a_place_without_files_is_refused_by_its_error(programs: Path) -> None:
    answers = _probe(programs, Path("/proc/sys/user"), "--only", "create,mkdir,link,write")
    assert {name: each["state"] for name, each in answers.items()} == {
        "create": "refused", "mkdir": "refused", "link": "unknown", "write": "unknown",
    }  # fmt: skip
    assert answers["create"]["errno"] not in CAPABILITIES["create"].errnos  # so this is a wrong one


def test_files_that_were_put_are_looked_at(programs: Path, tmp_path: Path) -> None:
    def ask(verb: str) -> dict[str, Any]:
        done = subprocess.run(
            [programs / "fsprobe", verb, tmp_path], capture_output=True, text=True, timeout=30, check=False
        )
        said: dict[str, Any] = json.loads(done.stdout)
        assert said["whole"] == (done.returncode == 0)
        return said

    assert ask("put")["whole"]
    assert ask("look")["whole"]
    file = tmp_path / "put3"
    data = file.read_bytes()
    file.write_bytes(data[:100] + b"\0" + data[101:])
    assert ask("look") == {"whole": False, "wrong": f"byte 100 is 0x00, not 0x{data[100]:02x}", "file": "put3"}
    file.write_bytes(data[:-1])
    assert "size" in ask("look")["wrong"]
    file.unlink()
    assert "ENOENT" in ask("look")["wrong"]
