"""Charts draw the numbers of the run, say why they are not there, and hold names of a hostile run as text."""

from __future__ import annotations

import dataclasses
import io
from xml.etree import ElementTree

import pytest
from pypdf import PdfReader
from tests.unit.reports.made import CONTROL, HOSTILE, everything, run_of

from vexlab.model.earlier import Earlier
from vexlab.model.metric import Direction, Metric
from vexlab.report import charts
from vexlab.report.content import Content
from vexlab.report.renderers import BY_NAME

CONTENT = everything("A" * 1000)


def test_charts_without_data_say_why() -> None:
    drawn = charts.charts(Content.of(run_of(())))
    assert [each.spec for each in drawn] == [None] * 5
    assert [each.about for each in drawn][:2] == ["no case ran", "no case has a duration"]
    for name in ("html", "pdf"):
        part = BY_NAME[name].parts[0]
        data = part.render(Content.of(run_of(())))
        text = PdfReader(io.BytesIO(data)).pages[1].extract_text() if name == "pdf" else data.decode()
        for each in drawn:
            assert f"No chart “{each.title}”: {each.about}." in " ".join(text.split())
    page = BY_NAME["html"].parts[0].render(Content.of(run_of(())))
    assert len(page) < 100_000, "the library of charts is not there for nothing"


def test_names_of_a_hostile_domain_and_metric_are_text_in_charts() -> None:
    metrics = tuple(Metric(name=f"{HOSTILE}{end}", value=2.0, direction=Direction.HIGHER)
                    for end in ("_ratio", "_low_ratio", "_high_ratio"))  # fmt: skip
    key = dataclasses.replace(CONTENT.cases[0].key, domain=f"d {HOSTILE}", name=HOSTILE)
    cases = (dataclasses.replace(CONTENT.cases[0], key=key, metrics=metrics),)
    past = (Earlier(run="a", started="2026-11-01T00:00:00+00:00", revision=HOSTILE, passed=1, decided=1,
                    values={(cases[0].id, each.name): 1.0 for each in metrics}),)  # fmt: skip
    content = Content.of(run_of(cases), earlier=past)
    assert all(each.spec for each in charts.charts(content))
    text = BY_NAME["svg"].parts[0].render(content).decode()
    assert not CONTROL.search(text)
    names = {each.tag.rpartition("}")[2] for each in ElementTree.fromstring(text).iter()}
    assert names <= {"svg", "g", "path", "text", "line", "defs", "clipPath", "rect"}
    assert "&lt;script&gt;" in text
    assert BY_NAME["pdf"].parts[0].render(content).startswith(b"%PDF")


def test_every_chart_is_drawn_where_there_is_data() -> None:
    drawn = charts.charts(CONTENT)
    assert [each.name for each in drawn] == ["verdicts", "durations", "reference", "before", "history"]
    assert all(each.spec for each in drawn)
    reference, before, history = (each.spec["data"]["values"] for each in drawn[2:] if each.spec)
    assert [(row["metric"], row["ratio"], row["low"], row["high"]) for row in reference] == [
        ("reads[6.1] read", 1.2, pytest.approx(1.08), pytest.approx(1.38))
    ]
    assert sorted(row["metric"] for row in before) == [
        "reads[6.1] load_s",
        "reads[6.1] read",
        "reads[6.1] read_mib_per_s",
    ]
    assert {row["runs before"] for row in before} == {8}
    assert [row["passed"] for row in history][-1] == "2 of 7"
    assert len(history) == 9


def test_a_metric_beyond_those_before_is_better_or_worse_by_its_direction() -> None:
    past = (Earlier(run="a", started="2026-11-01T00:00:00+00:00", passed=1, decided=1,
                    values={("filesystem_operations.reads[6.1]", "load_s"): 0.1,
                            ("filesystem_operations.reads[6.1]", "read_mib_per_s"): 100.0}),)  # fmt: skip
    spec = charts.before(dataclasses.replace(CONTENT, earlier=past)).spec
    assert spec
    kinds = {row["metric"]: (row["kind"], row["percent"]) for row in spec["data"]["values"]}
    assert kinds == {"reads[6.1] load_s": ("worse", 250.0), "reads[6.1] read_mib_per_s": ("better", 120.0)}


def test_an_index_is_drawn_as_recall_against_speed_and_not_beside_a_reference_filesystem() -> None:
    figures = {"probes_1_recall_10_ratio": 0.8, "probes_1_faster_ratio": 20.0, "probes_1_faster_low_ratio": 18.0,
               "probes_1_faster_high_ratio": 22.0, "probes_4_recall_10_ratio": 0.97, "probes_4_faster_ratio": 8.0,
               "probes_4_recall_100_ratio": 0.9}  # fmt: skip
    metrics = tuple(Metric(name=name, value=value, direction=Direction.HIGHER) for name, value in figures.items())
    content = Content.of(run_of((dataclasses.replace(CONTENT.cases[0], metrics=metrics),)))
    assert charts.reference(content).spec is None
    curve = charts.charts(content)[-1]
    assert curve.spec
    ways = [(row["way"], row["recall"], row["faster"]) for row in curve.spec["data"]["values"]]
    assert ways == [("probes_1", 0.8, 20.0), ("probes_4", 0.97, 8.0)]
    assert curve.spec["layer"][0]["encoding"]["x"]["scale"]["domain"] == [0.8, 1]
    assert curve.title in BY_NAME["svg"].parts[0].render(content).decode()
