"""What real trees needed: headers made first, several folders of tools, a word on what to ask make for."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from vexlab.cache import Cache
from vexlab.errors import BuildError, UsageError
from vexlab.guest.mount import GuestFilesystem
from vexlab.kernels.exports import load_hints
from vexlab.model.kernel import Kernel
from vexlab.model.machine import CommandResult
from vexlab.model.request import Sandboxing
from vexlab.model.target import ModuleArtifact, Target, program_of
from vexlab.targets.build import build_module
from vexlab.targets.load import load_target
from vexlab.workloads import LIBRARY

HEAD = 'name = "x"\nfstype = "x"\n'


def _load(folder: Path, text: str) -> Target:
    (folder / "target.toml").write_text(HEAD + text)
    return load_target(folder / "target.toml")


def _write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("_dot_", ".")).write_text(text)


def _kernel(folder: Path) -> Kernel:
    return Kernel(name="6.1", release="1", version="1", image=folder, modules=folder, config=folder)


def _build(target: Target, folder: Path, sandboxing: Sandboxing = "auto") -> ModuleArtifact:
    return build_module(target, _kernel(folder), lambda: folder, Cache(folder / "cache"), sandboxing=sandboxing)


TOOL = '[[tools]]\nsource = "{0}"\noutputs = ["{0}.x"]\n'
MAKEFILE = "all:\n\tcp made.h {0}.x\n"


@pytest.mark.parametrize("sandboxing", ["auto", "off"])
def test_a_build_is_prepared_in_the_copy(tmp_path: Path, sandboxing: Sandboxing) -> None:
    _write(
        tmp_path / "mkfs", Makefile=MAKEFILE.format("mkfs"), gen='#!/bin/sh\necho "$WORDS $1" >made.h\necho generated\n'
    )
    (tmp_path / "mkfs" / "gen").chmod(0o755)
    target = _load(tmp_path, TOOL.format("mkfs") + "prepare = [\"WORDS='a b' ./gen 'c d'\", \"test -s made.h\"]\n")
    artifact = _build(target, tmp_path, sandboxing)
    assert dict(artifact.tools)["mkfs.x"].read_text() == "a b c d\n"
    assert "generated" in artifact.log
    assert not (tmp_path / "mkfs" / "made.h").exists(), "the source is never written to"
    other = _load(tmp_path, TOOL.format("mkfs") + 'prepare = ["WORDS=e ./gen f"]\n')
    assert dict(_build(other, tmp_path, sandboxing).tools)["mkfs.x"].read_text() == "e f\n", "it is part of the key"


@pytest.mark.parametrize("sandboxing", ["auto", "off"])
@pytest.mark.parametrize(
    ("command", "said"),
    [("sh -c 'echo no python >&2; exit 3'", "status 3:\nno python"), ("./missing", "No such file or directory")],
)
def test_a_command_that_fails_ends_the_build(tmp_path: Path, command: str, said: str, sandboxing: Sandboxing) -> None:
    _write(tmp_path / "mkfs", Makefile=MAKEFILE.format("mkfs"))
    target = _load(tmp_path, TOOL.format("mkfs") + f'prepare = ["true", "{command}"]\n')
    with pytest.raises(BuildError) as caught:
        _build(target, tmp_path, sandboxing)
    assert f"`{command}`, which is to prepare the build, ended with status" in caught.value.message
    assert said in caught.value.message


def test_a_module_is_prepared_with_its_kernel_s_headers(tmp_path: Path) -> None:
    headers = tmp_path / "headers"
    _write(headers, Makefile="modules:\n\tcp $(M)/made.h $(M)/x.ko\n", version="of the kernel\n")
    _write(tmp_path / "src", Kbuild="")
    target = _load(tmp_path, 'source = "src"\n[build]\nprepare = ["cp {kernel}/version made.h"]\n')
    artifact = build_module(target, _kernel(tmp_path), lambda: headers, Cache(tmp_path / "cache"))
    assert artifact.path is not None
    assert artifact.path.read_text() == "of the kernel\n"


@pytest.mark.parametrize("value", ['["a \'b"]', '[""]', '["a\\nb"]', '"make"'])
def test_what_is_no_command_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(UsageError, match=r"prepare|is no command"):
        _load(tmp_path, f"[build]\nprepare = {value}\n")


def test_two_folders_of_tools_share_headers(tmp_path: Path) -> None:
    include = tmp_path / "tools" / "include"
    _write(include, shared_dot_h="shared\n")
    text = ""
    for name in ("mkfs", "fsck"):
        _write(
            tmp_path / "tools" / name, Makefile=f"all:\n\tcp ../include/shared.h {name}.x\n\techo {name} >>{name}.x\n"
        )
        text += f'[[tools]]\nsource = "tools/{name}"\noutputs = ["{name}.x"]\n'
    artifact = _build(_load(tmp_path, text), tmp_path)
    assert {name: file.read_text() for name, file in artifact.tools} == {
        "mkfs.x": "shared\nmkfs\n",
        "fsck.x": "shared\nfsck\n",
    }


def test_a_folder_of_a_tree_is_made_with_the_rest_beside_it(tmp_path: Path) -> None:
    _write(tmp_path / "tree", fs_dot_h="shared\n")
    _write(tmp_path / "tree" / "mkfs", Makefile="all:\n\tcp ../fs.h mkfs.x\n")
    text = '[[tools]]\nsource = "tree"\noutputs = ["mkfs/mkfs.x"]\nargs = ["-C", "mkfs"]\n'
    artifact = _build(_load(tmp_path, text), tmp_path)
    assert [(name, file.read_text()) for name, file in artifact.tools] == [("mkfs.x", "shared\n")]


MODULE_FIRST = """\
all:
	@echo looking for a kernel; sh -c 'echo /lib/modules/1/build is not there >&2; exit 2'
mkfs.x:
	touch $@
"""


@pytest.mark.parametrize(
    ("makefile", "error", "said", "hint"),
    [
        (MODULE_FIRST, BuildError, "build is not there\nmake: *** [Makefile:2: all] Error 2", 'args = ["mkfs.x"]'),
        ("", BuildError, "make: *** No targets.  Stop.", 'args = ["mkfs.x"]'),
        ("help:\n\t@echo targets: mkfs.x\n", UsageError, "no mkfs.x; make said:\ntargets: mk", 'args = ["mkfs.x"]'),
        ("all:\n\tcc -Werror -c x.c\n", BuildError, "x.c:1:1: error:", "the first error is at x.c:1"),
        (None, BuildError, "no makefile found", "there is no Makefile in "),
    ],
)  # fmt: skip
def test_a_folder_that_make_does_not_make_is_explained(
    tmp_path: Path, makefile: str | None, error: type[BuildError | UsageError], said: str, hint: str
) -> None:
    _write(tmp_path / "mkfs", x_dot_c="nonsense;\n")
    if makefile is not None:
        _write(tmp_path / "mkfs", Makefile=makefile)
    target = _load(tmp_path, '[[tools]]\nsource = "mkfs"\noutputs = ["mkfs.x"]\n')
    with pytest.raises(error) as caught:
        _build(target, tmp_path)
    assert said in caught.value.message.replace("source/", "")
    assert hint in caught.value.hint.replace("source/", "")


# A device that is a file, and the programs that only know devices.
BLOCKDEV = '#!/bin/sh\nstat -c %s "$2"\n'
BLKDISCARD = '#!/bin/sh\n[ -e "$0.refused" ] && exit 1\nsize=$(stat -c %s "$2"); : >"$2"; truncate -s "$size" "$2"\n'
MKFS = '#!/bin/sh\necho "$@" >"$(dirname "$0")/words"\nfile=${2#--image=}\n[ -f "$file" ] || exit 9\n'


@pytest.fixture
def on_file(tmp_path: Path) -> Path:
    """Return a copy of the script to whom a file is a device, beside programs to use it with and such a device."""
    (script,) = (file for file in LIBRARY if file.name == "mkfs_on_file.sh")
    text = script.read_text()
    assert text.count('[ -b "$device" ]') == 1
    _write(
        tmp_path, script=text.replace('[ -b "$device" ]', '[ -e "$device" ]'), blockdev=BLOCKDEV, blkdiscard=BLKDISCARD
    )
    (tmp_path / "device").write_bytes(b"\xff" * (1 << 20))
    return tmp_path


def _mkfs(folder: Path, more: str, *words: str) -> subprocess.CompletedProcess[str]:
    _write(folder, mkfs=MKFS + more)
    for name in ("blockdev", "blkdiscard", "mkfs"):
        (folder / name).chmod(0o755)
    (folder / "tmp").mkdir(exist_ok=True)
    environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "TMPDIR": str(folder / "tmp")}
    command = ["sh", str(folder / "script"), str(folder / "device"), *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("zeroing", [True, False])
def test_an_mkfs_that_only_knows_files(on_file: Path, zeroing: bool) -> None:  # noqa: FBT001
    device = on_file / "device"
    if not zeroing:
        (on_file / "blkdiscard.refused").touch()
    done = _mkfs(
        on_file,
        "printf label | dd of=$file bs=1 seek=65536 conv=notrunc status=none",
        "mkfs",
        "-L a b",
        f"--image={device}",
    )
    assert (done.returncode, done.stderr) == (0, "")
    made = device.read_bytes()
    assert len(made) == 1 << 20
    assert made[65536:65541] == b"label"
    assert not made.replace(b"label", b"").strip(b"\0"), "what the file has no blocks for is zeros on the device too"
    assert "-L a b --image=" in (on_file / "words").read_text()
    assert not list((on_file / "tmp").iterdir())


@pytest.mark.parametrize(
    ("more", "status", "said"),
    [("echo bad size >&2; exit 3", 3, "bad size"), ("truncate -s 2M $file", 1, "made 2097152 bytes, and ")],
)
def test_an_mkfs_that_fails_leaves_the_device_alone(on_file: Path, more: str, status: int, said: str) -> None:
    done = _mkfs(on_file, more, "mkfs", "-q", f"--image={on_file / 'device'}")
    assert (done.returncode, said in done.stderr) == (status, True), done.stderr
    assert set((on_file / "device").read_bytes()) == {0xFF}


def test_a_target_says_that_its_mkfs_only_knows_files(tmp_path: Path) -> None:
    text = 'mkfs = "mkfs.x {device}"\nmkfs_on = "file"\n[configurations.y]\nmkfs = "mkfs.y {device}"\n'
    target = _load(tmp_path, text)
    assert target.mkfs[:2] == ("sh", "/vexlab/lib/mkfs_on_file.sh")
    assert (program_of(target.mkfs), program_of(target.configurations[0].mkfs)) == ("mkfs.x", "mkfs.y")
    assert program_of(("mkfs.x", "{device}")) == "mkfs.x"
    with pytest.raises(UsageError, match="Invalid enum value 'disk'"):
        _load(tmp_path, 'mkfs_on = "disk"')


class Refusing:
    """A machine in which every program ends with the same words."""

    def __init__(self, words: str) -> None:
        self.words = words

    def exec(self, argv: list[str], *, timeout: float) -> CommandResult:
        return CommandResult(
            argv=tuple(argv), status=1, signal=0, stdout=b"", stderr=self.words.encode(), duration=timeout
        )


def test_a_missing_mkfs_on_is_suggested(tmp_path: Path) -> None:
    target = _load(tmp_path, 'mkfs = "mkfs.x {device}"')
    filesystem = GuestFilesystem(Refusing("mkfs.x: /dev/vdc is not a regular file"), target, "/dev/vdc")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"mkfs\.x only knows files: ") as caught:
        filesystem.mkfs()
    assert '`mkfs_on = "file"`' in caught.value.hint
    other = GuestFilesystem(Refusing("mkfs.x: out of memory"), target, "/dev/vdc")  # type: ignore[arg-type]
    assert not other.mkfs().ok


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    """Return a kernel with a few modules and their symbols."""
    _write(
        tmp_path,
        modules_dot_dep="kernel/fs/jbd2/jbd2.ko: kernel/lib/crc16.ko\nkernel/lib/crc16.ko:\n",
        modules_dot_builtin="kernel/fs/ext2/ext2.ko\n",
        modules_dot_symbols="# Aliases\nalias symbol:jbd2_journal_start jbd2\nalias symbol:jbd2_journal_stop jbd2\n",
    )
    return _kernel(tmp_path)


CONSOLE = """\
[    9.1] x: Unknown symbol jbd2_journal_start (err -2)
[    9.2] x: Unknown symbol jbd2_journal_stop (err -2)
[    9.3] x: Unknown symbol no_such_call (err -2)
[    9.3] x: Unknown symbol no_such_call (err -2)
"""
INSMOD = "the module does not load: insmod: can't insert '/vexlab/x.ko': unknown symbol in module, or unknown parameter"


def test_a_missing_dependency_is_named(kernel: Kernel) -> None:
    assert load_hints(INSMOD, CONSOLE, kernel) == (
        "jbd2_journal_start, jbd2_journal_stop: exported by the module jbd2; "
        '`depends = ["jbd2"]` in target.toml loads it first',
        "no_such_call: exported by nothing in kernel 6.1",
    )
    assert load_hints("mount failed: EIO", CONSOLE, kernel) == ()


@pytest.mark.parametrize(
    ("name", "more"), [("jdb2", ": did you mean `jbd2`?"), ("ext-2", ": did you mean `ext2`?"), ("zz", "")]
)
def test_a_wrong_dependency_is_named(kernel: Kernel, name: str, more: str) -> None:
    words = f"modprobe: FATAL: Module {name} not found in directory /lib/modules/6.1.0-56-cloud-amd64"
    assert load_hints(words, "", kernel) == (
        f"kernel 6.1 has no module {name}; is `depends` in target.toml right?{more}",
    )


def test_a_kernel_without_lists_gives_no_hint_that_is_wrong(tmp_path: Path) -> None:
    assert load_hints(INSMOD, CONSOLE, _kernel(tmp_path / "none"))[0].endswith("exported by nothing in kernel 6.1")
