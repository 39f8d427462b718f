"""The guest's programs say what is wrong: each is shown something wrong and must name it."""

from __future__ import annotations

import os
import resource
import struct
import subprocess
from pathlib import Path

import pytest
from tests.unit.guest.conftest import SOURCES

from vexlab.guest.checks import (
    CheckOutcome,
    CheckReport,
    parse_checks,
    parse_proof,
    parse_results,
    parse_tree,
)
from vexlab.guest.sequence import Comparison, parse_comparison, parse_program, render_program, render_programs
from vexlab.model.profile import Capability, Profile, State, guest_text
from vexlab.model.refusals import OPERATIONS


def _run(*argv: object, check: bool = False) -> str:
    done = subprocess.run([str(word) for word in argv], text=True, capture_output=True, timeout=120, check=check)
    return done.stdout


def _checks(programs: Path, folder: Path, *names: str, **more: object) -> CheckReport:
    words = [word for name in names for word in ("--check", name)]
    argv = [str(programs / "fscheck"), "run", "--shared", *words, str(folder)]
    return parse_results(
        subprocess.run(argv, text=True, capture_output=True, timeout=120, check=False, **more).stdout  # type: ignore[call-overload]
    )


def test_the_table_is_large_and_its_names_are_unique(programs: Path) -> None:
    checks = parse_checks(_run(programs / "fscheck", "list", "--json"))
    assert len({check.id for check in checks}) == len(checks) >= 170
    assert all(check.cite for check in checks)
    markers = {f"{when}.{name}" for when in ("mark", "persist") for name in ("xattrs", "exchanges")}
    known = {check.id for check in checks} | {check.family for check in checks} | markers
    assert {name for names in OPERATIONS.values() for name in names} <= known


def test_checks_pass_here_and_clean_up(programs: Path, tmp_path: Path) -> None:
    words = [word for family in ("link", "unlink", "name", "append") for word in ("--family", family)]
    report = parse_results(_run(programs / "fscheck", "run", "--shared", *words, tmp_path))
    wrong = [result for result in report.results if result.result in (CheckOutcome.FAIL, CheckOutcome.TIMEOUT)]
    assert report.results
    assert not wrong
    assert not report.noise
    assert not list(tmp_path.iterdir())


def test_what_is_to_be_kept_is_not_removed(programs: Path, tmp_path: Path) -> None:
    words = ["--keep", "--check", "rename.simple", "--check", "rename.rotation"]
    report = parse_results(_run(programs / "fscheck", "run", "--shared", *words, tmp_path))
    assert [result.result for result in report.results] == [CheckOutcome.PASS, CheckOutcome.PASS]
    assert {path.name for path in tmp_path.iterdir()} == {"rename.simple", "rename.rotation"}
    assert list((tmp_path / "rename.simple").iterdir())


def test_buffers_of_every_size_pass_here(programs: Path, tmp_path: Path) -> None:
    names = ("symlink.buffer_sizes", "readdir.buffer_sizes", "io.buffer_sizes", "io.buffer_sizes_in_parts")
    report = _checks(programs, tmp_path, *names)
    assert {result.id: result.result for result in report.results} == dict.fromkeys(names, CheckOutcome.PASS)


def test_an_unknown_check_is_an_error(programs: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [programs / "fscheck", "run", "--check", "nonsense", tmp_path], capture_output=True, check=False
    )
    assert done.returncode == 2


def test_modes_that_ignore_the_umask_are_noticed(programs: Path, tmp_path: Path) -> None:
    # acl(5): a default ACL replaces the umask, so whatever is made below it has another mode than POSIX says.
    entries = [(0x01, 7), (0x04, 7), (0x20, 7)]
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", tag, bits, 0xFFFFFFFF) for tag, bits in entries)
    try:
        os.setxattr(tmp_path, "system.posix_acl_default", acl)
    except OSError:
        pytest.skip("the temporary folder's filesystem has no access control lists")
    report = _checks(programs, tmp_path, "creat_umask", "umask_applies", "byte_by_byte")
    assert {result.id: result.result for result in report.results} == {
        "open.creat_umask": CheckOutcome.FAIL,
        "io.byte_by_byte": CheckOutcome.PASS,
        "perm.umask_applies": CheckOutcome.FAIL,
    }


def test_a_limit_on_file_size_is_a_failure_and_not_a_pass(programs: Path, tmp_path: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

    for result in _checks(programs, tmp_path, "shrink", "backwards", "stores_are_read", preexec_fn=limit).results:
        assert result.result is CheckOutcome.FAIL, result
        assert result.detail


def test_a_read_only_place_fails_the_first_check_and_blocks_the_others(programs: Path) -> None:
    report = _checks(programs, Path("/proc/self"), "simple", "creat_new", "creat_umask")
    first, *others = report.results
    assert first.result is CheckOutcome.FAIL
    assert first.detail == f"making the check's directory: {first.errno}, the first one"
    assert len(others) == 2
    for result in others:
        assert result.result is CheckOutcome.SKIP
        assert result.detail == f"blocked by what {first.id} met: no directory can be made: {first.errno}"


_WRITES_NOTHING = """
#include <errno.h>
#include <stdio.h>
#include <sys/types.h>
static int calls;
static ssize_t fake(int fd, const void *data, size_t len, off_t at)
{
	(void)fd, (void)data, (void)at;
	return ++calls == 1 ? len / 2 : 0;
}
#define pwrite fake
#include "lib/tree.c"
int main(void)
{
	ssize_t some, none;

	errno = EMFILE;
	some = write_all(1, "abcdef", 6, 0);
	printf("%zd %d ", some, errno);
	errno = EMFILE;
	none = write_all(1, "abcdef", 6, 0);
	printf("%zd %d", none, errno);
	return 0;
}
"""


def test_a_write_of_nothing_leaves_no_stale_error(programs: Path, tmp_path: Path) -> None:
    (tmp_path / "test.c").write_text(_WRITES_NOTHING)
    sources = [str(tmp_path / "test.c"), str(SOURCES / "lib/hash.c")]
    command = ["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-I", str(SOURCES), "-o", str(tmp_path / "test"), *sources]
    subprocess.run(command, check=True, timeout=60)
    assert _run(tmp_path / "test") == "3 0 0 0", "EMFILE was there before, and nothing failed with it"


def test_a_hanging_check_is_killed_and_the_next_one_runs(programs: Path, tmp_path: Path) -> None:
    words = ["--timeout", "0.001", "--check", "many_files", "--check", "many_directories"]
    report = parse_results(_run(programs / "fscheck", "run", "--shared", *words, tmp_path))
    assert [result.result for result in report.results] == [CheckOutcome.TIMEOUT, CheckOutcome.TIMEOUT]


def test_marks_are_found_again_and_their_loss_is_noticed(programs: Path, tmp_path: Path) -> None:
    made = parse_results(_run(programs / "fscheck", "mark", tmp_path)).results
    assert len(made) >= 10
    kept = parse_results(_run(programs / "fscheck", "verify", tmp_path)).results
    assert {result.result for result in kept} <= {CheckOutcome.PASS, CheckOutcome.REFUSED}
    sorted((tmp_path / "names/d").iterdir())[5].unlink()
    os.utime(tmp_path / "times/f1", (5, 5))
    (tmp_path / "modes_and_owners/f111").chmod(0o642)
    with (tmp_path / "contents/f300000").open("r+b") as file:
        file.seek(200_000)
        file.write(b"\0")
    lost = parse_results(_run(programs / "fscheck", "verify", tmp_path)).results
    failed = {result.name for result in lost if result.result is CheckOutcome.FAIL}
    assert failed == {"names", "times", "modes_and_owners", "contents"}


def test_a_writable_place_fails_as_readonly(programs: Path, tmp_path: Path) -> None:
    _run(programs / "fscheck", "mark", tmp_path)
    results = parse_results(_run(programs / "fscheck", "readonly", tmp_path)).results
    outcomes = {result.name: result.result for result in results}
    assert len(outcomes) >= 8
    for name in ("is_readonly", "making", "removing", "writing", "attributes"):
        assert outcomes[name] is CheckOutcome.FAIL


def test_a_place_is_proved_only_where_all_agrees(programs: Path, tmp_path: Path) -> None:
    device = tmp_path.stat().st_dev
    numbers = f"{os.major(device)}:{os.minor(device)}"
    honest = parse_proof(_run(programs / "fscheck", "prove", tmp_path, numbers, "nonsense"))
    assert not honest.proved
    assert parse_proof(_run(programs / "fscheck", "prove", tmp_path, numbers, honest.fstype)).proved
    assert not parse_proof(_run(programs / "fscheck", "prove", tmp_path, "9:99", honest.fstype)).proved
    assert not parse_proof(_run(programs / "fscheck", "prove", "/nonexistent", numbers, honest.fstype)).proved


def _two_places(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    return tmp_path / "a", tmp_path / "b"


def _compare(programs: Path, *argv: object) -> Comparison:
    return parse_comparison(_run(programs / "fsseq", "compare", *argv))


def test_a_seed_makes_the_same_program_again(programs: Path) -> None:
    text = _run(programs / "fsseq", "gen", 7, 400)
    assert text == _run(programs / "fsseq", "gen", 7, 400)
    assert text != _run(programs / "fsseq", "gen", 8, 400)
    assert render_program(parse_program(text)) == text


def test_equal_places_do_not_differ(programs: Path, tmp_path: Path) -> None:
    a, b = _two_places(tmp_path)
    compared = _compare(programs, 1, 2000, a, b)
    assert not compared.differ
    assert compared.operations == 2000
    assert not list(a.iterdir())


def test_a_difference_is_found_and_shrunk(programs: Path, tmp_path: Path) -> None:
    a, b = _two_places(tmp_path)
    b.chmod(0o2755)
    compared = _compare(programs, 1, 2000, a, b)
    assert compared.differ
    program = tmp_path / "program"
    program.write_text(_run(programs / "fsseq", "gen", "--without", compared.without, compared.seed, compared.count))
    short = parse_program(_run(programs / "fsseq", "shrink", program, a, b))
    assert [op.name for op in short] == ["mkdir"]


def test_programs_are_tried_up_to_the_first_that_differs(programs: Path, tmp_path: Path) -> None:
    a, b = _two_places(tmp_path)
    b.chmod(0o2755)
    file = tmp_path / "programs"
    same, other = parse_program("statfs\n"), parse_program("statfs\nmkdir d 755\n")
    file.write_text(render_programs([same, same, other, same]))
    tried = parse_comparison(_run(programs / "fsseq", "try", file, a, b))
    assert (tried.differ, tried.programs, tried.operations) == (True, 3, 4)
    file.write_text(render_programs([same, same]))
    tried = parse_comparison(_run(programs / "fsseq", "try", file, a, b))
    assert (tried.differ, tried.programs, tried.operations) == (False, 2, 2)


def test_a_run_answers_every_operation(programs: Path, tmp_path: Path) -> None:
    text = "mkdir a 755\nmkdir a 755\nopen 0 a/f bc 644\nwrite 0 0 10 1\nread 0 0 10\nclose 3\n"
    program = tmp_path / "program"
    program.write_text(text)
    (tmp_path / "place").mkdir()
    answers, _, tree = _run(programs / "fsseq", "run", program, tmp_path / "place").partition("tree\n")
    assert answers.splitlines()[:4] == ["0 ok 0", "1 EEXIST", "2 ok 0", "3 ok 10"]
    assert answers.splitlines()[5:] == ["5 EBADF"]
    assert (tmp_path / "place/a/f").read_bytes() == b"00000001\n0"
    assert [line.split()[0] for line in tree.splitlines()] == ["a", "a/f"]


@pytest.fixture
def filled(programs: Path, tmp_path: Path) -> tuple[Path, Path]:
    folder = tmp_path / "tree"
    folder.mkdir()
    manifest = tmp_path / "manifest"
    manifest.write_text(_run(programs / "fstree", "fill", 3, 300, folder, check=True))
    return manifest, folder


def test_a_tree_is_what_its_manifest_says(programs: Path, filled: tuple[Path, Path]) -> None:
    report = parse_tree(_run(programs / "fstree", "verify", *filled))
    assert report.ok, report.problems
    assert report.entries > 200


def test_every_kind_of_damage_is_named(programs: Path, filled: tuple[Path, Path]) -> None:
    manifest, folder = filled
    files = sorted(path for path in folder.iterdir() if not path.is_symlink() and path.is_file())
    large = [path for path in files if path.stat().st_size > 9000 and path.stat().st_nlink == 1]
    times = {path: path.stat().st_mtime_ns for path in large}
    (folder / "extra").touch()
    gone = next(path for path in files if path not in large)
    gone.unlink()
    stolen = large[1].read_bytes()[4096:8192]
    with large[0].open("r+b") as file:
        file.seek(4096)
        file.write(stolen)
    with large[2].open("r+b") as file:
        file.write(b"\xff")
    for path in (large[0], large[2]):
        os.utime(path, ns=(times[path], times[path]))
    large[3].chmod(0o421)
    os.utime(large[4], (1, 1))
    report = parse_tree(_run(programs / "fstree", "verify", manifest, folder))
    found = {(problem.path, problem.key): problem.got for problem in report.problems}
    assert report.complete
    assert found[("extra", "name")] == "there"
    assert found[(gone.name, "name")] == "missing"
    assert "bytes of file" in found[(large[0].name, "content")]
    assert found[(large[2].name, "content")]
    assert found[(large[3].name, "mode")] == '"0421"'
    assert (large[4].name, "mtime") in found


def _known(programs: Path, profile: Path, *words: str) -> tuple[int, int]:
    """Return what ``fsprobe known`` prints and its exit status."""
    done = subprocess.run(
        [programs / "fsprobe", "known", *words],
        env={"VEXLAB_PROFILE": str(profile)},
        capture_output=True,
        timeout=30,
        check=False,
    )
    return int(done.stdout), done.returncode


def test_programs_read_the_profile(programs: Path, tmp_path: Path) -> None:
    profile = tmp_path / "profile"
    assert _known(programs, profile, "symlink", "7") == (7, 0)  # nothing is known, so everything is tried
    names = ("link", "link_max", "name_max", "mmap_write", "quota")
    states = (State.REFUSED, State.WORKS, State.WORKS, State.BROKEN, State.UNKNOWN)
    capabilities = tuple(
        Capability(name=name, state=state, limit=255 if name == "name_max" else None, errno="EPERM" if not n else "")
        for n, (name, state) in enumerate(zip(names, states, strict=True))
    )
    made = Profile(target="t", fstype="t", kernel="k", digest="", capabilities=capabilities)
    profile.write_text(guest_text(made))
    for name in (*names, "symlink"):
        limit, status = _known(programs, profile, name, "7")
        assert (limit, status == 0) == (255 if name == "name_max" else 7, made.works(name)), name
    assert _known(programs, profile, "name") == (0, 0)  # the beginning of a name is no name


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to act as several users")
def test_other_users_are_asked_only_where_modes_are_kept(programs: Path, tmp_path: Path) -> None:
    profile, folder = tmp_path / "profile", tmp_path / "work"
    folder.mkdir()
    capability = Capability(name="chmod", state=State.REFUSED)  # it succeeds, and the mode stays what it was
    made = Profile(target="t", fstype="t", kernel="k", digest="", capabilities=(capability,))
    profile.write_text(guest_text(made))
    names = ("rename.denied", "perm.umask_applies")
    report = _checks(programs, folder, *names, env={"VEXLAB_PROFILE": str(profile)})
    assert {each.id: each.result for each in report.results} == {
        "rename.denied": CheckOutcome.LACKS,
        "perm.umask_applies": CheckOutcome.PASS,
    }
