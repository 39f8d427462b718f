"""Expunge lists, in the format of xfstests' ``-E``: a test a line, ``#`` begins a comment. Pure.

The reason of an entry are its line's own comment and the comment lines before it; those are about every test that
follows, up to a blank line or further comment lines. Some comments mean more::

    # kernels: 6.1 - 6.4        the entry is about these releases, both included; either may be missing
    # fixed-by: 0123456789ab    the kernel's commit after which it no longer holds
    # fails: 3 of 10            it is run all the same, its failure is known
    generic/475  # a race between ...
"""

from __future__ import annotations

import re

from vexlab.errors import UsageError
from vexlab.suites.adapter import Expunged

# kernels: 6.1 - 6.4     kernels: - 6.4     kernels: 6.1
_KERNELS = re.compile(r"kernels:\s*(\d+(?:\.\d+)*)?\s*(-)?\s*(\d+(?:\.\d+)*)?\s*$")
_FIXED = re.compile(r"fixed-by:\s*([0-9a-f]{8,40})\b.*$")  # fixed-by: 0123456789ab ("ext4: fix ...")
_FAILS = re.compile(r"fails:\s*(\d+)\s+of\s+(\d+)\s*$")  # fails: 3 of 10
_RELEASE = re.compile(r"(\d+(?:\.\d+)*)")  # 6.1.0-37-cloud-amd64


def parse_expunge(text: str, release: str) -> tuple[Expunged, ...]:
    """Return the entries that are about the kernel ``release``; raise ``UsageError`` for a comment that is half one."""
    found: list[Expunged] = []
    said: list[str] = []
    fresh = True
    for number, line in enumerate(text.splitlines(), 1):
        test, _, comment = (part.strip() for part in line.partition("#"))
        if not test and not comment:
            said = []
        elif not test:
            said = [*([] if fresh else said), comment]
            fresh = False
        else:
            entry = _entry(test, [*said, comment] if comment else said, release, number)
            found += [entry] if entry else []
            fresh = True  # the next comment line begins anew
    return tuple(found)


def _entry(test: str, comments: list[str], release: str, number: int) -> Expunged | None:
    words, fails, of = [], 0, 0
    for comment in comments:
        if match := _KERNELS.fullmatch(comment):
            if not _within(release, match[1] or "", match[3] or ("" if match[2] else match[1] or "")):
                return None
        elif match := _FAILS.fullmatch(comment):
            fails, of = int(match[1]), int(match[2])
        elif match := _FIXED.fullmatch(comment):
            words.append(f"kernel lacks a fix: {match[1]}")
        elif comment.startswith(("kernels:", "fails:", "fixed-by:")):
            raise UsageError(f"expunge list, line {number}: `{comment}` cannot be read", hint="kernels: 6.1 - 6.4")
        else:
            words.append(comment)
    if not words:
        raise UsageError(f"expunge list, line {number}: {test} is excluded without a reason", hint="write it after a #")
    if fails > of:
        raise UsageError(f"expunge list, line {number}: {fails} of {of} is no count")
    return Expunged(test=test, reason=" ".join(words), fails=fails, of=of)


def _within(release: str, first: str, last: str) -> bool:
    match = _RELEASE.match(release)
    here = _numbers(match[1] if match else "0")
    low, high = _numbers(first), _numbers(last)
    return here[: len(low)] >= low and (not high or here[: len(high)] <= high)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part)
