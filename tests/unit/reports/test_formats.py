"""Every format says the same of one run, stays in its syntax whatever a guest printed, and stays short."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
from collections import Counter
from collections.abc import Mapping
from functools import cache
from html.parser import HTMLParser
from xml.etree import ElementTree

import junitparser
import pytest
from pypdf import PdfReader
from tests.unit.reports.made import CONTROL, HOSTILE, LONG, everything, many, run_of

from vexlab.errors import UsageError
from vexlab.model.case import Summary
from vexlab.model.verdict import Verdict
from vexlab.report import draw, markdown
from vexlab.report.content import Content, headline
from vexlab.report.renderers import BY_NAME, FORMATS, chosen

CONTENT = everything()
COUNTS = {verdict.value: number for verdict, number in CONTENT.counts.items()}
RED = COUNTS["failed"] + COUNTS["crashed"]
SKIPPED = COUNTS["skipped"] + COUNTS["blocked"]
LAB = COUNTS["error"] + COUNTS["undecided"]
SECONDS = sum(case.duration_s for case in CONTENT.cases)


@cache
def _bytes(name: str, part: int = 0) -> bytes:
    return BY_NAME[name].parts[part].render(CONTENT)


def _written(name: str, part: int = 0) -> str:
    """Return a format's text: of a PDF what its pages say, of a page without the library of charts."""
    data = _bytes(name, part)
    if name == "pdf":
        return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages)
    text = data.decode()
    return text.replace(draw.bundle(), "") if name == "html" else text


class _Page(HTMLParser):
    """Collects what a browser would: elements, the numbers, the texts of scripts."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: Counter[str] = Counter()
        self.attributes: list[tuple[str, str | None]] = []
        self.numbers: dict[str, str] = {}
        self.scripts: list[str] = []
        self._number = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements[tag] += 1
        self.attributes += attrs
        self._number = dict(attrs).get("data-number") or ""
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.lasttag == "script" and self.scripts:
            self.scripts[-1] += data
        if self._number:
            self.numbers[self._number] = data
            self._number = ""


def _page() -> _Page:
    page = _Page()
    page.feed(_written("html"))
    return page


def _of_page() -> Mapping[str, int]:
    page = _page()
    data = json.loads(page.scripts[0])
    assert len(data["cases"]) == int(page.numbers["cases"])
    told = Counter(row[4] for row in data["cases"])
    assert {name: int(page.numbers[name]) for name in COUNTS} == dict(told)
    return {
        "tests": len(data["cases"]),
        "red": told["failed"] + told["crashed"],
        "problems": int(page.numbers["problems"]),
    }


def _of_json() -> Mapping[str, int]:
    document = json.loads(_written("json"))
    told = Counter(case["verdict"] for case in document["cases"])
    assert told == COUNTS
    return {
        "tests": len(document["cases"]),
        "red": document["summary"]["failed"] + document["summary"]["crashed"],
        "problems": len(document["problems"]),
    }


def _of_markdown() -> Mapping[str, int]:
    text = _written("md")
    head, _, numbers = re.findall(r"^\| .* \|$", text, re.MULTILINE)[:3]
    told = dict(zip(*([cell.strip() for cell in line.strip("|").split("|")] for line in (head, numbers)), strict=True))
    assert {name: int(told.get(name, 0)) for name in COUNTS} == COUNTS
    problems = re.search(r"^\*\*(\d+) distinct problems\*\*", text, re.MULTILINE)
    assert problems
    return {
        "tests": int(told["cases"]),
        "red": int(told["failed"]) + int(told["crashed"]),
        "problems": int(problems[1]),
    }


def _of_junit() -> Mapping[str, int]:
    """Read it twice: with Python's own reader of XML, and with the library junitparser, which must agree."""
    root = ElementTree.fromstring(_written("junit"))
    suite = root[0]
    assert (int(suite.attrib["skipped"]), int(suite.attrib["errors"])) == (SKIPPED, LAB)
    assert len(suite.findall("testcase/failure")) == int(suite.attrib["failures"])
    assert float(suite.attrib["time"]) == SECONDS
    parsed, checks = junitparser.JUnitXml.fromstring(_bytes("junit"))
    assert (parsed.tests, parsed.failures, parsed.errors, parsed.skipped) == (
        int(suite.attrib["tests"]), int(suite.attrib["failures"]), LAB, SKIPPED,
    )  # fmt: skip
    kinds = Counter(type(each).__name__ for case in parsed for each in case.result)
    assert kinds == {"Failure": RED, "Skipped": SKIPPED, "Error": LAB}
    assert [case.name for case in parsed] == [each.attrib["name"] for each in suite.findall("testcase")]
    assert sum(case.system_err is not None for case in parsed) == sum(bool(case.findings) for case in CONTENT.cases)
    assert [case.is_passed for case in checks] == [True, False, False, False, False]
    return {"tests": parsed.tests, "red": parsed.failures}


def _of_csv() -> Mapping[str, int]:
    rows = list(csv.DictReader(io.StringIO(_written("csv"))))
    told = Counter(row["verdict"] for row in rows)
    assert told == COUNTS
    assert sum(int(row["metrics"]) for row in rows) == len(list(csv.reader(io.StringIO(_written("csv", 1))))) - 1
    return {"tests": len(rows), "red": told["failed"] + told["crashed"]}


def _of_ktap() -> Mapping[str, int]:
    lines = _written("ktap").splitlines()
    plan = next(line for line in lines if line.startswith("1.."))
    results = [line for line in lines if re.match(r"(not )?ok \d+ ", line)]
    assert plan == f"1..{len(results)}"
    skipped = sum("# SKIP" in line for line in results)
    labs = sum("# ERROR" in line for line in results)
    assert (skipped, labs) == (SKIPPED, LAB)
    return {"tests": len(results), "red": sum(line.startswith("not ok") for line in results) - labs}


def _of_text() -> Mapping[str, int]:
    text = _written("text")
    # Totals: 11 tests, 5 failures, 2 skipped, 2 errors, 19 seconds
    total = re.search(r"^Totals: (\d+) tests, (\d+) failures, (\d+) skipped, (\d+) errors, (\d+) seconds$", text, re.M)
    assert total
    of_kernels = re.findall(r"^vexfs/default: (\d+) tests, (\d+) failures, ", text, re.M)
    assert [sum(int(each[place]) for each in of_kernels) for place in (0, 1)] == [int(total[1]), int(total[2])]
    assert (int(total[3]), int(total[4]), int(total[5])) == (SKIPPED, LAB, round(SECONDS))
    problems = re.search(r"^Distinct problems: (\d+)$", text, re.M)
    assert problems
    return {"tests": int(total[1]), "red": int(total[2]), "problems": int(problems[1])}


def _of_pdf() -> Mapping[str, int]:
    text = _written("pdf")
    # 11 cases in 19 s: 2 passed, 2 failed, 3 crashed, 1 skipped, 1 blocked, 1 error, 1 undecided; 6 distinct problems.
    whole = " ".join(text.split())
    sums = re.search(r"(\d+) cases in (\d+) s: ([^;]*); (\d+) distinct problems\.", whole)
    assert sums
    told = {name: int(number) for number, name in (each.split() for each in sums[3].split(", "))}
    assert told == COUNTS
    assert int(sums[2]) == round(SECONDS)
    for name, number in (*told.items(), ("cases", int(sums[1])), ("distinct problems", int(sums[4]))):
        assert f"\n{number}\n{name}\n" in text, "the cover says the same"
    rows = re.findall(r"^(\w+) filesystem_operations\.\w+\[", text.rpartition("the cases")[2], re.MULTILINE)
    assert Counter(rows) == COUNTS
    return {"tests": len(rows), "red": told["failed"] + told["crashed"], "problems": int(sums[4])}


def _of_svg() -> Mapping[str, int]:
    """Read the words that each mark has for screen readers."""
    words = [each.attrib.get("aria-label", "") for each in ElementTree.fromstring(_bytes("svg")).iter()]
    # cases: 1; domain: filesystem_operations; verdict: blocked; order: 4
    bars = [re.match(r"cases: (\d+); domain: [^;]*; verdict: (\w+)", each) for each in words]
    told = {bar[2]: int(bar[1]) for bar in bars if bar}
    assert told == COUNTS
    ticks = [each for each in words if each.startswith("seconds: ")]
    assert len(ticks) == len(CONTENT.cases)
    return {"tests": sum(told.values()), "red": told["failed"] + told["crashed"]}


def _of_sarif() -> Mapping[str, int]:
    (run,) = json.loads(_written("sarif"))["runs"]
    told = run["properties"]
    return {"tests": told["cases"], "red": told["red"], "problems": len(run["results"])}


READERS = {
    "html": _of_page,
    "pdf": _of_pdf,
    "svg": _of_svg,
    "json": _of_json,
    "md": _of_markdown,
    "junit": _of_junit,
    "csv": _of_csv,
    "ktap": _of_ktap,
    "sarif": _of_sarif,
    "text": _of_text,
}


def test_every_format_is_read_here() -> None:
    assert set(READERS) == set(BY_NAME)


@pytest.mark.parametrize("name", BY_NAME)
def test_every_format_has_the_same_numbers(name: str) -> None:
    wanted = {"tests": len(CONTENT.cases), "red": RED, "problems": len(CONTENT.problems)}
    found = READERS[name]()
    assert found == {key: wanted[key] for key in found}
    assert {"tests", "red"} <= set(found)


@pytest.mark.parametrize("name", BY_NAME)
def test_the_verdict_is_the_same_everywhere(name: str) -> None:
    if name in ("json", "csv", "junit"):  # they have each case's verdict, and no word of the whole
        assert headline(CONTENT.result).word not in _written(name).split()
    else:
        assert headline(CONTENT.result).word in _written(name)


@pytest.mark.parametrize("name", sorted(set(BY_NAME) - {"json"}))
def test_what_a_guest_printed_is_harmless_and_bounded(name: str) -> None:
    for part in range(len(BY_NAME[name].parts)):
        text = _written(name, part)
        assert not CONTROL.search(text)
        assert "A" * 20_001 not in text
        assert len(text) < 200_000


def test_json_holds_everything_and_no_control_character() -> None:
    text = _written("json")
    assert LONG in text
    assert not CONTROL.search(text)


def test_a_page_has_no_element_of_a_guest() -> None:
    page = _page()
    assert page.elements["script"] == 5  # two of data, the library, which is taken out here, and two of ours
    assert page.elements["img"] == 0
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in ("style", "src", "srcset")]
    assert all((value or "").startswith("#") for name, value in page.attributes if name == "href")
    assert "{{ 7*7 }}" in _written("html")


def test_a_page_allows_its_own_scripts_and_style_only() -> None:
    text = _bytes("html").decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    assert len(scripts) == 3
    for kind, own in (("style-src", [style]), ("script-src", scripts)):
        digests = [base64.b64encode(hashlib.sha256(each.encode()).digest()).decode() for each in own]
        allowed = " ".join(f"'sha256-{each}'" for each in digests)
        assert f"; {kind} {allowed};" in policy[1]
    assert policy[1].startswith("default-src 'none';")
    assert "unsafe" not in policy[1]


def test_a_comment_fits_and_nothing_breaks_out_of_its_fences() -> None:
    for content in (CONTENT, many(3000)):
        text = markdown.render(content).decode()
        assert len(text) < 65_000
        # a code span ends at the next run of as many backticks as it began with
        spans = re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", _outside_fences(text))
        assert spans.count("<details>") == spans.count("</details>") > 5
        plain = re.sub(r"<summary><code>[^<]*</code></summary>", "", spans)
        assert not re.search(r"<(?!/?details>)|@everyone|owned|javascript", plain)


def _outside_fences(text: str) -> str:
    """Return the lines that are in no fence; fail where one is not closed."""
    kept, open_by = [], ""
    for line in text.splitlines():
        marks = re.match(r"`{3,}", line)
        if open_by:
            if line.strip() == open_by:
                open_by = ""
        elif marks:
            open_by = marks[0]
        else:
            kept.append(line)
    assert not open_by
    return "\n".join(kept)


def test_the_first_screen_of_a_comment_says_what_is_wrong() -> None:
    screen = "\n".join(_written("md").splitlines()[:20])
    assert "FAILED" in screen
    assert "BUG: unable to handle kernel NULL pointer dereference in vexfs_lookup` (2 cases)" in screen


def test_a_cell_of_a_guest_is_no_formula() -> None:
    (row,) = [row for row in csv.DictReader(io.StringIO(_written("csv"))) if row["name"] == "hostile"]
    assert row["reason"].startswith("'=cmd|")


def test_ktap_lines_are_results_plans_or_diagnostics_of_ours() -> None:
    lines = _written("ktap").splitlines()
    assert lines[0] == "KTAP version 1"
    for line in lines:
        assert re.match(r" {0,2}(# |(not )?ok \d+ |1\.\.\d+$|KTAP version 1$)", line), line
    assert not [line for line in lines if re.match(r"\s*# Subtest: forged|\s*ok 1 forged|1\.\.0", line)]
    nested = [line for line in lines if re.match(r"  (not )?ok ", line)]
    assert [line.split(" # ")[0].split()[-1] for line in nested[2:]] == ["link.refused", "link.skipped", "link.blocked"]
    assert nested[1].startswith("  not ok 2 link.hard")
    assert "# SKIP refused: no hard links" in nested[2]


def test_junit_has_what_jenkins_and_gitlab_read() -> None:
    root = ElementTree.fromstring(_written("junit"))
    cases, checks = root
    assert {"name", "tests", "failures", "errors", "skipped", "time", "timestamp", "id", "hostname"} <= set(
        cases.attrib
    )
    assert root.attrib["tests"] == str(len(CONTENT.cases) + 5)
    for element in cases.findall("testcase"):
        assert {"classname", "name", "time", "file"} <= set(element.attrib)
    facts = {each.attrib["name"]: each.attrib["value"] for each in cases.findall("properties/property")}
    assert facts["revision"] == "v1.2-3-gabc-dirty"
    names = [(each.attrib["classname"], each.attrib["name"]) for each in root.iter("testcase")]
    assert len(set(names)) == len(names)  # GitLab ignores the second of a name
    crashed = next(each for each in cases.findall("testcase") if each.attrib["name"] == "lookup[6.1]")
    failure = crashed.find("failure")
    assert failure is not None
    assert failure.attrib["type"] == "crashed"
    assert "kernel died" in (failure.text or "")
    assert "vexfs_lookup+0x5c" in (crashed.findtext("system-err") or "")
    assert "[[ATTACHMENT|" not in _written("junit")
    assert [each.find("failure") is not None for each in checks] == [False, True, False, False, False]


def test_a_run_without_a_case_is_no_pass_in_any_format() -> None:
    empty = Content.of(run_of(()))
    assert empty.headline.word == "NOTHING RAN"
    for form in FORMATS:
        for part in form.parts:
            assert b"PASSED" not in part.render(empty)


def test_ten_thousand_cases_are_written_and_a_thousand_findings_stay_small() -> None:
    render = BY_NAME["html"].parts[0].render
    assert len(render(many(10_000))) < 10_000_000
    cases = tuple(case for case in many(10_000).cases if case.verdict is Verdict.CRASHED)
    assert len(cases) == 1000
    assert len(render(Content.of(run_of(cases)))) < 5_000_000


def test_a_format_that_is_not_there_is_explained() -> None:
    with pytest.raises(UsageError, match="no format `htm`") as caught:
        chosen("json,htm")
    assert "html" in caught.value.hint
    with pytest.raises(UsageError, match="no format is named"):
        chosen(" , ")
    assert [each.name for each in chosen("md,json,md")] == ["md", "json"]


def test_cases_that_were_not_begun_are_counted_in_text_and_not_named() -> None:
    text = _written("text")
    assert "  Not begun: 1\n" in text
    assert "unfinished" not in text
    assert "  Errors:\n    filesystem_operations.labs[6.1]\n" in text


def test_the_counts_are_those_of_the_cases() -> None:
    assert Summary.of(CONTENT.cases) == CONTENT.result.summary
    assert sum(COUNTS.values()) == len(CONTENT.cases)
    assert all(COUNTS.values()), "the run has every verdict"
    assert HOSTILE.splitlines()[0] in CONTENT.cases[4].reason
