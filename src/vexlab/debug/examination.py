"""What drgn finds in a dump, as text. Run as a program of its own: a dump of a broken kernel may take drgn with it.

Needs the extra ``vexlab[debug]``. Each section stands for itself: what cannot be read says so, and the next follows.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import drgn
from drgn import FaultError, Object, Program
from drgn.helpers.common.format import decode_flags
from drgn.helpers.linux.cpumask import for_each_online_cpu
from drgn.helpers.linux.fs import dentry_path, inode_for_each_page, inode_path
from drgn.helpers.linux.kallsyms import load_module_kallsyms
from drgn.helpers.linux.list import list_for_each_entry
from drgn.helpers.linux.locking import mutex_owner, rwsem_owner
from drgn.helpers.linux.mm import PageDirty, PageWriteback
from drgn.helpers.linux.panic import panic_message, tainted
from drgn.helpers.linux.pid import for_each_task
from drgn.helpers.linux.printk import get_printk_records
from drgn.helpers.linux.sched import cpu_curr, task_state_to_char

_ASKED = "sysrq: Show backtrace of all active CPUs"  # vexlab.observe.postmortem; drivers/tty/sysrq.c
_REPORT = re.compile(r"\b(?:BUG|WARNING|Oops|INFO: task|Kernel panic|general protection fault)\b")
_TASKS, _INODES, _BUFFERS, _LINES, _PAGES = 60, 40, 40, 60, 100_000
_PANIC = "Kernel panic - not syncing: "
# A state that is printed with its stack whatever else there is: waiting uninterruptibly, running.
_STUCK = ("D", "R")
# Functions that wait for a lock, and the parameter that is the lock.
_WAITS = {
    "__mutex_lock_common": ("mutex", "lock"),
    "__mutex_lock": ("mutex", "lock"),
    "mutex_lock_nested": ("mutex", "lock"),
    "mutex_lock": ("mutex", "lock"),
    "rwsem_down_write_slowpath": ("rw_semaphore", "sem"),
    "rwsem_down_read_slowpath": ("rw_semaphore", "sem"),
    "down_write": ("rw_semaphore", "sem"),
    "down_read": ("rw_semaphore", "sem"),
}
_OWNERS = {"mutex": mutex_owner, "rw_semaphore": rwsem_owner}
# include/linux/fs.h: levels of a freeze
_FROZEN = {0: "not frozen", 1: "writes frozen", 2: "writes and page faults frozen"}
# include/linux/fs.h: bits of i_state
_I_STATE = [("DIRTY_SYNC", 1), ("DIRTY_DATASYNC", 2), ("DIRTY_PAGES", 4), ("NEW", 8), ("WILL_FREE", 16),
            ("FREEING", 32), ("CLEAR", 64), ("SYNC", 128), ("REFERENCED", 256)]  # fmt: skip
_KERNELS_HALF = 0xFFFF800000000000  # of the addresses: Documentation/arch/x86/x86_64/mm.rst
# What reading a kernel that is broken, or of another version, may raise.
_UNREADABLE = (FaultError, LookupError, ValueError, TypeError, AttributeError, drgn.ObjectAbsentError)


def main() -> int:
    """Print the examination of one dump; exit status 1 where it cannot be read at all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memory", type=Path, required=True, help="the dump, in ELF format")
    parser.add_argument("--vmcoreinfo", type=Path, required=True)
    parser.add_argument("--symbols", type=Path, action="append", default=[], help="vmlinux, then modules")
    parser.add_argument("--fstype", default="")
    given = parser.parse_args()
    try:
        prog, lacks = open_dump(given.memory, given.vmcoreinfo, given.symbols)
    except (OSError, ValueError, LookupError, FaultError) as error:
        print(f"the dump cannot be read: {error}", file=sys.stderr)  # noqa: T201 - a program of its own
        return 1
    for line in examine(prog, given.fstype):
        print(line)  # noqa: T201
    if lacks:
        print(f"\n(without debugging information: {lacks})")  # noqa: T201
    return 0


def open_dump(memory: Path, vmcoreinfo: Path, symbols: list[Path]) -> tuple[Program, str]:
    """Return the program that a dump is to drgn, and what it lacks debugging information of."""
    prog = Program(vmcoreinfo=vmcoreinfo.read_bytes())
    prog.set_core_dump(memory)
    try:
        prog.load_debug_info([str(file) for file in symbols])
    except drgn.MissingDebugInfoError as error:
        return prog, str(error).replace("\n", "; ")[:500]
    # Of other modules, which come without debugging information, the kernel itself keeps the names of functions.
    with contextlib.suppress(*_UNREADABLE):
        prog.register_symbol_finder("modules", load_module_kallsyms(prog), enable_index=-1)
    return prog, ""


def examine(prog: Program, fstype: str) -> Iterator[str]:
    """Yield the lines of the examination; ``fstype`` is the filesystem whose superblocks are looked at."""
    sections: tuple[tuple[str, Callable[[], Iterator[str]]], ...] = (
        ("kernel", lambda: _kernel(prog)),
        ("what each CPU does", lambda: _cpus(prog)),
        ("who waits for a lock, and who holds it", lambda: _waiting(prog)),
        ("tasks that run or wait uninterruptibly", lambda: _stuck(prog)),
        (f"superblocks of {fstype}", lambda: _superblocks(prog, fstype)),
        ("the last lines of the kernel's log", lambda: _log(prog)),
        ("other tasks", lambda: _others(prog)),
    )
    for title, section in sections:
        yield f"\n== {title} =="
        try:
            yield from section()
        except _UNREADABLE as error:
            yield f"(the rest cannot be read: {type(error).__name__}: {str(error)[:200]})"


def _kernel(prog: Program) -> Iterator[str]:
    release = _text(prog["init_uts_ns"].name.release.string_())
    yield f"release {release}, tainted: {tainted(prog) or 'not'}"
    message = panic_message(prog)
    yield f"panic: {_text(message).removeprefix(_PANIC)}" if message else "no panic"


def _cpus(prog: Program) -> Iterator[str]:
    for cpu in for_each_online_cpu(prog):
        task = cpu_curr(prog, cpu)
        yield f"cpu {cpu}: {_name(task)}"
        yield from _stack(prog, task)


def _waiting(prog: Program) -> Iterator[str]:
    nobody = True
    for task in for_each_task(prog):
        if task_state_to_char(task) == "D" and (words := _lock_waited_for(prog, task)):
            nobody = False
            yield f"{_name(task)} waits for {words}"
    if nobody:
        yield "nobody waits for a mutex or a semaphore"


def _lock_waited_for(prog: Program, task: Object) -> str:
    for frame in prog.stack_trace(task):
        kind, parameter = _WAITS.get(frame.name or "", ("", ""))
        if not kind:
            continue
        try:
            lock = frame[parameter]
            address = lock.value_()
            owner = _OWNERS[kind](Object(prog, f"struct {kind} *", address))
            held = _name(owner) if owner else "nobody that it notes"
        except _UNREADABLE:
            continue  # optimised out; a frame above or below may know it
        return f"{kind} {_symbol(prog, address)}, held by {held}"
    return ""


def _stuck(prog: Program) -> Iterator[str]:
    found = [task for task in for_each_task(prog) if task_state_to_char(task) in _STUCK]
    for task in found[:_TASKS]:
        yield f"{_name(task)}: {task_state_to_char(task)}"
        yield from _stack(prog, task)
    if len(found) > _TASKS:
        yield f"and {len(found) - _TASKS} more"
    if not found:
        yield "none"


def _others(prog: Program) -> Iterator[str]:
    counts: dict[str, list[str]] = {}
    for task in for_each_task(prog):
        state = task_state_to_char(task)
        if state not in _STUCK:
            counts.setdefault(state, []).append(_text(task.comm.string_()))
    for state, names in sorted(counts.items()):
        shown = ", ".join(sorted(set(names))[:_TASKS])
        yield f"{state}: {len(names)} ({shown})"


def _superblocks(prog: Program, fstype: str) -> Iterator[str]:
    nothing = True
    for sb in list_for_each_entry("struct super_block", prog["super_blocks"].address_of_(), "s_list"):
        if _text(sb.s_type.name.string_()) != fstype:
            continue
        nothing = False
        flags = sb.s_flags.value_()
        yield (
            f"{_text(sb.s_id.string_())} at {sb.value_():#x}: s_flags {flags:#x}"
            f"{', read-only' if flags & 1 else ''}, {sb.s_active.counter.value_()} active references, "
            f"{_FROZEN.get(sb.s_writers.frozen.value_(), 'frozen')}"
        )
        yield f"root {_text(dentry_path(sb.s_root)) or '/'}" if sb.s_root else "no root dentry"
        yield from _inodes(sb)
        yield from _device(sb)
    if nothing:
        yield "none is mounted"


def _inodes(sb: Object) -> Iterator[str]:
    count = pages = 0
    for inode in list_for_each_entry("struct inode", sb.s_inodes.address_of_(), "i_sb_list"):
        count += 1
        pages += inode.i_data.nrpages.value_()
        if count <= _INODES:
            state = decode_flags(inode.i_state.value_(), _I_STATE, bit_numbers=False) if inode.i_state else "clean"
            yield (
                f"  inode {inode.i_ino.value_()}: {inode.i_count.counter.value_()} references, "
                f"{inode.i_nlink.value_()} links, size {inode.i_size.value_()}, "
                f"{inode.i_data.nrpages.value_()} pages, {state}, {_path(inode)}"
            )
    yield f"  {count} inodes, {pages} pages of files in the cache"


def _path(inode: Object) -> str:
    try:
        path = inode_path(inode)
    except _UNREADABLE:
        return "no path to be read"
    return _text(path)[:200] if path else "no dentry"


def _device(sb: Object) -> Iterator[str]:
    """Yield what of the block device's page cache is not on the disk yet: the buffers of the filesystem's metadata."""
    if not sb.s_bdev:
        return
    dirty = writing = total = 0
    for _, page in islice(inode_for_each_page(sb.s_bdev.bd_inode), _PAGES):
        if not page.value_() & 1:
            total += 1
            dirty += PageDirty(page)
            writing += PageWriteback(page)
    yield f"  page cache of the device: {total} pages, {dirty} dirty, {writing} being written"


def unasked(records: Sequence[tuple[int, str]]) -> Sequence[tuple[int, str]]:
    """Return the log up to where the kernel was asked for backtraces after its last report.

    These fill its last lines.
    """
    last = max((number for number, (_, text) in enumerate(records) if _REPORT.search(text)), default=-1)
    asked = (number for number, (_, text) in enumerate(records) if number > last and text.startswith(_ASKED))
    return records[: next(asked, len(records))] or records


def _log(prog: Program) -> Iterator[str]:
    records = [
        (record.timestamp, _text(line)) for record in get_printk_records(prog) for line in record.text.split(b"\n")
    ]
    for timestamp, text in unasked(records)[-_LINES:]:
        yield f"[{timestamp / 1e9:12.6f}] {text}"


def _stack(prog: Program, task: Object) -> Iterator[str]:
    try:
        frames = prog.stack_trace(task)
    except _UNREADABLE as error:
        yield f"    (no stack: {str(error)[:200]})"
        return
    for frame in frames:
        if frame.pc < _KERNELS_HALF:
            return  # what lies behind the first frame of a task is no stack
        try:
            where = frame.source()
            place = f" ({where[0]}:{where[1]})"
        except LookupError:
            place = ""
        yield f"    {_text((frame.name or hex(frame.pc)).encode())}{place}"


def _name(task: Object) -> str:
    return f"{_text(task.comm.string_())} (pid {task.pid.value_()})"


def _symbol(prog: Program, address: int) -> str:
    try:
        symbol = prog.symbol(address)
    except LookupError:
        return f"at {address:#x}"
    return f"{symbol.name} at {address:#x}"


def _text(data: bytes) -> str:
    """Return what the guest calls something, without what a terminal would obey."""
    return "".join(each if each.isprintable() else "?" for each in data.decode(errors="replace"))


if __name__ == "__main__":
    sys.exit(main())
