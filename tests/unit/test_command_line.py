"""The command line: help is instant, mistakes are explained, the exit status says whose fault it was."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import click
import pytest

from vexlab.cli.options import seconds_of
from vexlab.model.case import RunInfo
from vexlab.results.store import Store


def _vexlab(*argv: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vexlab", *argv]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env={**os.environ, **env}, timeout=60)


@pytest.mark.parametrize(
    ("argv", "status", "said"),
    [
        (["rum"], 2, "did you mean `run`?"),
        (["run", "--level", "9"], 2, "--level"),
        (["run", "--target", "nothing-here"], 2, "no target `nothing-here`"),
        (["run", "--target", "ext4", "--kernel", "6.2"], 2, "unknown kernel `6.2`"),
        (["run", "--target", "ext4", "--kernel", "/no/vmlinuz"], 2, "does not exist"),
        (["run", "--target", "ext4", "--domain", "kernel_modul"], 2, "did you mean `kernel_module`?"),
        (["run", "--target", "ext4", "--level", "1", "--all-levels"], 2, "exclude each other"),
        (["run", "--target", "ext4", "--config", "none.toml"], 2, "does not exist"),
        (["build", "--target", "ext4"], 2, "nothing to build"),
        (["results", "abc"], 2, "no run `abc`"),
    ],
)
def test_a_mistake_is_explained(tmp_path: Path, argv: list[str], status: int, said: str) -> None:
    done = _vexlab(*argv, cwd=tmp_path)
    assert said in done.stderr
    assert done.returncode == status
    assert "Traceback" not in done.stderr


def test_malformed_target(tmp_path: Path) -> None:
    (tmp_path / "target.toml").write_text("name = ")
    done = _vexlab("run", "--target", "target.toml", cwd=tmp_path)
    assert done.returncode == 2
    assert "target.toml is not valid TOML" in done.stderr


def test_qemu_missing(tmp_path: Path) -> None:
    empty = tmp_path / "bin"
    empty.mkdir()
    code = "from vexlab import process; process._SYSTEM_DIRS = (); from vexlab.vm.qemu import find_qemu; find_qemu()"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PATH": str(empty)}
    )
    assert "qemu-system-x86_64 is not installed" in done.stderr


def test_qemu_too_old(tmp_path: Path) -> None:
    old = tmp_path / "qemu-system-x86_64"
    old.write_text("#!/bin/sh\necho 'QEMU emulator version 4.2.1 (Debian 1:4.2-3ubuntu6)'\n")
    old.chmod(0o755)
    code = "from vexlab.vm.qemu import find_qemu; find_qemu()"
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PATH": path}
    )
    assert "QEMU 4.2.1 (Debian 1:4.2-3ubuntu6) is too old" in done.stderr


def test_list_needs_no_machine(tmp_path: Path) -> None:
    done = _vexlab("list", "--target", "xfs", "--quick", cwd=tmp_path, PATH="/usr/bin:/bin")
    assert done.returncode == 0
    assert "kernel_module.load[6.1]" in done.stdout


def test_cases_are_listed_as_a_run_of_that_flavour_would_name_them(tmp_path: Path) -> None:
    words = ("--target", "xfs", "--kernel", "6.1", "--flavour", "kasan", "--domain", "kernel_module")
    done = _vexlab("list", *words, cwd=tmp_path, PATH="/usr/bin:/bin")
    assert (done.returncode, done.stderr) == (0, "")
    assert "kernel_module.load[6.1-kasan]" in done.stdout
    assert "[6.1]" not in done.stdout


def test_the_cache_tells_what_it_holds_and_removes_what_is_old(tmp_path: Path) -> None:
    entry = tmp_path / "snapshots" / "abc"
    entry.mkdir(parents=True)
    (entry / "memory").write_bytes(b"x" * (3 << 20))
    os.utime(entry, (0, 0))
    environment = {"VEXLAB_CACHE": str(tmp_path)}
    assert "snapshots  abc" in _vexlab("cache", "list", cwd=tmp_path, **environment).stdout
    assert "1 entries      3.0 MiB" in _vexlab("cache", "size", cwd=tmp_path, **environment).stdout
    assert "would remove 1 entries" in _vexlab("cache", "clean", "--dry-run", cwd=tmp_path, **environment).stdout
    assert entry.exists()
    assert "removed 0 entries" in _vexlab("cache", "clean", "--kind", "kernels", cwd=tmp_path, **environment).stdout
    assert "removed 1 entries, 3.0 MiB" in _vexlab("cache", "clean", cwd=tmp_path, **environment).stdout
    assert not entry.exists()
    keys = {_vexlab("cache", "key", cwd=tmp_path, **environment).stdout for _ in range(2)}
    assert len(keys) == 1
    (tmp_path / "vexlab.toml").write_text('kernels = ["6.12"]\n')
    assert _vexlab("cache", "key", cwd=tmp_path, **environment).stdout not in keys


@pytest.mark.parametrize("words", ["", "60", "m", "-5m", "0m", "1.5h", "60m ", "5d"])
def test_what_is_no_length_of_time_is_refused(words: str) -> None:
    with pytest.raises(click.BadParameter, match="is no length of time"):
        seconds_of(None, None, words)


@pytest.mark.parametrize(("words", "seconds"), [("90s", 90.0), ("60m", 3600.0), ("2h", 7200.0)])
def test_a_length_of_time_is_seconds(words: str, seconds: float) -> None:
    assert seconds_of(None, None, words) == seconds


def test_runs_are_listed_as_data(tmp_path: Path) -> None:
    """Programs read the list: an archive is made of the ids that it names."""
    name = "20260101-000000-aaaa"
    run = RunInfo(id=name, target="demo", kernels=("6.1",), accelerator="tcg", started="2026-01-01T00:00:00+00:00")
    with closing(Store(tmp_path / "results")) as store:
        store.begin(run, str(tmp_path / "results" / name))
    done = _vexlab("results", "show", "--json", "--results", "results", cwd=tmp_path)
    (listed,) = json.loads(done.stdout)
    assert (listed["id"], listed["target"], listed["pinned"]) == (name, "demo", False)
    assert listed["summary"]["passed"] == 0
