"""Programs of the guest where the profile says that little works: here all does, so that what they use shows."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
from pathlib import Path

import pytest

from vexlab.guest.checks import CheckOutcome, parse_results, parse_tree
from vexlab.guest.fsperf import parse_samples

_YOUNG = """\
symlink refused - EPERM
link refused - EPERM
rename refused - EPERM
xattr refused - EOPNOTSUPP
chmod refused - EPERM
mmap_write refused - ENODEV
truncate_up refused - EPERM
name_max works 32 ENAMETOOLONG
file_size works 49152 EFBIG
file_sparse works 49152 EFBIG
dir_entries works 256 ENOSPC
"""
_FLAT = _YOUNG + "mkdir refused - EPERM\n"


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    """Return the profile of a young filesystem."""
    file = tmp_path / "profile"
    file.write_text(_YOUNG)
    return file


def _run(profile: Path, *argv: object) -> str:
    environment = {**os.environ, "VEXLAB_PROFILE": str(profile)}
    words = list(map(str, argv))
    return subprocess.run(words, capture_output=True, text=True, env=environment, check=False, timeout=120).stdout


def test_marks_keep_within_the_profile_and_their_loss_is_noticed(programs: Path, profile: Path, tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    fscheck = programs / "fscheck"
    for verb in ("mark", "verify"):
        outcomes = {each.name: each for each in parse_results(_run(profile, fscheck, verb, place)).results}
        lacking = {name: each.needs for name, each in outcomes.items() if each.result is CheckOutcome.LACKS}
        expected = {
            "links": "link",
            "symlinks": "symlink",
            "moves": "rename",
            "xattrs": "xattr",
            "mapped": "mmap_write",
        }
        assert expected.items() <= lacking.items()
        assert {"contents", "names", "tree", "times", "plain"} <= outcomes.keys() - lacking.keys()
        assert {each.result for each in outcomes.values()} == {CheckOutcome.PASS, CheckOutcome.LACKS}
    made = [path for path in place.rglob("*") if path.is_file()]
    assert max(path.stat().st_size for path in made) <= 49152
    assert max(len(path.name) for path in made) <= 32
    assert max(len(list(path.iterdir())) for path in place.rglob("*") if path.is_dir()) <= 128
    (place / "contents/f4096").write_bytes(b"")
    sorted((place / "names/d").iterdir())[1].unlink()
    lost = parse_results(_run(profile, fscheck, "verify", place)).results
    assert {each.name for each in lost if each.result is CheckOutcome.FAIL} == {"contents", "names"}


_SMALL = "".join(line for line in _YOUNG.splitlines(keepends=True) if line.startswith("file_"))


def _held_small() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a file that grows further is EFBIG then
    resource.setrlimit(resource.RLIMIT_FSIZE, (49152, 49152))


@pytest.mark.parametrize("family", ["io", "append", "truncate", "mmap"])
def test_checks_of_contents_look_at_files_of_48_kib(programs: Path, profile: Path, tmp_path: Path, family: str) -> None:
    profile.write_text(_SMALL)
    place = tmp_path / "place"
    place.mkdir()
    done = subprocess.run(
        [programs / "fscheck", "run", "--shared", "--family", family, place],
        capture_output=True, text=True, check=False, timeout=120, preexec_fn=_held_small,
        env={**os.environ, "VEXLAB_PROFILE": str(profile)},
    )  # fmt: skip
    outcomes = {each.name: each.result for each in parse_results(done.stdout).results}
    assert len(outcomes) > 4, done.stderr
    short = {name for name, result in outcomes.items() if result is CheckOutcome.LACKS}
    assert short <= {"far_apart"}, "this one is about what is far away"
    failed = {name for name, result in outcomes.items() if result is CheckOutcome.FAIL}
    assert failed <= {"size_limit"}, "it sets a limit of its own, which is ours here"
    assert CheckOutcome.PASS in outcomes.values()


def test_trees_share_the_only_directory(programs: Path, profile: Path, tmp_path: Path) -> None:
    profile.write_text(_FLAT)
    place = tmp_path / "place"
    place.mkdir()
    for seed in (1, 2):
        (tmp_path / f"manifest{seed}").write_text(_run(profile, programs / "fstree", "fill", seed, 40, place))
    names = {path.name for path in place.iterdir()}
    assert {name[:3] for name in names} == {"s1.", "s2."}

    def problems(seed: int) -> list[str]:
        words = ("verify", "--own", f"s{seed}.", tmp_path / f"manifest{seed}", place)
        report = parse_tree(_run(profile, programs / "fstree", *words))
        assert report.complete
        return [problem.path for problem in report.problems]

    assert (problems(1), problems(2)) == ([], [])
    gone = min(names)
    (place / gone).unlink()
    (place / "s1.extra").touch()
    (place / "other").touch()
    assert sorted(problems(1)) == sorted([gone, "s1.extra"])
    assert problems(2) == []


@pytest.mark.parametrize("text", [_YOUNG, _FLAT])
def test_measured_work_leaves_out_what_is_lacking(programs: Path, profile: Path, tmp_path: Path, text: str) -> None:
    profile.write_text(text)
    sides = [tmp_path / "one", tmp_path / "two"]
    for side in sides:
        side.mkdir()
    phases = "create,link,symlink,chmod,rename,stat,readdir,write,scatter,read"
    samples = parse_samples(_run(profile, programs / "fsperf", "-n", 400, "-t", 4, phases, *sides))
    assert {each.phase for each in samples} == {"create", "stat", "readdir", "write", "scatter", "read"}
    assert {each.side for each in samples} == {0, 1}
    made = [path for path in sides[0].rglob("*") if path.is_file()]
    assert 0 < max(path.stat().st_size for path in made) <= 49152
    assert sum(path.name.startswith("f") for path in made) <= (128 if text is _FLAT else 512)
