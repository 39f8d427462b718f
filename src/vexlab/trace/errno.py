"""Where an error came from: return probes on the module's functions, by the kernel's own tracing (tracefs).

No package is needed in the guest, and any kernel with kprobe events will do (Documentation/trace/kprobetrace.rst). The
probes are set before the module is loaded and become live with it, so that an error of its initialisation is seen, too.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from vexlab.errors import MachineError, UsageError
from vexlab.model.report import Frame
from vexlab.model.trace import KERNEL_ERRORS, ErrnoTrace, Origin, Return
from vexlab.tables import suggest
from vexlab.vm.machine import Machine
from vexlab.workloads import script

GROUP = "vexlab"
FETCHED = "a_"  # what the name of a fetched argument begins with: others are the kernel's own
ORIGINS_MOST = 20
_ASK_S = 300.0
_TEXT_MOST = 8 << 20

_SET = script("set_returns.sh")
_READ = r"""
cd /sys/kernel/tracing || exit 1
echo 0 >tracing_on; [ -d "instances/$1" ] && echo 0 >"instances/$1/tracing_on"; cat trace
"""
# The calls of these functions by these tasks, as extended regular expressions; the last ones where there are many.
_READ_CALLS = r"""
cd "/sys/kernel/tracing/instances/$1" 2>/dev/null || exit 0
grep -E "^ *($2)[ (].* e($3): " trace | tail -c "$4"
"""
_REMOVE = script("remove_returns.sh")

#            mkdir-312     [001] d....   12.345678: r17: (vexfs_mkdir+0x6d/0x1f0 [vexfs] <- vexfs_add_link) ret=-17
_LINE = re.compile(r"^\s*(?P<task>.{1,16}-\d+)\s+(?:\(\s*[\d-]+\)\s+)?\[\d+\]\s+\S+\s+(?P<at>\d+\.\d+): (?P<rest>.*)$")
# r17: (vexfs_mkdir+0x6d/0x1f0 [vexfs] <- vexfs_add_link) ret=-17
_RETURN = re.compile(r"^r(?P<number>\d+): \((?P<caller>[^)]*?) <- (?P<function>[^\s)]+).*\)")
# e17: (vexfs_mkdir+0x4/0x1f0 [vexfs]) a_dir=2 a_dentry="d" a_mode=493
_ENTRY = re.compile(r"^e(?P<number>\d+): \([^)]*\)(?P<arguments>.*)$")
# a_old="one" a_dir=2 a_dentry="two"
_ARGUMENT = re.compile(rf'{FETCHED}(\w+)=("(?:.*?)"(?=\s+{FETCHED}\w+=|\s*$)|\S+)')
# sys_exit: NR 83 = -17
_EXIT = re.compile(r"^sys_exit: NR (?P<number>-?\d+) = (?P<value>-?\d+)")
# vexfs_mkdir+0x6d/0x1f0 [vexfs]
_PLACE = re.compile(
    r"^(?P<name>[^+\s]+)(?:\+0x(?P<offset>[0-9a-f]+)/0x(?P<size>[0-9a-f]+))?(?: \[(?P<module>[\w-]+)\])?$"
)


def number_of(name: str) -> int:
    """Return the number of an error such as ``EEXIST``; raise ``UsageError`` for another word."""
    known = {each: number for number, each in errno.errorcode.items()} | KERNEL_ERRORS
    known["EOPNOTSUPP"] = errno.EOPNOTSUPP
    if name not in known:
        raise UsageError(f"`{name}` is no error's name", hint=suggest(name, known))
    return known[name]


@dataclass(slots=True)
class ErrnoProbes:
    """Return probes on ``functions`` of ``module`` in one machine, for the error ``name``.

    Of functions in ``arguments`` there are probes on the entry, too, that fetch what they are called with.
    """

    machine: Machine
    module: str
    name: str
    functions: Sequence[str]
    arguments: Mapping[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def set(self) -> None:
        """Set the probes; raise ``MachineError`` where the kernel has no kprobe events."""
        file = "/run/vexlab-functions"
        lines = (f"{function} {self.arguments.get(function, '')}".rstrip() for function in self.functions)
        self.machine.push("".join(f"{line}\n" for line in lines).encode(), file)
        done = self.machine.ash(_SET, GROUP, str(number_of(self.name)), self.module, file, timeout=_ASK_S)
        if not done.ok:
            raise MachineError(f"the kernel sets no return probes: {done}")
        words = done.text.split()
        if len(words) == 4 and words[1] != "0":
            self.notes.append(f"{words[1]} of {words[3]} functions cannot be probed, so they are passed over")

    def read(self) -> ErrnoTrace:
        """Return what was seen so far, and stop tracing."""
        text = self.machine.ash(_READ, GROUP, timeout=_ASK_S).text[-_TEXT_MOST:]
        origins = parse_returns(text, number_of(self.name), self.functions)
        if self.arguments and origins:
            origins = with_arguments(origins, self._calls(origins), self.functions)
        return ErrnoTrace(errno=self.name, module=self.module, origins=origins, notes=tuple(self.notes))

    def _calls(self, origins: Sequence[Origin]) -> str:
        returns = [each for origin in origins for each in origin.returns]
        tasks = dict.fromkeys(re.escape(each.task) for each in returns)
        numbers = dict.fromkeys(str(self.functions.index(each.function.function)) for each in returns)
        words = [GROUP, "|".join(tasks), "|".join(numbers), str(_TEXT_MOST)]
        return self.machine.ash(_READ_CALLS, *words, timeout=_ASK_S).text

    def remove(self) -> None:
        """Remove the probes."""
        self.machine.ash(_REMOVE, GROUP, timeout=_ASK_S)


def parse_returns(text: str, number: int, functions: Sequence[str]) -> tuple[Origin, ...]:
    """Return the ways by which the error ``number`` went up, the last one first, those that are alike counted once.

    A way ends with the system call that returned the error; inner functions return before outer ones, so the first of
    a task's is where it began. A function that returns the error without having called one that did begins another.
    """
    open_: dict[str, list[Return]] = {}
    found: list[Origin] = []
    for line in text.splitlines():
        match = _LINE.match(line)
        if not match:
            continue
        task, at, rest = match["task"].strip(), float(match["at"]), match["rest"]
        if returned := _RETURN.match(rest):
            function, caller = _named(returned, functions), _place(returned["caller"])
            if not function:
                continue
            way = open_.setdefault(task, [])
            if way and _dealt_with(way[-1].caller, function, functions):
                found.append(Origin(returns=tuple(way)))
                way.clear()
            way.append(Return(function=Frame(function=function), caller=caller, task=task, at=at))
        elif (ended := _EXIT.match(rest)) and int(ended["value"]) == -number and open_.get(task):
            found.append(Origin(returns=tuple(open_.pop(task)), system_call=system_call(int(ended["number"]))))
    found += [Origin(returns=tuple(way)) for way in open_.values() if way]
    return _distinct(found)


def with_arguments(origins: Iterable[Origin], text: str, functions: Sequence[str]) -> tuple[Origin, ...]:
    """Return the ways with what their functions were called with, from lines of the calls' own buffer.

    A return belongs to the last call of its function by its task. Calls that the buffer has lost leave none.
    """
    calls: dict[tuple[str, str], list[tuple[float, str]]] = {}
    for line in text.splitlines():
        match = _LINE.match(line)
        entry = _ENTRY.match(match["rest"]) if match else None
        if match and entry and int(entry["number"]) < len(functions):
            key = (match["task"].strip(), functions[int(entry["number"])])
            calls.setdefault(key, []).append((float(match["at"]), _told(entry["arguments"])))

    def called(each: Return) -> Return:
        before = [words for at, words in calls.get((each.task, each.function.function), ()) if at <= each.at]
        return replace(each, arguments=before[-1]) if before else each

    return tuple(replace(origin, returns=tuple(map(called, origin.returns))) for origin in origins)


def _told(text: str) -> str:
    """Return fetched arguments as in a call: ``old="one", dir=2, dentry="two"``."""
    return ", ".join(f"{name}={value}" for name, value in _ARGUMENT.findall(text))


def _dealt_with(caller: Frame, function: str, functions: Sequence[str]) -> bool:
    """Whether the ``caller`` of the last return did something about the error: it is of the module, and another one.

    Where the kernel called, as ``generic_perform_write`` calls ``write_begin``, the next to return it is further out.
    """
    return caller.function in functions and caller.function != function


def _named(match: re.Match[str], functions: Sequence[str]) -> str:
    number = int(match["number"])
    return functions[number] if number < len(functions) else ""


def _place(text: str) -> Frame:
    match = _PLACE.match(text.strip())
    if not match:
        return Frame(function=text[:100])
    return Frame(
        function=match["name"],
        offset=int(match["offset"] or "0", 16),
        size=int(match["size"], 16) if match["size"] else -1,
        module=match["module"] or "",
    )


def _distinct(origins: Iterable[Origin]) -> tuple[Origin, ...]:
    """Return the ways, those that reached a system call and came last first; alike are those of the same functions."""
    alike: dict[tuple[str, ...], Origin] = {}
    counts: dict[tuple[str, ...], int] = {}
    for each in origins:
        key = (each.system_call, *(one.function.function for one in each.returns))
        counts[key] = counts.get(key, 0) + 1
        alike[key] = each
    ordered = sorted(alike.items(), key=lambda pair: (not pair[1].system_call, -pair[1].returns[-1].at))
    return tuple(replace(each, count=counts[key]) for key, each in ordered[:ORIGINS_MOST])


# arch/x86/entry/syscalls/syscall_64.tbl: those that a filesystem answers
_CALLS = {
    0: "read", 1: "write", 2: "open", 3: "close", 4: "stat", 5: "fstat", 6: "lstat", 8: "lseek", 9: "mmap",
    16: "ioctl", 17: "pread64", 18: "pwrite64", 19: "readv", 20: "writev", 21: "access", 26: "msync", 40: "sendfile",
    72: "fcntl", 73: "flock", 74: "fsync", 75: "fdatasync", 76: "truncate", 77: "ftruncate", 78: "getdents",
    80: "chdir", 82: "rename", 83: "mkdir", 84: "rmdir", 85: "creat", 86: "link", 87: "unlink", 88: "symlink",
    89: "readlink", 90: "chmod", 91: "fchmod", 92: "chown", 93: "fchown", 94: "lchown", 132: "utime", 133: "mknod",
    137: "statfs", 138: "fstatfs", 161: "chroot", 165: "mount", 166: "umount2", 175: "init_module", 188: "setxattr",
    189: "lsetxattr", 190: "fsetxattr", 191: "getxattr", 192: "lgetxattr", 193: "fgetxattr", 194: "listxattr",
    195: "llistxattr", 196: "flistxattr", 197: "removexattr", 198: "lremovexattr", 199: "fremovexattr",
    217: "getdents64", 257: "openat", 258: "mkdirat", 259: "mknodat", 260: "fchownat", 262: "newfstatat",
    263: "unlinkat", 264: "renameat", 265: "linkat", 266: "symlinkat", 267: "readlinkat", 268: "fchmodat",
    269: "faccessat", 277: "sync_file_range", 280: "utimensat", 285: "fallocate", 295: "preadv", 296: "pwritev",
    306: "syncfs", 313: "finit_module", 316: "renameat2", 326: "copy_file_range", 327: "preadv2", 328: "pwritev2",
    332: "statx", 430: "fsopen", 431: "fsconfig", 432: "fsmount", 437: "openat2", 439: "faccessat2",
}  # fmt: skip


def system_call(number: int) -> str:
    """Return the name of a system call of x86-64."""
    return _CALLS.get(number, f"system call {number}")
