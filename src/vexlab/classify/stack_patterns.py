"""Where blamed functions stand: the lines that lead to them, by kind of report."""

from __future__ import annotations

import re

from vexlab.classify.oops_format import StackPattern, Walk

FRAMES = Walk.FRAMES
_ADDRESSES = r"(?:\(?\[?<?(?:0x)?[0-9a-f]{6,16}>?\]?:? *){0,2}"
_FUNCTION = r"\(?(?P<f>[A-Za-z_$][\w$]*)(?:\.[\w$.]+)?\+"


def _line(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.M)


# Each row: the word for the instruction pointer of an architecture.
# (each begins with a letter of its own, which lets the regular expression engine skip what cannot match)
_POINTERS = (
    # RIP: 0010:f+0x1/0x2    RIP: f+0x1/0x2 RSP: ...    RIP: 0010:g include/x.h:1 [inline]\nRIP: 0010:f+0x1/0x2 fs/x.c:1
    r"RIP: (?!0033|002b)(?:(?:[0-9a-f]{4}:)?[\w.]{1,99} \S{1,199} \[inline\]\nRIP: ){0,16}(?:[0-9a-f]{4}:)?",
    r"RIP {1,2}",  # RIP  [<ffffffff81000000>] f+0x1/0x2
    r"EIP: (?!0073)(?:[0-9a-f]{4}:)?",  # EIP: 0060:[<c0>] f    EIP: f+0x1/0x2
    r"EIP is at ",  # EIP is at f+0x1/0x2
    r"I(?<!\wI)P: ",  # IP: [<ffffffff81000000>] f+0x1/0x2
    r"i(?<!\wi)p is at ",  # ip is at f+0x1/0x2 [vexfs]    (IA-64)
    r"NIP: [^\n]*\n(?:[^\n]*\n){0,14}?NIP (?=\[)",  # NIP:  c000 LR: ...\n ... \nNIP [c000] f+0x1/0x2    (PowerPC)
    r"NIP(?: (?=\[)|: )",  # NIP [c000000000000000] f+0x1/0x2    (PowerPC)
    r"p(?<![a-df-z_]p)c +: ",  # pc : f+0x1/0x2    epc : f+0x1/0x2    epc   : 80100000 f+0x1/0x2
    r"PC is at ",  # PC is at f+0x1/0x2    (ARM)
    r"pc is at ",  # pc is at f+0x1/0x2    (Alpha)
    r"Krnl PSW : [0-9a-f]{16} [0-9a-f]{16} ?",  # Krnl PSW : 0704 0000 (f+0x1/0x2)    (s390)
    r"TPC: <",  # TPC: <f+0x1/0x2>    (SPARC)
    r"IAOQ\[0\]: ",  # IAOQ[0]: f+0x1/0x2    (PA-RISC)
    r"ERA *: ",  # ERA: 90000000 f+0x1/0x2    (LoongArch)
)
IP = _line(rf"(?:{'|'.join(_POINTERS)}){_ADDRESSES}(?:{_FUNCTION})?")
# --- interrupt: 700 at f+0x1/0x2    (PowerPC)
TRAP = _line(rf"(?:--- interrupt: \w+ at |(?:{'|'.join(_POINTERS)}){_ADDRESSES}){_FUNCTION}")
# [<8011218c>] (unwind_backtrace) from [<8010e300>] (show_stack+0x18/0x1c)     unwind_backtrace from show_stack+0x18/0x1c
_ARM = r"^(?=[ \t]*(?:\[<[0-9a-f]+>\] \([\w$.]+[^)\n]{0,40}\)|[A-Za-z_][\w$.]*) from (?:\[<|[A-Za-z_][\w$.]*\+0x))"
# status: 0120 badaddr: 00d0 cause: 000d    (RISC-V: show_regs() lets the frames follow without a heading)
_RISCV = r"badaddr: [0-9a-f]+ cause: [0-9a-f]+(?=\n\[<)"
CALL = _line(rf"Call [Tt]race:|^Backtrace: *|^\s*backtrace(?: \(crc [0-9a-f]+\))?:|{_RISCV}|{_ARM}")

TRACE: StackPattern = (CALL, FRAMES)
FAULT: StackPattern = (IP, CALL, FRAMES)
POINTER: StackPattern = (IP,)
TRAPPED: StackPattern = (TRAP, FRAMES)
# (&fi->mutex){+.+.}, at: [<ffffffff81938722>] fuse_lock_inode+0xa2/0xd0
AT = _line(rf"at: {_ADDRESSES}{_FUNCTION}")
TRYING = _line(r"(?:is|are) trying to acquire(?: lock)?:")
HOLDING = _line(
    r"(?:but )?(?:now )?(?:the )?task is already holding(?: lock)?:|already holding lock:|and this task is already holding:"
)
CHAIN = _line(r"the existing dependency chain|the shortest dependencies")
CYCLE: StackPattern = (TRYING, AT, HOLDING, AT, CHAIN, FRAMES)
NAMED_LOCK: StackPattern = (AT,)
TRYING_LOCK: StackPattern = (TRYING, AT)
BECAME: StackPattern = (_line(r"which became [\w-]+ at:"), FRAMES)
# x/1 is trying to release lock (sk_lock) at:\n[<ffffffff83f7ac8b>] f+0x1/0x2
RELEASED: StackPattern = (_line(rf"\[<[0-9a-f]+>\] {_FUNCTION}"),)
RELEASED_TRACE: StackPattern = (_line(r"\[<[0-9a-f]+>\] "), CALL, FRAMES)
# apic_timer_interrupt+0x9/0x10    asm_sysvec_apic_timer_interrupt+0x1b/0x20
_TICK = r"(?:apic_timer_interrupt|reschedule_interrupt|call_function\w*_interrupt|sysvec_\w+)\w*\+"
# apic_timer_interrupt+0xf/0x20\n </IRQ>\nRIP: 0010:f+0x1/0x2
_TICK_IP = _line(rf"{_TICK}[^\n]*\n(?:[^\n]*\n){{0,6}}?[^\n]*RIP: 0010:{_ADDRESSES}{_FUNCTION}")
TICKED: StackPattern = (_TICK_IP, FRAMES)
TICKED_PLAIN: StackPattern = (_line(_TICK), FRAMES)
EXCEPTION: StackPattern = (
    _line(r"Exception stack|el1h_64_irq(?:_handler)?\+|el1_irq\+|__irq_svc|handle_exception\+|ret_from_irq"),
    FRAMES,
)
# (t=1000 jiffies g=-351 q=157 ncpus=2)\nCPU: 1 PID: ...\nHardware name: ...\nRIP: 0010:f+0x1/0x2    (since 6.0)
OWN_REGISTERS: StackPattern = (
    _line(
        rf"\(t=\d+ jiffies[^\n]*\n(?:[^\n]*\n){{0,8}}?[^\n]{{0,16}}?(?:{'|'.join(_POINTERS)}){_ADDRESSES}{_FUNCTION}"
    ),
    CALL,
    FRAMES,
)
# Sending NMI from CPU 0 to CPUs 1:\nNMI backtrace for cpu 1\nCPU: 1 PID: ...\nRIP: 0010:f+0x1/0x2
_ANSWER = _line(r"NMI backtrace for cpu \d+(?! skipped)")
ANSWERED: StackPattern = (_ANSWER, IP, CALL, FRAMES)
# task:cat             state:R  running task     stack:0     pid:77\nCall Trace:    (a task that RCU waits for)
PREEMPTED: StackPattern = (_line(r"^task:\S+ +state:R"), CALL, FRAMES)
LEAKED: StackPattern = (_line(r"backtrace(?: \(crc [0-9a-f]+\))?:"), FRAMES)
ALLOCATED: StackPattern = (_line(r"page last allocated"), FRAMES)
BELOW: StackPattern = (_line(r"^"), FRAMES)
ORIGIN: StackPattern = (_line(r"Uninit was created"), FRAMES)
