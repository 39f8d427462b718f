"""A failure says its cause first: what failed, with which error, where; and what only the kernel knows of it."""

from __future__ import annotations

import pytest

from vexlab.guest.klog import explained, first_error, last_own_line
from vexlab.model.machine import CommandResult, errno_name


def _result(*argv: str, status: int = 1, signal: int = 0, stdout: str = "", stderr: str = "") -> CommandResult:
    return CommandResult(
        argv=argv, status=status, signal=signal, stdout=stdout.encode(), stderr=stderr.encode(), duration=1.0
    )


SCRIPT = "\nmkdir /mnt/test/bystanders || exit\nfstree fill 20 60 /mnt/test/bystanders >/tmp/model\n"


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (
            _result(
                "/bin/busybox", "sh", "-c", SCRIPT, "sh",
                stderr="mkdir: can't create directory '/mnt/test/bystanders': No space left on device\n",
            ),
            "mkdir: can't create directory '/mnt/test/bystanders': No space left on device "
            "(ENOSPC, exit status 1, sh script)",
        ),
        (
            _result("/bin/bash", "-c", SCRIPT, "sh", "word", status=3, stdout="said\nat last\n"),
            "at last (exit status 3, bash script word)",
        ),
        (
            _result("fsck.tried", "-n", "/dev/vdc", stderr="fsck.tried 1.0\n\nbad inode 7\n", stdout="pass 1\n"),
            "bad inode 7; fsck.tried 1.0; pass 1 (exit status 1, fsck.tried -n /dev/vdc)",
        ),
        (_result("/bin/busybox", "umount", "/mnt/test", status=1), "(exit status 1, umount /mnt/test)"),
        (_result("fsck.tried", status=139, signal=11), "(ended by SIGSEGV, fsck.tried)"),
        (_result("x", status=200, signal=72), "(ended by signal 72, x)"),
        (_result("x", "two\nlines", status=2), "(exit status 2, x two lines)"),
        (_result("x", status=0, stdout="fine"), "fine (x)"),
        (_result(), "(exit status 1, )"),
    ],
)  # fmt: skip
def test_a_result_says_its_cause_first_and_on_one_line(result: CommandResult, words: str) -> None:
    assert str(result) == words


def test_a_long_result_is_bounded() -> None:
    said = str(_result("x", "y" * 5000, stderr=f"{'a' * 5000}\n{'b' * 5000}", stdout="c" * 5000))
    assert said.startswith("bbb")
    assert len(said) < 1100


def test_names_of_errors() -> None:
    assert errno_name("cp: Permission denied while there was No space left on device") == "ENOSPC", "the last one"
    assert errno_name("mount failed: Structure needs cleaning") == "EUCLEAN"
    assert errno_name("fsfreeze: Operation not supported") == "EOPNOTSUPP"
    assert errno_name("all is well") == ""


EXT4 = """\
[    0.500000] virtio_blk virtio2: [vdc] 409600 512-byte logical blocks
[    1.000000] EXT4-fs (vdc): mounted filesystem with ordered data mode. Opts: errors=remount-ro. Quota mode: none.
[    2.000000] I/O error, dev vdc, sector 8 op 0x0:(READ) flags 0x3000 phys_seg 1 prio class 2
[    3.000000] EXT4-fs error (device vdc): ext4_lookup:1855: inode #2: comm ls: iget: bad extra_isize 9999
[    3.000001] Aborting journal on device vdc-8.
[    3.000002] EXT4-fs (vdc): Remounting filesystem read-only
[    4.000000] something else of ext4's neighbour
"""
OWN = """\
[    0.900000] my_fs: module verification failed: signature and/or required key missing - tainting kernel\r
[    1.000000][  T321] my_fs: loading out-of-tree module taints kernel.
<4>[    2.000000] [    C1] my-fs: vdc: WARNING: checksum of block 7 is \x1b[31mwrong\r
[    3.000000] MY_FS (vdc): shutting down
[    4.000000] other: my_fs: not its own line
"""


def test_the_filesystems_own_lines() -> None:
    assert last_own_line(EXT4, "ext4", "ext4") == "EXT4-fs (vdc): Remounting filesystem read-only"
    assert first_error(EXT4, "ext4", "ext4").startswith("EXT4-fs error (device vdc): ext4_lookup:1855")
    assert last_own_line(OWN, "my_fs", "myfs") == "MY_FS (vdc): shutting down"
    assert first_error(OWN, "my_fs", "myfs") == "my-fs: vdc: WARNING: checksum of block 7 is wrong"
    assert last_own_line("[    1.0] XFS (vdc): Mounting V5 Filesystem\n", "xfs", "xfs").endswith("V5 Filesystem")
    assert last_own_line("[    1.0] FAT-fs (vdc): error, fat_get_cluster\n", "vfat", "vfat").startswith("FAT-fs")
    assert last_own_line("[    1.0] NILFS (vdc): error\n", "nilfs2", "nilfs2").startswith("NILFS")
    assert last_own_line(EXT4, "xfs", "xfs") == "" == first_error("", "xfs", "xfs")


def test_what_only_the_kernel_knows_is_quoted() -> None:
    readonly = "not everything can be removed: rm: Read-only file system (EROFS, rm)"
    first = first_error(EXT4, "ext4", "ext4")
    assert explained(readonly, EXT4, "ext4", "ext4") == f"{readonly}\nthe kernel said: {first}"
    broken = "open.simple: open: expected success, got EUCLEAN"
    assert explained(broken, OWN, "my_fs", "my_fs") == f"{broken}\nthe kernel said: MY_FS (vdc): shutting down"
    assert explained(explained(broken, OWN, "my_fs", "my_fs"), OWN, "my_fs", "my_fs").count("the kernel said") == 1
    for words in ("rm: No space left on device (ENOSPC)", "an EROFSAT or EIOX", ""):
        assert explained(words, EXT4, "ext4", "ext4") == words
    assert explained(readonly, "", "ext4", "ext4") == readonly
