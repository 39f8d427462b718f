"""The table of what a filesystem may be able to do: every name that ``fsprobe``, the host's probes and a profile know.

To add one, add a line here and a probe of the same name: in C (``workloads/fsprobe``) or in ``probe/steps.py``.
``errnos`` are those by which POSIX.1-2017 or the man page of the call lets a filesystem say that it has not got it, or,
for a limit, that it is reached; another one is a wrong errno. Without any, the capability can only be absent, not said
to be (birth times, for one). ``refuses`` are the words of ``vexlab.model.refusals`` that the absence implies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A line of the table; ``unit`` is that of the limit, empty where it has none.

    Who declares ``within`` as refused has declared this too.
    """

    words: str
    errnos: tuple[str, ...] = ()
    unit: str = ""
    refuses: tuple[str, ...] = ()
    within: str = ""


def _kind(words: str, *errnos: str, unit: str = "", refuses: str = "", within: str = "") -> Kind:
    return Kind(words=words, errnos=errnos, unit=unit, refuses=tuple(refuses.split()), within=within)


_NO_XATTR = ("EOPNOTSUPP",)
_NO_FALLOCATE = ("EOPNOTSUPP", "ENOSYS")  # fallocate(2)
_NO_RENAME = ("EPERM", "EACCES")  # rename(2)
_NO_FLAG = ("EINVAL", *_NO_RENAME)  # renameat2(2): the filesystem does not support one of the flags
_NO_SETATTR = ("EPERM", "EOPNOTSUPP", "ENOSYS")  # chmod(2), chown(2), utimensat(2)
_TOO_LARGE = ("EFBIG",)  # write(2), truncate(2)

CAPABILITIES: Mapping[str, Kind] = {
    # The filesystem as a whole.
    "mkfs": _kind("mkfs makes a filesystem and ends"),
    "fsck": _kind("fsck ends and calls a filesystem sound that was just made"),
    "mount": _kind("what mkfs made can be mounted and unmounted"),
    "unknown_options": _kind("a mount option that nobody knows is refused", refuses="unknown_options"),
    "remount_ro": _kind("remounting read-only makes everything answer EROFS", "EINVAL", "EOPNOTSUPP"),
    "remount_rw": _kind("remounting read-write lets it be written again", "EINVAL", "EOPNOTSUPP", "EROFS"),
    "readonly_mount": _kind("it mounts read-only, and writes nothing then", refuses="readonly_mount"),
    "survives_unmount": _kind("files are the same after unmount and mount"),
    "survives_power_cut": _kind("files that were synced are the same after a power cut", refuses="crash_consistency"),
    "freed_blocks": _kind("what removed files took is free again after a sync", refuses="freed_blocks"),
    "smallest_device": _kind("the smallest device that mkfs and mount take", "ENOSPC", unit="MiB"),
    "odd_device": _kind("a device whose size is no multiple of 4 KiB"),
    "sector_4096": _kind("a device with sectors of 4096 bytes"),
    # What everything else relies on.
    "create": _kind("files can be made", "EACCES", "EPERM", "EROFS"),
    "write": _kind("files hold what was written", "EINVAL", "EBADF"),
    "fsync": _kind("fsync succeeds", "EINVAL"),
    "fdatasync": _kind("fdatasync succeeds", "EINVAL"),
    "syncfs": _kind("syncfs succeeds"),
    "reread": _kind("files are the same when they are read from the device again"),
    "readdir": _kind("a directory lists its entries, each once", "ENOTDIR"),
    "unlink": _kind("files can be removed", "EPERM"),
    "mkdir": _kind("directories can be made", "EPERM"),
    "rmdir": _kind("directories can be removed", "EPERM"),
    # Names and kinds of files.
    "dir_links": _kind("a directory's link count counts its subdirectories", refuses="dir_links"),
    "link": _kind("hard links", "EPERM", "EOPNOTSUPP"),
    "symlink": _kind("symbolic links", "EPERM"),
    "symlink_modes": _kind("a symbolic link has the mode 0777", refuses="symlink_modes"),
    "fifo": _kind("FIFOs", "EPERM"),
    "socket": _kind("sockets", "EPERM"),
    "device_node": _kind("device nodes", "EPERM"),
    "wide_devices": _kind("device numbers of 12 and 20 bits", "EINVAL", "EPERM", refuses="wide_devices"),
    "unlink_open": _kind("an open file stays usable after it was removed", "EBUSY", "EPERM"),
    "rename": _kind("rename within a directory", *_NO_RENAME),
    # POSIX has EEXIST for directories that are not empty; a filesystem that replaces nothing says it of files, too.
    "rename_over": _kind("rename replaces a file that is there", *_NO_RENAME, "EEXIST"),
    "rename_directory": _kind("a directory moves to another directory", *_NO_RENAME),
    "rename_noreplace": _kind("renameat2 with RENAME_NOREPLACE", *_NO_FLAG, refuses="rename_noreplace"),
    "rename_exchange": _kind("renameat2 with RENAME_EXCHANGE", *_NO_FLAG, refuses="rename_exchange"),
    "rename_whiteout": _kind("renameat2 with RENAME_WHITEOUT", *_NO_FLAG, refuses="rename_whiteout"),
    "tmpfile": _kind("O_TMPFILE", "EOPNOTSUPP", "EISDIR", refuses="tmpfile"),
    "readdir_seek": _kind("seekdir comes back to where telldir was"),
    "case_sensitive": _kind("names that differ in case are different", refuses="case_sensitive"),
    "exact_names": _kind("names are kept as they were given", "EINVAL", "EILSEQ", refuses="exact_names"),
    # Attributes.
    "xattr": _kind("extended attributes in user.", *_NO_XATTR, refuses="xattr"),
    "trusted_xattr": _kind("extended attributes in trusted.", *_NO_XATTR, refuses="trusted_xattr", within="xattr"),
    "security_xattr": _kind("extended attributes in security.", *_NO_XATTR, refuses="security_xattr", within="xattr"),
    "large_xattrs": _kind(
        "attributes of 1 KiB", *_NO_XATTR, "E2BIG", "ENOSPC", "ERANGE", refuses="large_xattrs", within="xattr"
    ),
    "acl": _kind("POSIX access control lists", *_NO_XATTR, refuses="acl"),
    "modes": _kind("new files have the mode that was asked for", refuses="modes"),
    "chmod": _kind("files keep their mode", *_NO_SETATTR),
    "chown": _kind("files keep their owner", *_NO_SETATTR, "EINVAL"),
    "wide_owners": _kind(
        "owners and groups above 65535 are kept", "EINVAL", "EOVERFLOW", "EPERM", refuses="wide_owners"
    ),
    "utimes": _kind("times can be set", *_NO_SETATTR),
    "atime": _kind("reading marks the time of access, and it is kept"),
    "mtime": _kind("writing marks the time of modification, and it is kept"),
    "ctime": _kind("changes mark the time of change, and it is kept"),
    "birth_time": _kind("statx tells the time of birth", refuses="birth_time"),
    "stable_inodes": _kind("an inode has the same number when it is read again"),
    "statfs_blocks": _kind("statfs counts free blocks"),
    "statfs_inodes": _kind("statfs counts free inodes", refuses="fixed_inodes"),
    # Data.
    "append": _kind("O_APPEND writes at the end"),
    "truncate_down": _kind("files can be made shorter", "EPERM", "EINVAL"),
    "truncate_up": _kind("files can be made longer, with zeros", "EPERM", "EFBIG", "EINVAL"),
    "sparse_files": _kind("a gap in a file takes no blocks"),
    "seek_hole": _kind("SEEK_HOLE and SEEK_DATA find a gap", "EINVAL"),
    "fallocate": _kind("fallocate allocates", *_NO_FALLOCATE, refuses="fallocate"),
    "punch_hole": _kind("fallocate punches holes", *_NO_FALLOCATE, refuses="punch_hole", within="fallocate"),
    "zero_range": _kind("fallocate zeroes a range", *_NO_FALLOCATE, refuses="zero_range", within="fallocate"),
    "collapse_range": _kind("fallocate removes a range", *_NO_FALLOCATE, refuses="collapse_range", within="fallocate"),
    "insert_range": _kind("fallocate inserts a range", *_NO_FALLOCATE, refuses="insert_range", within="fallocate"),
    "mmap_read": _kind("a shared mapping shows the file", "ENODEV"),
    "mmap_private": _kind("a private mapping shows the file and keeps its stores", "ENODEV"),
    "mmap_write": _kind("stores to a shared mapping reach the file", "ENODEV", "EINVAL"),
    "direct_io": _kind("O_DIRECT", "EINVAL", refuses="direct_io"),
    "copy_file_range": _kind(
        "copy_file_range copies", "EOPNOTSUPP", "EINVAL", "EXDEV", "ENOSYS", refuses="copy_file_range"
    ),
    "splice": _kind("splice and sendfile move a file's data", "EINVAL"),
    "large_files": _kind("a file may be larger than 4 GiB", *_TOO_LARGE, "EINVAL", "EOVERFLOW", refuses="large_files"),
    "locks": _kind("flock and fcntl locks exclude each other", "ENOLCK", "EINVAL"),
    # Limits.
    "name_max": _kind("longest name", "ENAMETOOLONG", unit="bytes"),
    "path_max": _kind("longest path", "ENAMETOOLONG", unit="bytes"),
    "symlink_max": _kind("longest target of a symbolic link", "ENAMETOOLONG", unit="bytes", refuses="long_symlinks"),
    "file_size": _kind("largest file without gaps", *_TOO_LARGE, unit="bytes"),
    "file_sparse": _kind("largest file with a gap", *_TOO_LARGE, unit="bytes"),
    "dir_entries": _kind("most entries of a directory", "ENOSPC", "EMLINK", unit="entries"),
    "link_max": _kind("most hard links of a file", "EMLINK", unit="links"),
    "depth": _kind("deepest directory", "EMLINK", "ENAMETOOLONG", "ENOSPC", unit="levels"),
    "xattr_value_max": _kind("largest extended attribute", "E2BIG", "ENOSPC", "ERANGE", unit="bytes"),
    "time_granularity": _kind("finest time", unit="ns"),
    "time_min": _kind("earliest time since 1970", unit="s", refuses="dates"),
    "time_max": _kind("latest time since 1970", unit="s", refuses="dates"),
    # What reaches beyond one file.
    "file_handles": _kind("open_by_handle_at", "EOPNOTSUPP", "ESTALE", refuses="file_handles"),
    "quota": _kind("quotas are counted", "ENOSYS", "ESRCH", "EINVAL", "EOPNOTSUPP"),
    "swap_files": _kind("a file can be swapped to", "EINVAL", refuses="swap_files"),
    "freeze": _kind("while frozen, a writer waits until the thaw", "EOPNOTSUPP", "ENOTTY"),
}
