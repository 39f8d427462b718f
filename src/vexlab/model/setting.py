"""What each setting of ``vexlab.toml`` means, in what unit. One line for each; a test compares it with the classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """The words for a setting; ``unit`` is empty where it is no quantity. ``default`` is said where it depends."""

    words: str
    unit: str = ""
    default: str = ""


ABOUT: Mapping[str, About] = {
    "cache": About(words="folder of the cache", default="the user's cache folder"),
    "results.folder": About(words='folder of the results\' store; `results = "DIR"` is short for it'),
    "results.url": About(words="database to keep results in, in place of the folder's own; passwords are not shown"),
    "results.keep_days": About(words="`results prune` keeps runs that are younger; 0: no such limit", unit="days"),
    "results.keep_runs": About(words="`results prune` keeps so many of each target; 0: no such limit", unit="runs"),
    "results.trend_days": About(words="`trend` looks so far back without `--period`", unit="days"),
    "accel": About(words="accelerator; `auto` takes the fastest that was proved"),
    "memory": About(words="memory of a machine", unit="MiB"),
    "snapshots": About(words="disk for saved machines; what was longest unused goes first", unit="MiB"),
    "cpus": About(words="CPUs of a machine"),
    "kernels": About(words="kernels to run on"),
    "flavour": About(words="flavour in which the kernels were built", default="that of each kernel's name"),
    "sandbox": About(words="whether builds run in a sandbox: require, auto, off"),
    "environment": About(words="where runs happen, noted with each"),
    "thresholds.load_s": About(words="longest load of the module", unit="s"),
    "thresholds.unload_s": About(words="longest unload of the module", unit="s"),
    "thresholds.mount_s": About(words="longest mount and unmount", unit="s"),
    "thresholds.hang_s": About(words="after which a step that has not returned hangs", unit="s"),
    "thresholds.cycles": About(words="cycles of cases that look for leaks"),
    "thresholds.slab_bytes_per_cycle": About(words="slab memory that a cycle may leave behind", unit="bytes"),
    "thresholds.memory_bytes_per_cycle": About(words="memory that a cycle may leave behind", unit="bytes"),
    "run.settle_s": About(
        words="a machine gets before it is let go", unit="s", default="0.3 at level 1, 1 at levels 2 and 3"
    ),
    "run.case_s": About(words="a case may take on the host", unit="s", default="900 at level 1, 7200 above"),
    "run.host_name": About(words="whether results name the host"),
    "run.keep_memory": About(words="whether the memory of a machine whose kernel crashed is kept, for `vexlab debug`"),
    "run.retry": About(words="tries of a case that only the lab made fail, beside the first"),
    "run.jobs": About(words="machines side by side; 0: as many as cores and memory carry"),
    "run.log_level": About(words="from which level on `run.log` is written: DEBUG, INFO, WARNING, ERROR"),
    "report.formats": About(words="formats of `vexlab report` written into each run's folder"),
    "alerts.enabled": About(words="whether a run tells the webhook what goes wrong"),
    "alerts.webhook_url": About(words="address that is told; also VEXLAB_ALERTS_WEBHOOK"),
    "alerts.format": About(words="form of what is told: generic, slack"),
    "alerts.secret_file": About(words="file with the secret that signs what is told"),
    "alerts.file": About(words="YAML file that has all of this under `alerts`"),
    "alerts.rules": About(words="when something is told: name, condition, severity of each", default="vexlab's own"),
    "suites.NAME": About(words="folder of an installed suite of others"),
    "fuzz.syzkaller": About(words="folder of an installed syzkaller; also VEXLAB_SYZKALLER"),
    "components.NAME.enabled": About(words="whether a component runs without `--enable`"),
    "components.NAME.timeout": About(words="each of its cases may take on the host", unit="s", default="as run.case_s"),
    "components.NAME.retry_attempts": About(words="tries of its cases, as run.retry", default="as run.retry"),
    "domains.NAME.module_name": About(words="the module that the table is about", default="the target's"),
    "domains.NAME.module_path": About(words="a built module to test in place of a build's"),
    "domains.NAME.build_path": About(words="a folder of source to build in place of the target's"),
    "domains.NAME.max_load_time": About(words="over thresholds.load_s", unit="s", default="thresholds.load_s"),
    "domains.NAME.max_unload_time": About(words="over thresholds.unload_s", unit="s", default="thresholds.unload_s"),
    "domains.NAME.max_mount_time": About(words="over thresholds.mount_s", unit="s", default="thresholds.mount_s"),
    "domains.NAME.hang_detection_timeout": About(words="over thresholds.hang_s", unit="s", default="thresholds.hang_s"),
    "domains.NAME.memory_leak_threshold": About(
        words="all cycles of a case together may leave behind",
        unit="bytes",
        default="thresholds.memory_bytes_per_cycle a cycle",
    ),
    "domains.NAME.cycles": About(words="over thresholds.cycles", default="thresholds.cycles"),
    "domains.NAME.stop_on_critical_failure": About(words="skip the domain's other cases once the kernel has died"),
}
