"""fsfuzz on the host, in an ordinary directory: it generates, replays, and gives its programs away in memory."""

from __future__ import annotations

import json
import re
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.unit.guest.conftest import SOURCES
from tests.unit.guest.conftest import programs as programs

from vexlab.fuzz.layout import Interface, render_table
from vexlab.fuzz.memory import programs_in
from vexlab.fuzz.minimise import operations, programs_of

MAGIC = "00112233445566778899aabbccddeeff"
TABLE = """\
V 4096
C X_GET 3222304769 16
M 0 4 version const 3
M 4 4 dim number 1 4096
M 8 8 vector pointer 4 f 4 -1
"""


def _fsfuzz(programs: Path, folder: Path, *words: str, table: str = TABLE) -> tuple[int, list[dict[str, Any]], str]:
    (folder / "table").write_text(table)
    point = folder / "point"
    point.mkdir(exist_ok=True)
    done = subprocess.run(
        [programs / "fsfuzz", *words, "--point", point, "--table", folder / "table", "--magic", MAGIC],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def test_programs_are_made_and_kept(programs: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    words = [
        "run",
        "--seed",
        "5",
        "--seconds",
        "40",
        "--times",
        "1000",
        "--calls",
        "--threads",
        "3",
        "--save",
        str(corpus),
    ]
    status, lines, errors = _fsfuzz(programs, tmp_path, *words)
    assert status == 0, errors
    assert lines[-1]["state"] == "done"
    assert lines[-1]["programs"] > 10
    assert lines[-1]["succeeded"] < lines[-1]["calls"]
    kept = programs_of(corpus.read_text())
    assert len(kept) == lines[-1]["corpus"] > 5
    names = {line.split()[1] for each in kept for line in operations(each)}
    assert {"open", "ioctl", "write"} <= names
    assert {path.name for path in (tmp_path / "point").iterdir()} <= {"d"}, "every program begins with an empty place"
    assert programs_of(lines[-1]["tail"]), "what ran last is told"


def test_a_kept_program_is_replayed_as_it_was(programs: Path, tmp_path: Path) -> None:
    text = "0 open 1 0 66\n0 ioctl 1 3222304769 16:0300000002 c8=8:0000803f f4=4:ffffffff\n1 write 1 4096 100 3\n"
    (tmp_path / "program").write_text(text)
    words = ["replay", "--times", "3", "--threads", "2", str(tmp_path / "program")]
    status, lines, errors = _fsfuzz(programs, tmp_path, *words)
    assert status == 0, errors
    assert (lines[-1]["programs"], lines[-1]["calls"]) == (3, 9)
    assert programs_of(lines[-1]["tail"]) == [text] * 3


@pytest.mark.parametrize(
    "line",
    ["0 nosuch 1", "0 open 1", "9 close 1", "0 close 77", "0 open 1 50 66", "0 ioctl 1 x 4:",
     "0 ioctl 1 7 4:0102030405", "0 ioctl 1 7 16: g12=8:00",
     "0 ioctl 1 7 16: f14=4:00", "0 ioctl 1 7 16: g8=99999999:00", "0 ioctl 1 7 9999:"],
)  # fmt: skip
def test_what_is_no_program_is_refused(programs: Path, tmp_path: Path, line: str) -> None:
    (tmp_path / "program").write_text(f"{line}\n")
    status, _, _ = _fsfuzz(programs, tmp_path, "replay", "--times", "1", str(tmp_path / "program"))
    assert status == 2


@pytest.mark.parametrize("table", ["M 0 4 x zero\n", "C X 1 8\nM 8 4 x zero\n", "C X 1 8\nM 0 4 x what\n", "Q\n"])
def test_a_table_without_sense_is_refused(programs: Path, tmp_path: Path, table: str) -> None:
    status, _, errors = _fsfuzz(programs, tmp_path, "run", "--seconds", "1", table=table)
    assert status == 2
    assert "makes no sense" in errors


def test_the_table_of_vexfs_is_read(programs: Path, tmp_path: Path, interface: Interface) -> None:
    corpus = tmp_path / "corpus"
    words = ["run", "--seed", "1", "--seconds", "40", "--times", "1000", "--save", str(corpus)]
    status, lines, errors = _fsfuzz(programs, tmp_path, *words, table=render_table(interface))
    assert status == 0, errors
    assert lines[-1]["programs"] > 10
    numbers = set(re.findall(r" ioctl \d (\d+) ", corpus.read_text()))
    assert len(numbers & {str(call.number) for call in interface.calls}) >= 7


WALK = """
#include <stdio.h>
#include "fsfuzz/fuzz.h"

int main(int argc, char **argv)
{
	struct program program = { .ops = 3 }, next;
	struct outcome outcomes[3] = { { 0 }, { 0 }, { 22 } };
	uint64_t state = 7;

	(void)argc;
	table_read(argv[1]);
	program.op[0].code = OP_OPEN;
	for (int i = 1; i < 3; i++) {
		program.op[i].code = OP_IOCTL;
		program.op[i].number = table.call[i - 1].number;
		program.op[i].data[4] = 0xff;
	}
	walk_take(&program, outcomes, &state);
	walk_take(&program, outcomes, &state);
	while (walk_next(&next, &state))
		printf("%d %lx %lx\\n", next.ops, (long)number_at(next.op[1].data, 8), (long)number_at(next.op[1].data + 8, 8));
	return 0;
}
"""


CLAIMS = """
#include <stdio.h>
#include <stdlib.h>
#include "fsfuzz/fuzz.h"

int main(int argc, char **argv)
{
	struct op op = { .code = OP_IOCTL };

	table_read(argv[1]);
	for (int i = 2; i + 1 < argc; i += 2) {
		number_put(op.data, 4, strtoull(argv[i], NULL, 0));
		number_put(op.data + 4, 4, strtoull(argv[i + 1], NULL, 0));
		printf("%lu\\n", (unsigned long)pointer_claims(&op, table.call, &table.call->member[2]));
	}
	return 0;
}
"""


def _built(folder: Path, text: str, *parts: str) -> Path:
    """Return a program of ``text`` and of files of fsfuzz."""
    program = folder / "program"
    (folder / "main.c").write_text(text)
    sources = [SOURCES / "fsfuzz" / f"{part}.c" for part in parts]
    words: list[str | Path] = ["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-I", SOURCES, "-o", program]
    subprocess.run([*words, folder / "main.c", *sources], check=True, timeout=60)
    return program


def test_a_room_that_is_larger_than_memory_claims_nothing_that_is_looked_behind(tmp_path: Path) -> None:
    program = _built(tmp_path, CLAIMS, "buffers", "wrong", "table", "program")
    (tmp_path / "table").write_text(
        "C X 5 16\nM 0 4 count number 0 0\nM 4 4 size number 0 0\nM 8 8 to pointer 4 i 0 4\n"
    )
    given = ["1", "3", "0x20000001", "1", "0xffffffff", "0xffffffff", "0", "0xffffffff"]
    done = subprocess.run([program, tmp_path / "table", *given], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["12", "0", "0", "0"]


def test_each_bit_of_a_call_that_works_is_changed_once(tmp_path: Path) -> None:
    program = _built(tmp_path, WALK, "walk", "table", "program")
    (tmp_path / "table").write_text(
        "C WORKS 5 16\nM 0 4 version const 3\nM 4 2 dim number 1 9\nM 8 4 flags flags 1\nM 12 4 pad zero\n"
        "C FAILS 6 16\nM 4 4 dim number 1 9\n"
    )
    done = subprocess.run([program, tmp_path / "table"], capture_output=True, text=True, timeout=60, check=True)
    ways = [tuple(int(word, 16) for word in line.split()) for line in done.stdout.splitlines()]
    assert {ops for ops, _, _ in ways} == {2}, "what stands behind the call is cut off"
    wanted = {(0xFF << 32 ^ 1 << 32 + bit, 0) for bit in range(16)} | {(0xFF << 32, 1 << bit) for bit in range(32)}
    assert sorted((low, high) for _, low, high in ways) == sorted(wanted)


def _page(number: int, index: int, pages: int, text: bytes) -> bytes:
    head = struct.pack("<16sQIIII", bytes.fromhex(MAGIC), number, index, pages, len(text), 0)
    return (head + text).ljust(4096, b"\0")


def test_programs_are_found_in_memory() -> None:
    other = b"\xaa" * 4096
    torn = _page(0, 0, 1, b"half written")
    memory = b"".join([_page(9, 1, 2, b"end\n"), other, _page(8, 0, 1, b"one\n"), torn, _page(9, 0, 2, b"two "),
                       _page(7, 0, 2, b"its second page is gone")])  # fmt: skip
    found = programs_in(memory, bytes.fromhex(MAGIC))
    assert [(each.number, each.text) for each in found] == [(8, "one\n"), (9, "two end\n")]
    assert not programs_in(b"\1" + memory, bytes.fromhex(MAGIC)), "pages stand at multiples of their size"


def test_hostile_memory_is_no_program() -> None:
    bad = [struct.pack("<16sQIIII", bytes.fromhex(MAGIC), 1, *rest).ljust(4096, b"\0")
           for rest in ((5, 2, 10, 0), (0, 99, 10, 0), (0, 1, 5000, 0))]  # fmt: skip
    assert not programs_in(b"".join(bad), bytes.fromhex(MAGIC))
