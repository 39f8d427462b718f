"""Choosing the blamed function: walk a format's stack patterns through a report and skip what is never blamed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from vexlab.classify.body import Body, frames_of
from vexlab.classify.names import readable
from vexlab.classify.oops_format import OopsFormat, Pick, StackPattern, Walk
from vexlab.classify.skips import helps, skipped

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
    r"|cancel_delayed_work|rcu_barrier|do_read_cache|^_*(?:flush|cancel)_(?:delayed_|rcu_)?work(?:_sync|_timer)?$"
)
_WAITER = re.compile(_WAITERS)
_GRACE = re.compile(r"synchronize_(?:rcu|srcu|net|sched)")


class Candidate(NamedTuple):
    """A function that may be blamed; ``own`` says that it is one of a module under test."""

    name: str
    own: bool = False


class Blamed(NamedTuple):
    """The function chosen, empty where there is none; ``raw`` is the spelling it came from where the title uses
    another; ``injected`` says that fault injection was met on the way, so that nobody can be blamed.
    """

    name: str = ""
    raw: str = ""
    injected: bool = False


def candidates(stack_pattern: StackPattern, body: Body, pos: int) -> Iterator[tuple[Candidate, ...]]:
    """The functions each step of a stack pattern yields; ends where a line is not there."""
    for step in stack_pattern:
        if isinstance(step, Walk):
            first = body.line_at(pos) + 1 if pos == 0 or body.text[pos - 1 : pos] != "\n" else body.line_at(pos)
            last = body.next_heading(first)
            yield tuple(_in_lines(body, first, last))
            pos = body.starts[last] if last < len(body.lines) else len(body.text)
            continue
        match = step.search(body.text, pos, body.endpos)
        if match is None:
            return
        if body.mixed and body.text.find(_INJECTED, pos, match.start()) >= 0:
            yield (Candidate(_INJECTED),)
        pos = match.end()
        name = match.groupdict().get("f")
        yield (candidate(name, body, match.start("f")),) if name else ()


def candidate(name: str, body: Body, pos: int) -> Candidate:
    """A function named at a place of the text; the line says which module it is of."""
    module = body.module_at(pos, name) if body.targets else ""
    return Candidate(readable(name), own=module in body.targets)


def _in_lines(body: Body, first: int, last: int) -> Iterator[Candidate]:
    left = MOST_FRAMES
    for line in body.lines[first:last]:
        for frame in frames_of(line):
            if not frame.inline:
                own = bool(body.targets) and frame.module.replace("-", "_") in body.targets
                yield Candidate(readable(frame.function), own=own)
                left -= 1
        if left <= 0:
            return


def blame(oops_format: OopsFormat, named: Candidate | None, body: Body, pos: int) -> Blamed:
    """Walk the format's stack patterns, the first that leads to a function wins. ``named`` is the headline's own function."""
    passed_over = ""
    for stack_pattern in oops_format.stack_patterns or ((),):
        found: list[Candidate] = [named] if named else []
        for names in _lazy(oops_format, stack_pattern, body, pos, found):
            found.extend(names)
        if any(one.name.startswith(_INJECTED) for one in found):
            return Blamed(injected=True)
        choice = choose(oops_format, found)
        if choice:
            return choice
        passed_over = passed_over or next((one.name for one in found if one.own), "")
    if body.targets:
        for stack_pattern in oops_format.own_stack_patterns:
            found = [one for names in candidates(stack_pattern, body, pos) for one in names]
            choice = choose(oops_format, found) if any(one.own for one in found) else None
            if choice:
                return choice
    return Blamed(passed_over, passed_over)


def _lazy(
    oops_format: OopsFormat, stack_pattern: StackPattern, body: Body, pos: int, found: list[Candidate]
) -> Iterator[tuple[Candidate, ...]]:
    """Steps are taken only while no function has been found; a stalled or hung task needs the whole stack."""
    whole = oops_format.pick in (Pick.STALL, Pick.HUNG)
    if not whole and choose(oops_format, found):
        return
    for names in candidates(stack_pattern, body, pos):
        yield names
        if not whole and choose(oops_format, found):
            return


def _kept(oops_format: OopsFormat, found: list[Candidate]) -> list[Candidate]:
    """The candidates that may be blamed. A module under test is never passed over in favour of another's code; within
    it, the helpers that it compiled from the kernel's headers and its own for assertions give way to their callers.
    """
    kept: list[Candidate] = []
    helper: Candidate | None = None
    for one in found:
        if one.own and helps(one.name):
            helper = helper or one
        elif one.own or not skipped(one.name, oops_format.skip):
            if helper and not one.own:
                kept.append(helper)
            helper = None
            kept.append(one)
    return kept


def choose(oops_format: OopsFormat, found: list[Candidate]) -> Blamed | None:
    """The one to blame among candidates, if any is."""
    if oops_format.pick is Pick.NAMED:
        return Blamed(found[0].name, found[0].name) if found else None
    if oops_format.pick is Pick.HUNG:
        return _hung(found)
    kept = _kept(oops_format, found)
    if oops_format.pick is Pick.STALL:
        return _stalled(kept)
    return Blamed(kept[0].name, kept[0].name) if kept else None


def _hung(found: list[Candidate]) -> Blamed | None:
    """What a blocked task waits for: only functions that wait are passed over."""
    if not any(one.own for one in found):
        if any(one.name == "rtnl_lock" for one in found):
            return Blamed("rtnl_lock", "rtnl_lock")
        for one in found:
            if _GRACE.search(one.name):
                return Blamed("synchronize_rcu", one.name)
    for one in found:
        if one.own or not _WAITER.search(one.name):
            return Blamed(one.name, one.name)
    return None


def _stalled(kept: list[Candidate]) -> Blamed | None:
    """The entry point inside the first dispatcher; where a module under test is busy, the function it was entered by."""
    for at, one in enumerate(kept):
        if _CALLS_OTHERS in one.name and not one.own:
            return Blamed(_CALLS_OTHERS, one.name)
        if DISPATCHERS.match(one.name) and not one.own:
            inside = kept[at - 1] if at else one
            entered = next((own for own in reversed(kept[:at]) if own.own), inside)
            return Blamed(entered.name, entered.name)
    entered_by = next((own for own in reversed(kept) if own.own), None)
    return Blamed(entered_by.name, entered_by.name) if entered_by else None
