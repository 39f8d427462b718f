"""The daily commands with real builds and machines: an edit loop, a build that goes on, a description, a bisection."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from vexlab.cache import file_digest
from vexlab.config import Settings
from vexlab.lab import Lab
from vexlab.targets.load import find_target, load_target

ROOT = Path(__file__).parents[2]
VEXFS = ROOT / "targets" / "vexfs"
MOUNT_CYCLES = "filesystem_operations.mount_cycles[6.1]"
_CYCLE_S = 3000


def _vexlab(*argv: str, cwd: Path, timeout: float = 900) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vexlab", *argv]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=cwd, timeout=timeout)
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a copy of the reference target."""
    copy = tmp_path / "vexfs"
    shutil.copytree(VEXFS, copy, ignore=shutil.ignore_patterns("__pycache__", "tests", "*.o", "*.ko"))
    return copy


@pytest.mark.long
def test_a_build_that_goes_on_makes_what_a_fresh_one_makes(source: Path) -> None:
    with Lab(Settings()) as lab:
        kernel = lab.kernels.get("6.1")
        target = find_target(str(source))
        builds = lab.incremental(target, kernel)
        first = builds.build()
        (source / "module" / "dir.c").open("a").write("int vexfs_added(void);\nint vexfs_added(void) { return 7; }\n")
        second, fresh = builds.build(), lab.artifact(target, kernel)
        assert first.path
        assert second.path
        assert fresh.path
        assert file_digest(second.path) == file_digest(fresh.path)
        (entry,) = [each for each in builds.compile_commands() if each["file"].endswith("/symlink.c")]
        assert entry["file"] == str(source / "module" / "symlink.c")
        words = shlex.split(entry["command"])
        words[words.index("-o") + 1] = os.devnull
        subprocess.run(words, cwd=entry["directory"], check=True)


@pytest.mark.machine
def test_a_round_of_the_edit_loop_finds_a_new_bug(source: Path, tmp_path: Path) -> None:
    again = ("watch", "--target", str(source), "--case", "kernel_module.load", "--once")
    clean = _vexlab(*again, cwd=tmp_path)
    assert (clean.returncode, "1 of 1 cases, 1 passed" in clean.stderr) == (0, True), clean.stderr
    file = source / "module" / "super.c"
    text = file.read_text()
    file.write_text(text.replace("err = register_filesystem(", "WARN_ON(1);\n\terr = register_filesystem("))
    assert file.read_text() != text
    red = _vexlab(*again, cwd=tmp_path)
    assert red.returncode == 1
    assert "FAILED kernel_module.load[6.1]" in red.stderr
    file.write_text(text + "int broken\n")
    broken = _vexlab(*again, cwd=tmp_path)
    assert broken.returncode == 1
    assert "super.c" in broken.stderr
    assert "error:" in broken.stderr


@pytest.mark.machine
@pytest.mark.long
def test_a_description_is_written_from_the_source_alone(source: Path, tmp_path: Path) -> None:
    (source / "target.toml").unlink()
    done = _vexlab("init", str(source), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found, own = load_target(source / "target.toml"), load_target(VEXFS / "target.toml")
    assert (found.module, found.fstype) == (own.module, own.fstype)
    assert found.mkfs == own.mkfs
    assert found.fsck[0] == own.fsck[0]
    assert {"acl", "direct_io", "fallocate", "file_handles", "rename_whiteout", "seek_hole"} <= set(dict(found.refuses))
    run = _vexlab("run", "--target", str(source), "--case", MOUNT_CYCLES, cwd=tmp_path)
    assert run.returncode == 0, run.stderr


def _git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=folder, check=True)


@pytest.mark.machine
def test_the_edit_loop_asks_of_a_young_filesystem_only_what_it_can_do(tmp_path: Path) -> None:
    young = Path(__file__).parents[2] / "targets" / "vexfs" / "young" / "first_week.toml"  # no links, for one
    case = "filesystem_operations.operations[6.1-directories]"
    round_ = _vexlab("watch", "--target", str(young), "--case", case, "--once", cwd=tmp_path)
    assert (round_.returncode, "1 of 1 cases, 1 passed" in round_.stderr) == (0, True), round_.stderr


@pytest.mark.machine
@pytest.mark.long
def test_the_commit_that_planted_a_leak_is_found_and_proved(source: Path, tmp_path: Path) -> None:
    module = source / "module"

    def commit(file: str, old: str, new: str, subject: str) -> None:
        path = module / file
        path.write_text(path.read_text().replace(old, new, 1) if old else path.read_text() + new)
        _git(source, "add", "-A")
        _git(source, "commit", "-qm", subject)

    _git(source, "init", "-q")
    commit("dir.c", "", "/* base */\n", "base")
    _git(source, "tag", "good")
    commit("inode.c", "", "int no_semicolon\n", "inode: break the build")
    commit("inode.c", "int no_semicolon\n", "", "inode: mend the build")
    commit("file.c", "", "/* files */\n", "file: say what it is")
    commit("mount.c", "\tsb->s_fs_info = sbi;", "\t__module_get(THIS_MODULE);\n\tsb->s_fs_info = sbi;", "mount: leak")
    commit("xattr.c", "", "/* attributes */\n", "xattr: say what it is")
    argv = (
        "bisect",
        "--target",
        str(source),
        "--good",
        "good",
        "--case",
        MOUNT_CYCLES,
        "--state",
        str(tmp_path / "state"),
    )
    done = _vexlab(*argv, cwd=tmp_path, timeout=_CYCLE_S)
    assert done.returncode == 0, done.stderr
    assert "mount: leak" in done.stdout
    assert "proved; confidence" in done.stdout
    state = json.loads((tmp_path / "state" / "bisect.json").read_text())
    assert [each["mark"] for each in state["looked"].values()].count("bad") >= 1
