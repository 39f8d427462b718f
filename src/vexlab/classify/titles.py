"""The normal format of a title: what differs between two runs of the same bug is taken out."""

from __future__ import annotations

import re
from functools import lru_cache

LONGEST_TITLE = 120

# Applied in this order, again and again until nothing changes; each with a sample.
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(syz-?executor|syz-?fuzzer)[\d.:/-]*\d"), r"\1"),  # syz-executor.1:123
    (re.compile(r"syzkaller\d+"), "syzkaller"),  # syzkaller195313
    (re.compile(r"\b(?:0x[0-9a-f]{6,}|(?=[a-f]*\d)[0-9a-f]{6,})\b"), "ADDR"),  # ffff88004ec29b58
    (re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b"), "IP"),  # 10.128.0.1
    (re.compile(r"(\.[chS]):\d+"), r"\1:LINE"),  # fs/inode.c:123
    (re.compile(r"\+0x[0-9a-f]+(?:/0x[0-9a-f]+)?"), ""),  # f+0x1/0x2
    (re.compile(r"\bCPU#\d+"), "CPU"),  # CPU#1
    (re.compile(r"\d{7,}"), "NUM"),
    (re.compile(r"(?<![\w.])\d+(?![\w.])|(?<=[^\w.])\d+(?=[^\w.])"), "NUM"),  # age=12 cpu=1
)
_BLANKS = re.compile(r"\s+")
_ODD = re.compile(r"[^\x20-\x7e\t]+")


@lru_cache(maxsize=4096)
def clean(title: str) -> str:
    """The title without addresses, numbers, control characters; at most 120 characters."""
    title = _BLANKS.sub(" ", _ODD.sub("", title[:1024])).strip()
    for _ in range(8):
        before = title
        for pattern, instead in _RULES:
            title = pattern.sub(instead, title)
        if title == before:
            break
    return title[:LONGEST_TITLE].strip()
