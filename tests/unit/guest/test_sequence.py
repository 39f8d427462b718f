from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vexlab.errors import MachineError, UsageError
from vexlab.guest.draw import draw, programs
from vexlab.guest.script import render_script
from vexlab.guest.sequence import (
    Op,
    escape,
    parse_comparison,
    parse_program,
    render_program,
    unescape,
)


@given(st.binary().filter(lambda path: b"\0" not in path))
def test_paths_survive(path: bytes) -> None:
    assert unescape(escape(path)) == path


@given(programs())
def test_programs_survive(program: tuple[Op, ...]) -> None:
    assert parse_program(render_program(program)) == program


@given(programs(without=frozenset({"xattr", "exchange", "punch", "allocate"})))
def test_what_is_lacking_is_not_drawn(program: tuple[Op, ...]) -> None:
    text = render_program(program)
    assert not any(word in text for word in ("xattr", "exchange", "punch", "allocate"))


@pytest.mark.parametrize("line", ["dance a", "open 9 a bc 644", "rename a b", "write 0 x 1 1", "close 1 2"])
def test_what_is_no_operation_is_an_error(line: str) -> None:
    with pytest.raises(UsageError, match="line 2"):
        parse_program(f"# a comment\n{line}\n")


def test_what_is_drawn_is_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    drawn = draw(30, 7)
    import vexlab.cli.main  # noqa: F401 - whatever else is loaded

    assert len(drawn) > 20
    assert drawn == draw(30, 7)
    assert drawn != draw(30, 8)
    assert any(len(program) > 20 for program in drawn)
    assert all("xattr" not in op.name for program in draw(30, 7, without=frozenset({"xattr"})) for op in program)
    assert not list(tmp_path.iterdir()), "nothing is left in the user's folder"


def test_a_comparison_must_be_printed() -> None:
    with pytest.raises(MachineError):
        parse_comparison("")


@given(programs(most=15))
def test_every_program_is_a_valid_script(program: tuple[Op, ...]) -> None:
    script = render_script(program, title="two\nlines")
    done = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_script_shows_a_difference(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "b").chmod(0o2755)  # a directory made in it inherits the bit: a difference without another filesystem
    script = tmp_path / "script"
    script.write_text(render_script(parse_program("open 0 f bc 644\nwrite 0 100 5000 7\nmkdir d 755\n")))
    done = subprocess.run(["bash", script, tmp_path / "a", tmp_path / "b"], text=True, capture_output=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "d d 2755" in done.stdout
    done = subprocess.run(["bash", script, tmp_path / "a", tmp_path / "a"], text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout
