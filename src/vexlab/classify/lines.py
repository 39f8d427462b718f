"""From raw console text to lines: control characters off, prefixes off, each line's context known.

A *context* says who printed a line. ``T12`` is task 12, ``C0`` an interrupt on CPU 0 (``CONFIG_PRINTK_CALLER``);
``""`` a line the kernel printed without such a mark; ``None`` a line without any prefix; ``USER`` a line that the
journal or syslog ascribes to a program.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

USER = "!"
LONGEST_LINE = 4096  # characters looked at; the kernel's own lines end at 1,024 (LOG_LINE_MAX)

# \x1b[1;31mBUG:\x1b[0m   \x1b]0;title\x07   \x1b(B
_ANSI = re.compile(r"\x1b(?:\[[0-?]{0,64}[ -/]{0,8}[@-~]|\][^\x07\x1b\n]{0,256}(?:\x07|\x1b\\)|[()][A-Z0-9]|[=>78cM])")

# [   12.345678]   [   12.345678,0]   [12345.678901@3]   [   12.345678][  T123]   [ 12.3] [ T1]   [   1.23]C0
_STAMP = r"\[ *\d+\.\d+(?:[,@]\d+)?\]"
_MARK = r"(?: ?\[ *(?P<mark>[TC]\d+)(?:@[^\]\n]*)?\])?"
# [Tue Nov 21 02:10:11 2023]   (dmesg -T)
_DMESG_T = r"\[[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)? \d{4}\]"
_KERNEL = re.compile(rf"(?:<\d{{1,3}}>)?(?:{_STAMP}|{_DMESG_T}){_MARK} ?")
_PLAIN = re.compile(r"\[ *\d+\.\d+\](?:\[ *(?P<mark>[TC]\d+)\])? (?P<body>[^\n]*)")
# <4>BUG: ...   (klogd, or printk.time=0 on a raw console)
_LEVEL = re.compile(r"<\d{1,3}>")
# ** 12 printk messages dropped ** [  1.0] ...     ** 3 printk messages dropped [  1.0]
_DROPPED = re.compile(r"\*\* \d+ printk messages dropped(?: \*\*)? ?")
# Debian GNU/Linux 12 vm ttyS0 / vm login: [   12.3] ...
_LOGIN = re.compile(r"[^\n]* login: ")
# 4,1234,98765432,-,caller=T12;BUG: ...    (/dev/kmsg, extended netconsole)
_KMSG = re.compile(r"\d{1,4},\d+,\d+,[-c+](?:,caller=(?P<mark>[TC]\d+))?[^;\n]{0,100};")
# kern  :warn  : [   12.3] ...    (dmesg -x)
_FACILITY = re.compile(r"kern *:(?:emerg|alert|crit|err|warn|notice|info|debug) *: ?")
# <4>1 2023-11-21T02:10:11.123456+00:00 vm kernel - - - ...    (RFC 5424: priority, version, date, host, program, ...)
_RFC5424 = re.compile(r"<\d{1,3}>1 \S{1,64} \S{1,255} (?P<tag>\S{1,64}) \S{1,128} \S{1,32} (?:-|\[[^\]\n]{0,200}\]) ")
# 2023-11-21T02:10:11,123456+00:00 ...    [2023-11-21T02:10:11.000Z] ...    2023-11-21 02:10:11 ...    2023/11/21 02:10:11 ...
_ISO = re.compile(r"\[?\d{4}([-/])\d\d\1\d\d[T ]\d\d:\d\d:\d\d(?:[.,:]\d+)?(?:Z|[+-]\d\d:?\d\d)?\]? +")
# 2023-11-21T02:10:11,123456+00:00 ...    (dmesg --time-format=iso; its comma tells it from the journal's)
_DMESG_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d,\d{6}[+-]\d\d:\d\d ")
# 02:10:11 ...    02:10:11.123456 ...
_CLOCK = re.compile(r"\d\d:\d\d:\d\d(?:\.\d+)? +")
# Nov 21 02:10:11 host kernel: ...    [   12.345678] host kernel: ...    host systemd[1]: ...    (after the date)
_DATE = re.compile(r"[A-Z][a-z]{2} +\d{1,2} (?:\d{4} )?\d\d:\d\d:\d\d(?:\.\d+)? +")
_TAG = re.compile(r"(?:[\w.:-]+ +)?(?P<tag>[\w./@()-]+)(?:\[\d+\])?: ?")
_TAG_WITHIN = 80
_OPENERS = frozenset("0123456789[<*")
_TAGGED = re.compile(r"kernel|vmunix")
_KERNEL_TAG = re.compile(r"(?:[\w.:-]{1,64} +){0,2}(?:kernel|vmunix)(?:\[\d+\])?: ?")
# host sshd[812]: ...    (behind an ISO date)
_PROGRAM = re.compile(r"[\w.:-]+ [\w./@()-]+\[\d+\]: ?")
# 01-01 00:00:00.000     0     0 W         : text     (logcat -b kernel)
_LOGCAT = re.compile(r"\d\d-\d\d \d\d:\d\d:\d\d\.\d+ +(?:root +)?\d+ +\d+ [VDIWEF] +[^:\n]{0,40}: ?")

# What programs that record a console put before each line, whoever printed it.
_RECORDERS = re.compile(
    "|".join(
        (
            r"[\w.-]{1,64} +\| ",  # vm-1  | ...    (docker compose)
            r"\[ *\d+\.\d+ +\d+\.\d+\] ",  # [3.620654 0.000207] ...    (grabserial)
            r"\d{10}(?:\.\d+)? ",  # 1700532611.123456 ...    (ts %.s)
            r"\[(?:pod|container)/[\w./-]{1,200}\] ",  # [pod/vm-0/console] ...    (kubectl logs --prefix)
            r"(?:stdout|stderr) [FP] ",  # stdout F ...    (a container's log, behind its date)
            r'\{"log":"',  # {"log":"...\r\n","stream":"stdout","time":"..."}    (docker's json-file)
        )
    )
)
_DEEPEST = 4  # such prefixes one behind the other
# root@vm:~# [   12.345678][  T321] ...    (a prompt, white space, or a line that lost its end, before a kernel line)
_GLUED = re.compile(r"\[ *\d+\.\d{6}\](?:\[ *(?P<mark>[TC]\d+)\])? ?")
_GLUED_WITHIN = 256


class Line(NamedTuple):
    """One line: where it begins and ends in the log, who printed it, and what is left without the prefix."""

    start: int
    end: int
    context: str | None
    body: str


def normalise(text: str) -> str:
    """The log without terminal control: escape sequences, carriage returns and NULs; newlines are kept."""
    if "\x1b" in text:
        text = _ANSI.sub("", text)
    if "\r" in text:
        text = text.replace("\r", "")
    if "\x00" in text:
        text = text.replace("\x00", "")
    return text


def split_prefix(raw: str, depth: int = 0) -> tuple[str | None, str]:
    """The context of a raw line and its text without prefixes; ``depth`` counts those taken off already."""
    if len(raw) > LONGEST_LINE:
        raw = raw[:LONGEST_LINE]
    if raw[:1] == "[":
        match = _KERNEL.match(raw)
        if match:
            return _after_stamp(raw, match)
    elif not raw or raw.isspace():
        return None, raw
    if _begins_like_text(raw):
        return _recorded(raw, depth)
    context, body = _rare_prefix(raw)
    return _recorded(raw, depth) if context is None and body == raw else (context, body)


def _begins_like_text(raw: str) -> bool:
    """Whether none of the rare prefixes can stand there: a number, a bracket, a date, a name of the kernel's or a login."""
    beginning = raw[:_TAG_WITHIN]
    return not (
        raw[0] in _OPENERS or raw[3:4] == " " or "kern" in beginning or "vmunix" in beginning or " login: " in raw
    )


def line_at(text: str, pos: int, stop: int) -> Line:
    """The line that begins at ``pos``; ``stop`` is where the text ends. The common form of a prefix costs little."""
    match = _PLAIN.match(text, pos, stop)
    if match:
        mark, body = match.groups()
        if len(body) < LONGEST_LINE and (mark or (body.find("kernel", 0, _TAG_WITHIN) < 0 and "vmunix" not in body)):
            return Line(pos, match.end(), mark or "", body)
    end = text.find("\n", pos, stop)
    end = stop if end < 0 else end
    context, body = split_prefix(text[pos : min(end, pos + LONGEST_LINE)])
    return Line(pos, end, context, body)


def _after_stamp(raw: str, match: re.Match[str]) -> tuple[str | None, str]:
    """Behind ``[ 12.3] `` there may be a journal's ``host kernel: `` (short-monotonic)."""
    mark, end = match["mark"], match.end()
    if mark is None and ": " in raw and _TAGGED.search(raw, end, end + _TAG_WITHIN):
        tagged = _KERNEL_TAG.match(raw, end)
        if tagged:
            context, body = split_prefix(raw[tagged.end() :])
            return context or "", body
    return mark or "", raw[end:]


def _rare_prefix(raw: str) -> tuple[str | None, str]:
    pos = 0
    if " login: " in raw:
        login = _LOGIN.match(raw)
        pos = login.end() if login else 0
    if raw.startswith("** ", pos):
        dropped = _DROPPED.match(raw, pos)
        pos = dropped.end() if dropped else pos
    syslog = _RFC5424.match(raw, pos) if raw.startswith("<", pos) else None
    if syslog:
        if syslog["tag"] != "kernel":
            return USER, raw[syslog.end() :]
        mark, body = split_prefix(raw[syslog.end() :], _DEEPEST)
        return mark or "", body
    for form, read in _DATES:
        match = form.match(raw, pos)
        if match:
            return read(raw, match.end())
    context: str | None = None
    for form in (_FACILITY, _LOGCAT, _KERNEL_TAG):
        match = form.match(raw, pos)
        if match:
            context, pos = "", match.end()
    match = _KERNEL.match(raw, pos) or _KMSG.match(raw, pos)
    if match:
        return match["mark"] or "", raw[match.end() :]
    match = _LEVEL.match(raw, pos)
    return ("", raw[match.end() :]) if match else (context, raw[pos:] if pos else raw)


def _recorded(raw: str, depth: int) -> tuple[str | None, str]:
    """A line of no kernel's or journal's form: what recorded it may have put something before it."""
    match = _RECORDERS.match(raw) if depth < _DEEPEST else None
    if match:
        return split_prefix(raw[match.end() :], depth + 1)
    match = _GLUED.search(raw, 0, _GLUED_WITHIN) if "." in raw else None
    return (match["mark"] or "", raw[match.end() :]) if match else (None, raw)


def _syslog(raw: str, pos: int) -> tuple[str | None, str]:
    """``host tag: text`` behind a syslog date; only the kernel's tag or stamp makes it a kernel line."""
    match = _KERNEL.match(raw, pos)
    if match:
        return match["mark"] or "", raw[match.end() :]
    kernel = _KERNEL_TAG.match(raw, pos)
    if kernel:
        match = _KERNEL.match(raw, kernel.end())
        return (match["mark"] or "", raw[match.end() :]) if match else ("", raw[kernel.end() :])
    tag = _TAG.match(raw, pos)
    return (USER, raw[tag.end() :]) if tag else (None, raw[pos:])


def _dated(raw: str, pos: int) -> tuple[str | None, str]:
    """Behind an ISO date: the journal's ``host tag:``, a bare kernel line, or a program's own words."""
    match = _KERNEL.match(raw, pos)
    if match:
        return match["mark"] or "", raw[match.end() :]
    if _KERNEL_TAG.match(raw, pos):
        return _syslog(raw, pos)
    program = _PROGRAM.match(raw, pos)
    return (USER, raw[program.end() :]) if program else _recorded(raw[pos:], 1)


def _dmesg_iso(raw: str, pos: int) -> tuple[str | None, str]:
    """``dmesg --time-format=iso``: a kernel line, unless the journal's ``host kernel:`` follows."""
    return _dated(raw, pos) if _KERNEL_TAG.match(raw, pos) else ("", raw[pos:])


# Dates that may open a line, and who reads what stands behind; the first that fits decides.
_DATES: tuple[tuple[re.Pattern[str], Callable[[str, int], tuple[str | None, str]]], ...] = (
    (_DATE, _syslog),
    (_DMESG_ISO, _dmesg_iso),
    (_ISO, _dated),
    (_CLOCK, _dated),
)
