"""What gdb is told of a machine: where the module's sections lie, its source, the socket."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from vexlab.debug.gdb import commands, parse_sections

_TOLD = """\
.text 0xffffffffc0200000
.text.unlikely 0xffffffffc0203f10
.data 0xffffffffc0208000
.data..read_mostly 0xffffffffc0208400
.bss 0xffffffffc0209000
.init.text 0xffffffffc020c000
.note.gnu.build-id 0xffffffffc0206000
.text;quit 0x1
.rodata 0xffffffffc0205000; shell id
"""


def test_only_sections_that_stay_are_taken() -> None:
    assert parse_sections(_TOLD) == {
        ".text": 0xFFFFFFFFC0200000,
        ".text.unlikely": 0xFFFFFFFFC0203F10,
        ".data": 0xFFFFFFFFC0208000,
        ".data..read_mostly": 0xFFFFFFFFC0208400,
        ".bss": 0xFFFFFFFFC0209000,
    }


def test_the_commands_name_symbols_source_and_socket() -> None:
    told = commands(
        symbols=Path('/a "b"/module.debug.ko'),
        sections={".text": 0xFFFFFFFFC0200000, ".data": 0xFFFFFFFFC0208000},
        socket=Path("/state/one/gdb"),
        source=Path("/home/user/my fs"),
    ).splitlines()
    assert 'directory "/home/user/my fs"' in told
    assert 'add-symbol-file "/a \\"b\\"/module.debug.ko" 0xffffffffc0200000 -s .data 0xffffffffc0208000' in told
    assert told[-1] == "target remote /state/one/gdb"


@pytest.mark.skipif(not shutil.which("gdb"), reason="gdb is not installed (scripts/packages-test.txt)")
def test_gdb_understands_all_but_the_machine(tmp_path: Path) -> None:
    source = tmp_path / "my fs"
    source.mkdir()
    (source / "m.c").write_text("int one(void)\n{\n\treturn 1;\n}\n")
    symbols = source / "m.ko"
    subprocess.run(["gcc", "-g", "-c", "m.c", "-o", symbols], cwd=source, check=True)
    file = tmp_path / "commands"
    words = commands(symbols=symbols, sections={".text": 0x10000}, socket=tmp_path / "none", source=source)
    file.write_text("".join(line for line in words.splitlines(keepends=True) if not line.startswith("target ")))
    argv = ["gdb", "-nx", "-batch", "-x", str(file), "-ex", "info symbol 0x10000", "-ex", "list one", "-ex", "kill"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert "one in section .text" in done.stdout
    assert "return 1;" in done.stdout
    assert "rror" not in done.stderr.replace("The program is not being run.", "")
