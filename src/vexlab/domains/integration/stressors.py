"""The stressors of stress-ng that are a filesystem's matter, and what their exit statuses say. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

# stress-ng 0.15's class "filesystem" without what is not the mounted filesystem's (bind-mount, binderfs, eventfd,
# ioprio, procfs, ...), and some that write files although they are in other classes. What the filesystem does not
# support they notice themselves, and leave out.
STRESSORS = (
    *("access", "chattr", "chdir", "chmod", "chown", "copy-file", "dentry", "dir", "dirdeep", "dirmany", "dnotify"),
    *("fallocate", "fcntl", "fiemap", "file-ioctl", "filename", "flock", "fpunch", "fsize", "fstat", "getdent"),
    *("handle", "hdd", "inode-flags", "inotify", "io", "iomix", "lease", "link", "locka", "lockf", "lockofd", "mknod"),
    *("open", "readahead", "rename", "revio", "seek", "sendfile", "symlink", "sync-file", "touch", "utime", "xattr"),
)

# What some of them are about, in the words of the capability profile.
NEEDS = {
    "chmod": "chmod",
    "chown": "chown",
    "copy-file": "copy_file_range",
    "fallocate": "fallocate",
    "flock": "locks",
    "fpunch": "punch_hole",
    "link": "link",
    "locka": "locks",
    "lockf": "locks",
    "lockofd": "locks",
    "mknod": "fifo socket",
    "rename": "rename rename_over",
    "symlink": "symlink",
    "utime": "utimes",
    "xattr": "xattr",
}

# stress-ng(1), EXIT STATUS: 3 not enough resources or a needed condition missing, 4 not implemented here
_NOT_RUN = (3, 4)
_MOST_NOT_RUN = 5

# stressor rename 0
_STATUS = re.compile(r"^stressor ([a-z-]+) (\d+)$", re.MULTILINE)


def parse_stressors(text: str) -> dict[str, int]:
    """Return the exit status of each stressor that ended."""
    return {name: int(status) for name, status in _STATUS.findall(text)}


def wrong_stressors(statuses: Mapping[str, int], stressors: Sequence[str] = STRESSORS) -> str:
    """Return what is wrong as one sentence, or ``""``: one failed, was cut short, or too many could not run."""
    missing = [name for name in stressors if name not in statuses]
    if missing:
        return f"no result of {', '.join(missing)}"
    failed = [f"{name} ({status})" for name, status in statuses.items() if status not in (0, *_NOT_RUN)]
    if failed:
        return f"failed: {', '.join(failed)}"
    idle = [name for name, status in statuses.items() if status in _NOT_RUN]
    return f"too many could not run: {', '.join(idle)}" if len(idle) > _MOST_NOT_RUN else ""
