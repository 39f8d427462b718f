"""The JSON of the old infrastructure as settings: every key of the documents, and what is said of others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vexlab.config import load_settings, read_json_settings
from vexlab.errors import UsageError
from vexlab.plugin.reproduce import settings_toml

GLOBAL = {
    "vm_config": {"memory_mb": 2048, "cpu_cores": 2, "disk_size_gb": 20, "ssh_port": 2222, "vnc_port": 5900},
    "test_config": {"timeout_seconds": 3600, "retry_attempts": 3, "parallel_jobs": 4, "log_level": "INFO"},
    "reporting_config": {"output_formats": ["html", "json"], "include_visualizations": True, "retention_days": 30},
    "benchmarks": {"enabled": True, "timeout": 300, "retry_attempts": 3},
}
DOMAIN = """// tests/domains/kernel_module/config.json
{
  "module_name": "vexfs",
  "max_load_time": 30.0,
  "memory_leak_threshold": 1048576,
  "stop_on_critical_failure": true
}
"""
SYZKALLER = {
    "target": "linux/amd64",
    "workdir": "./w",
    "syzkaller": "/s",
    "procs": 8,
    "type": "qemu",
    "vm": {"count": 4},
}


def _written(folder: Path, name: str, data: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(data if isinstance(data, str) else json.dumps(data))
    return file


def test_the_global_configuration_is_taken_over(tmp_path: Path) -> None:
    settings = load_settings(_written(tmp_path, "global_config.json", GLOBAL))
    assert (settings.memory, settings.cpus, settings.results.keep_days) == (2048, 2, 30)
    assert (settings.run.case_s, settings.run.retry, settings.run.jobs, settings.run.log_level) == (3600, 3, 4, "INFO")
    assert settings.report.formats == ("html",)
    assert settings.component("benchmarks").enabled
    assert settings.component("benchmarks").timeout == 300


def test_what_has_no_new_form_is_told(tmp_path: Path) -> None:
    notes = read_json_settings(_written(tmp_path, "global_config.json", GLOBAL))[1]
    assert [note.partition(":")[0] for note in notes] == [
        "vm_config.disk_size_gb", "vm_config.ssh_port", "vm_config.vnc_port", "reporting_config.include_visualizations",
    ]  # fmt: skip


def test_a_domains_file_is_about_the_domain_of_its_folder(tmp_path: Path) -> None:
    settings = load_settings(_written(tmp_path / "kernel_module", "config.json", DOMAIN))
    own = settings.domain("kernel_module")
    assert (own.module_name, own.max_load_time, own.memory_leak_threshold) == ("vexfs", 30.0, 1048576)
    assert own.stop_on_critical_failure


@pytest.mark.parametrize(
    ("name", "data", "component"),
    [
        ("benchmark_config.json", {"enabled": True, "timeout": 60}, "benchmarks"),
        ("ebpf_config.json", {"enabled": False}, "monitoring"),
        ("syzkaller_config.json", {**SYZKALLER, "enabled": True}, "syzkaller"),
    ],
)
def test_files_of_one_component(tmp_path: Path, name: str, data: dict[str, object], component: str) -> None:
    settings = load_settings(_written(tmp_path, name, data))
    assert settings.component(component).enabled is data["enabled"]


def test_the_vm_configuration_alone(tmp_path: Path) -> None:
    assert load_settings(_written(tmp_path, "vm_config.json", GLOBAL["vm_config"])).memory == 2048


def test_a_detection_configuration_says_that_it_is_always_on(tmp_path: Path) -> None:
    table, notes = read_json_settings(_written(tmp_path, "detection_config.json", {"enabled": True}))
    assert not table
    assert "every case" in notes[0]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"vm_config": {"memory": 1}}, "unknown key `memory` in vm_config"),
        ({"memory": 1}, "unknown key `memory`"),
        ("[1]", "no table of settings"),
        ("{", "not valid JSON"),
        ({"benchmarks": {"enable": True}}, "unknown key `enable` in component benchmarks"),
        ({"reporting_config": {"output_formats": "html"}}, "is no list"),
        ("[" * 100, "nested more than"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, data: object, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        load_settings(_written(tmp_path, "global_config.json", data))


def test_what_it_becomes_reads_back(tmp_path: Path) -> None:
    settings = load_settings(_written(tmp_path, "global_config.json", GLOBAL))
    file = tmp_path / "vexlab.toml"
    file.write_text(settings_toml(settings))
    assert load_settings(file) == settings
