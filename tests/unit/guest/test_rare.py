"""Random sequences draw more of the sizes and offsets that a list names."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from vexlab.guest.inputs import rare_file
from vexlab.guest.sequence import Program, parse_program


def _drawn(programs: Path, known: str) -> Program:
    argv = [str(programs / "fsseq"), "gen", "7", "4000"]
    done = subprocess.run(argv, env={**os.environ, "VEXLAB_RARE": known}, capture_output=True, text=True, check=True)
    return parse_program(done.stdout)


def _sizes(program: Program, name: str, argument: int) -> list[int]:
    """Return the binary digits of an argument of all operations of this name."""
    return [int(op.args[argument]).bit_length() for op in program if op.name == name]


def test_sizes_and_offsets_that_are_rare_are_drawn(programs: Path, tmp_path: Path) -> None:
    (tmp_path / "list").write_text("pwrite size 18\npwrite size 30\npread offset 24\ntruncate size 2\n")
    plain, steered = _drawn(programs, "/nonesuch"), _drawn(programs, str(tmp_path / "list"))
    assert plain == _drawn(programs, ""), "nothing is known: the seed alone decides"
    assert max(_sizes(plain, "write", 2)) < 18 == max(_sizes(steered, "write", 2)), "no call is of 2^30 bytes"
    assert _sizes(steered, "read", 1).count(24) > 10 > _sizes(plain, "read", 1).count(24)
    assert _sizes(steered, "ftruncate", 1).count(2) > 10 > _sizes(plain, "ftruncate", 1).count(2)


def test_the_list_is_put_where_the_programs_look_for_it(programs: Path) -> None:
    assert rare_file().encode() in (programs / "fsseq").read_bytes()
