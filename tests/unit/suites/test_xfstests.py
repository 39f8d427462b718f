"""xfstests: trees that are whole and that are not, its lists, its configuration, and what ./check says."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.suites.jobs import ended, job

from vexlab.cache import Cache
from vexlab.errors import UsageError
from vexlab.model.subresult import SubVerdict
from vexlab.suites.adapter import Search, Selection
from vexlab.suites.xfstests import SUITE, configuration, installation, output
from vexlab.targets.configurations import configured
from vexlab.targets.load import find_target

VEXFS = find_target("targets/vexfs")
EXT4 = find_target("ext4")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "xfstests"
    for name in ("check", "common/rc", "common/config", "src/lstat64", "ltp/fsstress"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"\x7fELF...GLIBC_2.34...GLIBC_2.4")
        (root / name).chmod(0o755)
    for folder, lines in {
        "generic": "001 auto quick rw\n002 auto\n\n# x\n003 stress # y\n",
        "ext4": "001 auto\n",
    }.items():
        (root / "tests" / folder).mkdir(parents=True)
        (root / "tests" / folder / "group.list").write_text(lines)
        for test in re.findall(r"^\d+", lines, re.MULTILINE):
            (root / "tests" / folder / test).touch()
            (root / "tests" / folder / f"{test}.out").touch()
    return root


def _find(place: Path) -> str:
    return installation.find(Search(given=str(place), cache=Cache(place))).version


def test_a_whole_tree_is_found(tree: Path) -> None:
    assert _find(tree) == "3 generic tests"
    (tree / "VERSION").write_text(
        "#\n# A comment\n#\nPACKAGE_MAJOR=1\nPACKAGE_MINOR=1\nPACKAGE_REVISION=2\nPACKAGE_BUILD=1\n"
    )
    assert _find(tree) == "1.1.2, 3 generic tests"


def test_what_is_wrong_with_a_tree_is_said(tree: Path) -> None:
    program = tree / "ltp" / "fsstress"
    program.write_bytes(b"\x7fELF...GLIBC_2.38")
    with pytest.raises(UsageError, match=r"wants glibc 2\.38; guests have 2\.36"):
        _find(tree)
    program.write_bytes(b"\x7fELF.../lib/ld-musl-x86_64.so.1")
    with pytest.raises(UsageError, match="musl"):
        _find(tree)
    program.unlink()
    with pytest.raises(UsageError, match=r"is not built: it lacks ltp/fsstress"):
        _find(tree)
    (tree / "common" / "rc").unlink()
    with pytest.raises(UsageError, match=r"no tree of xfstests: it lacks common/rc") as error:
        _find(tree)
    assert "--tree" in error.value.hint
    with pytest.raises(UsageError, match="is no folder"):
        _find(tree / "nowhere")


def test_a_tree_that_was_installed_or_copied_in_part_is_told(tree: Path) -> None:
    generic = tree / "tests" / "generic"
    (generic / "001.out").rename(generic / "001.out.default")  # chosen at run time
    assert _find(tree) == "3 generic tests"
    (generic / "002.out").unlink()
    (tree / "tests" / "ext4" / "001").unlink()
    with pytest.raises(UsageError, match=r"is not whole: it lacks tests/ext4/001, tests/generic/002\.out, which"):
        _find(tree)
    for name in ("001.out.default", "003", "003.out"):
        (generic / name).unlink()
    with pytest.raises(UsageError, match=r"tests/generic/002\.out and 2 others"):
        _find(tree)


def test_a_tree_that_lost_its_modes_is_told(tree: Path) -> None:
    (tree / "ltp" / "fsstress").chmod(0o644)
    with pytest.raises(UsageError, match=r"^ltp/fsstress of the tree .* cannot be executed"):
        _find(tree)


def test_tests_are_listed_as_check_does(tree: Path) -> None:
    found = installation.find(Search(given=str(tree), cache=Cache(tree)))

    def listed(target: object = EXT4, **selection: tuple[str, ...]) -> tuple[str, ...]:
        return installation.list_tests(found, Selection(**selection), EXT4 if target is EXT4 else VEXFS)

    assert listed() == ("ext4/001", "generic/001", "generic/002")  # the group auto
    assert listed(groups=("generic/auto",)) == ("generic/001", "generic/002")
    assert listed(groups=("quick,stress",)) == ("generic/001", "generic/003")
    assert listed(groups=("all",)) == ("ext4/001", "generic/001", "generic/002", "generic/003")
    assert listed(tests=("generic/00[13]",)) == ("generic/001", "generic/003")
    assert listed(groups=("generic",)) == ("generic/001", "generic/002", "generic/003")
    for wrong in ({"groups": ("quik",)}, {"tests": ("generic/999",)}):
        with pytest.raises(UsageError, match="xfstests has no"):
            listed(**wrong)


def test_configuration_of_a_known_and_of_an_unknown_type() -> None:
    devices = {"test": "/dev/vdd", "scratch": "/dev/vdc"}
    known = configuration.local_config(configured(EXT4, "small_blocks"), devices)
    assert known.startswith("[vexlab]\nFSTYP=ext4\nTEST_DEV=/dev/vdd\n")
    assert "MKFS_OPTIONS='-b 1024'" in known
    assert "MOUNT_OPTIONS='-o data=journal'" in configuration.local_config(configured(EXT4, "data_journal"), devices)
    unknown = configuration.local_config(configured(VEXFS, "small_journal"), devices)
    assert "MKFS_OPTIONS" not in unknown  # the wrapper of its mkfs has them


def test_the_command_holds_what_the_script_takes() -> None:
    words = SUITE.run(job("seek_hole", test="generic/001"))
    assert words[2:5] == ("generic/001", "vexlab", "vexfs")
    assert words[6:] == (
        "mkfs.vexfs -q -f {device}",
        "mkfs.vexfs -q -f {device} {kib}K",
        "fsck.vexfs -n {device}",
        "exact_names case_sensitive survives_power_cut",
        "/dev/vdd",
        "/run/vexlab-xfstests/results",
        "/run/vexlab-xfstests",
    )
    begun = replace(job("seek_hole", test="generic/001"), begun=True)
    assert SUITE.run(begun)[1:] == ("/vexlab/suite/go.sh", "generic/001", "/run/vexlab-xfstests")
    assert SUITE.begin
    assert SUITE.begin(begun) == (*words[:2], "", *words[3:])


def test_wrappers_call_the_real_programs_even_of_the_same_names(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    for name in ("mkfs.minix", "fsck.minix"):
        (tmp_path / "real" / name).write_text(f'#!/bin/bash\necho {name} "$@"\n')
        (tmp_path / "real" / name).chmod(0o755)
    folder = tmp_path / "bin"
    words = [str(folder), "minix", "mkfs.minix -3 {device}", "fsck.minix -f {device}", f"{tmp_path}/real:/usr/bin:/bin"]
    subprocess.run(["/bin/bash", str(installation.GUEST / "wrappers.sh"), *words], timeout=60, check=True)

    def says(*argv: str) -> str:
        path = {"PATH": f"{folder}:{tmp_path}/real:/usr/bin:/bin"}
        return subprocess.run(argv, env=path, capture_output=True, text=True, timeout=60, check=True).stdout.strip()

    assert says("mkfs.minix", "--", "-n", "30", "/dev/vdd") == "mkfs.minix -3 -n 30 /dev/vdd"
    assert says("fsck.minix", "-n", "/dev/vdd") == "fsck.minix -f /dev/vdd"  # it knows no -n
    assert says("fsck.minix", "-y", "/dev/vdd") == "fsck.minix -y /dev/vdd"


@pytest.mark.parametrize(
    ("tree", "said"),
    [("_scratch_mount() { echo new; }", "new"), ("_mount_flakey() { echo old; }", "old")],
    ids=["of 2025 and later", "older"],
)
def test_vexfs_mounts_the_flakey_device_in_trees_old_and_new(tree: str, said: str) -> None:
    helpers = installation.own_tests(VEXFS)
    assert helpers
    script = f"{tree}; . {helpers}/helpers.sh; _mount_flakey"
    done = subprocess.run(["/bin/bash", "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == said


# As much of ./check as the start ahead rests on: it reads common/rc, looks at the test filesystem, then takes its list.
CHECK = """
iam=check
_check_test_fs() { echo "looks"; }
. {guest}/waiting.sh
list="tests/generic/001"
_check_test_fs
for test in $list; do echo "runs $test"; done
_check_test_fs
exit 3
"""


def test_check_that_was_started_ahead_runs_the_test_that_it_is_told(tmp_path: Path) -> None:
    for name in ("next", "told", "out"):
        os.mkfifo(tmp_path / name)
    check = f'( {CHECK.replace("{guest}", str(installation.GUEST))} ) 1<>out; echo "ended $?" >told'
    with subprocess.Popen(["/bin/bash", "-c", check], cwd=tmp_path, env={"VEXLAB_WAITING": str(tmp_path)}) as started:
        told = os.open(tmp_path / "told", os.O_RDWR)  # as the guest's script does, which reads one line of it
        assert os.read(told, 100) == b"ready\n"
        go = ["/bin/bash", str(installation.GUEST / "go.sh"), "generic/475", str(tmp_path)]
        done = subprocess.run(go, capture_output=True, text=True, timeout=60, check=False)
        os.close(told)
        started.wait(timeout=60)
    assert done.stdout.splitlines() == ["looks", "runs tests/generic/475", "looks"]
    assert done.returncode == 3


HEAD = "SECTION       -- vexlab\nFSTYP         -- vexfs\n\n"
PASSED = f"{HEAD}generic/001        3s\nRan: generic/001\nPassed all 1 tests\n"
NOT_RUN = f"{HEAD}generic/001        [not run] {{}}\nRan: generic/001\nNot run: generic/001\nPassed all 1 tests\n"
FAILED = f"""{HEAD}generic/001       [failed, exit status 1]- output mismatch (see /run/r/generic/001.out.bad)
    --- tests/generic/001.out
    +++ /run/r/generic/001.out.bad
    @@ -1 +1,2 @@
    +cannot
HINT: You _MAY_ be missing kernel fix:
      0123456789ab ext4: fix it
Ran: generic/001
Failures: generic/001
Failed 1 of 1 tests
"""


def test_outcomes() -> None:
    of = job(test="generic/001")
    (passed,) = output.parse(of, PASSED, ended())
    assert (passed.verdict, passed.duration_s) == (SubVerdict.PASSED, 3.0)
    (failed,) = output.parse(of, FAILED, ended(1))
    assert failed.verdict is SubVerdict.FAILED
    assert "+cannot" in failed.words
    assert "kernel lacks a fix, perhaps" in failed.words
    assert "Failures" not in failed.words
    for text in ("", HEAD, PASSED.partition("Ran")[0]):  # the machine died, or ./check did
        assert output.parse(of, text, None)[0].verdict is SubVerdict.FAILED
        (found,) = output.parse(of, text, ended(1))
        assert (found.verdict, "no verdict" in found.words) == (SubVerdict.BLOCKED, True)


@pytest.mark.parametrize(
    ("reason", "refused", "verdict", "words"),
    [
        ("O_DIRECT is not supported", "direct_io", SubVerdict.REFUSED, "`direct_io` is refused"),
        ("O_DIRECT is not supported", "", SubVerdict.SKIPPED, "one of the two is wrong"),
        ("Require symlinks support", "", SubVerdict.SKIPPED, "`symlink` works: one of the two is wrong"),
        ("this test requires a valid $SCRATCH_DEV", "", SubVerdict.SKIPPED, "not run: this test requires"),
        ("No hardlink support", "", SubVerdict.SKIPPED, "not run: No hardlink support"),
    ],
)
def test_not_run(reason: str, refused: str, verdict: SubVerdict, words: str) -> None:
    of = job(*([refused] if refused else []), test="generic/001")
    (found,) = output.parse(of, NOT_RUN.format(reason), ended())
    assert found.verdict is verdict
    assert words in found.words


def test_reasons_are_about_capabilities_that_exist() -> None:
    from vexlab.model.capabilities import CAPABILITIES

    names = {name for _, name in output._ABOUT}
    assert names - set(CAPABILITIES) == {"seek_hole"} - set(CAPABILITIES)


@pytest.mark.parametrize(
    ("reason", "capability"),
    [
        ("O_DIRECT is not supported", "direct_io"),
        ("O_DIRECT aligned to 512 bytes is not supported", ""),
        ("ACLs not supported by this filesystem type: vexfs", "acl"),
        ("vexfs does not define maximum ACL count", ""),
        ("xfs_io falloc  failed (old kernel/wrong fs?)", "fallocate"),
        ("xfs_io falloc -k failed (old kernel/wrong fs?)", "fallocate"),
        ("xfs_io falloc support is missing", ""),
        ("xfs_io falloc +w support is missing (unknown flag in kernel)", ""),
        ("lsattr not supported by test filesystem type: vexfs", ""),
        ("file_getattr not supported for regular files on vexfs", ""),
        ("attr namespace user not supported by this filesystem type: vexfs", "xattr"),
        ("disk quotas not supported by this filesystem type: vexfs", "quota"),
        ("XFS quota user tools not installed", ""),
        ("Reflink not supported by scratch filesystem type: vexfs", ""),
    ],
)
def test_only_what_the_profile_speaks_of_is_compared_with_it(reason: str, capability: str) -> None:
    assert output.about(reason) == capability
