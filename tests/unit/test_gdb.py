"""What gdb is told of a machine: where the module's sections lie, its source, the socket."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from vexlab.debug.gdb import Places, at_load, commands, going_on, parse_sections

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


def test_what_stops_before_a_modules_init_is_python_that_gdb_takes() -> None:
    words = at_load("my_fs", Path('/a "b"/m.debug.ko'), 0xFFFFFFFF81139F60, Places(name=24, text=360, init=440))
    code = "\n".join(words[words.index("python") + 1 : words.index("end")])
    compile(code, "gdb", "exec")
    assert "read_memory(module + 24, 56)" in code
    assert 'AtLoad("*0xffffffff81139f60"' in code
    assert going_on(Path("/a b/go"))[:3] == ("define go", "shell touch '/a b/go'", "continue")


def test_where_a_module_keeps_its_code_is_read_from_its_debugging_information(tmp_path: Path) -> None:
    pytest.importorskip("drgn", reason="the extra vexlab[debug] is not installed")
    from vexlab.debug.moduletypes import places_in

    now = (
        "struct memory { void *base; long size; }; struct module { long state; char name[56]; struct memory mem[7]; };"
    )
    before = "struct layout { void *base; }; struct module { char name[56]; struct layout core_layout, init_layout; };"
    for number, types in enumerate((now, before, "struct module { int x; };", "")):
        (tmp_path / f"{number}.c").write_text(f"{types}\n{'struct module this;' if types else 'int this;'}\n")
        argv: list[str | Path] = ["gcc", "-g", "-c", "-o", tmp_path / f"{number}.o", tmp_path / f"{number}.c"]
        subprocess.run(argv, check=True, timeout=60)
    found = [places_in(tmp_path / f"{number}.o") for number in range(4)]
    assert found == [Places(name=8, text=64, init=128), Places(name=0, text=56, init=64), None, None]
    assert places_in(tmp_path / "none.o") is None
