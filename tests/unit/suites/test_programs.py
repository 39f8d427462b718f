"""pjdfstest and fsx: what they are told, and what is made of their output."""

from __future__ import annotations

import tomllib
from dataclasses import replace

from tests.unit.suites.jobs import ended, job

from vexlab.model.subresult import SubVerdict
from vexlab.suites import fsx, packaged, pjdfstest

FIRST = """\
unlink::erofs_named                                                      ok

Summary: 0 failed, 0 skipped, 1 passed, 0 expected failures, 1 total
"""
PJDFSTEST = f"""{FIRST}\
chmod::change_perm::regular                                              ok
chmod::change_perm::symlink                                              FAILED
\tassertion failed: `(left == right)`
\t  left: `1`
posix_fallocate::increases_size                                          skipped
\trequires features: posix_fallocate
errors::enametoolong::path                                               skipped
\tsomething else
unlink::erofs_named                                                      skipped
	Remounts (allow_remount) are not allowed in the configuration file

Summary: 1 failed, 3 skipped, 1 passed, 0 expected failures, 5 total
"""


def test_pjdfstest_is_told_what_the_profile_does_not_refuse() -> None:
    command = pjdfstest.run(job("fallocate", "remount_rw", tests=("chmod::a",)))
    assert command[2:] == ("/mnt/test", "false", "rename_ctime utimensat utime_now", "chmod::a")
    assert pjdfstest.run(job())[3:] == ("true", "posix_fallocate rename_ctime utimensat utime_now")


def test_without_a_profile_a_part_of_what_target_toml_refuses_is_not_tried() -> None:
    unprobed = replace(job(), profile=None)
    assert unprobed.missing("punch_hole").startswith("target.toml refuses `fallocate`")
    assert unprobed.missing("fallocate")
    assert not unprobed.missing("truncate_up", "symlink")
    assert "punched" not in fsx.run(unprobed)


def test_pjdfstest_output() -> None:
    found = {each.name: each for each in pjdfstest.parse(job("fallocate"), PJDFSTEST, ended(1))}
    assert [each.verdict for each in found.values()] == [
        SubVerdict.PASSED,
        SubVerdict.PASSED,
        SubVerdict.FAILED,
        SubVerdict.REFUSED,
        SubVerdict.SKIPPED,
    ]
    assert found["chmod::change_perm::symlink"].words == "assertion failed: `(left == right)` left: `1`"
    refused = "the profile says that `fallocate` is refused (EPERM)"
    assert found["posix_fallocate::increases_size"].words == refused


def test_a_failure_that_a_refused_capability_explains_is_refused() -> None:
    found = pjdfstest.parse(job("symlink"), PJDFSTEST, ended(1))
    assert found[2].verdict is SubVerdict.REFUSED
    assert "`symlink` is refused" in found[2].words


def test_an_output_that_breaks_off_is_a_failure() -> None:
    cut = PJDFSTEST.partition("errors")[0]
    assert pjdfstest.parse(job(), FIRST, ended())[-1].name == "the end"  # only the first of its two processes
    assert pjdfstest.parse(job(tests=("unlink::erofs_named",)), FIRST, ended())[-1].verdict is SubVerdict.PASSED
    for output, result in ((cut, None), (cut, ended()), ("", ended(1)), (PJDFSTEST, None)):
        assert pjdfstest.parse(job(), output, result)[-1].name == "the end"
        assert pjdfstest.parse(job(), output, result)[-1].verdict is SubVerdict.FAILED


def test_fsx_configurations_name_every_operation() -> None:
    for name, each in fsx.ROUNDS.items():
        read = tomllib.loads(fsx.configuration(each))
        assert set(each.weights) <= set(read["weights"]), name
        assert sum(read["weights"].values()) == sum(each.weights.values())
        assert read["flen"] == each.length


def test_fsx_is_not_started_for_what_is_refused() -> None:
    words = fsx.run(job("copy_file_range", "mmap_write"))
    started = set(words) & set(fsx.ROUNDS)
    assert started == {"data", "synced", "large", "in_kernel", "allocated", "punched"}


def test_fsx_output() -> None:
    output = "begin data\n\nend data 0 1.50\nbegin synced\nmiscompare: offset= 0x5\n\nend synced 1 2\nbegin mapped\nhm"
    of = job("punch_hole", tests=("data", "synced", "mapped", "large", "punched"))
    found = {each.name: each for each in fsx.parse(of, output, None)}
    assert {name: each.verdict for name, each in found.items()} == {
        "data": SubVerdict.PASSED,
        "synced": SubVerdict.FAILED,
        "mapped": SubVerdict.FAILED,
        "large": SubVerdict.BLOCKED,
        "punched": SubVerdict.REFUSED,
    }
    assert found["data"].duration_s == 1.5
    assert found["synced"].words == "status 1, seed 1: miscompare: offset= 0x5"
    assert found["mapped"].words == "it did not come to its end: hm"


def test_stressors_are_told_apart() -> None:
    output = "begin rename\nend rename 0 1.2\nbegin hdd\nwrite failed\nend hdd 2 3\nbegin seek\nend seek 4 1\nbegin io"
    of = job("xattr", tests=("rename", "hdd", "seek", "io", "touch", "xattr"))
    assert "xattr" not in packaged.STRESS_NG.run(of)
    found = {each.name: each for each in packaged.STRESS_NG.parse(of, output, None)}
    assert {name: each.verdict for name, each in found.items()} == {
        "rename": SubVerdict.PASSED,
        "hdd": SubVerdict.FAILED,
        "seek": SubVerdict.SKIPPED,
        "io": SubVerdict.FAILED,
        "touch": SubVerdict.BLOCKED,
        "xattr": SubVerdict.REFUSED,
    }
    assert found["hdd"].words == "status 2: write failed"
