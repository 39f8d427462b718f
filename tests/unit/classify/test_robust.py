"""Any text in, never an exception: random bytes, cut and mixed logs, every format a log travels in, floods."""

from __future__ import annotations

import random
import time
import tracemalloc
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vexlab.classify import classify, fatal, headline
from vexlab.classify.stream import classify_stream

settings.register_profile("vexlab", deadline=None)  # the machine that runs the tests may be busy
settings.load_profile("vexlab")

OOPS = """\
BUG: kernel NULL pointer dereference, address: 0000000000000008
#PF: supervisor read access in kernel mode
Oops: 0000 [#1] PREEMPT SMP
CPU: 1 PID: 321 Comm: cat Tainted: G           OE      6.1.0-18-amd64 #1  Debian 6.1.76-1
RIP: 0010:demo_read+0x1c/0x40 [demo]
Code: 48 89 e5
RAX: 0000000000000000
Call Trace:
 <TASK>
 ? show_regs+0x1/0x2
 vfs_read+0xa1/0x300
 ksys_read+0x5f/0xe0
 do_syscall_64+0x59/0xb0
 </TASK>
---[ end trace 0000000000000000 ]---
"""
TITLE = "BUG: unable to handle kernel NULL pointer dereference in demo_read"
SPLAT = """\
WARNING: CPU: 0 PID: 7 at fs/demo.c:12 demo_write+0x1/0x2 [demo]
CPU: 0 PID: 7 Comm: dd Not tainted 6.1.0 #1
RIP: 0010:demo_write+0x1/0x2 [demo]
Call Trace:
 vfs_write+0x1/0x2
 ksys_write+0x1/0x2
"""


def each_line(prefix: Callable[[int], str], text: str = OOPS) -> str:
    return "".join(f"{prefix(i)}{line}\n" for i, line in enumerate(text.splitlines()))


FORMATS: dict[str, Callable[[int], str]] = {
    "bare": lambda i: "",
    "stamped": lambda i: f"[   12.{i:06}] ",
    "level": lambda i: f"<4>[   12.{i:06}] ",
    "task mark": lambda i: f"[   12.{i:06}][  T321] ",
    "irq mark": lambda i: f"[   12.{i:06}][    C1] ",
    "dmesg -T": lambda i: "[Tue Nov 21 02:10:11 2023] ",
    "dmesg -x": lambda i: f"kern  :alert : [   12.{i:06}] ",
    "journal": lambda i: "Nov 21 02:10:11 vm kernel: ",
    "journal stamped": lambda i: f"Nov 21 02:10:11 vm kernel: [   12.{i:06}] ",
    "journal iso": lambda i: "2023-11-21T02:10:11+0000 vm kernel: ",
    "journal monotonic": lambda i: f"[   12.{i:06}] vm kernel: ",
    "iso": lambda i: "2023-11-21T02:10:11,123456+00:00 ",
    "collected": lambda i: f"2023-11-21 02:10:11.123 [   12.{i:06}] ",
    "busybox syslog": lambda i: "Nov 21 02:10:11 vm kern.warn kernel: ",
    "RFC 5424": lambda i: f"<4>1 2023-11-21T02:10:11.123456+00:00 vm kernel - - - [   12.{i:06}] ",
    "Samsung": lambda i: f"[   12.{i:06}]  [4:  cat: 321] " if not i else f"[   12.{i:06}] ",
    "MediaTek": lambda i: f"[   12.{i:06}] (1)[321:cat]" if not i else f"[   12.{i:06}] ",
    "kmsg": lambda i: f"4,{i},12{i:06},-;",
    "netconsole": lambda i: f"4,{i},12{i:06},-,caller=T321;",
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_report(name: str) -> None:
    (report,) = classify(each_line(FORMATS[name]), target_modules=["demo"])
    assert (report.title, report.frame, report.corrupted) == (TITLE, "demo_read", False)
    assert (report.task, report.pid, report.cpu, report.release) == ("cat", 321, 1, "6.1.0-18-amd64")
    assert report.taint == ("G", "O", "E")
    assert (report.in_target, report.target_frame) == (True, "demo_read")


def test_terminal_control_and_line_ends_do_not_matter() -> None:
    plain = classify(each_line(FORMATS["stamped"]))[0]
    dressed = each_line(FORMATS["stamped"]).replace("BUG:", "\x1b[1;31mBUG:\x1b[0m").replace("\n", "\r\n")
    (report,) = classify(dressed)
    assert (report.title, report.fingerprint, report.text) == (plain.title, plain.fingerprint, plain.text)


def test_two_tasks_interleaved_by_line_are_told_apart_by_their_marks() -> None:
    one = each_line(lambda i: f"[   12.{i:06}][  T321] ").splitlines()
    two = each_line(lambda i: f"[   12.{i:06}][    T7] ", SPLAT).splitlines()
    mixed = [line for pair in zip(one, two, strict=False) for line in pair] + one[len(two) :]
    first, second = classify("\n".join(mixed))
    assert (first.title, second.title) == (TITLE, "WARNING in demo_write")
    assert "demo_write" not in first.text


@given(st.binary(max_size=2000))
def test_any_bytes(data: bytes) -> None:
    classify(data.decode("utf-8", "replace"))
    classify(data.decode("latin-1"))


PIECES = [*OOPS.splitlines(), *SPLAT.splitlines(),
          "BUG:", "WARNING: ", "INFO: task ", "Call Trace:", "[<", "\x1b[",
          "BUG: KASAN: use-after-free in f+0x1/0x2",
          "Read of size 8 at addr 0", "[bold red]x[/]", "<script>", "{f}",
          "Kernel panic - not syncing: ", "[   12.345678][  T1] ",
          "at: [<0>] f+0x1", "\udcff", "Oops [#1]"]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=60), st.sampled_from(["\n", "", " ", "\n[   1.000000] ", "\r\n"]))
def test_any_mixture(pieces: list[str], glue: str) -> None:
    for report in classify(glue.join(pieces), target_modules=["demo"]):
        assert report.title
        assert len(report.title) <= 120
        assert report.title.isascii()
        assert 1 <= report.first_line <= report.last_line


HOSTILE: dict[str, str] = {
    "a line of ten megabytes": "BUG: " + "x" * 10_000_000,
    "one word, ten megabytes of it": "BUG: " * 2_000_000,
    "NUL": "\x00" * 1_000_000 + "BUG: x\n",
    "what was no UTF-8": "\ufffd" * 1_000_000 + "\nBUG: x\n",
    "a hundred thousand headlines": "".join(
        f"[ {i}.345678] WARNING: CPU: 1 PID: {i} at fs/x{i}.c:12 f{i}+0x1/0x2\n" for i in range(100_000)
    ),
    "a time stamp without an end": "[" + "1" * 1_000_000 + ".1] BUG: x\n",
    "carriage returns": "\r" * 1_000_000 + "BUG: x",
    "an escape without an end": ("\x1b]" + "0" * 300) * 2000 + "BUG: x",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_read_to_its_end(name: str) -> None:
    text = HOSTILE[name] + "\n" + each_line(FORMATS["stamped"])
    found = classify(text, target_modules=["demo"])
    assert all(report.title and len(report.title) <= 120 and len(report.headline) <= 1024 for report in found)
    assert len(found) <= 2000
    assert fatal(text) == OOPS.splitlines()[0]


@given(st.text(alphabet="BUG: WARNIFO[#1]x0+=-/\n\t\x00\x1b<>(){}.%s", max_size=400), st.integers(0, 3))
def test_any_text_of_the_kernels_own_letters(text: str, where: int) -> None:
    lines = OOPS.splitlines()
    lines.insert(where * 4, text)
    for report in classify("\n".join(lines), target_modules=["demo"]):
        assert report.title.isascii()
    fatal(text)
    headline(text)


@given(st.integers(0, len(OOPS)))
def test_a_log_cut_anywhere(length: int) -> None:
    for report in classify(OOPS[:length]):
        assert report.corrupted or report.title == TITLE or length < OOPS.index("\n")


@given(st.lists(st.integers(0, 5), max_size=8), st.integers(1, 500))
@settings(max_examples=30)
def test_a_stream_finds_what_the_whole_text_holds(order: list[int], size: int) -> None:
    text = "".join((OOPS, SPLAT, "harmless\n" * 30)[kind % 3] for kind in order)
    chunks = (text[i : i + size] for i in range(0, len(text), size))
    assert tuple(classify_stream(chunks)) == classify(text)


FLOODS: dict[str, str] = {
    "harmless": "[   12.345678] usb 1-1: new high-speed USB device number 2\n",
    "keyword": "BUG:\n",
    "raw": "[   12.345678] BUG: something is odd here\n",
    "headline": "[   12.345678] WARNING: CPU: 1 PID: 2 at fs/x.c:12 f+0x1/0x2\n",
    "panic": "Kernel panic - not syncing: Fatal exception\n",
    "escape": "\x1b[31mBUG: foo\x1b[0m\n",
    "brackets": "WARNING: [] [] [] [] [] [] [] [] [] [] [] [] x\n",
    "one line": "BUG: x ",
    "killed": "Killed process ",
    "trace": "Call Trace:\n memcpy+0x1/0x2\n",
    "numbers": "syz-executor1111111111111111111111111111111111a ",
    "fault": "[   12.345678] BUG: kernel NULL pointer dereference, address: 0\n[   11.345678] Oops: 0000 [#7] SMP\n",
    "leak": "unreferenced object 0xffff888101e6d00 (size 256):\n  backtrace:\n    f+0x1/0x2 [demo]\n",
    "race": "BUG: KCSAN: " + "a " * 2000 + "\n",
    "stamps": "[   12.345678]" * 250 + " BUG: x\n",
    "leads": "rcu: " * 800 + "BUG: x\n",
    "recorders": "vm-1  | 1700532611 " * 100 + "BUG: x\n",
    "count": "a: " * 1300 + "[#1] SMP\n",
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_takes_linear_time(name: str) -> None:
    def seconds(size: int) -> float:
        text = "BUG: KASAN: use-after-free in memcpy+0x1/0x2\n" + FLOODS[name] * (size // len(FLOODS[name]))
        begin = time.process_time()
        classify(text)
        return time.process_time() - begin

    small, large = seconds(250_000), seconds(2_000_000)
    assert large < 16 * small + 2.0, f"{small:.2f} s for 0.25 MB, {large:.2f} s for 2 MB"


def test_a_flood_hides_no_other_crash() -> None:
    flood = FLOODS["headline"] * 5000
    titles = [report.title for report in classify(flood + each_line(FORMATS["stamped"]))]
    assert titles[-1] == TITLE
    assert 100 < len(titles) < 1000


@pytest.mark.long
def test_200_megabytes_in_bounded_memory() -> None:
    def chunks() -> Iterator[str]:
        block = FLOODS["harmless"] * 16_000
        for _ in range(200_000_000 // len(block)):
            yield block
        yield OOPS

    tracemalloc.start()
    try:
        reports = tuple(classify_stream(chunks()))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [report.title for report in reports] == [TITLE]
    assert peak < 100_000_000


def test_headline_agrees_with_classify() -> None:
    assert headline("nothing\nto see") is None
    assert headline(each_line(FORMATS["stamped"])) == OOPS.splitlines()[0]
    generator = random.Random(1)
    lines = each_line(FORMATS["stamped"]).splitlines()
    generator.shuffle(lines)
    assert headline("\n".join(lines)) is not None
