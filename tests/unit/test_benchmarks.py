"""Benchmarks: which cases they are, what stands beside a figure, and the table."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.unit.test_history import result

import vexlab.domains
from vexlab.model.benchmarks import BENCHMARKS, CATEGORIES, benchmark_of, measured_by, patterns
from vexlab.model.case import CaseResult
from vexlab.model.key import CaseKey
from vexlab.model.metric import measured
from vexlab.report.bench import render_benchmarks


def _case(*metrics: tuple[str, float], domain: str = "performance_metrics") -> CaseResult:
    key = CaseKey(domain=domain, name="names", kernel="6.1", target="vexfs")
    return result("names", key=key, metrics=tuple(measured(name, value) for name, value in metrics))


def test_every_case_of_the_domain_is_in_the_table() -> None:
    folder = Path(vexlab.domains.__file__).parent / "performance_metrics"
    names = [
        f"performance_metrics.{name}"
        for file in folder.glob("test_*.py")
        for name in re.findall(r"^def test_(\w+)", file.read_text(), re.MULTILINE)
    ]
    assert len(names) > 15
    assert [name for name in names if benchmark_of(name) is None] == []


def test_every_line_of_the_table_is_a_case() -> None:
    folder = Path(vexlab.domains.__file__).parent
    for each in BENCHMARKS:
        domain, _, name = each.pattern.partition(".")
        sources = "".join(file.read_text() for file in (folder / domain).glob("test_*.py"))
        assert f"def test_{name}(" in sources, each.pattern


def test_categories() -> None:
    assert {category for each in BENCHMARKS for category in each.categories} == set(CATEGORIES)
    assert len(patterns(())) == len(BENCHMARKS)
    assert "performance_metrics.io_cached" in patterns(["io"])
    assert "performance_metrics.names" not in patterns(["io"])
    assert "vector_operations.index_recall" in patterns(["vector"])
    assert benchmark_of("performance_metrics.names[6.1]") is not None
    assert benchmark_of("vector_operations.search_exact[6.1]") is None


def test_what_stands_beside_a_figure() -> None:
    before = _case(("create_per_s", 100.0), ("create_ratio", 1.0), ("open_us", 5.0))
    after = _case(
        ("create_per_s", 80.0),
        ("create_reference_per_s", 160.0),
        ("create_ratio", 0.5),
        ("create_low_ratio", 0.4),
        ("create_high_ratio", 0.6),
        ("open_us", 4.0),
        ("insert_exponent", 0.1),
        ("insert_low_exponent", 0.0),
    )
    (found,) = measured_by([after, _case(("load_s", 1.0), domain="kernel_module")], [before])
    create, ratio, opened, insert = found.figures
    assert (create.metric.name, create.reference, create.before) == ("create_per_s", 160.0, 100.0)
    assert create.change == pytest.approx(-0.2)
    assert create.better is False
    assert (ratio.low, ratio.high, ratio.reference) == (0.4, 0.6, None)
    assert ratio.better is None, "a ratio that no case judged has no better direction"
    assert opened.better is True
    assert (insert.low, insert.high, insert.before, insert.change) == (0.0, None, None, None)


def test_a_figure_whose_partner_is_missing_is_one_itself() -> None:
    (found,) = measured_by([_case(("create_reference_per_s", 1.0))])
    assert [each.metric.name for each in found.figures] == ["create_reference_per_s"]


def test_table() -> None:
    now = _case(("create_per_s", 80.0), ("create_reference_per_s", 160.0))
    (found,) = measured_by([now], [_case(("create_per_s", 100.0))])
    text = render_benchmarks([found], "20260101-1")
    assert "compared with run 20260101-1" in text
    assert "beside ext4" in text
    (line,) = [line for line in text.splitlines() if "create_per_s" in line]
    assert line.split() == ["create_per_s", "80", "/s", "-", "160", "100", "-20.0%", "worse"]


def test_table_of_a_case_that_measured_nothing() -> None:
    text = render_benchmarks(measured_by([_case()]))
    assert "no earlier run measured the same" in text
    assert "it measured nothing" in text
