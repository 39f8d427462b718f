"""What statfs(2) says of a filesystem, compared with what it said when it was empty. Pure: values in, words out."""

from __future__ import annotations

from dataclasses import dataclass

# Filesystems that make inodes on demand keep the blocks of an empty chunk and of its index until another is made
# (xfs: a chunk of 64 inodes is 8 blocks of 4 KiB, fs/xfs/libxfs/xfs_ialloc.c).
ON_DEMAND_BLOCKS = 64
_INODE_BYTES = 512  # of one that is made on demand and stays (JFS: struct dinode, fs/jfs/jfs_dinode.h)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What statfs(2) says of a filesystem, and the blocks its root directory takes, which may stay large."""

    block_size: int
    blocks: int
    free: int
    inodes: int
    free_inodes: int
    root_blocks: int

    @property
    def used_inodes(self) -> int:
        """Inodes in use: of those made on demand the total and the free ones both change."""
        return self.inodes - self.free_inodes

    def __str__(self) -> str:
        root = f", the root directory has {self.root_blocks}" if self.root_blocks else ""
        inodes = f", {self.free_inodes} of {self.inodes} inodes" if self.inodes else ""
        return f"{self.free} of {self.blocks} blocks free{inodes}{root}"


def on_demand(made: int, block_size: int) -> int:
    """Return the blocks that ``made`` inodes may keep for the next ones."""
    return ON_DEMAND_BLOCKS + made * _INODE_BYTES // block_size


def not_free(start: Counts, end: Counts, *, slack: int = 0) -> str:
    """Return how an emptied filesystem differs from what it was at ``start``, or ``""``; ``slack`` is in blocks."""
    slack = slack if end.inodes == start.inodes else max(slack, ON_DEMAND_BLOCKS)
    gone = start.free - end.free
    found = []
    if gone - max(0, end.root_blocks - start.root_blocks) > slack:
        found.append(f"{gone} blocks of {end.block_size} bytes are not free again")
    if -gone > slack:
        found.append(f"{-gone} blocks more are free than in the beginning")
    if end.used_inodes != start.used_inodes:
        found.append(f"{end.used_inodes - start.used_inodes} inodes are not free again")
    return f"{' and '.join(found)}: first {start}; now {end}" if found else ""


def uncounted(start: Counts, now: Counts, *, inodes: int, largest: int, slack: int = 0) -> str:
    """Return what of a tree is not counted as in use, or ``""``: its ``inodes``, the blocks of its ``largest`` file.

    More may be in use: directories, indirect blocks. Where statfs counts no inodes, only blocks are compared; and where
    it makes them on demand, what is small may lie beside the inode, in blocks that were taken before (btrfs).
    """
    slack = slack if now.inodes and now.inodes == start.inodes else ON_DEMAND_BLOCKS
    found = []
    if start.inodes and now.used_inodes - start.used_inodes < inodes:
        used = now.used_inodes - start.used_inodes
        found.append(f"only {used} inodes more are in use than when it was empty, and the tree has {inodes}")
    if start.free - now.free + slack < largest:
        gone = start.free - now.free
        found.append(f"only {gone} blocks fewer are free than when it was empty, and one file has {largest}")
    return f"{' and '.join(found)}: first {start}; now {now}" if found else ""
