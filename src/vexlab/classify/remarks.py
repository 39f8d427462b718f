"""What a title cannot say: which operation was missing where the kernel jumped to address 0, whose code was gone."""

from __future__ import annotations

import re

from vexlab.classify.names import plain
from vexlab.classify.skips import skipped
from vexlab.classify.traces import POINTER, nameless, unloaded
from vexlab.model.report import Trace

# RIP: 0010:0x0    RIP: 0010:          (null)    pc : 0x0    epc : 0000000000000000    PC is at 0x0    NIP [0000000000000000] 0x0
_ZERO = re.compile(
    r"^(?:RIP: [0-9a-f]{4}:|E?IP: |EIP is at |pc : |epc : |PC is at |NIP )"
    r"(?:\[<?0{8,16}>?\] *)?(?: *\(null\)| *0x0|0{8,16})(?:/0x0)?(?: \(\w\))?(?:\s|$)",
    re.M,
)
# Function of the kernel -> the operations it calls (fs/*.c, mm/*.c). Where it calls one of several, all are named.
_OPERATIONS = {
    "address_space_operations": {
        "filemap_read_folio": "read_folio",
        "read_pages": "readahead or read_folio",
        "do_writepages": "writepages",
        "generic_perform_write": "write_begin or write_end",
        "pagecache_write_begin": "write_begin",
        "pagecache_write_end": "write_end",
        "generic_file_direct_write": "direct_IO",
        "filemap_release_folio": "release_folio",
        "try_to_release_page": "releasepage",
        "folio_mark_dirty": "dirty_folio",
        "folio_invalidate": "invalidate_folio",
        "do_invalidatepage": "invalidatepage",
        "move_to_new_folio": "migrate_folio",
        "bmap": "bmap",
        "write_cache_pages": "writepage",
        "pageout": "writepage",
    },
    "dentry_operations": {
        "dput": "d_delete",
        "dentry_unlink_inode": "d_iput",
        "__dentry_kill": "d_prune or d_release",
        "d_revalidate": "d_revalidate",
        "lookup_fast": "d_revalidate",
        "__d_lookup": "d_compare",
        "d_path": "d_dname",
    },
    "file_operations": {
        "vfs_read": "read or read_iter",
        "vfs_write": "write or write_iter",
        "new_sync_read": "read_iter",
        "new_sync_write": "write_iter",
        "do_iter_readv_writev": "read_iter or write_iter",
        "vfs_iter_read": "read_iter",
        "vfs_iter_write": "write_iter",
        "iterate_dir": "iterate_shared",
        "do_dentry_open": "open",
        "chrdev_open": "open",
        "__fput": "release",
        "filp_close": "flush",
        "filp_flush": "flush",
        "vfs_fsync_range": "fsync",
        "vfs_fsync": "fsync",
        "vfs_ioctl": "unlocked_ioctl",
        "__x64_sys_ioctl": "unlocked_ioctl",
        "__do_sys_ioctl": "unlocked_ioctl",
        "__se_sys_ioctl": "unlocked_ioctl",
        "__arm64_sys_ioctl": "unlocked_ioctl",
        "mmap_region": "mmap",
        "__mmap_region": "mmap",
        "call_mmap": "mmap",
        "vfs_llseek": "llseek",
        "ksys_lseek": "llseek",
        "vfs_fallocate": "fallocate",
        "vfs_poll": "poll",
        "do_sys_poll": "poll",
        "do_splice_read": "splice_read",
        "vfs_splice_read": "splice_read",
        "vfs_copy_file_range": "copy_file_range or remap_file_range",
        "vfs_clone_file_range": "remap_file_range",
        "generic_fadvise": "fadvise",
    },
    "fs_context_operations": {
        "vfs_get_tree": "get_tree",
        "vfs_parse_fs_param": "parse_param",
        "put_fs_context": "free",
        "reconfigure_super": "reconfigure",
    },
    "inode_operations": {
        "__lookup_slow": "lookup",
        "lookup_open": "lookup, create or atomic_open",
        "lookup_one_qstr_excl": "lookup",
        "vfs_create": "create",
        "vfs_mkdir": "mkdir",
        "vfs_rmdir": "rmdir",
        "vfs_unlink": "unlink",
        "vfs_link": "link",
        "vfs_symlink": "symlink",
        "vfs_mknod": "mknod",
        "vfs_rename": "rename",
        "vfs_tmpfile": "tmpfile",
        "notify_change": "setattr",
        "vfs_getattr_nosec": "getattr",
        "vfs_getattr": "getattr",
        "inode_permission": "permission",
        "pick_link": "get_link",
        "vfs_get_link": "get_link",
        "vfs_listxattr": "listxattr",
        "get_inode_acl": "get_inode_acl",
        "vfs_set_acl": "set_acl",
        "vfs_fileattr_get": "fileattr_get",
        "vfs_fileattr_set": "fileattr_set",
        "inode_update_time": "update_time",
        "fiemap": "fiemap",
        "ioctl_fiemap": "fiemap",
    },
    "super_operations": {
        "alloc_inode": "alloc_inode",
        "evict": "evict_inode",
        "i_callback": "free_inode",
        "destroy_inode": "destroy_inode",
        "__mark_inode_dirty": "dirty_inode",
        "__writeback_single_inode": "write_inode",
        "write_inode": "write_inode",
        "generic_shutdown_super": "put_super",
        "sync_filesystem": "sync_fs",
        "sync_fs_one_sb": "sync_fs",
        "iterate_supers": "sync_fs",
        "freeze_super": "freeze_fs or sync_fs",
        "thaw_super_locked": "unfreeze_fs",
        "statfs_by_dentry": "statfs",
        "vfs_statfs": "statfs",
        "show_vfsmnt": "show_options",
        "do_emergency_remount_callback": "remount_fs",
        "iput": "drop_inode",
    },
    "vm_operations_struct": {
        "__do_fault": "fault",
        "do_fault_around": "map_pages",
        "do_page_mkwrite": "page_mkwrite",
        "remove_vma": "close",
    },
    "export_operations": {"exportfs_decode_fh_raw": "fh_to_dentry", "exportfs_encode_inode_fh": "encode_fh"},
    "xattr_handler": {"__vfs_setxattr": "set", "__vfs_getxattr": "get", "__vfs_removexattr": "set"},
    "file_system_type": {"deactivate_locked_super": "kill_sb", "legacy_get_tree": "mount"},
}
_CALLED_BY = {function: (table, call) for table, rows in _OPERATIONS.items() for function, call in rows.items()}


def remark(text: str, stacks: tuple[Trace, ...]) -> str:
    """A sentence for the reader of a report, or nothing. ``text`` holds the report's own lines."""
    if _ZERO.search(text):
        return _missing(stacks)
    gone = unloaded(text)
    if gone and nameless(text):
        return f"the code is not there any more; the module unloaded last is {gone}"
    return ""


def _missing(stacks: tuple[Trace, ...]) -> str:
    """Which operation was called and missing, as far as the caller shows."""
    for stack in stacks:
        if stack.heading == POINTER:
            continue
        for frame in stack.frames:
            known = _CALLED_BY.get(frame.function)
            if frame.guess or frame.inline or (known is None and skipped(frame.function)):
                continue
            if known:
                return f"jump to address 0: {frame.function}() found no {known[1]} in struct {known[0]}"
            return f"jump to address 0: called by {plain(frame.function)[0]}()"
    return "jump to address 0"
