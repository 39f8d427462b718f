"""Which inputs there are to try, and which errors to see: tables of facts, and what of them a run has had. Pure.

Bits are those of x86 (asm-generic/fcntl.h, linux/falloc.h, linux/fs.h, linux/xattr.h, linux/stat.h), as
``workloads/lib/counted.h`` hands them on. Errors are those that the man pages 2 of man-pages 6.03 name for the
operation and that a local filesystem, or the layer above it, can give.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from vexlab.model.inputs import Counts, Inputs, OperationInputs

NONE = -1  # no flag at all; of offsets, a negative one
_MODES = {
    "S_IXOTH": 0, "S_IWOTH": 1, "S_IROTH": 2, "S_IXGRP": 3, "S_IWGRP": 4, "S_IRGRP": 5,
    "S_IXUSR": 6, "S_IWUSR": 7, "S_IRUSR": 8, "S_ISVTX": 9, "S_ISGID": 10, "S_ISUID": 11,
}  # fmt: skip
FLAGS: Mapping[str, Mapping[str, int]] = {
    "chmod": {"0": NONE, **_MODES},
    "fallocate": {
        "0": NONE, "FALLOC_FL_KEEP_SIZE": 0, "FALLOC_FL_PUNCH_HOLE": 1, "FALLOC_FL_COLLAPSE_RANGE": 3,
        "FALLOC_FL_ZERO_RANGE": 4, "FALLOC_FL_INSERT_RANGE": 5, "FALLOC_FL_UNSHARE_RANGE": 6,
    },
    "link": {"0": NONE, "AT_SYMLINK_FOLLOW": 10},
    "lseek": {"SEEK_SET": 0, "SEEK_CUR": 1, "SEEK_END": 2, "SEEK_DATA": 3, "SEEK_HOLE": 4},
    "mkdir": {"0": NONE, **_MODES},
    "mknod": {"0": 0, "S_IFIFO": 1, "S_IFCHR": 2, "S_IFBLK": 6, "S_IFREG": 8, "S_IFSOCK": 12},
    "mmap": {"MAP_SHARED": 0, "MAP_PRIVATE": 1, "PROT_READ": 4, "PROT_WRITE": 5, "PROT_EXEC": 6},
    "open": {
        "O_RDONLY": 0, "O_WRONLY": 1, "O_RDWR": 2, "O_CREAT": 6, "O_EXCL": 7, "O_NOCTTY": 8, "O_TRUNC": 9,
        "O_APPEND": 10, "O_NONBLOCK": 11, "O_DSYNC": 12, "O_DIRECT": 14, "O_DIRECTORY": 16, "O_NOFOLLOW": 17,
        "O_NOATIME": 18, "O_CLOEXEC": 19, "O_SYNC": 20, "O_PATH": 21, "O_TMPFILE": 22,
    },
    "rename": {"0": NONE, "RENAME_NOREPLACE": 0, "RENAME_EXCHANGE": 1, "RENAME_WHITEOUT": 2},
    "setxattr": {"0": NONE, "XATTR_CREATE": 0, "XATTR_REPLACE": 1},
}  # fmt: skip
_IO, _FILE, _XATTR, _LINK = 24, 40, 16, 11  # the largest power of two that is asked for
SIZES: Mapping[str, int] = {
    "copy_file_range": _IO, "fallocate": _IO, "getxattr": _XATTR, "listxattr": _XATTR, "mmap": _IO, "pread": _IO,
    "pwrite": _IO, "read": _IO, "setxattr": _XATTR, "symlink": _LINK, "truncate": _FILE, "write": _IO,
}  # fmt: skip
OFFSETS: Mapping[str, int] = {"fallocate": _FILE, "lseek": _FILE, "mmap": _FILE, "pread": _FILE, "pwrite": _FILE}
_NEGATIVE = frozenset({"fallocate", "lseek", "pread", "pwrite"})
_PATH = "EACCES ELOOP ENAMETOOLONG ENOENT ENOTDIR EFAULT"
_CHANGE = f"{_PATH} EROFS EIO"
_NEW = f"{_CHANGE} EEXIST ENOSPC EDQUOT EPERM"
ERRNOS: Mapping[str, str] = {
    "chmod": f"{_CHANGE} EPERM",
    "chown": f"{_CHANGE} EPERM EDQUOT",
    "copy_file_range": "EBADF EFBIG EINVAL EIO EISDIR ENOSPC EOPNOTSUPP EOVERFLOW EPERM ETXTBSY EXDEV",
    "fallocate": "EBADF EFBIG EINVAL EIO EISDIR ENODEV ENOSPC EOPNOTSUPP EPERM ESPIPE ETXTBSY",
    "fdatasync": "EBADF EINVAL EIO ENOSPC EROFS EDQUOT",
    "fsync": "EBADF EINVAL EIO ENOSPC EROFS EDQUOT",
    "getxattr": f"{_PATH} E2BIG ENODATA EOPNOTSUPP ERANGE EPERM EIO",
    "link": f"{_NEW} EMLINK EXDEV EINVAL",
    "listxattr": f"{_PATH} E2BIG EOPNOTSUPP ERANGE EIO",
    "lseek": "EBADF EINVAL ENXIO EOVERFLOW ESPIPE",
    "mkdir": f"{_NEW} EMLINK EINVAL",
    "mknod": f"{_NEW} EINVAL",
    "mmap": "EACCES EBADF EINVAL ENODEV ENOMEM EOVERFLOW EPERM",
    "open": f"{_NEW} EISDIR EINVAL EMFILE ENXIO EOPNOTSUPP EOVERFLOW ETXTBSY EBUSY",
    "pread": "EBADF EFAULT EINVAL EIO EISDIR ENXIO EOVERFLOW ESPIPE",
    "pwrite": "EBADF EFAULT EFBIG EINVAL EIO ENOSPC EDQUOT EPERM ENXIO EOVERFLOW ESPIPE",
    "read": "EBADF EFAULT EINVAL EIO EISDIR",
    "removexattr": f"{_CHANGE} ENODATA EOPNOTSUPP EPERM ERANGE",
    "rename": f"{_NEW} EBUSY EINVAL EISDIR EMLINK ENOTEMPTY EXDEV",
    "rmdir": f"{_CHANGE} EBUSY EINVAL ENOTEMPTY EPERM",
    "setxattr": f"{_CHANGE} EDQUOT EEXIST EINVAL ENODATA ENOSPC EOPNOTSUPP EPERM ERANGE E2BIG",
    "symlink": _NEW,
    "syncfs": "EBADF EIO ENOSPC EDQUOT",
    "truncate": f"{_CHANGE} EBADF EFBIG EINVAL EISDIR EPERM ETXTBSY",
    "unlink": f"{_CHANGE} EBUSY EISDIR EPERM",
    "utimens": f"{_CHANGE} EBADF EINVAL EPERM",
    "write": "EBADF EFAULT EFBIG EINVAL EIO ENOSPC EDQUOT EPERM",
}


class Kind(StrEnum):
    """What a partition is about."""

    FLAG = "flag"
    SIZE = "size"
    OFFSET = "offset"
    ERRNO = "errno"


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """Calls of one operation that have something in common, and how many there were."""

    operation: str
    kind: Kind
    name: str
    count: int


def partitions(inputs: Inputs) -> tuple[Partition, ...]:
    """Return every partition that there is, with its calls; of operations in the order of their names."""
    nothing = OperationInputs(calls=0)
    return tuple(
        Partition(operation=name, kind=kind, name=words, count=counts.get(key, 0))
        for name in sorted(ERRNOS)
        for kind, words, key, counts in _of(name, inputs.get(name, nothing))
    )


def unexpected(inputs: Inputs) -> tuple[Partition, ...]:
    """Return errors that were seen and that the man page of the operation does not name."""
    return tuple(
        Partition(operation=name, kind=Kind.ERRNO, name=errno.errorcode.get(number, str(number)), count=count)
        for name, own in sorted(inputs.items())
        for number, count in own.errnos.items()
        if number and number not in {getattr(errno, word) for word in ERRNOS.get(name, "").split()}
    )


def _of(name: str, own: OperationInputs) -> Iterator[tuple[Kind, str, int, Counts]]:
    for words, bit in FLAGS.get(name, {}).items():
        yield Kind.FLAG, words, bit, own.flags
    if name in SIZES:
        yield from ((Kind.SIZE, words, digits, own.sizes) for words, digits in _powers(SIZES[name]))
    if name in OFFSETS:
        if name in _NEGATIVE:
            yield Kind.OFFSET, "negative", NONE, own.offsets
        yield from ((Kind.OFFSET, words, digits, own.offsets) for words, digits in _powers(OFFSETS[name]))
    yield Kind.ERRNO, "success", 0, own.errnos
    for words in ERRNOS[name].split():
        yield Kind.ERRNO, words, getattr(errno, words), own.errnos


def _powers(most: int) -> Iterator[tuple[str, int]]:
    """Yield 0 and each power of two up to 2^``most``, with the number of its binary digits."""
    yield "0", 0
    for power in range(most + 1):
        yield f"2^{power}", power + 1
