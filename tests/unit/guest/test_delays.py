"""Where a module is delayed: before and behind each call of its code, by names that a kprobe takes."""

from __future__ import annotations

from vexlab.guest.delays import around_calls

LISTING = """
vexfs.ko:     file format elf64-x86-64

Disassembly of section .text:

0000000000000000 <vexfs_link>:
   0:	call   5 <vexfs_link+0x5>
   5:	push   %rbx
   6:	mov    %rdi,%rbx
   9:	call   e <vexfs_link+0xe>
   e:	call   13 <vexfs_link+0x13>
  13:	pop    %rbx
  14:	jmp    19 <vexfs_link+0x19>

0000000000000020 <vexfs_link.cold>:
  20:	call   25 <vexfs_link.cold+0x5>
  25:	ret

0000000000000030 <vexfs_open>:
  30:	xor    %eax,%eax
  32:	ret
"""


def test_places_are_before_and_behind_calls() -> None:
    found = list(around_calls(LISTING, "vexfs"))
    assert found == [f"vexfs:vexfs_link+{at}" for at in ("0x9", "0xe", "0x13")]


def test_the_call_of_ftrace_behind_a_landing_place_is_none() -> None:
    listing = (
        "0000000000000000 <f>:\n   0:\tendbr64\n   4:\tcall   9 <f+0x9>\n   9:\tpush   %rbx\n   a:\tcall   f <f+0xf>\n"
    )
    assert list(around_calls(listing, "m")) == ["m:f+0xa"]


def test_a_listing_of_something_else_has_no_places() -> None:
    assert list(around_calls("\0 <>:\n 4: call\n", "vexfs")) == []
