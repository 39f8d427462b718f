"""Filesystems that come with the kernel: the package with their programs, and how those are called. A table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """``mkfs`` and ``fsck`` as ``target.toml`` has them; ``min_disk`` in MiB. ``why`` it can only be read.

    ``refuses`` says why what looks like a fault is meant: the words of ``[refuses]``, each with its source.
    """

    packages: tuple[str, ...] = ()
    mkfs: str = ""
    fsck: str = ""
    min_disk: int = 64
    module: str = ""
    why: str = ""
    refuses: Mapping[str, str] = field(default_factory=dict)
    harmless: tuple[str, ...] = ()


# What has no journal, nor anything in its place: it is expected that fsck is run after a crash, where there is one.
_UNCHECKED = {"crash_consistency": "there is no journal, nor anything in its place"}

# Packages and options as of Debian 12: mkfs.f2fs(8), fsck.f2fs(8), mkfs.exfat(8), fsck.exfat(8), mkudffs(8), ….
PROGRAMS: Mapping[str, Programs] = {
    "bfs": Programs(packages=("util-linux",), mkfs="mkfs.bfs {device}", refuses=_UNCHECKED),
    "exfat": Programs(
        packages=("exfatprogs",),
        mkfs="mkfs.exfat {device}",
        fsck="fsck.exfat -n {device}",
        refuses={
            "coarse_atime": "the time of access has no field for 10 ms (exFAT specification, 7.4.8)",
            "crash_consistency": "there is no journal: the volume stays dirty (exFAT specification, 3.1.13.2)",
            "dates": "years are counted from 1980, in seven bits (exFAT specification, 7.4.8)",
            "dir_atime": "reading a directory does not mark it (SB_NODIRATIME, fs/exfat/super.c)",
            "mapped_tail": "a page is not cleared behind the end as a file grows (exfat_cont_expand, fs/exfat/file.c)",
        },
    ),
    # Debian has the driver of ext4 mount it (CONFIG_EXT4_USE_FOR_EXT2).
    "ext2": Programs(
        packages=("e2fsprogs",),
        mkfs="mkfs.ext2 -q -F {device}",
        fsck="e2fsck -f -n {device}",
        module="ext4",
        refuses=_UNCHECKED,
    ),
    "f2fs": Programs(
        packages=("f2fs-tools",),
        mkfs="mkfs.f2fs -q -f {device}",
        fsck="fsck.f2fs --dry-run {device}",
        min_disk=128,
        harmless=("invalid crc_offset",),  # of two checkpoints the older one, or one that is not written yet
        refuses={
            "fsync_names": "fsync of a file keeps it, and no renames or removals (fsync_mode in filesystems/f2fs.rst)",
            "mapped_tail": "a page is not cleared behind the end as a file grows (f2fs_setattr in fs/f2fs/file.c)",
            "ordered_names": "what was fsynced is rolled forward, not what came before it (fs/f2fs/recovery.c)",
        },
    ),
    "hfs": Programs(packages=("hfsutils",), mkfs="hformat {device}", refuses=_UNCHECKED),
    "jfs": Programs(
        packages=("jfsutils",),
        mkfs="mkfs.jfs -q {device}",
        fsck="fsck.jfs -n {device}",
        refuses={
            "crash_consistency": "fsck.jfs replays the log, the kernel mounts nothing that is dirty (fsck.jfs(8))",
            "dates": "times are unsigned numbers of 32 bits (struct timestruc_t in fs/jfs/jfs_types.h)",
            "mapped_tail": "a page is not cleared behind the end as a file grows (jfs_setattr in fs/jfs/file.c)",
            "fixed_inodes": "inodes are made on demand, and their extents stay (diFree in fs/jfs/jfs_imap.c)",
        },
    ),
    "minix": Programs(
        packages=("util-linux",),
        mkfs="mkfs.minix -3 {device}",
        fsck="fsck.minix -f {device}",
        refuses={
            **_UNCHECKED,
            "dates": "times are unsigned numbers of 32 bits (struct minix2_inode in include/uapi/linux/minix_fs.h)",
            "mapped_tail": "a page is not cleared behind the end as a file grows (minix_setattr in fs/minix/file.c)",
        },
    ),
    "nilfs2": Programs(
        packages=("nilfs-tools",),
        mkfs="mkfs.nilfs2 -q -f {device}",
        min_disk=160,
        harmless=("mounting unchecked fs",),  # whatever was not unmounted; it is recovered then (fs/nilfs2/super.c)
        refuses={
            "fsync_names": "fsync of a file writes what is its own (nilfs_sync_file in fs/nilfs2/file.c)",
            "freed_blocks": "a log: nilfs_cleanerd gives back what was removed (nilfs_cleanerd(8))",
            "mapped_tail": "a page is not cleared behind the end as a file grows (nilfs_setattr, fs/nilfs2/inode.c)",
        },
    ),
    "ntfs3": Programs(packages=("ntfs-3g",), mkfs="mkfs.ntfs -q -Q -F {device}"),
    "udf": Programs(packages=("udftools",), mkfs="mkudffs -m hd {device}", refuses=_UNCHECKED),
    "vfat": Programs(
        packages=("dosfstools",),
        mkfs="mkfs.vfat {device}",
        fsck="fsck.vfat -n {device}",
        refuses={
            "coarse_atime": "of the time of access the day is kept (DIR_LstAccDate, Microsoft's FAT specification)",
            "crash_consistency": "there is no journal: what is left undone is left to fsck.vfat (fsck.fat(8))",
            "dates": "years are counted from 1980, in seven bits (DIR_WrtDate, Microsoft's FAT specification)",
            "dir_atime": "reading a directory does not mark it (SB_NODIRATIME in fat_fill_super, fs/fat/inode.c)",
            "mapped_tail": "a page is not cleared behind the end as a file grows (fat_cont_expand in fs/fat/file.c)",
        },
    ),
    "erofs": Programs(
        packages=("erofs-utils",), why="nothing can be written: images are made of folders, by mkfs.erofs"
    ),
}
