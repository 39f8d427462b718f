"""Choosing the guilty function: walk a form's trails through a report and skip what is never guilty."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from vexlab.classify.body import Body, frames_of
from vexlab.classify.form import Form, Pick, Trail, Walk
from vexlab.classify.names import readable
from vexlab.classify.skips import skipped

MOST_FRAMES = 400  # of one stack part

# General dispatchers: below them stands the entry point that a stalled CPU was busy with.
DISPATCHERS = re.compile(
    "|".join(
        rf"^(?:{names})$"
        for names in (
            # system call entry (arch/*/entry, arch/*/kernel/entry*, arch/arm64/kernel/syscall.c)
            r"_*(?:do|entry|ret)_(?:syscall|SYSCALL|SYSENTER|INT80|fast|int80|sysenter)\w*|x64_sys_call|ia32_sys_call",
            r"_*(?:do_)?el0t?_\w+|_*invoke_syscall|ret_fast_syscall|__sys_trace\w*|(?:ret_from_)?system_call\w*|syscall_(?:common|trace)\w*",
            r"sysenter_(?:dispatch|past_esp|do_call)|cstar_dispatch|tracesys\w*|handle_sys(?:call|64|n32)?|do_trap_ecall_u|syscall_handler",
            # threads (kernel/workqueue.c, kernel/kthread.c, kernel/smpboot.c)
            r"process_one_work|process_scheduled_works|worker_thread|kthread|kthread_worker_fn|ret_from_(?:fork|kernel_thread)\w*",
            r"kernel_thread_(?:starter|helper)|smpboot_thread_fn|run_ksoftirqd",
            # timers, softirqs, tasklets; what a CPU starts from (do_idle() is what an idle CPU does)
            r"call_timer_fn|expire_timers|_*run_timers?\w*|_*run_hrtimer|_*hrtimer_run_queues|hrtimer_(?:interrupt|run_softirq)",
            r"_*do_softirq\w*|handle_softirqs|softirq_handle\w*|invoke_softirq|_*irq_exit\w*|tasklet_(?:hi_)?action\w*",
            r"cpu_startup_entry|cpu_idle|cpu_idle_loop|start_secondary|start_kernel|kernel_init|rest_init",
            r"secondary_startup_64\w*|x86_64_start\w*",
            # network receive and netlink
            r"net_rx_action|_*napi_poll|process_backlog|_*netif_receive_skb\w*|_*napi_(?:gro|schedule)\w*",
            r"(?:nfnetlink|rtnetlink)_rcv_msg|netlink_dump",
            # files (fs/read_write.c, fs/open.c, fs/ioctl.c, fs/file_table.c)
            r"(?:\w+_)?compat_(?:sys_|SyS_)?ioctl|(?:\w*sys_|SyS_|SYSC_|\w*SyS_)ioctl|vfs_ioctl|do_vfs_ioctl",
            r"_*vfs_(?:read|write|open|iter_read|iter_write|readv|writev|iocb_iter_read|iocb_iter_write)",
            r"new_sync_(?:read|write)|call_(?:read|write)_iter|__kernel_(?:read|write_iter)",
            r"do_iter_(?:readv_writev|read|write|readv|writev)|do_loop_readv_writev|do_dentry_open|do_filp_open|do_sys_open\w*",
            r"task_work_run|_+fput(?:_sync)?",
            # sockets (net/socket.c)
            r"sock_(?:sendmsg|recvmsg|ioctl|write_iter|read_iter|sendmsg_nosec|recvmsg_nosec|do_ioctl)",
            r"_+sys_[sg]etsockopt|sock_common_[sg]etsockopt|__sys_connect(?:_file)?",
            r"__sock_(?:release|sendmsg\w*|create)",
            # memory (mm/mmap.c, mm/memory.c)
            r"mmap_region|do_mmap\w*|__mmap_region|__mmap_new_vma|call_mmap|vm_mmap\w*|__do_fault|_*do_page_fault",
        )
    )
)
_INJECTED = "should_fail"
_CALLS_OTHERS = "smp_call_function"

# What a blocked task passes through on its way to sleep.
_WAITERS = (
    r"sched|lock|down|rwsem|completion|kthread|wait|synchronize|context_switch|__switch_to"
    r"|cancel_delayed_work|rcu_barrier|do_read_cache"
)
_WAITER = re.compile(_WAITERS)
_GRACE = re.compile(r"synchronize_(?:rcu|srcu|net|sched)")


def candidates(trail: Trail, body: Body, pos: int) -> Iterator[tuple[str, ...]]:
    """The functions each step of a trail yields; ends where a line is not there."""
    for step in trail:
        if isinstance(step, Walk):
            first = body.line_at(pos) + 1 if pos == 0 or body.text[pos - 1 : pos] != "\n" else body.line_at(pos)
            last = body.next_heading(first)
            yield tuple(_names(body.lines[first:last]))
            pos = body.starts[last] if last < len(body.lines) else len(body.text)
            continue
        match = step.search(body.text, pos, body.endpos)
        if match is None:
            return
        if body.mixed and body.text.find(_INJECTED, pos, match.start()) >= 0:
            yield (_INJECTED,)
        pos = match.end()
        name = match.groupdict().get("f")
        yield (readable(name),) if name else ()


def _names(lines: Iterable[str]) -> Iterator[str]:
    left = MOST_FRAMES
    for line in lines:
        for frame in frames_of(line):
            if not frame.inline:
                yield readable(frame.function)
                left -= 1
        if left <= 0:
            return


def guilty(form: Form, named: str, body: Body, pos: int) -> tuple[str, str, bool]:
    """The function, the raw spelling it came from, and whether fault injection was met on the way."""
    for trail in form.trails or ((),):
        found: list[str] = [named] if named else []
        for names in _lazy(form, trail, body, pos, found):
            found.extend(names)
        if any(name.startswith(_INJECTED) for name in found):
            return "", "", True
        choice = choose(form, found)
        if choice:
            return (*choice, False)
    return "", "", False


def _lazy(form: Form, trail: Trail, body: Body, pos: int, found: list[str]) -> Iterator[tuple[str, ...]]:
    """Steps are taken only while no function has been found; a stalled or hung task needs the whole stack."""
    whole = form.pick in (Pick.STALL, Pick.HUNG)
    if not whole and choose(form, found):
        return
    for names in candidates(trail, body, pos):
        yield names
        if not whole and choose(form, found):
            return


def choose(form: Form, found: list[str]) -> tuple[str, str] | None:
    """The guilty one among candidates, and its raw spelling where the title uses another."""
    if form.pick is Pick.NAMED:
        return (found[0], found[0]) if found else None
    kept = [name for name in found if not skipped(name, form.skip)]
    if form.pick is Pick.HUNG:
        return _hung(found, kept)
    if form.pick is Pick.STALL:
        return _stalled(kept)
    return (kept[0], kept[0]) if kept else None


def _hung(found: list[str], kept: list[str]) -> tuple[str, str] | None:
    if "rtnl_lock" in found:
        return "rtnl_lock", "rtnl_lock"
    for name in found:
        if _GRACE.search(name):
            return "synchronize_rcu", name
    for name in kept:
        if not _WAITER.search(name):
            return name, name
    return None


def _stalled(kept: list[str]) -> tuple[str, str] | None:
    for at, name in enumerate(kept):
        if _CALLS_OTHERS in name:
            return _CALLS_OTHERS, name
        if DISPATCHERS.match(name):
            inside = kept[at - 1] if at else name
            return inside, inside
    return None
