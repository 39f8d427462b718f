"""From lines of the kernel's trace to the function that an error came from."""

from __future__ import annotations

import pytest

from vexlab.errors import UsageError
from vexlab.model.trace import ErrnoTrace
from vexlab.trace.errno import number_of, parse_returns
from vexlab.trace.words import errno_lines

FUNCTIONS = (
    "vexfs_insert_entry",
    "vexfs_add_entry",
    "vexfs_mkdir",
    "vexfs_write_begin",
    "vexfs_write_iter",
    "vexfs_iget",
)
# as Linux 6.1 prints it
MKDIR = """# tracer: nop
#
           mkdir-312     [001] .....   12.340001: r0: (vexfs_add_entry+0x6d/0x1f0 [vexfs] <- vexfs_insert_entry) ret=-17
           mkdir-312     [001] .....    12.340010: r1: (vexfs_mkdir+0x10d/0x2f0 [vexfs] <- vexfs_add_entry) ret=-17
           mkdir-312     [001] .....    12.340019: r2: (vfs_mkdir+0x9c/0x150 <- vexfs_mkdir) ret=-17
           mkdir-312     [001] .....    12.340030: sys_exit: NR 83 = -17
"""


def test_the_innermost_function_comes_first() -> None:
    (origin,) = parse_returns(MKDIR, 17, FUNCTIONS)
    assert [each.function.function for each in origin.returns] == list(FUNCTIONS[:3])
    assert origin.system_call == "mkdir"
    first = origin.returns[0]
    assert (first.caller.function, first.caller.offset, first.caller.module) == ("vexfs_add_entry", 0x6D, "vexfs")
    assert first.task == "mkdir-312"


def test_a_way_through_the_kernel_is_one_way() -> None:
    text = """
   dd-9  [000] d.... 1.000001: r3: (generic_perform_write+0xcf/0x1d0 <- vexfs_write_begin) ret=-28
   dd-9  [000] d.... 1.000002: r4: (vfs_write+0x2b5/0x3f0 <- vexfs_write_iter) ret=-28
   dd-9  [000] d.... 1.000003: sys_exit: NR 1 = -28
"""
    (origin,) = parse_returns(text, 28, FUNCTIONS)
    assert [each.function.function for each in origin.returns] == ["vexfs_write_begin", "vexfs_write_iter"]


def test_what_the_caller_dealt_with_is_no_part_of_the_way() -> None:
    text = """
   ls-9  [000] d.... 1.000001: r5: (vexfs_add_entry+0x11/0x1d0 [vexfs] <- vexfs_iget) ret=-2
   ls-9  [000] d.... 1.000002: r2: (vfs_mkdir+0x2b5/0x3f0 <- vexfs_mkdir) ret=-2
   ls-9  [000] d.... 1.000003: sys_exit: NR 83 = -2
"""
    reached, dealt = parse_returns(text, 2, FUNCTIONS)
    assert [each.function.function for each in reached.returns] == ["vexfs_mkdir"]
    assert [each.function.function for each in dealt.returns] == ["vexfs_iget"]
    assert (reached.system_call, dealt.system_call) == ("mkdir", "")


def test_ways_of_several_tasks_do_not_mix_and_alike_are_counted() -> None:
    text = """
   a-1  [000] d.... 1.000001: r0: (vexfs_mkdir+0x1/0x2 [vexfs] <- vexfs_insert_entry) ret=-17
   b-2  [001] d.... 1.000002: r0: (vexfs_mkdir+0x1/0x2 [vexfs] <- vexfs_insert_entry) ret=-17
   a-1  [000] d.... 1.000003: r2: (vfs_mkdir+0x1/0x2 <- vexfs_mkdir) ret=-17
   b-2  [001] d.... 1.000004: r2: (vfs_mkdir+0x1/0x2 <- vexfs_mkdir) ret=-17
   a-1  [000] d.... 1.000005: sys_exit: NR 83 = -17
   b-2  [001] d.... 1.000006: sys_exit: NR 83 = -17
"""
    (origin,) = parse_returns(text, 17, FUNCTIONS)
    assert origin.count == 2
    assert len(origin.returns) == 2


def test_the_last_way_is_the_first_that_is_told() -> None:
    later = MKDIR.replace("12.34", "99.34").replace(
        "r0: (vexfs_add_entry+0x6d/0x1f0 [vexfs] <- vexfs_insert_entry)", "junk"
    )
    first, second = parse_returns(MKDIR + later, 17, FUNCTIONS)
    assert first.returns[0].function.function == "vexfs_add_entry"
    assert second.returns[0].function.function == "vexfs_insert_entry"


@pytest.mark.parametrize(
    "text", ["", "\0\xff", "x-1 [0] . 1.0: r99: (a <- b) ret=-17\n", "r0: (", "a-1 [0] . 1.0: sys_exit: NR x = y"]
)
def test_what_a_guest_prints_otherwise_is_passed_over(text: str) -> None:
    assert parse_returns(text, 17, FUNCTIONS) == ()


def test_the_words() -> None:
    trace = ErrnoTrace(errno="EEXIST", module="vexfs", origins=parse_returns(MKDIR, 17, FUNCTIONS))
    lines = list(errno_lines(trace))
    assert lines[0] == "EEXIST comes from vexfs_insert_entry (mkdir-312, returned by mkdir)"
    assert lines[1:] == [
        "    vexfs_insert_entry, called from vexfs_add_entry",
        "    vexfs_add_entry, called from vexfs_mkdir",
        "    vexfs_mkdir, called from vfs_mkdir",
    ]
    nothing = list(errno_lines(ErrnoTrace(errno="EIO", module="vexfs")))
    assert nothing == ["no function of vexfs returned EIO while the case ran"]


def test_names_of_errors() -> None:
    assert number_of("EEXIST") == 17
    assert number_of("EOPNOTSUPP") == 95
    with pytest.raises(UsageError, match="`EEXISTS` is no error") as raised:
        number_of("EEXISTS")
    assert "EEXIST" in raised.value.hint
