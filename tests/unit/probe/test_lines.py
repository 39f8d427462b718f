"""What fsprobe says is read, judged by the table, and what the kernel says belongs to the probe in which it came."""

from __future__ import annotations

import pytest

from vexlab.model.profile import State
from vexlab.probe.lines import Answer, blamed, capability_of, read_lines

_OOPS = """\
[   12.100000] BUG: kernel NULL pointer dereference, address: 0000000000000000
[   12.100001] #PF: supervisor instruction fetch in kernel mode
[   12.100002] #PF: error_code(0x0010) - not-present page
[   12.100003] Oops: 0010 [#1] PREEMPT SMP NOPTI
[   12.100004] CPU: 0 PID: 123 Comm: fsprobe Tainted: G           OE      6.1.0-13-amd64 #1 Debian 6.1.55-1
[   12.100005] RIP: 0010:0x0
[   12.100006] Code: Unable to access opcode bytes at 0xffffffffffffffd6.
[   12.100007] RSP: 0018:ffffc90000a3bd48 EFLAGS: 00010246
[   12.100008] Call Trace:
[   12.100009]  <TASK>
[   12.100010]  young_page_mkwrite+0x12/0x40 [young]
[   12.100011]  do_page_mkwrite+0x4c/0xd0
[   12.100012]  </TASK>
[   12.100013] ---[ end trace 0000000000000000 ]---
"""


def _said(*lines: str) -> str:
    return "".join(f"[   11.{number:06}] fsprobe: {line}\r\n" for number, line in enumerate(lines))


def test_answers_are_read_and_other_lines_are_not() -> None:
    console = (
        "[    1.000000] fsprobe: {broken json}\n"
        '[    1.000001] fsprobe: {"begin":"nonsense"}\n'
        '[    1.000002] fsprobe: {"name":"nonsense","state":"works","ms":1.0}\n'
        '[    1.000003] fsprobe: {"name":"link","state":"perhaps","ms":1.0}\n'
    ) + _said(
        '{"begin":"symlink"}',
        '{"name":"symlink","state":"refused","errno":"EPERM","trigger":"symlink(a, b)","ms":2.0}',
        '{"begin":"name_max"}',
        '{"name":"name_max","state":"works","limit":255,"ms":3.3}',
    )
    said = read_lines(console, module="young")
    assert set(said.answers) == {"symlink", "name_max"}
    assert (said.unanswered, said.findings) == ("", {})
    assert capability_of(said.answers["name_max"]).limit == 255
    symlink = capability_of(said.answers["symlink"])
    assert (symlink.state, symlink.errno, symlink.allowed) == (State.REFUSED, "EPERM", True)


def test_a_crash_belongs_to_the_probe_that_had_begun() -> None:
    console = _said('{"begin":"mmap_read"}', '{"name":"mmap_read","state":"works","ms":1.0}', '{"begin":"mmap_write"}')
    said = read_lines(console + _OOPS, module="young")
    assert said.unanswered == "mmap_write"
    assert set(said.findings) == {"mmap_write"}
    assert "young_page_mkwrite" in said.findings["mmap_write"].title
    went_on = _said('{"name":"mmap_write","state":"broken","detail":"the process dies of SIGKILL","ms":1.0}')
    said = read_lines(console + _OOPS + went_on, module="young")
    assert said.unanswered == ""
    found = blamed(capability_of(said.answers["mmap_write"]), said.findings["mmap_write"])
    assert found.state is State.BROKEN
    assert found.detail == "the process dies of SIGKILL"
    assert "young_page_mkwrite" in found.finding
    assert found.deadly


def test_what_works_while_the_kernel_complains_is_broken() -> None:
    console = _said('{"begin":"link"}') + _OOPS + _said('{"name":"link","state":"works","ms":1.0}')
    said = read_lines(console, module="young")
    found = blamed(capability_of(said.answers["link"]), said.findings["link"])
    assert (found.state, found.detail) == (State.BROKEN, "the kernel complained while it was asked")


@pytest.mark.parametrize(
    ("answer", "state", "allowed", "words"),
    [
        (Answer(name="link", state=State.REFUSED, errno="EPERM"), State.REFUSED, True, ""),
        (Answer(name="link", state=State.REFUSED, errno="EIO"), State.BROKEN, False, "expected EPERM or EOPNOTSUPP"),
        (Answer(name="syncfs", state=State.REFUSED, errno="EIO"), State.BROKEN, False, "expected success, got EIO"),
        (Answer(name="birth_time", state=State.REFUSED), State.REFUSED, True, ""),
        (Answer(name="chmod", state=State.REFUSED, silent=True, detail="it stays"), State.REFUSED, False, "it stays"),
        (Answer(name="file_size", state=State.WORKS, limit=9, errno="EFBIG"), State.WORKS, True, ""),
        (Answer(name="file_size", state=State.WORKS, limit=9, errno="ENOSPC"), State.WORKS, False, ""),
    ],
)
def test_an_error_that_no_page_allows_is_a_wrong_one(
    answer: Answer, state: State, *, allowed: bool, words: str
) -> None:
    capability = capability_of(answer)
    assert (capability.state, capability.allowed) == (state, allowed)
    assert words in capability.detail


def test_what_a_guest_says_is_made_printable() -> None:
    capability = capability_of(Answer(name="link", state=State.BROKEN, detail="\x1b[31mred\n" + "x" * 1000))
    assert capability.detail.startswith("[31mred")
    assert len(capability.detail) == 400
