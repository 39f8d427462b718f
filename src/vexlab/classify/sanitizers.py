"""Forms of the sanitizers: KASAN, KMSAN, KCSAN, KFENCE, UBSAN (mm/kasan/report.c, mm/kmsan/report.c,
kernel/kcsan/report.c, mm/kfence/report.c, lib/ubsan.c).
"""

from __future__ import annotations

from vexlab.classify.oops_format import BAD, FREED, NAME, OopsFormat, line
from vexlab.classify.stack_patterns import BELOW, ORIGIN, TRACE

# Read of size 8 at addr ffff888012345678 by task sync/7    Write at addr ffff888012345678 by task sync/7
_ACCESS = line(r"^ ?(?P<rw>Read|Write) (?:of size|at addr)")

_CRYPTO = (r"^crypto_|(?:^|_)(?:en|de)crypt$|skcipher|shash|ahash|scatterwalk|^netlink_|^nlmsg|^_*nla_",)

KASAN = (
    # BUG: KASAN: double-free or invalid-free in f+0x1/0x2    BUG: KASAN: double-free in f+0x1/0x2
    OopsFormat(
        head=line(rf"BUG: KASAN: (?:double-free or invalid-free|double-free|invalid-free) in {NAME}"),
        title="KASAN: invalid-free in {f}",
        alts=FREED,
        stack_patterns=(TRACE,),
    ),
    # BUG: KASAN: slab-use-after-free in f+0x1/0x2
    OopsFormat(
        head=line(rf"BUG: KASAN: (?P<k>[a-z\-]+) in {NAME}"),
        needs=(_ACCESS,),
        title="KASAN: {k} {rw} in {f}",
        alts=BAD,
        stack_patterns=(TRACE,),
    ),
    # BUG: KASAN: wild-memory-access on address ffe7087450a17000
    OopsFormat(
        head=line(r"BUG: KASAN: (?P<k>[a-z\-]+) on address"),
        needs=(_ACCESS,),
        title="KASAN: {k} {rw}",
        corrupted=True,
    ),
    OopsFormat(head=line(r"BUG: (?P<rest>KASAN: .*)"), title="{rest}", corrupted=True),
)

KMSAN = (
    # BUG: KMSAN: kernel-usb-infoleak in f+0x1/0x2
    OopsFormat(
        head=line(r"BUG: KMSAN: (?P<k>kernel-usb-infoleak\S*) in \S"),
        title="KMSAN: {k} in {f}",
        alts=("KMSAN origin in {g}",),
        stack_patterns=(BELOW,),
        origin=ORIGIN,
        stackless=True,
        skip=(r"^_*usb_|hcd|urb|^dma_",),
    ),
    # BUG: KMSAN: uninit-value in f+0x1/0x2
    OopsFormat(
        head=line(r"BUG: KMSAN: (?P<k>[a-z\-]+) in \S"),
        title="KMSAN: {k} in {f}",
        alts=BAD,
        stack_patterns=(BELOW,),
        skip=_CRYPTO,
        stackless=True,
    ),
)

KCSAN = (
    # BUG: KCSAN: data-race in f [vexfs] / g [vexfs]
    OopsFormat(
        head=line(
            r"BUG: KCSAN: (?P<k>[\w: -]{1,40} in) (?P<a>[\w.]{1,200})(?: \[[\w-]+\]) / (?P<b>[\w.]{1,200})(?: \[[\w-]+\])?$"
        ),
        title="KCSAN: {k} {a} / {b}",
        stackless=True,
    ),
    # BUG: KCSAN: data-race in f / g [vexfs]    BUG: KCSAN: data-race in f+0x1/0x2 [vexfs]
    OopsFormat(
        head=line(r"BUG: KCSAN: (?P<rest>[^\n\[]{1,500}) \[[\w-]+\]$"),
        title="KCSAN: {rest}",
        stackless=True,
    ),
    # BUG: KCSAN: data-race in f / g    BUG: KCSAN: assert: race in f / g
    OopsFormat(head=line(r"BUG: (?P<rest>KCSAN: .*)"), title="{rest}", stackless=True),
)

KFENCE = (
    # BUG: KFENCE: use-after-free read in f+0x1/0x2
    OopsFormat(
        head=line(rf"BUG: KFENCE: (?P<k>(?:use-after-free|out-of-bounds|invalid) (?:read|write)) in {NAME}"),
        title="KFENCE: {k} in {f}",
        alts=BAD,
        stack_patterns=(BELOW,),
        stackless=True,  # its stacks stand under headings of their own
    ),
    # BUG: KFENCE: invalid free in f+0x1/0x2
    OopsFormat(
        head=line(rf"BUG: KFENCE: invalid free in {NAME}"),
        title="KFENCE: invalid free in {f}",
        alts=FREED,
        stack_patterns=(BELOW,),
        stackless=True,
    ),
    # BUG: KFENCE: memory corruption in f+0x1/0x2
    OopsFormat(
        head=line(rf"BUG: KFENCE: memory corruption in {NAME}"),
        title="KFENCE: memory corruption in {f}",
        stack_patterns=(BELOW,),
        stackless=True,
    ),
    OopsFormat(head=line(r"BUG: (?P<rest>KFENCE: .*)"), title="{rest}", corrupted=True),
)

UBSAN = (
    # UBSAN: Undefined behaviour in kernel/time/hrtimer.c:310:16
    OopsFormat(
        head=line(r"UBSAN: Undefined behaviour in"), title="UBSAN: undefined-behaviour in {f}", stack_patterns=(TRACE,)
    ),
    # UBSAN: array-index-out-of-bounds in fs/x.c:1:2
    OopsFormat(
        head=line(r"UBSAN: (?P<k>array-index-out-of-bounds) in"),
        title="UBSAN: {k} in {f}",
        alts=BAD,
        stack_patterns=(TRACE,),
    ),
    OopsFormat(head=line(r"UBSAN: (?P<k>[a-z][a-z\-]*) in"), title="UBSAN: {k} in {f}", stack_patterns=(TRACE,)),
)
