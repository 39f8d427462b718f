"""Steps that a power cut must not undo, each with what it needs of the filesystem."""

from __future__ import annotations

from dataclasses import dataclass

from vexlab.guest.mount import GuestFilesystem

# Before every step: where a file cannot be synced all are.
PRELUDE = """
. /vexlab/lib/capable.sh
can fsync fdatasync || sync() { command sync -f .; }
"""
# What was changed is written back and forgotten, but not committed yet: a sync that comes then must still commit it.
# All within a second, for after some more the journal commits by itself.
_FORGET = """(cd / && echo 1 >/proc/sys/vm/dirty_expire_centisecs && echo 10 >/proc/sys/vm/dirty_writeback_centisecs &&
    sleep 0.5 && for n in 1 2 3; do echo 2 >/proc/sys/vm/drop_caches; done)"""
_SEQ_5000, _LONG = 23893, 50000  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Shell commands, done in the mounted filesystem, and the capabilities without which there is nothing to do.

    ``parts`` are commands with what each needs by itself: the others are done without it. In the commands ``@F`` stands
    for ``folder/``, ``@I`` for ``folder/inner/`` and ``@D`` for ``folder``, or what takes their place where there are
    no directories; ``@M`` for the file that was renamed; ``@LONG`` for 50000 bytes, or what a file may have, ``@AT``
    for a place in it, ``@LINES`` for 5000 lines, or as many as fit.
    """

    parts: tuple[tuple[str, str], ...]
    needs: str = ""


def _step(commands: str, needs: str = "") -> Step:
    return Step(parts=(("", commands),), needs=needs)


def _parts(*parts: tuple[str, str]) -> Step:
    return Step(parts=parts)


# Bytes that nobody wrote lie between the file's old end and what is written.
GAP = _step("dd if=/dev/urandom of=data bs=1000 seek=7 count=3 conv=notrunc status=none", "file_sparse")
# Each is done, power is cut, and it must be there: of all before it the journal's commit may have taken care.
NAMES = (
    _step("mkdir folder folder/inner", "mkdir"),
    _step("touch @Fempty"),
    _step("ln @Fempty @Flink", "link"),
    _step("ln -s somewhere/else symlink", "symlink"),
    _step("mv @Fempty @Imoved", "rename"),
    _step("{ [ -e @Flink ] || { touch @Flink && sync -f .; }; } && rm @Flink", "unlink"),
    _parts(("mkdir rmdir", "mkdir gone && rmdir gone"), ("fifo", "mkfifo fifo")),
)
FIRST_NAME = _parts(("mkdir", "mkdir folder"), ("", "touch @Fempty"))
DATA = (  # without a growing truncate: ext4 waits for a shrinking one alone (ext4_truncate in fs/ext4/inode.c)
    _step("seq @LINES >data"),
    _step("echo more >>data", "append"),
    _step("truncate -s 1000 data", "truncate_down"),
    _step("setfattr -n user.note -v kept data", "xattr"),
    _step("dd if=/dev/urandom of=data bs=100 seek=7 count=9 conv=notrunc status=none"),
)
# The same of what is synced by a call: `sync -d` is fdatasync(2), `sync` with a name fsync(2).
SYNCED_DATA = (
    _parts(("mkdir", "mkdir folder"), ("", "seq 1000 >@Ffile && sync @Ffile @D .")),
    _step("echo more >>@Ffile && sync -d @Ffile", "append"),
    _step("printf changed | dd of=@Ffile bs=1 seek=100 conv=notrunc status=none && sync -d @Ffile"),
    _step("truncate -s 77 @Ffile && sync -d @Ffile", "truncate_down"),
    _step("truncate -s @LONG @Ffile && sync -d @Ffile", "truncate_up"),
    _step(f"echo more >>@Ffile && {_FORGET} && sync -d @Ffile", "append"),
    _step("seq 300 | dd of=@Ffile bs=1000 seek=20 conv=notrunc status=none && sync @Ffile", "file_sparse"),
    _step(
        """python3 -c 'import mmap
with open("@Ffile", "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
    memory[@AT:@AT + 6] = b"stored"
    memory.flush()'""",
        "mmap_write",
    ),
    _step("echo again | dd of=@Ffile oflag=append,dsync conv=notrunc status=none", "append fdatasync"),
    _step("echo again | dd of=@Ffile oflag=append,sync conv=notrunc status=none", "append fsync"),
    _step("seq 99 >other && sync -f ."),
)
SYNCED_NAMES = (
    _parts(("mkdir", "mkdir folder"), ("", "echo text >@Ffile && sync @Ffile @D .")),
    _step("mv @Ffile @Fmoved && sync @D", "rename"),
    _step("ln @M link && sync .", "link"),
    _step("{ [ -e link ] || { echo >link && sync -f .; }; } && rm link && sync .", "unlink"),
    _parts(
        ("symlink", "ln -s @M symlink"),
        ("fifo", "mkfifo fifo"),
        ("mkdir rmdir", "mkdir gone && rmdir gone"),
        ("", "sync ."),
    ),
    _step("mv folder renamed && sync .", "mkdir rename_directory"),
)
SYNCED_FILES = (
    _parts(("mkdir", "mkdir folder"), ("", "echo text >@M && sync @M @D .")),
    _parts(("chmod", "chmod 640 @M"), ("chown", "chown 5:6 @M"), ("", "sync @M")),
    _step("setfattr -n user.note -v kept @M && sync @M", "xattr"),
    _step(f"chmod 601 @M && {_FORGET} && sync @M", "chmod"),
    _step(f"ln @M @Fother && {_FORGET} && sync @D", "link"),
    _step("echo new >fresh && sync fresh && mv fresh @M && sync . @D", "rename rename_over"),
)


def commands_for(filesystem: GuestFilesystem, steps: tuple[Step, ...]) -> tuple[str, ...]:
    """Return the commands of those of ``steps`` that the filesystem can do, within its limits."""
    folders = filesystem.can("mkdir")
    folder = "folder/" if folders else "folder-"
    long, size = filesystem.within("file_size", _LONG), filesystem.within("file_size", _SEQ_5000)
    words = {
        "@F": folder,
        "@I": "folder/inner/" if folders else "folder-inner-",
        "@D": "folder" if folders else ".",
        "@M": f"{folder}moved" if filesystem.can("rename") else f"{folder}file",
        "@LONG": str(long),
        "@AT": str(long * 3 // 5 if filesystem.can("truncate_up") else 10),
        "@LINES": "5000" if size == _SEQ_5000 else str(size // 5),
    }
    found = []
    for step in steps:
        done = [command for needs, command in step.parts if filesystem.can(*needs.split(), *step.needs.split())]
        commands = " && ".join(done)
        for word, meant in sorted(words.items(), reverse=True):
            commands = commands.replace(word, meant)
        found.append(commands)
    return tuple(filter(None, found))
