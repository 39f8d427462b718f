"""Settings: parsed once, validated, with a suggestion for an unknown key."""

from __future__ import annotations

import dataclasses
import os
import re
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec

from vexlab.errors import UsageError
from vexlab.model import oldconfig
from vexlab.model.kernel import IMAGE, in_flavour
from vexlab.model.key import DISTRO
from vexlab.model.machine import Accelerator
from vexlab.model.request import OPTIONS, Request, Sandboxing
from vexlab.tables import DEEPEST, decode, nested_too_deeply, read_table, read_text, visible

LogLevel = typing.Literal["DEBUG", "INFO", "WARNING", "ERROR"]
# postgresql+psycopg://user:password@host/database
_URL = re.compile(r"[a-z][a-z0-9+]*://")
_TREND_DAYS_MOST = 36500
# postgresql://host/db?password=secret&sslmode=require
_WORDS = re.compile(r"(?<=[?&])(?:ssl)?password=[^&]*&?")
_PASSWORD = re.compile(r"(://[^/@:]*):[^/]*@")
Positive = typing.Annotated[float, msgspec.Meta(gt=0)]
# The least from which a slope can be told, once the first cycles, in which caches fill, are left out.
Cycles = typing.Annotated[int, msgspec.Meta(ge=5)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Limits a healthy module keeps; times in seconds of the guest's clock, growth in bytes per cycle."""

    load_s: Positive = 5.0
    unload_s: Positive = 2.0
    mount_s: Positive = 10.0
    hang_s: Positive = 10.0
    cycles: Cycles = 20
    slab_bytes_per_cycle: Positive = 512.0
    memory_bytes_per_cycle: Positive = 64 * 1024.0

    def scaled(self, scale: float) -> Thresholds:
        """Return the limits that measured times keep on a kernel that takes ``scale`` times as long.

        ``hang_s`` is no such limit: it is a time that a machine is given, which counts it by its own kernel.
        """
        times = {name: scale * getattr(self, name) for name in ("load_s", "unload_s", "mount_s")}
        return dataclasses.replace(self, **times)


# What a domain's table calls a threshold, and what `[thresholds]` calls it.
_THRESHOLDS = {
    "max_load_time": "load_s",
    "max_unload_time": "unload_s",
    "max_mount_time": "mount_s",
    "hang_detection_timeout": "hang_s",
    "cycles": "cycles",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainSettings:
    """A table ``[domains.NAME]``: what holds for the cases of one domain, over ``[thresholds]`` and the target.

    Times are in seconds; ``memory_leak_threshold`` is in bytes that all cycles of a case together may leave behind.
    ``module_name`` must be the target's module. ``module_path`` is a built module to test in place of a build's,
    ``build_path`` the folder of the source to build in place of ``target.toml``'s. With ``stop_on_critical_failure``
    the domain's cases that have not begun are skipped once the kernel crashed or hung in one of them.
    """

    module_name: str = ""
    module_path: str = ""
    build_path: str = ""
    max_load_time: Positive | None = None
    max_unload_time: Positive | None = None
    max_mount_time: Positive | None = None
    hang_detection_timeout: Positive | None = None
    memory_leak_threshold: Positive | None = None
    cycles: Cycles | None = None
    stop_on_critical_failure: bool = False

    def over(self, base: Thresholds) -> Thresholds:
        """Return ``base`` with what this domain says laid over it."""
        own = {name: getattr(self, key) for key, name in _THRESHOLDS.items() if getattr(self, key) is not None}
        laid = dataclasses.replace(base, **own)
        if self.memory_leak_threshold is None:
            return laid
        return dataclasses.replace(laid, memory_bytes_per_cycle=self.memory_leak_threshold / laid.cycles)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """How a run treats its cases; in seconds, by default as the case's level asks.

    ``settle_s`` is given to a machine before it is let go, for what timers and delayed work may still do; ``case_s`` is
    how long a case may take on the host. ``host_name`` has the host's name noted in results. ``keep_memory`` keeps the
    memory of a machine whose kernel crashed, for ``vexlab debug``: a file as large as the guest's memory each time.
    ``retry`` is how often a case is tried again that only the lab made fail, ``jobs`` how many machines run side by
    side (0: as many as cores and memory carry), ``log_level`` what is written into ``run.log``.
    """

    settle_s: float | None = None
    case_s: float | None = None
    host_name: bool = False
    keep_memory: bool = False
    retry: typing.Annotated[int, msgspec.Meta(ge=0, le=10)] = 1
    jobs: typing.Annotated[int, msgspec.Meta(ge=0, le=64)] = 1
    log_level: LogLevel = "INFO"

    def settle(self, level: int) -> float:
        """Return the time for a case of ``level`` to settle."""
        if self.settle_s is not None:
            return max(0.0, self.settle_s)
        return 0.3 if level == 1 else 1.0

    def deadline(self, level: int) -> float:
        """Return how long a case of ``level`` may take."""
        if self.case_s is not None:
            return max(1.0, self.case_s)
        return 900.0 if level == 1 else 7200.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """Where results are kept, and for how long; ``results = "DIR"`` in the file is short for its ``folder``.

    ``url`` names a database to keep them in, ``postgresql+psycopg://user@host/database``, for which
    ``results = "URL"`` is short; empty is a file in ``folder``, where evidence lies either way.
    ``vexlab results prune`` keeps a run that began in the last ``keep_days`` days, and of each target the newest
    ``keep_runs``. Zero: this keeps none; both zero: everything is kept. ``vexlab trend`` looks ``trend_days`` back.
    """

    folder: str = "vexlab-results"
    url: str = ""
    keep_days: int = 0
    keep_runs: int = 0
    trend_days: float = 7.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSettings:
    """What is written into a run's folder beside JSON and JUnit: ``formats`` of ``vexlab report``."""

    formats: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentSettings:
    """A table ``[components.NAME]``: whether a component runs, for how long (seconds), and how often it is tried again.

    The last two hold for each case of the component, over ``[run]``.
    """

    enabled: bool = False
    timeout: Positive | None = None
    retry_attempts: typing.Annotated[int, msgspec.Meta(ge=0, le=10)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FuzzSettings:
    """Where ``syzkaller`` is installed: the folder with its ``bin``. VEXLAB_SYZKALLER may name it, too."""

    syzkaller: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRule:
    """Tell of it when ``condition`` holds: ``failure_rate > 0.1``, ``test_timeout`` (docs/how-to/watch-a-run.md)."""

    name: str
    condition: str
    severity: Literal["info", "warning", "critical"] = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """Whom a run tells what goes wrong: ``format`` is the payload's; ``secret_file`` holds what signs it.

    ``rules`` are those of vexlab where none is named. The address may also come in VEXLAB_ALERTS_WEBHOOK. ``file`` is a
    YAML file that has all of this under ``alerts``.
    """

    enabled: bool = True
    webhook_url: str = ""
    format: Literal["generic", "slack"] = "generic"
    secret_file: str = ""
    file: str = ""
    rules: tuple[AlertRule, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What may stand in ``vexlab.toml``; in MiB: ``memory`` of a machine, ``snapshots`` on disk before old ones go.

    ``environment`` is noted with each run, for comparing those of one place with those of another. ``suites`` says
    where test suites of others are installed, by name. ``flavour`` is that in which ``kernels`` were built;
    ``settings_for`` has put it into their names.
    """

    cache: str = ""
    results: Results = field(default_factory=Results)
    accel: Accelerator = Accelerator.AUTO
    memory: int = 256
    snapshots: int = 10240
    cpus: int = 2
    kernels: tuple[str, ...] = ("6.1",)
    flavour: str = ""
    sandbox: Sandboxing = "auto"
    environment: str = ""
    thresholds: Thresholds = field(default_factory=Thresholds)
    run: RunSettings = field(default_factory=RunSettings)
    report: ReportSettings = field(default_factory=ReportSettings)
    components: dict[str, ComponentSettings] = field(default_factory=dict)
    domains: dict[str, DomainSettings] = field(default_factory=dict)
    alerts: Alerts = field(default_factory=Alerts)
    suites: dict[str, str] = field(default_factory=dict)
    fuzz: FuzzSettings = field(default_factory=FuzzSettings)

    def domain(self, name: str) -> DomainSettings:
        """Return what the settings say of the domain ``name``: nothing, where they do not name it."""
        return self.domains.get(name, DomainSettings())

    def component(self, name: str) -> ComponentSettings:
        """Return what the settings say of the component ``name``: nothing, where they do not name it."""
        return self.components.get(name, ComponentSettings())


def is_url(words: str) -> bool:
    """Whether ``words`` name a database, not a folder."""
    return bool(_URL.match(words))


def without_password(url: str) -> str:
    """Return a URL as it may be written down. A program finds the password where it belongs, such as ~/.pgpass."""
    return _WORDS.sub("", _PASSWORD.sub(r"\1@", url)).rstrip("?&")


def cache_dir(settings: Settings | None = None) -> Path:
    """Return the cache folder: ``VEXLAB_CACHE``, the setting, or the user's cache folder (XDG base directories)."""
    if explicit := os.environ.get("VEXLAB_CACHE") or (settings.cache if settings else ""):
        return Path(explicit).expanduser().absolute()
    return _xdg("XDG_CACHE_HOME", ".cache")


def state_dir() -> Path:
    """Return the folder of named machines: ``VEXLAB_STATE`` or the user's state folder (XDG base directories)."""
    if explicit := os.environ.get("VEXLAB_STATE"):
        return Path(explicit).expanduser().absolute()
    return _xdg("XDG_STATE_HOME", ".local/state")


def _xdg(variable: str, default: str) -> Path:
    base = os.environ.get(variable)
    return (Path(base) if base else Path.home() / default) / "vexlab"


def load_settings(path: Path | None) -> Settings:
    """Read settings from ``path``, or from ``vexlab.toml`` in the working directory where it exists.

    Relative paths are relative to the file they stand in. Raises ``UsageError``.
    """
    file = path or Path("vexlab.toml")
    if path is None and not file.exists():
        return Settings()
    table = read_json_settings(file)[0] if file.suffix == ".json" else read_table(file)
    if isinstance(folder := table.get("results"), str):
        table["results"] = {"url" if is_url(folder) else "folder": folder}
    settings = decode(table, Settings, source=str(file))
    if min(settings.results.keep_days, settings.results.keep_runs) < 0:
        raise UsageError(f"{file} [results]: less than no run cannot be kept", hint="0 stands for no limit")
    if not 0 < settings.results.trend_days <= _TREND_DAYS_MOST:
        raise UsageError(f"{file} [results]: trend_days is a number of days, at most {_TREND_DAYS_MOST} (a century)")
    here = file.absolute().parent
    return dataclasses.replace(
        settings,
        cache=str(here / settings.cache) if settings.cache else "",
        results=dataclasses.replace(settings.results, folder=str(here / settings.results.folder)),
        alerts=_alerts_placed(settings.alerts, here),
        domains={name: _placed(each, here) for name, each in settings.domains.items()},
        fuzz=FuzzSettings(syzkaller=str(here / Path(settings.fuzz.syzkaller).expanduser()))
        if settings.fuzz.syzkaller
        else FuzzSettings(),
        suites={name: str(here / Path(path).expanduser()) for name, path in settings.suites.items()},
    )


def settings_for(request: Request) -> Settings:
    """Return the settings of ``request``'s file with what the request itself says laid over them."""
    settings = load_settings(Path(request.config) if request.config else None)
    chosen = {name: getattr(request, name) for name, option in OPTIONS.items() if option.setting}
    settings = dataclasses.replace(settings, **{name: value for name, value in chosen.items() if value})
    if settings.flavour not in ("", DISTRO) and any(name.startswith(IMAGE) for name in settings.kernels):
        raise UsageError(
            f"an image of yours has its own kernel, which is not built in the flavour {settings.flavour}",
            hint="leave --flavour out; for an instrumented kernel take one of `vexlab kernels list` without --image",
        )
    kernels = tuple(in_flavour(name, settings.flavour) for name in settings.kernels)
    return dataclasses.replace(settings, kernels=kernels)


def with_images(request: Request) -> Request:
    """Return the request with its images among the kernels, by names that ``Kernels`` knows; raise ``UsageError``."""
    if not request.images:
        return request
    if request.kernels:
        raise UsageError(
            f"--image and --kernel exclude each other: the machines of {request.images[0]} boot the image's own kernel",
            hint="for both, run twice; `vexlab vm create --kernel` gives one to the tar of a system without a kernel",
        )
    kernels = tuple(f"{IMAGE}{name}" for name in request.images)
    return dataclasses.replace(request, kernels=kernels, images=())


def _alerts_placed(alerts: Alerts, here: Path) -> Alerts:
    """Return ``alerts`` with its paths relative to ``here``."""
    secret, file = (str(here / path) if path else "" for path in (alerts.secret_file, alerts.file))
    return dataclasses.replace(alerts, secret_file=secret, file=file)


def _placed(domain: DomainSettings, here: Path) -> DomainSettings:
    """Return ``domain`` with its paths relative to ``here``."""
    module, source = (str(here / path) if path else "" for path in (domain.module_path, domain.build_path))
    return dataclasses.replace(domain, module_path=module, build_path=source)


def read_json_settings(file: Path) -> tuple[dict[str, object], tuple[str, ...]]:
    """Return a JSON file of the old infrastructure as a table of settings, and notes on what has no new form.

    Raises ``UsageError`` for a file that is none, or that holds a key which the old infrastructure did not have.
    """
    text = read_text(file)
    if nested_too_deeply(text):
        raise UsageError(f"{file} is nested more than {DEEPEST} deep")
    try:
        return oldconfig.convert(text, file.stem, file.absolute().parent.name)
    except (ValueError, TypeError) as error:
        raise UsageError(f"{file}: {visible(str(error))}", hint="`vexlab migrate` converts such a file") from error
