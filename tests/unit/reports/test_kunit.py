"""The kernel's own reader of KTAP, ``tools/testing/kunit/kunit_parser.py`` of Debian's linux-source-6.1, reads ours."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from tests.unit.reports.made import everything, many

from vexlab import process
from vexlab.apt import CODENAME, Apt
from vexlab.cache import Cache, Kind, key_of
from vexlab.config import cache_dir, load_settings
from vexlab.errors import FetchError
from vexlab.report import ktap
from vexlab.report.content import Content

pytestmark = pytest.mark.long
_PACKAGE = "linux-source-6.1"
_FOLDER = "linux-source-6.1/tools/testing/kunit/"
_READ = """
import io, json, sys
sys.path.insert(0, sys.argv[1])
import kunit_parser
test = kunit_parser.parse_run_tests(io.StringIO(open(sys.argv[2], encoding="utf-8").read()))
tests = [[each.name, each.status.name, [one.name for one in each.subtests]] for each in test.subtests]
print(json.dumps({"counts": vars(test.counts), "tests": tests}))
"""


@pytest.fixture(scope="module")
def reader() -> Path:
    """Return the folder of ``kunit_parser.py``; the package is fetched once."""
    store = Cache(cache_dir(load_settings(None)))
    try:
        return store.make(Kind.TOOLS, key_of(_PACKAGE, CODENAME, _FOLDER), lambda draft: _unpack(store, draft))
    except FetchError as error:
        pytest.skip(f"{_PACKAGE} cannot be fetched: {error.message}")


def _unpack(store: Cache, draft: Path) -> None:
    (package,) = Apt(store.root / Kind.APT).download([_PACKAGE], draft / "deb")
    process.run(["dpkg-deb", "-x", str(package.file), str(draft / "tree")], timeout=600, check=True)
    with tarfile.open(draft / "tree" / "usr/src" / f"{_PACKAGE}.tar.xz") as tar:
        for member in tar:
            if member.name.startswith(_FOLDER) and member.name.endswith(".py"):
                name = Path(member.name).name
                file = tar.extractfile(member)
                assert file
                (draft / name).write_bytes(file.read())
    process.run(["rm", "-r", str(draft / "deb"), str(draft / "tree")], timeout=60, check=True)


@pytest.mark.parametrize("content", [everything("A" * 100_000), many(1000)], ids=["everything", "many"])
def test_the_kernels_own_reader_finds_the_same(reader: Path, tmp_path: Path, content: Content) -> None:
    file = tmp_path / "report.ktap"
    file.write_bytes(ktap.render(content))
    done = subprocess.run([sys.executable, "-c", _READ, str(reader), str(file)], capture_output=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])  # before it stands what the reader prints
    assert [name for name, _, _ in found["tests"]] == [case.id for case in content.cases]
    wanted = {"passed": "SUCCESS", "skipped": "SKIPPED", "blocked": "SKIPPED"}
    assert [status for _, status, _ in found["tests"]] == [
        wanted.get(case.verdict.value, "FAILURE") for case in content.cases
    ]
    checks = [len(subtests) for _, _, subtests in found["tests"]]
    assert checks == [len(case.subresults) for case in content.cases]
    assert found["counts"]["crashed"] == found["counts"]["errors"] == 0
