"""``vexlab probe`` finds nothing broken in VexFS, and names what is broken on purpose, each bug beside the others."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from vexlab.model.capabilities import CAPABILITIES
from vexlab.targets.load import find_target

pytestmark = pytest.mark.machine

VEXFS = Path(__file__).parents[2] / "targets/vexfs"

# Each is one capability broken in another way: a crash, a CPU that spins in the kernel, a wrong error, no effect.
_BROKEN = {
    "symlink": ("module/symlink.c", "\n\tif (len <= VEXFS_FAST", "\n\t*(int *)8L = 1;\n\tif (len <= VEXFS_FAST"),
    "mmap_write": ("module/file.c", "\tsb_start_pagefault(", "\tfor (;;)\n\t\tcpu_relax();\n\tsb_start_pagefault("),
    "link": ("module/namei.c", "\tif (inode->i_nlink >= VEXFS_LINK_MAX)\n\t\treturn -EMLINK", "\treturn -EIO"),
    "append": ("module/file.c", "\tinode_lock(inode);\n", "\tinode_lock(inode);\n\tiocb->ki_flags &= ~IOCB_APPEND;\n"),
}  # fmt: skip


def _probe(target: Path) -> tuple[int, dict[str, Any]]:
    """Return the exit status of ``vexlab probe`` and the capabilities by name."""
    argv = [sys.executable, "-m", "vexlab", "probe", "--target", str(target), "--kernel", "6.1", "--json"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode in (0, 1), done.stderr
    (profile,) = json.loads(done.stdout)
    return done.returncode, {each["name"]: each for each in profile["capabilities"]}


def test_vexfs_refuses_what_it_declares_and_nothing_is_broken() -> None:
    status, found = _probe(VEXFS)
    assert status == 0
    assert list(found) == list(CAPABILITIES)
    assert {each["state"] for each in found.values()} == {"works", "refused"}
    refused = {name for name, each in found.items() if each["state"] == "refused"}
    declared = {name for name, _ in find_target(str(VEXFS)).refuses}
    # What has no word in [refuses] has no check that asks for it either.
    assert {word for name in refused for word in CAPABILITIES[name].refuses} - declared == {
        "collapse_range", "insert_range", "punch_hole", "zero_range",  # `fallocate` stands for them
    }  # fmt: skip
    assert declared <= refused
    assert (found["name_max"]["limit"], found["symlink_max"]["limit"]) == (255, 4095)
    assert found["smallest_device"]["limit"] <= find_target(str(VEXFS)).min_disk


def test_each_broken_capability_is_named_beside_the_others(tmp_path: Path) -> None:
    copy = tmp_path / "vexfs"
    shutil.copytree(VEXFS, copy)
    for file, old, new in _BROKEN.values():
        text = (copy / file).read_text()
        assert text.count(old) >= 1, f"{file} has no such line any more"
        (copy / file).write_text(text.replace(old, new, 1))
    status, found = _probe(copy)
    assert status == 1
    assert {name for name, each in found.items() if each["state"] == "broken"} == set(_BROKEN)
    assert "NULL pointer dereference in vexfs_write_symlink" in found["symlink"]["finding"]
    assert found["symlink"]["deadly"]
    assert found["mmap_write"]["deadly"]
    assert "hangs" in found["mmap_write"]["detail"]
    assert (found["link"]["errno"], found["link"]["allowed"], found["link"]["deadly"]) == ("EIO", False, False)
    assert "expected EPERM" in found["link"]["detail"]
    assert {found[name]["state"] for name in ("symlink_max", "link_max")} == {"unknown"}
    assert {found[name]["state"] for name in ("rename", "xattr", "freeze", "mmap_read")} == {"works"}
