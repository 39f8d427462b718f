"""Options of the pytest session, and the one lab that a session has."""

from __future__ import annotations

import ctypes
import signal
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from vexlab import runlog
from vexlab.config import DomainSettings, Settings, settings_for
from vexlab.errors import InfraError, UsageError
from vexlab.lab import Lab
from vexlab.model.baseline import FILE, Known, Worked
from vexlab.model.case import PLAN, TAKEN_OVER, Plan
from vexlab.model.key import CaseKey, place
from vexlab.model.profile import RUN_FILE, Profile, decode_all
from vexlab.model.request import DEFAULTS, OPTIONS, Request, is_many, kind_of
from vexlab.model.target import Target
from vexlab.plugin.marks import MARKS
from vexlab.targets.configurations import chosen, configured
from vexlab.targets.load import find_target
from vexlab.targets.own import own_target

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
LAB = pytest.StashKey[Lab]()
RUN_FOLDER = pytest.StashKey[Path]()
_TARGET_NAME = pytest.StashKey[str]()
_CONFIGURATIONS = pytest.StashKey[tuple[str, ...]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add vexlab's options."""
    group = parser.getgroup("vexlab", "kernel modules in virtual machines")
    group.addoption("--vexlab-results", metavar="DIR", default="", help="folder of this run's evidence")
    for name, option in OPTIONS.items():
        flag = f"--vexlab-{option.flag}"
        if not option.cases:
            continue
        if kind_of(name) is bool:
            group.addoption(flag, dest=_dest(name), action="store_true", help=option.about)
            continue
        action, default = ("append", []) if is_many(name) else ("store", DEFAULTS[name])
        metavar = option.metavar or kind_of(name).__name__.upper()
        group.addoption(
            flag,
            dest=_dest(name),
            metavar=metavar,
            action=action,
            default=default,
            type=kind_of(name),
            help=option.about,
        )


def _dest(name: str) -> str:
    return f"vexlab_{OPTIONS[name].flag.replace('-', '_')}"


def request_of(config: pytest.Config) -> Request:
    """Return what the session is asked to do."""
    given = {name: config.getoption(_dest(name)) for name, option in OPTIONS.items() if option.cases}
    try:
        return msgspec.convert(given, Request)
    except msgspec.ValidationError as error:
        raise UsageError(f"an option of the session has a wrong value: {error}") from error


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks. A worker leaves Ctrl-C to the process that started it, and dies with it."""
    if is_worker(config):
        if Path(config.getoption("vexlab_results") or "/dev/null").is_dir():
            runlog.to_file(run_folder(config), settings_of(config).run.log_level)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    configurations_of(config)  # an unknown one ends the session before it collects
    for name, meaning in MARKS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")


def is_worker(config: pytest.Config) -> bool:
    """Whether this is a process of pytest-xdist's in which cases run."""
    return hasattr(config, "workerinput")


def worker_count(config: pytest.Config) -> int:
    """Return how many processes cases run in."""
    given = getattr(config, "workerinput", {})
    return int(given.get("workercount", 1))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Close the lab, if one was used."""
    if lab := config.stash.get(LAB, None):
        lab.close()


def the_lab(config: pytest.Config) -> Lab:
    """Return the session's lab, made at first use."""
    if LAB not in config.stash:
        config.stash[LAB] = Lab(settings_of(config))
    return config.stash[LAB]


def target_of(config: pytest.Config, domain: str = "", configuration: str = "") -> Target:
    """Return the filesystem under test in a configuration, as cases of ``domain`` get it where the settings say so."""
    request = request_of(config)
    target = configured(find_target(request.target, build_args=request.build_args), configuration)
    return own_target(target, settings_for(request).domain(domain), domain, given=bool(request.artifact))


def configurations_of(config: pytest.Config) -> tuple[str, ...]:
    """Return the words for those asked for; without any there is no such axis. Raises ``pytest.UsageError``."""
    if _CONFIGURATIONS not in config.stash:
        asked = request_of(config)
        try:
            words = chosen(find_target(asked.target), asked.configurations) if asked.configurations else ()
        except UsageError as error:
            raise pytest.UsageError(f"{error.message} ({error.hint})") from error
        config.stash[_CONFIGURATIONS] = words
    return config.stash[_CONFIGURATIONS]


def own_module(config: pytest.Config, domain: str) -> DomainSettings | None:
    """Return the settings of ``domain`` where its cases test another module than the run does, else ``None``."""
    request = request_of(config)
    if request.artifact:
        return None
    settings = settings_for(request).domain(domain)
    return settings if settings.module_path or settings.build_path else None


def target_name(config: pytest.Config) -> str:
    """Return the name of the filesystem under test; empty where there is none, which only listing cases allows."""
    if _TARGET_NAME not in config.stash:
        try:
            config.stash[_TARGET_NAME] = target_of(config).name
        except UsageError:
            config.stash[_TARGET_NAME] = ""
    return config.stash[_TARGET_NAME]


def enabled_components(config: pytest.Config) -> tuple[str, ...]:
    """Return the components that the run switches on, by its options and its settings."""
    named = (name for name, each in settings_of(config).components.items() if each.enabled)
    return tuple(dict.fromkeys([*request_of(config).enabled, *named]))


def settings_of(config: pytest.Config) -> Settings:
    """Return the settings file's values with the command line's laid over them."""
    return settings_for(request_of(config))


def write_plan(config: pytest.Config, plan: Plan) -> None:
    """Leave the selected cases in the run's folder, for whoever started the session; every worker writes the same."""
    folder = Path(config.getoption("vexlab_results"))
    if not config.getoption("vexlab_results") or not folder.is_dir():
        return
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".plan-", delete=False) as draft:
            draft.write(msgspec.json.encode(plan))
        Path(draft.name).replace(folder / PLAN)
    except OSError as error:
        raise pytest.UsageError(f"the plan of the run cannot be written: {error}") from error


def run_folder(config: pytest.Config) -> Path:
    """Return the folder of this run's evidence; without ``--vexlab-results`` one named after the time."""
    if RUN_FOLDER not in config.stash:
        given = config.getoption("vexlab_results")
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        config.stash[RUN_FOLDER] = Path(given or Path(settings_of(config).results.folder, f"pytest-{stamp}")).absolute()
    return config.stash[RUN_FOLDER]


def profile_on(config: pytest.Config, key: CaseKey) -> Profile | None:
    """Return what the target can do where the case ``key`` runs, as it was found out before the run.

    ``None`` where it was not, and for a domain that tests a module of its own. Raises ``InfraError`` where it cannot be
    read.
    """
    file = run_folder(config) / RUN_FILE
    if own_module(config, key.domain) or not file.exists():
        return None
    try:
        profiles = decode_all(file.read_bytes())
    except (OSError, ValueError) as error:
        raise InfraError(f"{file} cannot be read: {error}") from error
    return next((profile for profile in profiles if profile.place == key.place), None)


def taken_over(config: pytest.Config) -> Mapping[str, str]:
    """Return the digests of the cases that an earlier run has decided, by their ids."""
    file = Path(config.getoption("vexlab_results") or "none") / TAKEN_OVER
    if not file.exists():
        return {}
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, str])
    except (OSError, ValueError) as error:
        raise InfraError(f"{file} cannot be read: {error}") from error


def known_before(config: pytest.Config, kernel: str, configuration: str) -> Known:
    """Return what the target could do there in earlier runs; nothing where that was not noted."""
    file = run_folder(config) / FILE
    if not file.exists():
        return {}
    try:
        known = msgspec.json.decode(file.read_bytes(), type=dict[str, dict[str, Worked]])
    except (OSError, ValueError) as error:
        raise InfraError(f"{file} cannot be read: {error}") from error
    return known.get(place(kernel, configuration), {})
