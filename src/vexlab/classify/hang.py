"""A guest command that did not return: is a task stuck in the kernel, and where? Pure, from what the kernel printed
on request (SysRq-l, SysRq-w, ``/proc/PID/stack``).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from vexlab.classify.fingerprint import fingerprint
from vexlab.classify.lines import split_prefix
from vexlab.classify.stacks import parse_frames
from vexlab.model.report import Frame, Severity, Trace
from vexlab.model.verdict import Finding, Source

# NMI backtrace for cpu 1  ·  task:insmod  state:D stack:0  pid:107 ppid:1 flags:0x00004006  ·  == stack of 107 (insmod)
_BLOCK = re.compile(r"NMI backtrace for cpu \d+(?! skipped)|task:\S+ +state:|== stack of \d+")
# CPU: 1 PID: 107 Comm: insmod Tainted: G           OE
_COMM = re.compile(r"Comm: (\S+)|task:(\S+)|== stack of \d+ \((\S+)\)")
# "CPU: 1 PID: 107 Comm: insmod"  ·  "task:insmod  state:D stack:0  pid:107 ppid:1"  ·  "== stack of 107 (insmod)"
_PID = re.compile(r"(?:\bPID: |\bpid:|== stack of )(\d+)\b")
# RIP: 0010:spin_init+0x5/0x1000 [hang]
# RIIP: 0010:spin_init+0x5/0x1000 [hang]    printed from an NMI, while another CPU has the port: it sends a byte twice
_POINTER = re.compile(r"R+I+P+:+ +[0-9a-f]{4,5}:+(.*)")

# Frames that say how a task waits, not why.
_WAITING = re.compile(
    r"^(?:__)?(?:schedule|io_schedule|context_switch|wait_|do_wait|mutex_|down|rwsem|rt_mutex|prepare_to|"
    r"completion|msleep|usleep|native_|asm_|sysvec|nmi|exc_|default_idle|do_idle|cpu_startup|futex|hrtimer|"
    r"queued_spin|_raw_|percpu_|bit_wait|out_of_line|kthread|preempt_|common_interrupt|handle_|rcu_|"
    r"entry_SYSCALL|do_syscall|x64_sys_call|ret_from_fork|secondary_startup|start_secondary)"
)
_FOR_PROGRAMS = ("wait_for_vfork_done", "kernel_clone")  # kernel/fork.c
_IDLE = re.compile(r"do_idle|default_idle|amd_e400_idle|cpu_startup_entry")
_INTERRUPT_ENDS = "</IRQ>"  # what stands above it is the CPU answering the request, below it what it was doing


@dataclass(frozen=True, slots=True)
class Stack:
    """One task's or CPU's stack; ``pid`` is -1 where it is not told.

    ``blocked`` when the kernel listed it as uninterruptible (SysRq-w), ``running`` when it is a CPU's (SysRq-l).
    """

    task: str
    pid: int
    frames: tuple[Frame, ...]
    blocked: bool
    running: bool
    text: str

    @property
    def state(self) -> str:
        """How the task is stuck, for a sentence."""
        if self.running:
            return "keeps a CPU in the kernel"
        return "is blocked and cannot be killed" if self.blocked else "waits in the kernel"


def hang(
    command: str,
    seconds: float,
    text: str,
    *,
    earlier: str | None = None,
    moving: Collection[int] = (),
    target_modules: Collection[str] = (),
) -> Finding | None:
    """Return what is stuck in the kernel, or ``None`` where nothing is and only the program was slow.

    ``earlier`` is what was printed when the kernel was asked a moment before: only a task that is still at the same
    place is stuck. ``moving`` are the pids of tasks that did something meanwhile. A stack that goes through the module
    under test wins, then a blocked task.
    """
    stacks = [stack for stack in _stacks(text) if stack.frames and not _is_idle(stack) and stack.pid not in moving]
    if earlier is not None:
        places = {_place(stack, target_modules) for stack in _stacks(earlier)}
        stacks = [stack for stack in stacks if _place(stack, target_modules) in places]
    through_target = [stack for stack in stacks if any(frame.module in target_modules for frame in stack.frames)]
    for stack in (*through_target, *(stack for stack in stacks if stack.blocked and not _waits_for_program(stack))):
        frame = _blamed(stack, target_modules)
        where = f" in {frame}" if frame else ""
        return Finding(
            title=f"hang{where}",
            type="HANG",
            severity=Severity.CRASH,
            frame=frame,
            fingerprint=_fingerprint(f"hang{where}", stack),
            source=Source.POST_MORTEM,
            text=f"`{command}` did not return within {seconds:g} s; task {stack.task} {stack.state}:\n{stack.text}",
        )
    return None


def pids_in(text: str) -> tuple[int, ...]:
    """Return the pids of the tasks whose stacks ``text`` shows."""
    return tuple(int(match) for match in _PID.findall(text))


def silent(command: str, seconds: float, text: str, registers: str) -> Finding:
    """Return the finding for a machine whose kernel no longer answers at all."""
    return Finding(
        title="silent machine",
        type="HANG",
        severity=Severity.CRASH,
        source=Source.POST_MORTEM,
        text=f"`{command}` did not return within {seconds:g} s and the guest answers nothing\n{text}\n{registers}"[
            :8000
        ],
    )


def lost(reason: str) -> Finding:
    """Return the finding for a machine that went away without a word on its console."""
    return Finding(
        title=f"lost machine: {reason}",
        type="LOST_CONNECTION",
        severity=Severity.CRASH,
        text=reason,
        source=Source.AGENT,
    )


def unanswered(backtraces: str) -> Finding:
    """Return the finding for a machine whose user space answers nothing while its kernel still does."""
    return Finding(
        title="silent machine: its kernel answers, no program in it does",
        type="HANG",
        severity=Severity.CRASH,
        text=backtraces[:8000],
        source=Source.AGENT,
    )


def _stacks(text: str) -> Iterator[Stack]:
    block: list[str] = []
    for raw in text.splitlines():
        _, line = split_prefix(raw)
        if _BLOCK.search(line):
            yield _stack(block)
            block = []
        block.append(line)
    yield _stack(block)


def _stack(lines: list[str]) -> Stack:
    frames: list[Frame] = []
    task, pid, blocked, running = "", -1, False, False
    for line in lines:
        if pid < 0 and (match := _PID.search(line)):
            pid = int(match[1])
        if match := _COMM.search(line):
            task = task or next(name for name in match.groups() if name)
        blocked = blocked or " state:D" in line
        running = running or line.startswith("NMI backtrace for cpu")
        if _INTERRUPT_ENDS in line:
            frames = []
        pointer = _POINTER.search(line)
        frames += [frame for frame in parse_frames(pointer[1] if pointer else line) if not frame.guess]
    return Stack(
        task=task, pid=pid, frames=tuple(frames), blocked=blocked, running=running, text="\n".join(lines)[:4000]
    )


def _place(stack: Stack, target_modules: Collection[str]) -> tuple[object, ...]:
    """Return where a task is: its stack, of one that runs in the module only up to the function by which it got there.

    A loop is at another address and perhaps in another function of its own each time.
    """
    names = [frame.function for frame in stack.frames]
    own = [at for at, frame in enumerate(stack.frames) if frame.module in target_modules]
    return (stack.task, stack.pid, *names[own[-1] if own and stack.running else 0 :])


def _is_idle(stack: Stack) -> bool:
    names = [frame.function for frame in stack.frames]
    return any(_IDLE.search(name) for name in names)


def _waits_for_program(stack: Stack) -> bool:
    """Whether a blocked task waits for what a program is to do: vfork(2) waits in state D for its child's exec."""
    return any(frame.function in _FOR_PROGRAMS for frame in stack.frames)


def _fingerprint(title: str, stack: Stack) -> str:
    """Return the hang's fingerprint: of a task that keeps a CPU only the title counts, its stack differs each time."""
    return fingerprint(title, () if stack.running else (Trace(heading="", frames=stack.frames),))


def _blamed(stack: Stack, target_modules: Collection[str]) -> str:
    own = [frame.function for frame in stack.frames if frame.module in target_modules]
    kernel = [frame.function for frame in stack.frames if not _WAITING.search(frame.function)]
    return next(iter((*own, *kernel)), "")
