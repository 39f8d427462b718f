"""The post checks, asked of a machine that answers as a table says: no failure hides another."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from vexlab.deadline import Deadline
from vexlab.errors import GuestTimeout, TargetFailure, UsageError
from vexlab.guest.counts import Counts, not_free, on_demand, uncounted
from vexlab.guest.module import GuestModule
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.post_checks import PostChecks
from vexlab.model.machine import CommandResult
from vexlab.model.problem import PRECEDED
from vexlab.model.target import Target
from vexlab.vm.machine import Machine

TARGET = Target(
    name="tried", fstype="tried", module="tried", file=Path("target.toml"), mkfs=("mkfs.tried", "{device}"),
    fsck=("fsck.tried", "{device}"),
)  # fmt: skip
SUMMARY = '{"ok": true, "entries": 3, "problems": 0}'
MOUNTINFO = "1 0 0:2 / / rw - squashfs root ro\n2 1 254:0 / /mnt/test rw - tried /dev/vdc rw"
EMPTY = "4096 1000 900 100 90\n8"

# What a command says, by a part of it: standard output, or (status, standard error).
Answer = str | tuple[int, str] | Callable[[], str | tuple[int, str]]
ANSWERS: dict[str, Answer] = {
    "fsfreeze": "frozen",
    "stat -f": EMPTY,
    "grep -vcxE": "0",
    "fstree manifest": "",
    "fstree verify": SUMMARY,
    "sort -u": "0\n",
    "mountinfo": f"2 1\n{MOUNTINFO}",
    "buffer_head": "0",
}


@dataclass
class Console:
    said: str = ""

    def text(self) -> str:
        return self.said


@dataclass
class Answering:
    """A machine that answers by ``answers``; of a callable it asks each time anew."""

    answers: Mapping[str, Answer]
    console: Console = field(default_factory=Console)
    asked: list[str] = field(default_factory=list)
    last_command: str = ""
    module_watch: None = None
    kmemleak: bool = False

    def __post_init__(self) -> None:
        self._ticks = itertools.count()

    def deadline(self, seconds: float) -> Deadline:
        return Deadline.after(seconds, self.clock)

    def clock(self) -> float:
        return float(next(self._ticks))

    def exec(self, argv: list[str], *, timeout: float = 30) -> CommandResult:
        line = self.last_command = " ".join(argv)
        self.asked.append(line)
        said = next((answer for part, answer in self.answers.items() if part in line), "")
        if callable(said):
            said = said()
        status, error, text = (0, "", said) if isinstance(said, str) else (*said, "")
        return CommandResult(
            argv=tuple(argv), status=status, signal=0, stdout=text.encode(), stderr=error.encode(), duration=0.1
        )

    def ash(self, script: str, *words: str, timeout: float = 30) -> CommandResult:
        return self.exec(["/bin/busybox", "sh", "-c", script, "sh", *words], timeout=timeout)


def _asked(answers: Mapping[str, Answer], console: str = "", target: Target = TARGET) -> tuple[str, Answering]:
    """Return what the post checks say of a machine with these answers, and the machine."""
    fake = Answering({**answers, **{part: said for part, said in ANSWERS.items() if part not in answers}})
    fake.console.said = console
    machine = cast("Machine", fake)
    post_checks = PostChecks(GuestFilesystem(machine, target, "/dev/vdc"), GuestModule(machine, target))
    try:
        post_checks.run()
    except TargetFailure as failure:
        return str(failure), fake
    return "", fake


def test_a_sound_filesystem_answers_all() -> None:
    said, machine = _asked({})
    assert said == ""
    assert any("rmmod" in line for line in machine.asked)


def test_a_failure_does_not_hide_the_next_ones() -> None:
    said, machine = _asked({"fsck.tried": (4, "inode 7 has no name"), "rmmod": (1, "rmmod: Resource busy")})
    first, last = said.splitlines()
    assert first.startswith("the filesystem is not consistent: inode 7 has no name")
    assert last.startswith("the module does not unload")
    assert sum("fsck.tried" in line for line in machine.asked) == 3, "it is asked each time, and told once"


def test_a_failure_names_what_the_case_had_done_before() -> None:
    fake = Answering({**ANSWERS, "fsck": (4, "has errors")})
    machine = cast("Machine", fake)
    post_checks = PostChecks(GuestFilesystem(machine, TARGET, "/dev/vdc"), GuestModule(machine, TARGET))
    fake.last_command = "fscheck run --family rename /mnt/test/folder"
    with pytest.raises(TargetFailure) as caught:
        post_checks.run()
    first, *_, last = str(caught.value).splitlines()
    assert "not consistent" in first
    assert last == f"{PRECEDED} `fscheck run --family rename /mnt/test/folder`"


def test_what_cannot_be_asked_is_named() -> None:
    said, machine = _asked(
        {"busybox mount": (32, "mount: mounting /dev/vdc on /mnt/test failed: Structure needs cleaning")}
    )
    first, unasked = said.splitlines()
    assert first.startswith("it does not mount again: mount: mounting /dev/vdc on /mnt/test failed: Structure needs")
    assert unasked == (
        "not checked, since mounting it again failed: comparing the tree, counting the tree, removing everything, "
        "free space before unmount, unmounting, free space after mount"
    )
    assert any("rmmod" in line for line in machine.asked), "nothing is mounted, so the module must unload"


def test_what_stays_mounted_is_asked_what_it_can_be() -> None:
    said, machine = _asked({"busybox umount": (1, "umount: can't unmount /mnt/test: Device or resource busy")})
    assert said.splitlines()[0] == (
        "it does not unmount: umount: can't unmount /mnt/test: Device or resource busy "
        "(EBUSY, exit status 1, umount /mnt/test)"
    )
    assert "not checked, since unmounting failed: checking it" in said
    assert any("-mindepth 1" in line for line in machine.asked), "all can be removed while it is mounted"


def test_nothing_is_asked_of_what_stays_frozen() -> None:
    fake = {"fsfreeze": "frozen"}
    machine = Answering({**ANSWERS, **fake})
    real = machine.exec

    def frozen(argv: list[str], *, timeout: float = 30) -> CommandResult:
        result = real(argv, timeout=timeout)
        if "fsfreeze" not in " ".join(argv):
            return result
        return CommandResult(
            argv=result.argv, status=1, signal=0, stdout=b"frozen", stderr=b"fsfreeze: Input/output error", duration=0.1
        )

    machine.exec = frozen  # type: ignore[method-assign]
    post_checks = PostChecks(GuestFilesystem(cast("Machine", machine), TARGET, "/dev/vdc"))
    before = len(machine.asked)
    with pytest.raises(TargetFailure, match=r"does not thaw.*EIO") as caught:
        post_checks.run()
    assert "not checked, since freezing failed: reading the tree" in str(caught.value)
    assert len(machine.asked) == before + 1


def test_a_machine_that_no_longer_answers_ends_the_asking() -> None:
    def never() -> str:
        raise GuestTimeout("`umount` did not end within 60.0 s", command="umount", pid=7)

    answers: dict[str, Answer] = {
        **ANSWERS,
        "fstree manifest": (1, "fstree: Input/output error"),
        "busybox umount": never,
    }
    machine = cast("Machine", Answering(answers))
    post_checks = PostChecks(GuestFilesystem(machine, TARGET, "/dev/vdc"))
    with pytest.raises(GuestTimeout, match=r"within 60.0 s, at the check unmounting; before that:\nthe tree") as caught:
        post_checks.run()
    assert (caught.value.command, caught.value.pid) == ("umount", 7)


def test_a_filesystem_that_forgets_its_counters_at_unmount_is_caught_before() -> None:
    """Unlink frees nothing, and a mount counts anew: after it all looks as in the beginning."""
    held = False

    def remove() -> str:
        nonlocal held
        held = True
        return ""

    def unmount() -> str:
        nonlocal held
        held = False
        return ""

    said, _ = _asked(
        {
            "stat -f": lambda: "4096 1000 850 100 80\n8" if held else EMPTY,
            "-mindepth 1": remove,
            "busybox umount": unmount,
        }
    )
    assert said.startswith("5 s after everything was removed, not yet unmounted, 50 blocks of 4096 bytes are not free")
    assert "and 10 inodes are not free again" in said
    assert len(said.splitlines()) == 1, "after the mount nothing shows"


def test_what_is_freed_in_the_background_is_waited_for() -> None:
    counts = iter([EMPTY, EMPTY, "4096 1000 850 100 80\n8", "4096 1000 880 100 85\n8"])
    said, machine = _asked({"stat -f": lambda: next(counts, EMPTY)})
    assert said == ""
    assert any(line.endswith("sync sh") for line in machine.asked)


@pytest.mark.parametrize(
    ("refuses", "blocks"), [("", "50"), ("freed_blocks", ""), ("fixed_inodes", "")], ids=["none", "a log", "on demand"]
)
def test_blocks_that_are_kept_on_purpose_are_not_missed(refuses: str, blocks: str) -> None:
    def counts() -> Iterator[str]:
        yield EMPTY
        while True:
            yield "4096 1000 850 100 90\n8"

    said = counts()
    target = dataclasses.replace(TARGET, refuses=((refuses, "a reason"),) if refuses else ())
    words, _ = _asked({"stat -f": lambda: next(said)}, target=target)
    assert bool(words) is bool(blocks)
    assert not blocks or f"{blocks} blocks of 4096 bytes are not free again" in words


def test_a_tree_that_is_not_counted_is_told() -> None:
    said, _ = _asked({"sort -u": "12\n80\n"})
    assert "only 0 inodes more are in use than when it was empty, and the tree has 12" in said
    assert "only 0 blocks fewer are free than when it was empty, and one file has 10" in said


def test_the_kernels_words_are_quoted_where_only_it_knows() -> None:
    console = (
        "[    1.000000] tried: /dev/vdc: mounted read-write\n"
        "[    2.000000] tried: vdc: error: block 7 is free and in use\n"
        "[    3.000000] tried: vdc: remounted read-only\n"
    )
    said, _ = _asked({"-mindepth 1": (1, "rm: cannot remove '/mnt/test/a': Read-only file system")}, console)
    assert "(EROFS, exit status 1, sh script /mnt/test)\nthe kernel said: tried: vdc: error: block 7 is" in said


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((1, "stat: Input/output error"), "it cannot be asked how full it is: stat: Input"),
        ("0 1 1 1 1\n8", "blocks of 0"),
    ],
)
def test_a_filesystem_that_cannot_be_counted_has_failed(answer: Answer, words: str) -> None:
    machine = cast("Machine", Answering({**ANSWERS, "stat -f": answer}))
    with pytest.raises(TargetFailure, match=words):
        PostChecks(GuestFilesystem(machine, TARGET, "/dev/vdc"))


def test_an_inconsistent_filesystem_quotes_the_first_error_that_was_met() -> None:
    console = "[    2.000000] tried: vdc: error: block 7 is free and in use\n[    3.000000] tried: vdc: error: later\n"
    said, _ = _asked({"fsck.tried": (4, "/dev/vdc: has errors")}, console)
    assert said.splitlines()[1] == "the kernel said: tried: vdc: error: block 7 is free and in use"


START = Counts(block_size=4096, blocks=1000, free=900, inodes=100, free_inodes=90, root_blocks=1)


def test_counts_of_an_emptied_filesystem() -> None:
    def end(**more: int) -> Counts:
        return Counts(**{**{name: getattr(START, name) for name in START.__slots__}, **more})

    assert not_free(START, START) == ""
    assert not_free(START, end(free=898, root_blocks=3)) == "", "a root directory may stay large"
    assert "2 blocks" in not_free(START, end(free=898))
    assert "2 blocks more" in not_free(START, end(free=902))
    assert not_free(START, end(inodes=164, free_inodes=154, free=892)) == "", "inodes are made on demand"
    assert "-1 inodes" in not_free(START, end(free_inodes=91))
    more = end(inodes=164, free_inodes=154, free=830)
    assert "70 blocks" in not_free(START, more)
    assert not_free(START, more, slack=on_demand(400, 4096)) == "", "what was made may be kept"
    assert uncounted(START, end(free=800, free_inodes=80), inodes=10, largest=100) == ""
    assert "only 9 inodes" in uncounted(START, end(free=800, free_inodes=81), inodes=10, largest=100)
    assert "only 99 blocks" in uncounted(START, end(free=801, free_inodes=80), inodes=10, largest=100)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((127, "Failed to execute child process (No such file or directory)"), "mkfs.tried is not in the guest"),
        ((126, "sh: mkfs.tried: Permission denied"), "mkfs.tried is not in the guest"),
        ((127, "sh: mkfs.inner: not found"), "mkfs.inner is not in the guest"),
        ((1, "mkfs.tried: invalid option -- 'Q'\nusage: x"), "no command line that mkfs.tried understands"),
    ],
)  # fmt: skip
def test_a_wrong_mkfs_is_an_error_of_the_input(answer: tuple[int, str], words: str) -> None:
    machine = Answering({"mkfs.tried": answer, "/stat": "1 8 2 16"})
    with pytest.raises(UsageError, match=words) as caught:
        GuestFilesystem(cast("Machine", machine), TARGET, "/dev/vdc").mkfs()
    assert "target.toml" in caught.value.message, "a reason is the message alone"


@pytest.mark.parametrize(
    "answer",
    [
        (1, "mkfs.tried: /dev/vdc: Input/output error"),
        (127, "the guest agent refused guest-exec: Failed to fork (Cannot allocate memory)"),
        (139, ""),
    ],
)
def test_a_mkfs_that_ran_and_failed_is_no_error_of_the_input(answer: tuple[int, str]) -> None:
    machine = Answering({"mkfs.tried": answer, "/stat": "1 8 2 16"})
    assert not GuestFilesystem(cast("Machine", machine), TARGET, "/dev/vdc").mkfs().ok


def test_a_mkfs_that_wrote_and_then_told_its_usage_is_no_error_of_the_input() -> None:
    written = itertools.count(16, 8)
    machine = Answering({"mkfs.tried": (1, "usage: mkfs.tried"), "/stat": lambda: f"1 8 2 {next(written)}"})
    assert not GuestFilesystem(cast("Machine", machine), TARGET, "/dev/vdc").mkfs().ok


def test_another_machine_is_asked_when_the_first_one_died() -> None:
    first, second = Answering(ANSWERS), Answering(ANSWERS)
    checks = PostChecks(GuestFilesystem(cast(Machine, first), TARGET, "/dev/vdc"))
    asked = len(first.asked)
    checks.follow(GuestFilesystem(cast(Machine, second), TARGET, "/dev/vdc"))
    checks.compare("/tmp/model")
    checks.run()
    assert len(first.asked) == asked, "nobody asks the dead machine"
    assert any("fstree verify" in line for line in second.asked)
    assert any("fsck.tried /dev/vdc" in line for line in second.asked)
