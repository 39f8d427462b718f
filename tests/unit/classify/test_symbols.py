"""Symbols from a small program of our own, compiled with debug information where a compiler is at hand."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from vexlab.classify import classify
from vexlab.classify.places import placed
from vexlab.classify.symbols import DebugInfo, symbolise
from vexlab.errors import UsageError
from vexlab.model.report import Frame, Report, Severity
from vexlab.model.verdict import Finding

pytestmark = pytest.mark.skipif(
    not (shutil.which("cc") and shutil.which("addr2line") and shutil.which("readelf")),
    reason="needs a C compiler and binutils",
)
SOURCE = """\
volatile int sink;
static inline __attribute__((always_inline)) void innermost(int x)
{
	sink = x / sink;
}
__attribute__((noinline)) void demo_write(int x)
{
	innermost(x);
	sink = 7;
}
__attribute__((section(".init.text"))) void demo_init(void)
{
	demo_write(1);
	sink = 8;
}
"""


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("module")
    (folder / "demo.c").write_text(SOURCE)
    subprocess.run(["cc", "-g", "-O1", "-c", "demo.c", "-o", "demo.ko"], cwd=folder, check=True)
    return folder / "demo.ko"


def size_of(module: Path, function: str) -> int:
    table = subprocess.run(["readelf", "-sW", module], capture_output=True, text=True, check=True).stdout
    found = re.search(rf": [0-9a-f]+ +(\d+) FUNC .* {function}$", table, re.M)
    assert found
    return int(found[1])


def report(write_size: int, init_size: int, release: str = "6.1.0") -> tuple[Report, ...]:
    return classify(f"""\
WARNING: CPU: 0 PID: 7 at demo.c:4 demo_write+0x1/{write_size:#x} [demo]
CPU: 0 PID: 7 Comm: dd Not tainted {release} #1
RIP: 0010:demo_write+0x4/{write_size:#x} [demo]
Call Trace:
 demo_init+{init_size - 1:#x}/{init_size:#x} [demo]
 vfs_write+0x1/0x2
""")


def frames(done: tuple[Report, ...]) -> list[Frame]:
    return [frame for trace in done[0].traces for frame in trace.frames]


def test_lines_and_inlined_callers(module: Path, tmp_path: Path) -> None:
    found = report(size_of(module, "demo_write"), size_of(module, "demo_init"))
    for _ in range(2):  # the second time from the cache
        done = symbolise(found, DebugInfo(modules={"demo": module}), cache=tmp_path)
        got = frames(done.reports)
        assert [(frame.function, frame.inline) for frame in got] == [
            ("innermost", True),
            ("demo_write", False),
            ("demo_init", False),
            ("vfs_write", False),
        ]
        assert [frame.source.rpartition("/")[2] for frame in got[:2]] == ["demo.c:4", "demo.c:8"]
        assert got[2].source.rpartition("/")[2].startswith("demo.c:1")
        assert got[3].source == ""
    assert done.reports[0].fingerprint == found[0].fingerprint


def test_a_file_of_another_build_tells_nothing(module: Path, tmp_path: Path) -> None:
    found = report(0x900, 0x901)
    assert symbolise(found, DebugInfo(modules={"demo": module}), cache=tmp_path).reports == found


def test_a_file_that_is_no_object_is_the_users_error(tmp_path: Path) -> None:
    file = tmp_path / "demo.ko"
    file.write_text("no")
    with pytest.raises(UsageError, match="not an ELF file"):
        symbolise((), DebugInfo(modules={"demo": file}), cache=tmp_path)


def finding(module: Path, frame: str = "demo_write") -> Finding:
    write, init = size_of(module, "demo_write"), size_of(module, "demo_init")
    text = f"""\
BUG: kernel NULL pointer dereference, address: 0000000000000000
RIP: 0010:demo_write+0x4/{write:#x} [demo]
Call Trace:
 demo_init+{init - 1:#x}/{init:#x} [demo 5e1f0a]
 other_init+0x4/0x10 [other]
 vfs_write+0x1/0x2
"""
    return Finding(title="BUG: f", type="BUG", severity=Severity.CRASH, frame=frame, text=text, fingerprint="a" * 16)


def test_a_finding_tells_the_lines_of_the_module_and_keeps_its_words(module: Path, tmp_path: Path) -> None:
    found = finding(module)
    done = placed(found, DebugInfo(modules={"demo": module}), tmp_path)
    lines = done.text.splitlines()
    assert re.search(r"\[demo\] \(innermost \S*demo\.c:4, in \S*demo\.c:8\)$", lines[1]), lines[1]
    assert re.search(r"\[demo 5e1f0a\] \(\S*demo\.c:1[34]\)$", lines[3]), lines[3]
    assert lines[4:] == found.text.splitlines()[4:], "what is no module of the target's stays as it is"
    assert Path(done.place).name == "demo.c:8"
    assert (done.title, done.fingerprint, done.frame) == (found.title, found.fingerprint, found.frame)


def test_a_finding_about_another_function_or_build_has_no_place(module: Path, tmp_path: Path) -> None:
    info = DebugInfo(modules={"demo": module})
    assert placed(finding(module, "vfs_write"), info, tmp_path).place == ""
    other = finding(module)
    other = replace(other, text=re.sub(r"/0x[0-9a-f]+ \[demo\]", "/0x4000 [demo]", other.text))
    assert placed(other, info, tmp_path).place == "", "a function of another size is of another build"
    silent = replace(other, text="")
    assert placed(silent, info, tmp_path) == silent
