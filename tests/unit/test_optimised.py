"""Under ``python -O`` there is no ``assert``: what the library finds wrong with a target is wrong all the same."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from vexlab.errors import TargetFailure, VexlabError
from vexlab.plugin.recorder import is_the_labs

SOURCE = Path(__file__).parents[2] / "src" / "vexlab"

# pytest rewrites the asserts of what it collects, and of a conftest.py, so that they hold under -O too.
_REWRITTEN = ("test_*.py", "conftest.py")


def _asserts(file: Path) -> list[int]:
    return [node.lineno for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Assert)]


def test_no_assert_stands_in_the_library() -> None:
    library = [
        file
        for file in SOURCE.rglob("*.py")
        if not ("domains" in file.parts and any(file.match(pattern) for pattern in _REWRITTEN))
    ]
    assert len(library) > 100
    found = {str(file.relative_to(SOURCE)): lines for file in library if (lines := _asserts(file))}
    assert not found


def test_a_targets_failure_is_the_targets() -> None:
    failure = TargetFailure("it does not unmount")
    assert isinstance(failure, AssertionError), "which the verdict takes for a failed case"
    assert isinstance(failure, VexlabError)
    assert failure.exit_code == 1
    assert not is_the_labs(failure)


PLANTED = """
from tests.unit.guest.test_post_checks import ANSWERS, TARGET, Answering
from vexlab.errors import TargetFailure
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.post_checks import PostChecks

assert False, "this does not count under -O"
filesystem = GuestFilesystem(Answering({**ANSWERS, %s}), TARGET, "/dev/vdc")
try:
    PostChecks(filesystem).run()
    filesystem.prove()
except TargetFailure as failure:
    print("FAILED", failure)
"""


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ('"busybox umount": (1, "busy")', "FAILED it does not unmount: busy"),
        ('"fsck.tried": (4, "bad")', "FAILED the filesystem is not consistent: bad"),
        ('"mountinfo": "1 1"', "FAILED nothing is mounted at /mnt/test"),
        ('"buffer_head": "7"', "FAILED 7 buffers"),
    ],
)
def test_a_planted_failure_is_told_without_asserts(answer: str, words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-O", "-c", PLANTED % answer],
        capture_output=True, text=True, cwd=SOURCE.parents[1], timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(words)


def test_a_case_of_the_shipped_domains_fails_without_asserts(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import pytest\nfrom vexlab.errors import TargetFailure\n"
        "def test_assert():\n    assert 1 == 2, 'rewritten'\n"
        "def test_library():\n    raise TargetFailure('of the library')\n"
    )
    done = subprocess.run(
        [sys.executable, "-O", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:vexlab", "test_it.py"],
        capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False,
    )  # fmt: skip
    assert "2 failed" in done.stdout, done.stdout
