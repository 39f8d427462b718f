"""``local.config``: what xfstests is told of a target, a section for each of its configurations. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from vexlab.model.target import Target, program_of

SECTION = "vexlab"
# Types for which common/ has its own mkfs and fsck; of these the target's command only adds options.
KNOWN = ("bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "gfs2", "jfs", "ocfs2", "udf", "xfs")
_QUIET = ("-q", "-F", "-f", "--quiet", "--force")  # xfstests adds its own


def mkfs_options(target: Target) -> str:
    """Return the options of mkfs that a known type's own command lacks; of others the wrapper has them."""
    if target.fstype not in KNOWN or not target.mkfs:
        return ""
    words = target.mkfs[target.mkfs.index(program_of(target.mkfs)) + 1 :]
    return " ".join(word for word in words if word not in _QUIET and "{device}" not in word)


def local_config(target: Target, devices: Mapping[str, str], section: str = SECTION) -> str:
    """Return the text; ``devices`` are block devices by serial, and ``results`` the folder of what tests leave."""
    mount = f"-o {','.join(target.mount_options)}" if target.mount_options else ""
    values = {
        "FSTYP": target.fstype,
        "TEST_DEV": devices.get("test", "TEST_DEV"),
        "TEST_DIR": "/mnt/test",
        "SCRATCH_DEV": devices.get("scratch", "SCRATCH_DEV"),
        "SCRATCH_MNT": "/mnt/scratch",
        "LOGWRITES_DEV": devices.get("logwrites", "LOGWRITES_DEV"),
        "RESULT_BASE": devices.get("results", "/run/results"),
        "MKFS_OPTIONS": mkfs_options(target),
        "MOUNT_OPTIONS": mount,
        "TEST_FS_MOUNT_OPTS": mount,
        "KEEP_DMESG": "yes",
        "DIFF_LENGTH": "40",
    }
    lines = [f"{name}='{value}'" if " " in value else f"{name}={value}" for name, value in values.items() if value]
    return "\n".join([f"[{section}]", *_notes(target), *lines, ""])


def _notes(target: Target) -> list[str]:
    """Return what the guest adds for a type that xfstests does not know, as comments."""
    if target.fstype in KNOWN:
        return []
    commands = {"mkfs": target.mkfs, "fsck": target.fsck, "_scratch_mkfs_sized": target.mkfs_sized}
    return [f"# {name} of {target.fstype}: {' '.join(words)}" for name, words in commands.items() if words]
