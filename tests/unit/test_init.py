"""`vexlab init`: what is read in a source, and the file that comes of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from vexlab.cli.init import _candidates, with_profile
from vexlab.cli.main import cli
from vexlab.errors import UsageError
from vexlab.model.profile import Capability, Profile, State
from vexlab.probe.discover import FORCE, candidates
from vexlab.targets.distribution import PROGRAMS
from vexlab.targets.draft import Draft, render
from vexlab.targets.load import load_target
from vexlab.targets.scan import scan

ROOT = Path(__file__).parents[2]
MODULE = """
#include <linux/module.h>
static int debug;
module_param(debug, int, 0644);
static struct file_system_type thing_fs_type = {
	.owner = THIS_MODULE,
	.name = "thingfs",
	.fs_flags = FS_REQUIRES_DEV,
};
MODULE_ALIAS_FS("thingfs");
static int __init thing_init(void) { return register_filesystem(&thing_fs_type); }
"""
TOOLS = """
PROGS := mkfs.thing \\
	fsck.thing thingctl # mkfs.old
all: $(PROGS)
mkfs.thing: mkfs.thing.c
"""


def _source(folder: Path, module: str = MODULE) -> Path:
    (folder / "kernel").mkdir()
    (folder / "tools").mkdir()
    (folder / "kernel" / "Makefile").write_text(
        "# obj-m := old.o\nobj-$(CONFIG_THING_FS) += thing.o\nthing-y := super.o\n"
    )
    (folder / "kernel" / "super.c").write_text(module)
    (folder / "kernel" / "thing.h").write_text("#define THING_IOC_A _IOWR('t', 1, int)\n")
    (folder / "tools" / "Makefile").write_text(TOOLS)
    return folder


def test_a_source_is_read(tmp_path: Path) -> None:
    found = scan(_source(tmp_path))
    assert (found.source, found.module, found.fstypes) == (tmp_path / "kernel", "thing", ("thingfs",))
    assert (found.params, found.ioctls, found.needs_device) == (("debug",), ("THING_IOC_A",), True)
    assert found.tools == ((tmp_path / "tools", ("mkfs.thing", "fsck.thing", "thingctl")),)


def test_the_reference_target_is_found_in_its_source() -> None:
    found = scan(ROOT / "targets" / "vexfs")
    assert (found.module, found.fstypes) == ("vexfs", ("vexfs",))
    assert found.source == ROOT / "targets" / "vexfs" / "module"
    assert "VEXFS_IOC_VEC_ADD" in found.ioctls
    assert "errors" in found.options
    assert (ROOT / "targets" / "vexfs" / "tools", ("mkfs.vexfs", "fsck.vexfs", "vexctl", "dumpvexfs")) in found.tools


@pytest.mark.parametrize(
    ("text", "said"),
    [("int a;\n", "registers no filesystem"), (MODULE.replace("register_filesystem", "x"), "registers")],
)
def test_what_is_no_filesystem_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        scan(_source(tmp_path, text))


def test_a_folder_without_a_module_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="makes a module"):
        scan(tmp_path)


def test_links_are_not_followed(tmp_path: Path) -> None:
    _source(tmp_path)
    (tmp_path / "kernel" / "loop").symlink_to(tmp_path)
    (tmp_path / "kernel" / "passwd.c").symlink_to("/etc/passwd")
    assert scan(tmp_path).module == "thing"


def test_without_a_machine_the_file_reads_back(tmp_path: Path) -> None:
    _source(tmp_path)
    done = CliRunner().invoke(cli, ["init", str(tmp_path), "--no-machine"])
    assert done.exit_code == 0, done.output
    target = load_target(tmp_path / "target.toml")
    assert (target.name, target.module, target.fstype) == ("thingfs", "thing", "thingfs")
    assert target.mkfs == ("mkfs.thing", "{device}")
    assert target.tools[0].outputs == ("mkfs.thing", "fsck.thing", "thingctl")
    again = CliRunner().invoke(cli, ["init", str(tmp_path), "--no-machine"])
    assert isinstance(again.exception, UsageError)
    assert "exists" in again.exception.message


@pytest.mark.parametrize("fstype", PROGRAMS)
def test_each_known_filesystem_gives_a_file_that_reads(tmp_path: Path, fstype: str) -> None:
    file = tmp_path / f"{fstype}.toml"
    CliRunner().invoke(cli, ["init", fstype, "--no-machine", "-o", str(file)])
    assert load_target(file).packages == PROGRAMS[fstype].packages


PROFILE = Profile(
    target="t",
    fstype="t",
    kernel="6.1",
    digest="",
    capabilities=(
        Capability(name="smallest_device", state=State.WORKS, limit=7),
        Capability(name="direct_io", state=State.REFUSED, errno="EINVAL"),
        Capability(name="symlink", state=State.REFUSED, errno="EPERM"),
        Capability(name="fsync", state=State.BROKEN, detail="gave \x1b[31m\nEIO"),
    ),
)


def test_what_was_probed_is_marked_for_review(tmp_path: Path) -> None:
    draft = with_profile(Draft(name="t", fstype="t", module="t", mkfs="mkfs.t {device}"), PROFILE)
    file = tmp_path / "target.toml"
    file.write_text(render(draft))
    target = load_target(file)
    assert target.min_disk == 16
    refused = dict(target.refuses)
    assert refused["direct_io"] == "EINVAL (seen by `vexlab init`, review)"
    assert "symlink" in refused
    assert "# broken on 6.1: fsync: gave ?[31m" in file.read_text()


def test_command_lines_are_tried_from_forceful_to_plain() -> None:
    tried = candidates("mkfs.t", FORCE)
    assert tried[0] == "mkfs.t -q -f {device}"
    assert tried[-1] == "mkfs.t {device}"


def test_known_programs_are_called_as_they_are_known() -> None:
    draft = Draft(
        name="exfat", fstype="exfat", module="exfat", mkfs="mkfs.exfat {device}", fsck="fsck.exfat -n {device}"
    )
    assert _candidates(draft) == (("mkfs.exfat {device}",), ("fsck.exfat -n {device}",))
    others, _ = _candidates(replace(draft, fstype="x", mkfs="mkfs.x {device}"))
    assert "mkfs.x -f {device}" in others
