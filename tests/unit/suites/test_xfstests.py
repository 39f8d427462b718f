"""xfstests: trees that are whole and that are not, its lists, its configuration, and what ./check says."""

from __future__ import annotations

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
    for folder, lines in {
        "generic": "001 auto quick rw\n002 auto\n\n# x\n003 stress # y\n",
        "ext4": "001 auto\n",
    }.items():
        (root / "tests" / folder).mkdir(parents=True)
        (root / "tests" / folder / "group.list").write_text(lines)
    return root


def _find(place: Path) -> str:
    return installation.find(Search(given=str(place), cache=Cache(place))).version


def test_a_whole_tree_is_found(tree: Path) -> None:
    assert _find(tree) == "3 generic tests"


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
        "fsck.vexfs -n",
        "no",
        "/dev/vdd",
        "/run/vexlab-xfstests/results",
    )


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
