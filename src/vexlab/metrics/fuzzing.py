"""Campaigns of ``vexlab fuzz`` as metrics: programs, time, what code of the module ran, what was found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from vexlab.errors import InfraError
from vexlab.fuzz.folder import campaigns
from vexlab.metrics.names import Labels

_CAMPAIGNS_MOST = 20  # those worked on last
_LABELS = ("campaign", "mode", "target", "kernel")


def fuzzing(results: Path) -> Iterator[Metric]:
    """Yield the metrics of the campaigns in a results folder."""
    seconds = CounterMetricFamily("vexlab_fuzz_seconds", "How long a campaign has gone on.", labels=_LABELS)
    programs = CounterMetricFamily("vexlab_fuzz_programs", "Programs, or damaged images, tried.", labels=_LABELS)
    calls = CounterMetricFamily("vexlab_fuzz_calls", "Calls made.", labels=_LABELS)
    crashes = GaugeMetricFamily("vexlab_fuzz_crashes", "Distinct crashes found.", labels=_LABELS)
    covered = GaugeMetricFamily("vexlab_fuzz_coverage_places", "Places of the module that ran.", labels=_LABELS)
    known = Labels({"campaign": _CAMPAIGNS_MOST})
    for folder in campaigns(results)[-_CAMPAIGNS_MOST:]:
        try:
            state, found = folder.state(), len(folder.crashes())
        except InfraError:  # `vexlab fuzz status` says what is wrong with it
            continue
        if state is None:
            continue
        asked = state.asked
        values = (folder.name, asked.mode.value, asked.target, asked.kernel)
        labels = tuple(known.value(label, value) for label, value in zip(_LABELS, values, strict=True))
        seconds.add_metric(labels, state.seconds)
        programs.add_metric(labels, state.programs)
        calls.add_metric(labels, state.calls)
        crashes.add_metric(labels, found)
        if state.cover is not None:
            covered.add_metric(labels, state.cover)
    yield from (seconds, programs, calls, crashes, covered)
