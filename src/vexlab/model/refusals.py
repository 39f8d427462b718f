"""What a target may declare in ``[refuses]``: every word that anything here looks up."""

from __future__ import annotations

from collections.abc import Mapping

# Operations that a target may declare as refused, and the checks (or whole families) in which that shows.
OPERATIONS: Mapping[str, tuple[str, ...]] = {
    "acl": ("owner.acl_grants", "owner.acl_inherited"),
    "case_sensitive": ("name.case_counts",),
    "birth_time": ("times.birth", "times.birth_of_others"),
    "coarse_atime": ("times.set_exactly",),
    "collapse_range": ("space.collapses",),
    "copy_file_range": ("io.copies_in_kernel",),
    "dates": ("times.distant_dates",),
    "dir_atime": ("times.reading_names",),
    "dir_links": ("dir.link_counts",),
    "direct_io": ("direct",),
    "exact_names": ("name.case_counts", "name.dots", "name.every_byte"),
    "fallocate": (
        "full.fallocate_refused",
        "space.allocates",
        "space.collapses",
        "space.inserts",
        "space.keeps_data",
        "space.keeps_size",
        "space.punch_frees",
        "space.punches",
        "space.zeroes",
    ),
    "file_handles": ("open.by_handle",),
    "fixed_inodes": ("stat.inodes_come_back",),
    "freed_for_stores": ("full.freed_at_once_by_others",),
    "insert_range": ("space.inserts",),
    "large_files": ("large", "truncate.huge_and_back"),
    "large_xattrs": ("xattr.large_values",),
    "long_symlinks": ("symlink.longest",),
    "mapped_tail": ("mmap.tail_in_memory",),
    "modes": (),
    "overwrite_when_full": ("full.overwriting",),
    "punch_hole": ("space.punches", "space.punch_frees"),
    "rename_exchange": (
        "mark.exchanges",
        "persist.exchanges",
        "rename.exchange_across_depths",
        "rename.exchange_directories",
        "rename.exchange_empty_directories",
        "rename.exchange_file_and_directory",
        "rename.exchange_files",
        "rename.exchange_times",
        "rename.exchange_with_others",
        "rename.exchange_with_symlink",
    ),
    "rename_noreplace": ("rename.noreplace",),
    "rename_whiteout": ("rename.whiteout",),
    "security_xattr": ("xattr.security",),
    "small_files_when_full": ("full.small_files",),
    "symlink_modes": ("symlink.modes",),
    "tmpfile": ("tmpfile",),
    "trusted_xattr": ("xattr.same_name_elsewhere", "xattr.trusted"),
    "wide_devices": ("special.widest_device",),
    "wide_owners": (),
    "xattr": ("full.attributes", "mark.xattrs", "persist.xattrs", "times.xattr_marks_ctime", "xattr"),
    "zero_range": ("space.zeroes",),
}

# Properties beside the checks' operations, and what is then not asked. docs/reference/target.md has the same list.
PROPERTIES: Mapping[str, str] = {
    "crash_consistency": "anything after a power cut: it needs fsck after every crash",
    "fsync_names": "that fsync of a file keeps its name",
    "freed_blocks": "that blocks of what was removed are free again: a cleaner of its own gives them back",
    "frozen_read_only": "that a copy of a frozen device mounts where nothing can be written",
    "ordered_names": "that all names after a power cut are from one moment",
    "readonly_mount": "that a read-only mount of a device that could be written writes nothing",
    "swap_files": "that a swap file works",
    "syncfs_flush": "that syncfs flushes the disk's cache where only data are left to write",
    "synced_gaps": "that the gap which a synchronous write beyond the end leaves reads as zeros after a power cut",
    "unknown_options": "that a mount option which nobody knows is refused",
}
