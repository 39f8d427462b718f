"""The JSON files of the old infrastructure, as tables of ``vexlab.toml``. Pure.

There are ``global_config.json`` (``vm_config``, ``test_config``, ``reporting_config`` and a table for each component),
the same tables as files of their own (``vm_config.json``), one for each component, and a domain's ``config.json``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Table = dict[str, object]

# What a file may begin with: // tests/domains/kernel_module/config.json
_COMMENT = re.compile(r"^\s*//[^\n]*$", re.MULTILINE)
_COMPONENT_KEYS = ("enabled", "timeout", "retry_attempts")


@dataclass(frozen=True, slots=True, kw_only=True)
class New:
    """What became of an old setting: the place of the new one (``run.case_s``), or ``note``, why there is none."""

    place: str = ""
    note: str = ""
    change: Callable[[object], object] = lambda value: value


def _formats(value: object) -> object:
    if not isinstance(value, list):
        raise TypeError("`output_formats` is no list")
    names = {"markdown": "md"}
    return [names.get(str(each).lower(), str(each).lower()) for each in value if str(each).lower() != "json"]


_NO_NETWORK = "guests have no network; `vexlab vm ssh` and `vexlab vm console` reach a named machine"
_OWN_DISKS = "each case says what disks it needs; they take room only where they are written"
_VISUAL = "pages always hold their pictures"

# What the old settings became, by table and key.
TABLES: Mapping[str, Mapping[str, New]] = {
    "vm_config": {
        "memory_mb": New(place="memory"),
        "cpu_cores": New(place="cpus"),
        "disk_size_gb": New(note=_OWN_DISKS),
        "ssh_port": New(note=_NO_NETWORK),
        "vnc_port": New(note=_NO_NETWORK),
    },
    "test_config": {
        "timeout_seconds": New(place="run.case_s"),
        "retry_attempts": New(place="run.retry"),
        "parallel_jobs": New(place="run.jobs"),
        "log_level": New(place="run.log_level", change=lambda value: str(value).upper()),
    },
    "reporting_config": {
        "output_formats": New(place="report.formats", change=_formats),
        "include_visualizations": New(note=_VISUAL),
        "retention_days": New(place="results.keep_days"),
    },
}
# Files of one component, by what they are called, and the component's name now.
COMPONENTS: Mapping[str, str] = {
    "benchmark_config": "benchmarks",
    "syzkaller_config": "syzkaller",
    "ebpf_config": "monitoring",
    "detection_config": "detection",
}
_BUILT_IN = {"detection": "crashes, races and leaks are looked for in every case; it cannot be switched off"}
# A domain's config.json; vexlab has the same names.
DOMAIN_KEYS = (
    "module_name", "module_path", "build_path", "max_load_time", "max_unload_time", "memory_leak_threshold",
    "hang_detection_timeout", "stop_on_critical_failure",
)  # fmt: skip
# What a configuration of syzkaller's own holds: it stays a file of syzkaller's.
_SYZKALLER = "syzkaller"
_OF_SYZKALLER = ("target", "http", "workdir", "kernel_obj", "image", "sshkey", "syzkaller", "procs", "type", "vm")


def convert(text: str, name: str, folder: str) -> tuple[Table, tuple[str, ...]]:
    """Return the settings that the JSON ``text`` holds, and a note on each that has no new form.

    ``name`` is the file's without its ending, ``folder`` that of its folder, which names the domain of a
    ``config.json``. Raises ``ValueError`` or ``TypeError`` for what is no such file and for an unknown key.
    """
    try:
        found = json.loads(_COMMENT.sub("", text))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not valid JSON: {error}") from error
    if not isinstance(found, dict):
        raise TypeError("no table of settings")
    out: Table = {}
    notes: list[str] = []
    if set(found) & set(DOMAIN_KEYS):
        _check(found, DOMAIN_KEYS, f"the settings of domain {folder}")
        out["domains"] = {folder: found}
    elif name in TABLES:
        _take(name, found, out, notes)
    elif name in COMPONENTS or {"syzkaller", "procs"} <= set(found):
        _component(COMPONENTS.get(name, _SYZKALLER), found, out, notes)
    else:
        for key, value in found.items():
            if not isinstance(value, dict):
                raise TypeError(f"unknown key `{key}`; there are {', '.join([*TABLES, *DOMAIN_KEYS])}")
            if key in TABLES:
                _take(key, value, out, notes)
            else:
                _component(COMPONENTS.get(key, key), value, out, notes)
    return out, tuple(dict.fromkeys(notes))


def _take(name: str, table: Mapping[str, object], out: Table, notes: list[str]) -> None:
    _check(table, TABLES[name], name)
    for key, value in table.items():
        new = TABLES[name][key]
        if new.note:
            notes.append(f"{name}.{key}: {new.note}")
        else:
            _put(out, new.place, new.change(value))


def _component(name: str, table: Mapping[str, object], out: Table, notes: list[str]) -> None:
    if name in _BUILT_IN:
        notes.append(f"{name}: {_BUILT_IN[name]}")
        return
    own = {key: value for key, value in table.items() if key in _COMPONENT_KEYS}
    rest = [key for key in table if key not in own]
    if name == _SYZKALLER and rest:
        _check(dict.fromkeys(rest), _OF_SYZKALLER, "syzkaller's own configuration")
        notes.append("syzkaller: its own configuration stays its own: `vexlab fuzz syzkaller --from FILE`")
    else:
        _check(table, _COMPONENT_KEYS, f"component {name}")
    if own:
        components = out.setdefault("components", {})
        if isinstance(components, dict):
            components[name] = own


def _check(table: Mapping[str, object], known: object, where: str) -> None:
    names = list(known) if isinstance(known, (Mapping, tuple)) else []
    for key in table:
        if key not in names:
            raise ValueError(f"unknown key `{key}` in {where}; there are {', '.join(names)}")


def _put(out: Table, place: str, value: object) -> None:
    """Set ``run.case_s`` of a table of tables."""
    *tables, key = place.split(".")
    for name in tables:
        inner = out.setdefault(name, {})
        if not isinstance(inner, dict):
            raise TypeError(f"`{name}` is no table")
        out = inner
    out[key] = value
