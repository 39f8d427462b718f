"""Post checks after every case on a mounted filesystem: is everything kept, and is everything given back?

That a case's own commands succeeded says little of what is on the disk. These checks run afterwards,
whatever the case did: unmount, check, mount, drop the caches and compare; remove everything, and what was taken must be
free again; unmount, and the module must unload. What the kernel printed, and its taint, is judged by the plugin.
"""

from __future__ import annotations

import shlex

from vexlab.errors import MachineError, TargetFailure
from vexlab.guest.check_series import FinalFailure, PostCheck, run_all
from vexlab.guest.checks import parse_tree
from vexlab.guest.counts import Counts, not_free, on_demand, uncounted
from vexlab.guest.fsck import complained
from vexlab.guest.klog import explained, first_error, quoted
from vexlab.guest.module import GuestModule
from vexlab.guest.mount import GuestFilesystem
from vexlab.model.machine import CommandResult
from vexlab.model.problem import PRECEDED
from vexlab.workloads import script

_MANIFEST = "/tmp/post-checks.manifest"  # noqa: S108 - in the guest
_MODEL = "/tmp/tree{}.manifest"  # noqa: S108 - in the guest
_WALK_S = 300.0
_FREEZE_S = 60.0
_NO_FREEZE = "Operation not supported"
_SHOWN = 5

# Filesystems free in the background: xfs a removed inode (xfs_inodegc_queue), btrfs with its next transaction. So much
# of the guest's own time they have for it, with a sync before each look.
_SETTLE_S = 5.0

_COUNTS = "stat -f -c '%S %b %f %c %d' {0} && stat -c '%b' {0}"
_TREE = script("count_tree.sh")
_NAMES = r"ls -A {0} | grep -vcxE 'lost\+found|\.nilfs'"
_FREEZE = 'fsfreeze --freeze "$1" && echo frozen && fsfreeze --unfreeze "$1"'
_DROP = "sync && echo 3 >/proc/sys/vm/drop_caches"
_EMPTY_MODEL = "the manifest is empty"
_VERIFY = f"""
[ -s "$1" ] && exec fstree verify ${{3:+--own "$3"}} "$1" "$2"
echo "{_EMPTY_MODEL}"; ls -A "$2"
"""
# coreutils' rm: busybox's makes paths, which end at PATH_MAX, where a tree may be deeper
_EMPTY = """
find "$1" -mindepth 1 -maxdepth 1 ! -name lost+found ! -name .nilfs -print0 | xargs -0 -r /bin/rm -rf -- && sync
"""


_BUFFERS = script("buffers_held.sh")


class PostChecks:
    """Runs them on one filesystem, which must be mounted and empty when this is made.

    Every method raises ``TargetFailure`` where the answer is wrong; those of several checks run all that still can
    run before they do.
    """

    def __init__(self, filesystem: GuestFilesystem, module: GuestModule | None = None) -> None:
        self._begin(filesystem, module)

    def follow(self, filesystem: GuestFilesystem) -> None:
        """Ask about ``filesystem``, mounted and empty on another machine, from now on: the first one's died."""
        self._begin(filesystem, GuestModule(filesystem.machine, filesystem.target) if self.module else None)

    def _begin(self, filesystem: GuestFilesystem, module: GuestModule | None) -> None:
        self.filesystem = filesystem
        self.module = module
        self._machine = filesystem.machine
        self._most_inodes = 0
        self._start = self.counts()
        self._began_empty = self._machine.ash(_NAMES.format(shlex.quote(filesystem.mountpoint))).text == "0"
        self._own = self._machine.last_command

    def counts(self) -> Counts:
        """Return how full the mounted filesystem is."""
        result = self._machine.ash(_COUNTS.format(shlex.quote(self.filesystem.mountpoint)), timeout=_WALK_S)
        self._must(result, "it cannot be asked how full it is")
        try:
            size, blocks, free, inodes, free_inodes, sectors = map(int, result.text.split())
        except ValueError as error:
            raise MachineError(f"the guest counts no blocks: {result}") from error
        if size < 1:
            raise TargetFailure(f"statfs tells of blocks of {size} bytes")
        counts = Counts(
            block_size=size,
            blocks=blocks,
            free=free,
            inodes=inodes,
            free_inodes=free_inodes,
            root_blocks=-(-sectors * 512 // size),
        )
        self._most_inodes = max(self._most_inodes, counts.used_inodes)
        return counts

    def fill(self, seed: int, count: int) -> None:
        """Make a tree of ``count`` names of every kind, of which ``seed`` makes the model that ``filled`` expects."""
        folder = self._folder(seed)
        make = f"mkdir {folder} && " if self.filesystem.can("mkdir") else ""
        script = f"{make}fstree fill {seed} {count} {folder} >{_MODEL.format(seed)}"
        self._must(self._machine.ash(script, timeout=_WALK_S), "the tree cannot be made")

    def filled(self, seed: int) -> None:
        """Check that the tree that ``fill`` made of ``seed`` is what its model says."""
        shared = not self.filesystem.can("mkdir")
        self.compare(_MODEL.format(seed), self._folder(seed), own=f"s{seed}." if shared else "")

    def _folder(self, seed: int) -> str:
        point = self.filesystem.mountpoint
        return f"{point}/tree{seed}" if self.filesystem.can("mkdir") else point

    def run(self) -> None:
        """Run all of them, in order; the filesystem ends unmounted and its module unloaded."""
        self._first(PostCheck("freezing", PostChecks.freezes, mounted=True), *_KEPT, *_GIVEN_BACK, *_LET_GO)

    def kept(self) -> None:
        """Check that the tree is the same after unmount, check, mount and with caches dropped, and counted right."""
        self._first(*_KEPT)

    def again(self) -> None:
        """Check that it unmounts, is consistent, mounts, and is the target still; caches are dropped."""
        self._first(*_AGAIN)

    def given_back(self) -> None:
        """Check that blocks and inodes are free again when everything is removed: at once, and mounted again."""
        self._run(*_GIVEN_BACK)

    def let_go(self) -> None:
        """Check that it unmounts, is consistent, and holds neither buffers nor its module any longer."""
        self._run(*_LET_GO)

    def _run(self, *checks: PostCheck[PostChecks]) -> None:
        run_all(self, checks)

    def _first(self, *checks: PostCheck[PostChecks]) -> None:
        """As ``_run``, for checks that come straight after the case's own work, which a failure then names."""
        before = self._machine.last_command
        try:
            self._run(*checks)
        except TargetFailure as failure:
            if before == self._own:  # the case itself ran nothing
                raise
            raise TargetFailure(f"{failure}\n{PRECEDED} `{before}`") from failure

    def freezes(self) -> None:
        """Check that it freezes and thaws: whoever has kept the right to write lets a freeze wait for ever."""
        if not self.filesystem.can("freeze"):
            return
        frozen = self._machine.ash(_FREEZE, self.filesystem.mountpoint, timeout=_FREEZE_S)
        if not frozen.ok and frozen.text:
            raise FinalFailure(self._words("it does not thaw", frozen))
        if _NO_FREEZE not in frozen.error_text:
            self._must(frozen, "it does not freeze")

    def read(self) -> None:
        """Check that all of the tree can be read, and write down what it is."""
        point = shlex.quote(self.filesystem.mountpoint)
        taken = self._machine.ash(f"fstree manifest {point} >{_MANIFEST}", timeout=_WALK_S)
        self._must(taken, "the tree cannot be read at the end")

    def unmounts(self) -> None:
        """Check that it unmounts."""
        self._must(self.filesystem.unmount(), "it does not unmount")

    def mounts(self) -> None:
        """Check that it mounts, and is the target still; caches are dropped."""
        self._must(self.filesystem.mount(), "it does not mount again")
        self.filesystem.prove()
        self._must(self._machine.ash(_DROP, timeout=_WALK_S), "sync and dropping the caches fail")

    def consistent(self) -> None:
        """Check that the unmounted filesystem is consistent, where the target has a program that tells."""
        target = self.filesystem.target
        if not target.fsck:
            return
        checked = self.filesystem.fsck()
        if not checked.ok:
            words = self._explained(f"the filesystem is not consistent: {complained(checked)}")
            first = first_error(self._machine.console.text(), target.module, target.fstype)
            raise TargetFailure(quoted(words, first))  # the mount had met it, maybe, and fsck finds what it left

    def compare(self, manifest: str, folder: str = "", *, own: str = "") -> None:
        """Check that the tree in ``folder`` (default: all of it) is what the guest's file ``manifest`` says.

        With ``own``, names there that do not begin with it are others'.
        """
        where = folder or self.filesystem.mountpoint
        result = self._machine.ash(_VERIFY, manifest, where, own, timeout=_WALK_S)
        if result.ok and result.text.startswith(_EMPTY_MODEL):
            if left := result.text.partition("\n")[2]:
                raise TargetFailure(f"there was nothing, now there is {left[:200]}")
            return
        report = parse_tree(result.text)
        shown = "; ".join(map(str, report.problems[:_SHOWN])) or "; ".join(report.noise[:_SHOWN]) or str(result)
        if not report.ok:
            words = f"the tree is not what it was ({len(report.problems)} differences): {shown}"
            raise TargetFailure(self._explained(words))

    def counted(self) -> None:
        """Check that statfs counts what is there: as many inodes as the tree has, and the blocks of its largest file.

        A filesystem that loses its counters with the mount would otherwise look as empty as it must be later.
        """
        if not self._began_empty:
            return  # nothing is known of what was counted for what was there
        told = self._machine.ash(_TREE, _MANIFEST, self.filesystem.mountpoint, timeout=_WALK_S)
        inodes, largest, *_ = (*map(int, told.text.split()), 0, 0)
        now = self.counts()
        if wrong := uncounted(
            self._start, now, inodes=inodes, largest=largest * 512 // now.block_size, slack=self._slack
        ):
            raise TargetFailure(f"mounted again with the tree, {wrong}")

    def emptied(self) -> None:
        """Check that everything can be removed."""
        if "fixed_inodes" in self._declared:
            self.counts()  # for how many inodes were made
        removed = self._machine.ash(_EMPTY, self.filesystem.mountpoint, timeout=_WALK_S)
        self._must(removed, "not everything can be removed")

    def freed_at_once(self) -> None:
        """Check that all is free again before the unmount, which may have the filesystem count anew."""
        wrong = not_free(self._start, self.counts(), slack=self._slack)
        for _ in self._machine.deadline(_SETTLE_S).poll(0.05, 0.5):
            if not wrong:
                return
            self._must(self._machine.ash("sync", timeout=_WALK_S), "sync fails")
            wrong = not_free(self._start, self.counts(), slack=self._slack)
        if wrong:
            raise TargetFailure(f"{_SETTLE_S:g} s after everything was removed, not yet unmounted, {wrong}")

    def free_again(self) -> None:
        """Check that all is free again when it is mounted again."""
        if wrong := not_free(self._start, self.counts(), slack=self._slack):
            raise TargetFailure(f"everything removed and mounted again, {wrong}")

    @property
    def _slack(self) -> int:
        """Blocks that the filesystem may keep for inodes, or count differently, where it makes these on demand.

        Where those of removed files wait for a cleaner, any number of them.
        """
        if "freed_blocks" in self._declared or not self.filesystem.can("freed_blocks"):
            return self._start.blocks
        made = self._most_inodes - self._start.used_inodes
        return on_demand(made, self._start.block_size) if "fixed_inodes" in self._declared else 0

    @property
    def _declared(self) -> frozenset[str]:
        return frozenset(name for name, _ in self.filesystem.target.refuses)

    def buffers_given_back(self) -> None:
        """Check that with nothing mounted no buffer is in use: a reference that was kept holds its page as well."""
        held = self._machine.ash(_BUFFERS, timeout=_WALK_S)
        if not held.ok or not held.text:
            raise MachineError(f"the guest does not count its buffers: {held}")
        if held.text not in ("others", "0"):
            raise TargetFailure(f"{held.text} buffers (buffer_head) are in use after unmount")

    def unloads(self) -> None:
        """Check that the module unloads, where it is one."""
        if self.module:
            self._must(self.module.unload(), "the module does not unload")

    def _must(self, result: CommandResult, wrong: str) -> None:
        if not result.ok:
            raise TargetFailure(self._words(wrong, result))

    def _words(self, wrong: str, result: CommandResult) -> str:
        return self._explained(f"{wrong}: {result}")

    def _explained(self, words: str) -> str:
        target = self.filesystem.target
        return explained(words, self._machine.console.text(), target.module, target.fstype)


_AGAIN: tuple[PostCheck[PostChecks], ...] = (
    PostCheck("unmounting", PostChecks.unmounts, mounted=True, leaves=False),
    PostCheck("checking it", PostChecks.consistent, mounted=False),
    PostCheck("mounting it again", PostChecks.mounts, mounted=False, leaves=True),
)
_KEPT = (
    PostCheck("reading the tree", PostChecks.read, mounted=True),
    *_AGAIN,
    PostCheck("comparing the tree", lambda on: on.compare(_MANIFEST), mounted=True, after="reading the tree"),
    PostCheck("counting the tree", PostChecks.counted, mounted=True, after="comparing the tree"),
)
_GIVEN_BACK = (
    PostCheck("removing everything", PostChecks.emptied, mounted=True),
    PostCheck("free space before unmount", PostChecks.freed_at_once, mounted=True, after="removing everything"),
    *_AGAIN,
    PostCheck("free space after mount", PostChecks.free_again, mounted=True, after="removing everything"),
)
_LET_GO = (
    *_AGAIN[:2],
    PostCheck("buffers in use", PostChecks.buffers_given_back, mounted=False),
    PostCheck("unloading the module", PostChecks.unloads, mounted=False),
)
