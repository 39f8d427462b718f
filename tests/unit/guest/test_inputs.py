"""What the workloads ask of a filesystem is counted: by the programs themselves, on a filesystem of this host."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from vexlab.coverage.inputs import document, input_lines, page
from vexlab.coverage.partitions import ERRNOS, FLAGS, OFFSETS, SIZES, partitions, unexpected
from vexlab.errors import OddAnswer
from vexlab.guest.inputs import layout, parse, parse_layout
from vexlab.model.inputs import OperationInputs, together


def _fstype(folder: Path) -> str:
    """Return the type of the filesystem that ``folder`` is on, as /proc/self/mountinfo has it."""
    device = folder.stat().st_dev
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        if before.split()[2] == f"{os.major(device)}:{os.minor(device)}":
            return after.split()[0]
    pytest.skip("the folder's filesystem has no line in mountinfo")


def _counted(program: Path, folder: Path, text: str, fstype: str) -> dict[str, OperationInputs]:
    (folder / "program").write_text(text)
    (folder / "work").mkdir()
    table = folder / "table"
    with table.open("wb") as file:
        file.write(fstype.encode())
        file.truncate(layout().bytes)
    done = subprocess.run(
        [program, "run", folder / "program", folder / "work"],
        env={**os.environ, "VEXLAB_INPUTS": str(table)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return parse(table.read_bytes(), layout())


def test_calls_are_counted_by_flags_sizes_and_errors(programs: Path, tmp_path: Path) -> None:
    found = _counted(programs / "fsseq", tmp_path, "mkdir d 755\nmkdir d 755\nrmdir d\nrmdir d\n", _fstype(tmp_path))
    assert found["mkdir"].calls == 2
    assert found["mkdir"].errnos == {0: 1, 17: 1}, "EEXIST the second time"
    assert found["mkdir"].flags == {0: 2, 2: 2, 3: 2, 5: 2, 6: 2, 7: 2, 8: 2}
    assert found["rmdir"].errnos == {0: 1, 2: 1}


def test_calls_on_another_filesystem_are_not_counted(programs: Path, tmp_path: Path) -> None:
    assert not _counted(programs / "fsseq", tmp_path, "mkdir d 755\n", "nonesuch")


def test_without_a_table_nothing_is_counted(programs: Path, tmp_path: Path) -> None:
    (tmp_path / "program").write_text("mkdir d 755\n")
    argv = [str(programs / "fsseq"), "run", str(tmp_path / "program"), str(tmp_path)]
    assert subprocess.run(argv, env={"VEXLAB_INPUTS": "/nonesuch"}, check=False).returncode == 0


def test_the_layout_is_read_from_the_header() -> None:
    form = layout()
    assert set(form.operations) == set(ERRNOS), "each operation has its errors"
    assert {*FLAGS, *SIZES, *OFFSETS} <= set(form.operations)
    assert form.offset + 64 < form.errno - 1
    assert form.errno + form.errno_most < form.cells
    with pytest.raises(ValueError, match="names no file"):
        parse_layout("int x;")


@pytest.mark.parametrize("data", [b"", bytes(5)])
def test_a_table_of_another_size_is_refused(data: bytes) -> None:
    with pytest.raises(OddAnswer):
        parse(data, layout())


def _inputs() -> dict[str, OperationInputs]:
    one = OperationInputs(calls=2, flags={0: 1, 6: 2}, errnos={0: 1, 17: 1, 113: 1})
    return together([{"open": one}, {"open": one, "write": OperationInputs(calls=1, sizes={13: 1}, errnos={0: 1})}])


def test_partitions_tell_what_was_never_tried() -> None:
    found = {(each.operation, each.name): each.count for each in partitions(_inputs())}
    assert found["open", "O_CREAT"] == 4
    assert found["open", "O_TMPFILE"] == 0
    assert found["open", "EEXIST"] == 2
    assert found["open", "ENOSPC"] == 0
    assert found["write", "2^12"] == 1
    assert ("write", "2^40") not in found
    assert [(each.operation, each.name, each.count) for each in unexpected(_inputs())] == [("open", "EHOSTUNREACH", 2)]


def test_text_json_and_page_say_the_same() -> None:
    lines = "\n".join(input_lines(_inputs()))
    assert "mkdir: never called" in lines
    assert "write, sizes: 0 2^0..2^11 2^13..2^24" in lines
    assert "open: EHOSTUNREACH, 2 times" in lines
    never = document(_inputs())["never"]
    assert isinstance(never, list)
    assert {"operation": "open", "kind": "errno", "name": "ENOSPC", "count": 0} in never
    markup = page(_inputs(), "<x>")
    assert "<x>" not in markup
    assert 'class="tried" title="4 calls">O_CREAT' in markup
