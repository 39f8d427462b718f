"""The same last questions after every case on a mounted filesystem: is everything kept, and is everything given back?

That a case's own commands succeeded says little of what is on the disk. These questions are asked of it afterwards,
whatever the case did: unmount, check, mount, drop the caches and compare; remove everything, and what was taken must be
free again; unmount, and the module must unload. What the kernel printed, and its taint, is judged by the plugin.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from vexlab.errors import MachineError
from vexlab.guest.checks import parse_tree
from vexlab.guest.module import GuestModule
from vexlab.guest.mount import GuestFilesystem

_MANIFEST = "/tmp/last-questions.manifest"  # noqa: S108 - in the guest
_MODEL = "/tmp/tree{}.manifest"  # noqa: S108 - in the guest
_WALK_S = 300.0
_FREEZE_S = 60.0
_NO_FREEZE = "Operation not supported"
_SHOWN = 5

# Filesystems that make inodes on demand keep the blocks of an empty chunk and of its index until another is made
# (xfs: a chunk of 64 inodes is 8 blocks of 4 KiB, fs/xfs/libxfs/xfs_ialloc.c).
_ON_DEMAND_BLOCKS = 64

_COUNTS = "stat -f -c '%S %b %f %c %d' {0} && stat -c '%b' {0}"
_DROP = "sync && echo 3 >/proc/sys/vm/drop_caches"
_EMPTY_MODEL = "the manifest is empty"
_VERIFY = f"""
[ -s "$1" ] && exec fstree verify "$1" "$2"
echo "{_EMPTY_MODEL}"; ls -A "$2"
"""
# coreutils' rm: busybox's makes paths, which end at PATH_MAX, where a tree may be deeper
_EMPTY = 'find "$1" -mindepth 1 -maxdepth 1 ! -name lost+found -print0 | xargs -0 -r /bin/rm -rf -- && sync'


# Buffers in use although nothing is mounted: a buffer_head that somebody still refers to outlives its page
# (fs/buffer.c). squashfs, the guest's own system, has none; with anything else mounted the answer is `others`.
_BUFFERS = """
while read -r source _ type _; do
    case $type:$source in squashfs:*|*:[!/]*) ;; *) echo others; exit 0 ;; esac
done </proc/mounts
for attempt in 1 2 3 4 5; do
    sync; echo 3 >/proc/sys/vm/drop_caches; echo 1 >/sys/kernel/slab/buffer_head/shrink
    while read -r name held _; do [ "$name" = buffer_head ] && break; done </proc/slabinfo
    [ "$held" != 0 ] || break
    sleep 0.2
done
echo "$held"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What statfs(2) says of a filesystem, and the blocks its root directory takes, which may stay large."""

    block_size: int
    blocks: int
    free: int
    inodes: int
    free_inodes: int
    root_blocks: int


class LastQuestions:
    """Asks them of one filesystem, which must be mounted and empty when this is made."""

    def __init__(self, filesystem: GuestFilesystem, module: GuestModule | None = None) -> None:
        self.filesystem = filesystem
        self.module = module
        self._machine = filesystem.machine
        self._start = self.counts()

    def counts(self) -> Counts:
        """Return how full the mounted filesystem is."""
        result = self._machine.ash(_COUNTS.format(shlex.quote(self.filesystem.mountpoint)))
        try:
            size, blocks, free, inodes, free_inodes, sectors = map(int, result.text.split())
        except ValueError as error:
            raise MachineError(f"the guest counts no blocks: {result}") from error
        return Counts(
            block_size=size,
            blocks=blocks,
            free=free,
            inodes=inodes,
            free_inodes=free_inodes,
            root_blocks=-(-sectors * 512 // size),
        )

    def fill(self, seed: int, count: int) -> None:
        """Make a tree of ``count`` names of every kind, of which ``seed`` makes the model that ``filled`` expects."""
        folder = self._folder(seed)
        script = f"mkdir {folder} && fstree fill {seed} {count} {folder} >{_MODEL.format(seed)}"
        result = self._machine.ash(script, timeout=_WALK_S)
        assert result.ok, f"the tree cannot be made: {result}"

    def filled(self, seed: int) -> None:
        """Assert that the tree that ``fill`` made of ``seed`` is what its model says."""
        self.compare(_MODEL.format(seed), self._folder(seed))

    def _folder(self, seed: int) -> str:
        return f"{self.filesystem.mountpoint}/tree{seed}"

    def ask(self) -> None:
        """Ask all of them, in order; the filesystem ends unmounted and its module unloaded."""
        self.freezes()
        self.kept()
        self.given_back()
        self.let_go()

    def freezes(self) -> None:
        """Assert that it freezes and thaws: whoever has kept the right to write lets a freeze wait for ever."""
        point = self.filesystem.mountpoint
        frozen = self._machine.ash('fsfreeze --freeze "$1" && fsfreeze --unfreeze "$1"', point, timeout=_FREEZE_S)
        assert frozen.ok or _NO_FREEZE in str(frozen), f"it does not freeze and thaw: {frozen}"

    def kept(self) -> None:
        """Assert that the tree is the same after unmount, check, mount and with caches dropped."""
        point = self.filesystem.mountpoint
        taken = self._machine.ash(f"fstree manifest {shlex.quote(point)} >{_MANIFEST}", timeout=_WALK_S)
        assert taken.ok, f"the tree cannot be read at the end: {taken}"
        self.again()
        self.compare(_MANIFEST)

    def again(self) -> None:
        """Assert that the filesystem unmounts, is consistent, mounts, and is the target still; caches are dropped."""
        filesystem = self.filesystem
        unmounted = filesystem.unmount()
        assert unmounted.ok, f"it does not unmount: {unmounted}"
        self.consistent()
        mounted = filesystem.mount()
        assert mounted.ok, f"it does not mount again: {mounted}"
        filesystem.prove()
        dropped = self._machine.ash(_DROP, timeout=_WALK_S)
        assert dropped.ok, f"sync and dropping the caches fail: {dropped}"

    def consistent(self) -> None:
        """Assert that the unmounted filesystem is consistent, where the target has a program that tells."""
        if self.filesystem.target.fsck:
            checked = self.filesystem.fsck()
            assert checked.ok, f"the filesystem is not consistent: {checked}"

    def compare(self, manifest: str, folder: str = "") -> None:
        """Assert that the tree in ``folder`` (default: all of it) is what the guest's file ``manifest`` says."""
        result = self._machine.ash(_VERIFY, manifest, folder or self.filesystem.mountpoint, timeout=_WALK_S)
        if result.ok and result.text.startswith(_EMPTY_MODEL):
            left = result.text.partition("\n")[2]
            assert not left, f"there was nothing, now there is {left[:200]}"
            return
        report = parse_tree(result.text)
        shown = "; ".join(map(str, report.problems[:_SHOWN])) or "; ".join(report.noise[:_SHOWN]) or str(result)
        assert report.ok, f"the tree is not what it was ({len(report.problems)} differences): {shown}"

    def given_back(self) -> None:
        """Assert that blocks and inodes are free again when everything is removed."""
        removed = self._machine.ash(_EMPTY, self.filesystem.mountpoint, timeout=_WALK_S)
        assert removed.ok, f"not everything can be removed: {removed}"
        self.again()
        start, end = self._start, self.counts()
        demand = _ON_DEMAND_BLOCKS if end.inodes != start.inodes or self._on_demand else 0
        lost = start.free - end.free - max(0, end.root_blocks - start.root_blocks) - demand
        assert lost <= 0, f"{start.free - end.free} blocks of {end.block_size} bytes are not free again: {start}, {end}"
        gained = end.free - start.free
        assert gained <= demand, f"{gained} blocks more are free than in the beginning: {start}, {end}"
        missing = (end.inodes - end.free_inodes) - (start.inodes - start.free_inodes)
        assert missing == 0, f"{missing} inodes are not free again: {start}, {end}"

    @property
    def _on_demand(self) -> bool:
        return any(name == "fixed_inodes" for name, _ in self.filesystem.target.refuses)

    def buffers_given_back(self) -> None:
        """Assert that with nothing mounted no buffer is in use: a reference that was kept holds its page as well."""
        held = self._machine.ash(_BUFFERS, timeout=_WALK_S)
        if not held.ok or not held.text:
            raise MachineError(f"the guest does not count its buffers: {held}")
        assert held.text in ("others", "0"), f"{held.text} buffers (buffer_head) are in use after unmount"

    def let_go(self) -> None:
        """Assert that the filesystem unmounts, is consistent, and holds neither buffers nor its module any longer."""
        unmounted = self.filesystem.unmount()
        assert unmounted.ok, f"it does not unmount: {unmounted}"
        self.consistent()
        self.buffers_given_back()
        if self.module:
            unloaded = self.module.unload()
            assert unloaded.ok, f"the module does not unload: {unloaded}"
