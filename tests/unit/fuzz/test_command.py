"""What the commands say of campaigns, and what they refuse; no machine is needed for that."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import click.testing
import pytest

from vexlab.cli.fuzz import command
from vexlab.errors import UsageError
from vexlab.fuzz.crash import Crash, Mode, Verified
from vexlab.fuzz.folder import Asked, Folder, Logged
from vexlab.fuzz.regression import read_crash, write_case
from vexlab.model.target import ModuleArtifact

CRASH = Crash(
    title='BUG: "odd" \\ title in f', type="BUG", frame="f", fingerprint="1", mode=Mode.IOCTL, seconds=12.5,
    programs=400, count=3, verified=Verified(hits=4, tries=5), times=30, settled=True, parts_before=9, parts=2,
)  # fmt: skip


def _call(words: Sequence[str]) -> tuple[object, str]:
    with click.testing.CliRunner().isolation() as (output, _, _):
        status = command.main(list(words), standalone_mode=False)
        return status, output.getvalue().decode()


@pytest.fixture
def results(tmp_path: Path) -> Path:
    with closing(Folder(tmp_path / "fuzz" / "one")) as folder:
        state = folder.begin(Asked(mode=Mode.IOCTL, target="vexfs", kernel="6.1"))
        folder.save(replace(state, rounds=2, seconds=120, guest_seconds=100, programs=5000, calls=40000, succeeded=900))
        folder.log(Logged(at=60, programs=2000, calls=1, guest_seconds=50, signatures=7, titles=(CRASH.title,)))
        folder.save_crash(CRASH, "0 open 1 0 66\n")
    return tmp_path


def test_status(results: Path) -> None:
    status, said = _call(["status", "--results", str(results)])
    assert status == 0
    assert said.splitlines()[1].split() == ["one", "ended", "120", "s", "5000", "50", "40000", "1"]
    _, document = _call(["status", "--results", str(results), "--json"])
    (one,) = json.loads(document)
    assert (one["programs_per_second"], one["running"], one["crashes"][0]["count"]) == (50.0, False, 3)


def test_report(results: Path) -> None:
    status, said = _call(["report", "--results", str(results)])
    assert status == 1, "it has found something"
    assert "ioctl of vexfs on kernel 6.1" in said
    assert "5000 programs (50 a second)" in said
    assert "after 12 s and 400 programs, met 3x, shown again 4 of 5 times" in said
    _, document = _call(["report", "one", "--results", str(results), "--json"])
    assert json.loads(document)["rounds_log"][0]["signatures"] == 7


def test_stop_where_nobody_works(results: Path) -> None:
    assert _call(["stop", "one", "--results", str(results)]) == (0, "nobody works on campaign one\n")


def test_stop_asks_whoever_works(results: Path) -> None:
    with closing(Folder(results / "fuzz" / "one")) as folder:
        folder.begin(Asked(mode=Mode.IOCTL, target="vexfs", kernel="6.1"))
        _, said = _call(["stop", "--results", str(results)])
        assert "ends within seconds" in said
        assert folder.stop_asked()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["report", "two"], "no campaign `two`"),
        (["repro", "nosuch"], "no crash `nosuch`"),
        (["ioctl", "--target", "ext4"], "names no header"),
    ],
)
def test_what_is_refused(results: Path, words: list[str], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if words[0] == "ioctl":  # before any machine: no kernel is asked for
        monkeypatch.setattr("vexlab.cli.fuzz.campaigns.made_order", lambda *_, **__: pytest.fail("too late"))
    with pytest.raises(UsageError, match=said):
        _call([*words, "--results", str(results)])


def test_a_case_is_python_whatever_the_title(results: Path, tmp_path: Path) -> None:
    place = Folder(results / "fuzz" / "one").place(CRASH)
    program = tmp_path / "fsfuzz"
    program.write_bytes(b"ELF")
    artifact = ModuleArtifact(target="x", kernel="6.1", path=None, digest="", tools=(("fsfuzz", program),))
    case = write_case(place, CRASH, artifact, "C X 1 0\n")
    compile(case.read_text(), str(case), "exec")
    assert "times=30" in case.read_text()
    assert read_crash(place) == CRASH
    assert (place / "calls.table").read_text() == "C X 1 0\n"
    assert "--times 30" in (place / "run.sh").read_text()
