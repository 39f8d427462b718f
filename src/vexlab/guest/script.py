"""A sequence of operations told as a shell script, so that anyone can see a difference with standard tools. Pure.

The script does the steps in two directories and shows where they differ. It needs bash, coreutils 8.24, attr, findutils
and util-linux; python3 for what no tool does (exchanging names, storing through a mapping, truncate(2)).
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable

from vexlab.guest.sequence import Op
from vexlab.workloads import SCRIPTS

_FIRST_FD = 3

_PROGRAM = (SCRIPTS / "sequence.sh").read_text()
_TITLE = "A sequence of operations on two filesystems"  # in the program's head
_STEPS = "    : the steps\n"  # where they come


def render_script(program: Iterable[Op], *, title: str = _TITLE) -> str:
    """Return a shell script that does ``program`` in two directories and shows the difference."""
    modes: dict[int, str] = {}
    lines = []
    for number, op in enumerate(program, 1):
        lines.append(f"    echo {shlex.quote(f'{number}: {op}')}")
        lines.append(f"    {_step(op, modes)} 2>&1")
    one_line = " ".join(title.split())
    return _PROGRAM.replace(_TITLE, one_line, 1).replace(_STEPS, "".join(f"{line}\n" for line in lines), 1)


def _step(op: Op, modes: dict[int, str]) -> str:
    if op.name in _ON_SLOT:
        slot, *rest = (value for value in op.args if not isinstance(value, bytes))
        if op.name == "open":
            path = next(value for value in op.args if isinstance(value, bytes))
            return _open(int(slot), _quoted(path), str(rest[0]), int(rest[1]), modes)
        return _ON_SLOT[op.name](int(slot) + _FIRST_FD, modes.get(int(slot), ""), rest)
    return _ON_PATH[op.name](*map(_word, op.args))


def _quoted(path: bytes) -> str:
    # Bytes beyond ASCII go through bash's $'' quoting, so that the script itself stays text.
    text = path.decode("ascii", errors="replace")
    if "\ufffd" not in text and text.isprintable():
        return shlex.quote(f"./{text}" if text.startswith("-") else text)
    return "$'" + "".join(f"\\x{byte:02x}" for byte in path) + "'"


def _word(value: bytes | str | int) -> str:
    return _quoted(value) if isinstance(value, bytes) else str(value)


def _open(slot: int, path: str, flags: str, mode: int, modes: dict[int, str]) -> str:
    modes[slot] = flags
    fd = slot + _FIRST_FD
    how = (
        f"{fd}>>{path}" if "a" in flags else f"{fd}<{path}" if flags[0] == "r" and "c" not in flags else f"{fd}<>{path}"
    )
    steps = [f"exec {fd}>&-"]
    if "x" in flags:
        steps.append(f"create {path}")
    elif "c" not in flags:
        steps.append(f"stat -L -c %F {path}")
    if "n" in flags:
        steps.append(f"[ ! -L {path} ]")
    if "d" in flags:
        steps.append(f"[ -d {path} ]")
    if "t" in flags:
        steps.append(f"truncate -s 0 {path}")
    steps.append(f"exec {how}")
    umask = 0o777 & ~mode
    return f"{{ umask {umask:03o}; {' && '.join(steps)}; umask 022; }}"


def _write(fd: int, flags: str, rest: list[str | int]) -> str:
    offset, length, seed = rest
    # A descriptor opened for appending or reading must be used itself: opening it anew would lose that.
    if "a" in flags or flags.startswith("r") or not flags:
        return f"bytes {seed} {length} >&{fd}"
    return f"put {fd} {offset} {length} {seed}" if length else "true"


_Slot = Callable[[int, str, list[str | int]], str]

_ON_SLOT: dict[str, _Slot] = {
    "open": lambda fd, flags, rest: "",  # noqa: ARG005 - see _step
    "close": lambda fd, flags, rest: f"exec {fd}>&-",  # noqa: ARG005
    "write": _write,
    "append": lambda fd, flags, rest: f"bytes {rest[1]} {rest[0]} >&{fd}",  # noqa: ARG005
    "read": lambda fd, flags, rest: f"get {fd} {rest[0]} {rest[1] or 1}",  # noqa: ARG005
    "ftruncate": lambda fd, flags, rest: f"truncate -c -s {rest[0]} /proc/self/fd/{fd}",  # noqa: ARG005
    "fsync": lambda fd, flags, rest: f"sync /proc/self/fd/{fd}",  # noqa: ARG005
    "allocate": lambda fd, flags, rest: (  # noqa: ARG005
        f"fallocate {_ALLOCATE[str(rest[0])]} -o {rest[1]} -l {rest[2]} /proc/self/fd/{fd}"
    ),
    "store": lambda fd, flags, rest: f"store /proc/self/fd/{fd} {' '.join(map(str, rest))}",  # noqa: ARG005
}

_ALLOCATE: dict[str, str] = {"plain": "", "keep": "-n", "punch": "-p", "zero": "-z"}
_RENAME = {"plain": "mv -f -T --", "noreplace": "mv -n -T --", "exchange": "exchange"}
_ATTRIBUTE = {"any": "true", "create": "! getfattr -h -n", "replace": "getfattr -h -n"}


def _setxattr(path: str, name: str, length: str, seed: str, word: str) -> str:
    value = (f"{int(seed):08x}\n".encode() * (int(length) // 9 + 1))[: int(length)].hex()
    test = _ATTRIBUTE[word] if word == "any" else f"{_ATTRIBUTE[word]} {name} {path} >/dev/null"
    return f"{{ {test} && setfattr -h -n {name} -v 0x{value} {path}; }}"


_ON_PATH: dict[str, Callable[..., str]] = {
    "truncate": lambda path, size: f"resize {path} {size}",
    "rename": lambda a, b, word: f"{_RENAME[word]} {a} {b}",
    "link": lambda a, b: f"ln -P -T -- {a} {b}",
    "symlink": lambda target, path: f"ln -s -T -- {target} {path}",
    "unlink": lambda path: f"unlink {path}",
    "mkdir": lambda path, mode: f"(umask {0o777 & ~int(mode):03o}; mkdir {path})",
    "rmdir": lambda path: f"rmdir {path}",
    "chmod": lambda path, mode: f"chmod {int(mode):o} {path}",
    "chown": lambda path, uid, gid: f"chown -h {uid}:{gid} {path}",
    "setxattr": _setxattr,
    "getxattr": lambda path, name: f"getfattr -h -e hex -n {name} {path}",
    "removexattr": lambda path, name: f"setfattr -h -x {name} {path}",
    "listxattr": lambda path: f"getfattr -h {path}",
    "utimens": lambda path, seconds, nanoseconds: f"touch -c -h -d @{seconds}.{int(nanoseconds):09d} {path}",
    "readdir": lambda path: f"ls -A {path}",
    "stat": lambda path: f"stat -c '%F %a %u:%g' {path}",
    "readlink": lambda path: f"readlink {path}",
    "statfs": lambda: "true",
}
