"""Grafana's dashboards, described once: ``python infrastructure/monitoring/dashboards.py`` writes the JSON files anew.

Each row of ``DASHBOARDS`` is a panel: its title, how it is drawn, the query, the legend and the unit. The builders of
Grafana's Foundation SDK make of it what Grafana reads. A test runs every query against a real Prometheus.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grafana_foundation_sdk.builders import dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DataSourceRef

FOLDER = Path(__file__).parent / "grafana" / "dashboards"
SOURCE = DataSourceRef(type_val="prometheus", uid="vexlab-prometheus")
STAT, LINES = "stat", "lines"
_DECIDED = 'verdict=~"passed|failed|crashed"'
_RED = 'verdict=~"failed|crashed"'


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel: ``kind`` is ``STAT`` or ``LINES``, ``unit`` one of Grafana's names for units."""

    title: str
    kind: str
    query: str
    legend: str = "{{target}}"
    unit: str = "short"


DASHBOARDS: Mapping[str, tuple[str, Sequence[Panel]]] = {
    "overview": (
        "vexlab: test overview",
        (
            Panel("Failed of the newest run", STAT, "vexlab_last_run_failure_ratio", unit="percentunit"),
            Panel("Since the newest run", STAT, "time() - vexlab_last_run_timestamp_seconds", unit="s"),
            Panel("Runs that go on", STAT, "vexlab_runs_going", "runs"),
            Panel("Cases that wait", STAT, "vexlab_cases_queued", "cases"),
            Panel("Cases by verdict", LINES, "sum by (verdict) (vexlab_cases_total)", "{{verdict}}"),
            Panel("Findings by type", LINES, "sum by (type) (vexlab_findings_total)", "{{type}}"),
            Panel("Failed of all decided", LINES,
                  f"sum by (target) (vexlab_cases_total{{{_RED}}})"
                  f" / sum by (target) (vexlab_cases_total{{{_DECIDED}}})",
                  unit="percentunit"),
            Panel("Machines", LINES, "vexlab_machines", "{{state}}"),
        ),
    ),
    "domains": (
        "vexlab: domain details",
        (
            Panel("Cases by domain and verdict", LINES, "sum by (domain, verdict) (vexlab_cases_total)",
                  "{{domain}} {{verdict}}"),
            Panel("Mean duration of a case", LINES,
                  "sum by (domain) (vexlab_case_duration_seconds_sum)"
                  " / sum by (domain) (vexlab_case_duration_seconds_count)",
                  "{{domain}}", "s"),
            Panel("Cases by level", LINES, "sum by (level) (vexlab_cases_total)", "level {{level}}"),
            Panel("Cases by kernel and flavour", LINES, "sum by (kernel, flavour) (vexlab_cases_total)",
                  "{{kernel}} {{flavour}}"),
            Panel("Time to load the module", LINES,
                  "vexlab_module_load_seconds_sum / vexlab_module_load_seconds_count", unit="s"),
            Panel("Time to mount", LINES, "vexlab_mount_seconds_sum / vexlab_mount_seconds_count", unit="s"),
            Panel("Time of a vector search", LINES,
                  "vexlab_vector_search_seconds_sum / vexlab_vector_search_seconds_count", unit="s"),
            Panel("Beside the reference filesystem", LINES, "vexlab_benchmark_ratio", "{{target}} {{benchmark}}"),
        ),
    ),
    "health": (
        "vexlab: system health",
        (
            Panel("Components", STAT, "vexlab_component_up", "{{component}}"),
            Panel("Processors in use", LINES,
                  '1 - sum without (mode) (rate(vexlab_host_cpu_seconds_total{mode="idle"}[1m])) / vexlab_host_cpus',
                  "host", "percentunit"),
            Panel("Load", LINES, "vexlab_host_load1", "load"),
            Panel("Memory available", LINES, "vexlab_host_memory_available_bytes", "available", "bytes"),
            Panel("Room on the disk of results", LINES, "vexlab_host_disk_free_bytes", "free", "bytes"),
            Panel("Disk traffic", LINES, "rate(vexlab_host_disk_io_bytes_total[1m])", "{{direction}}", "Bps"),
            Panel("Network traffic", LINES, "rate(vexlab_host_network_bytes_total[1m])", "{{direction}}", "Bps"),
            Panel("Memory of machines", LINES, "vexlab_machines_memory_bytes", "machines", "bytes"),
            Panel("Processors of machines", LINES, "vexlab_machines_cpu_ratio", "machines"),
            Panel("Machines lost", LINES, "vexlab_machines_lost_total"),
            Panel("Retries", LINES, "vexlab_case_retries_total"),
        ),
    ),
    "trends": (
        "vexlab: trend analysis",
        (
            Panel("Failed of the newest run", LINES, "vexlab_last_run_failure_ratio", unit="percentunit"),
            Panel("Seconds of the newest run's cases", LINES, "vexlab_last_run_cases_seconds", unit="s"),
            Panel("Cases in a day", LINES, "sum by (target) (increase(vexlab_cases_total[1d]))"),
            Panel("Findings in a day", LINES, "sum by (target, type) (increase(vexlab_findings_total[1d]))",
                  "{{target}} {{type}}"),
            Panel("Runs by how they ended", LINES, "vexlab_runs_total", "{{target}} {{state}}"),
        ),
    ),
}  # fmt: skip


def render(name: str) -> str:
    """Return the JSON of a dashboard."""
    title, panels = DASHBOARDS[name]
    made = dashboard.Dashboard(title).uid(f"vexlab-{name}").tags(["vexlab"]).refresh("15s").time("now-24h", "now")
    made = made.timezone("browser").readonly()
    for panel in panels:
        query = prometheus.Dataquery().expr(panel.query).legend_format(panel.legend).ref_id("A").datasource(SOURCE)
        kind = stat.Panel if panel.kind == STAT else timeseries.Panel
        width = 6 if panel.kind == STAT else 12
        drawn = kind().title(panel.title).datasource(SOURCE).unit(panel.unit).targets([query])
        made = made.with_panel(drawn.span(width).height(4 if panel.kind == STAT else 8))
    return JSONEncoder(sort_keys=True, indent=2).encode(made.build()) + "\n"


def main() -> None:
    """Write every dashboard."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in DASHBOARDS:
        (FOLDER / f"{name}.json").write_text(render(name))


if __name__ == "__main__":
    main()
