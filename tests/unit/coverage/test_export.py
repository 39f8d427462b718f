"""Forms of others, as gcovr writes them: the numbers in them are those of the run."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from tests.unit.coverage.made import counted_build, counted_run, counters

from vexlab.coverage.export import Outputs, write
from vexlab.coverage.run import read_coverage, source_of
from vexlab.errors import UsageError
from vexlab.model.coverage import Coverage, shares

pytest.importorskip("gcovr", reason="the extra `coverage` is not installed")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    counted_build(folder / "build")
    cases = {"small": counters(folder / "build", 1, 2), "twice": counters(folder / "build", 5)}
    return counted_run(folder / "run", folder / "build", cases)


@pytest.fixture(scope="module")
def coverage(run: Path) -> Coverage:
    return read_coverage(run, "off", progress=lambda _: None)


@pytest.fixture(scope="module")
def written(run: Path, coverage: Coverage, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with all three forms, written at once."""
    folder = tmp_path_factory.mktemp("written")
    outputs = Outputs(html=folder / "pages", lcov=folder / "out.info", cobertura=folder / "out.xml")
    write(coverage, source_of(run), outputs, title="<x> & y")
    return folder


def test_lcov_has_the_lines(written: Path, coverage: Coverage) -> None:
    text = (written / "out.info").read_text()
    files = {Path(name).name: part for name, part in re.findall(r"^SF:(.*?)$(.*?)^end_of_record", text, re.M | re.S)}
    assert set(files) == {"chosen.c", "twice.h"}
    lines = {int(line): int(count) for line, count in re.findall(r"^DA:(\d+),(\d+)", files["chosen.c"], re.M)}
    assert lines == coverage.files["chosen.c"].lines
    assert re.search(r"^FNL?:.*8\b", files["chosen.c"], re.M), "the function that is never called"


def test_cobertura_has_the_sums(written: Path, coverage: Coverage) -> None:
    root = ET.parse(written / "out.xml").getroot()
    whole = shares(coverage.files.values())
    assert (int(root.attrib["lines-covered"]), int(root.attrib["lines-valid"])) == (whole.lines.reached, whole.lines.of)
    assert int(root.attrib["branches-valid"]) == whole.branches.of


def test_pages_show_the_source(written: Path) -> None:
    index = (written / "pages" / "index.html").read_text()
    assert "chosen.c" in index
    assert "<x>" not in index
    pages = "".join(file.read_text() for file in (written / "pages").glob("*chosen.c*.html"))
    assert "never" in pages
    assert "twice" in pages


def test_without_gcovr_it_is_said_what_to_install(
    run: Path, coverage: Coverage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match="not installed") as caught:
        write(coverage, source_of(run), Outputs(lcov=Path("x")), title="")
    assert "vexlab[coverage]" in caught.value.hint
