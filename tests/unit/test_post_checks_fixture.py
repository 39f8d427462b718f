"""The post checks are asked of a case that ended well, and of no other: least of all of one that was interrupted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FIXTURES = """
import dataclasses, pathlib
import pytest
from tests.unit.guest.test_post_checks import ANSWERS, TARGET, Answering
from vexlab.guest.mount import GuestFilesystem
from vexlab.plugin.recorder import recorder_of

OF_SOURCE = dataclasses.replace(TARGET, source=pathlib.Path("."))

@pytest.fixture
def mounted(request):
    recorder_of(request.node).looked = True
    fake = Answering(ANSWERS)
    yield GuestFilesystem(fake, OF_SOURCE, "/dev/vdc")
    pathlib.Path("asked").write_text("\\n".join(fake.asked))

@pytest.fixture(scope="session")
def target():
    return OF_SOURCE

@pytest.fixture(scope="session")
def kernel():
    return None
"""


@pytest.mark.parametrize(
    ("body", "status", "asked"),
    [
        ("pass", 0, True),
        ("assert False", 1, False),
        ("raise KeyboardInterrupt", 2, False),
        ("pytest.exit('enough')", 2, False),
        ("raise SystemExit(0)", 1, False),
        ("pytest.skip('nothing to see')", 0, False),
        ("raise KeyError('a mistake of its own')", 1, False),
    ],
)
def test_post_checks_run_after_a_good_end_only(tmp_path: Path, body: str, status: int, asked: bool) -> None:  # noqa: FBT001
    (tmp_path / "conftest.py").write_text(FIXTURES)
    (tmp_path / "test_it.py").write_text(f"import pytest\n\ndef test_it(post_checks):\n    {body}\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "vexlab", "-p", "no:cacheprovider", "--vexlab-target", "ext4", "."],
        capture_output=True, text=True, timeout=90, check=False, cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}", "HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == status, done.stdout + done.stderr
    commands = (tmp_path / "asked").read_text()
    assert "stat -f" in commands, "they were made ready"
    assert ("fsfreeze" in commands) is asked
    assert ("rmmod" in commands) is asked
