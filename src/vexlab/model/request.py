"""What a run is asked to do. Each field says how it is given; ``vexlab run`` and pytest get their options from here."""

from __future__ import annotations

import dataclasses
import functools
import re
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import NoneType
from typing import Literal, TypeVar

from vexlab.model.case import Safety
from vexlab.model.machine import Accelerator
from vexlab.model.scenario import PHASES

T = TypeVar("T")

# Whether builds run in a sandbox: they must, they do where a way works, they do not.
Sandboxing = Literal["require", "auto", "off"]
CASE_HELP = (
    "Only this case: an id of `vexlab list`, its beginning, or a pattern with * and ? (brackets mean themselves); "
    "repeatable."
)
_RUN = "--"  # what options of `vexlab run` begin with
_ACCELERATORS = tuple(each.value for each in Accelerator)
_SAFETIES = tuple(each.value for each in Safety)
_SANDBOXINGS: tuple[str, ...] = typing.get_args(Sandboxing)
_OPTION = "option"  # in a field's metadata
AUTO = "auto"  # what 0 is called where a number may be left to vexlab
SECONDS = {"s": 1, "m": 60, "h": 3600}
# What the texts of --shard and --stress look like: 2/4  ·  20, 90s, 60m, 2h
SHARD = re.compile(r"(\d{1,4})/(\d{1,4})")
STRESS = re.compile(r"(\d{1,6})([smh]?)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """How a field is given on a command line, and to whom.

    ``flag`` is its name without dashes; of what is true unless told otherwise it begins with ``no-``. ``range`` are the
    least and the greatest value, ``path`` what a path leads to; ``exists`` that it must be there. ``time`` is a length
    of time with its unit. ``auto`` tells that 0 may be given, by the word ``auto``; ``pattern`` is what a text must
    match, as ``metavar`` has it. ``cases`` tells that the pytest session in which the cases run takes it, too, as
    ``--vexlab-FLAG``; ``setting`` that it goes over the setting of the field's name.
    """

    about: str
    flag: str
    short: str = ""
    metavar: str = ""
    variable: str = ""
    choices: tuple[str, ...] = ()
    range: tuple[int | None, int | None] | None = None
    path: Literal["", "file", "folder", "any"] = ""
    exists: bool = True
    time: bool = False
    auto: bool = False
    pattern: re.Pattern[str] | None = None
    cases: bool = False
    setting: bool = False


def _option(flag: str, about: str, *, default: T, **more: typing.Unpack[_More]) -> T:
    found: T = field(default=default, metadata={_OPTION: Option(flag=flag, about=about, **more)})
    return found


class _More(typing.TypedDict, total=False):
    """The rest of an ``Option``."""

    short: str
    metavar: str
    variable: str
    choices: tuple[str, ...]
    range: tuple[int | None, int | None]
    path: Literal["", "file", "folder", "any"]
    exists: bool
    time: bool
    auto: bool
    pattern: re.Pattern[str]
    cases: bool
    setting: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a run is asked to do; empty, zero or ``None`` means "no matter". ``paths`` are folders or files of cases."""

    target: str = _option(
        "target", "A target.toml, its folder, or a shipped target.", default="targets/vexfs", cases=True
    )
    kernels: tuple[str, ...] = _option(
        "kernel", "Kernel to run on; repeat for a matrix.", default=(), cases=True, setting=True
    )
    images: tuple[str, ...] = _option(
        "image",
        "Run in machines of this image of yours, with its own kernel, instead of vexlab's: a machine that "
        "`vexlab vm create` made; repeatable.",
        default=(),
        metavar="NAME",
    )
    flavour: str = _option(
        "flavour",
        "Take each kernel as it was built in this flavour: `--kernel 6.1 --flavour kasan` is `--kernel 6.1-kasan`.",
        default="",
        metavar="NAME",
        setting=True,
    )
    configurations: tuple[str, ...] = _option(
        "configuration",
        "Configuration of target.toml to run in, `default` for the target's own, `all` for each; repeatable.",
        default=(),
        metavar="NAME",
        cases=True,
    )
    level: int = _option("level", "Only cases of this level.", default=0, range=(1, 3), cases=True)
    quick: bool = _option("quick", "Only the shortest useful subset.", default=False, cases=True)
    duration_s: float = _option(
        "duration",
        "Of the selected cases the most useful that fit into this time: 90s, 60m, 2h.",
        default=0.0,
        metavar="TIME",
        time=True,
        cases=True,
    )
    domains: tuple[str, ...] = _option("domain", "Only cases of this domain; repeatable.", default=(), cases=True)
    domains_dirs: tuple[str, ...] = _option("domains-dir", "A folder of further domains.", default=(), path="folder")
    benchmarks: bool = _option(
        "enable-benchmarks",
        "Also measure: the cases of `vexlab bench`, whatever else is selected.",
        default=False,
        cases=True,
    )
    scenario: int = _option("scenario", "Only cases of this scenario.", default=0, range=(1, 6), cases=True)
    phase: str = _option("phase", "Only cases of this phase's scenarios.", default="", choices=PHASES, cases=True)
    safety: str = _option(
        "safety",
        "Only cases that are at most this harmful to the machine they run in.",
        default="",
        choices=_SAFETIES,
        cases=True,
    )
    cases: tuple[str, ...] = _option("case", CASE_HELP, default=(), cases=True)
    skip: tuple[str, ...] = _option(
        "skip", "Not this case: written as for --case; repeatable.", default=(), metavar="PATTERN", cases=True
    )
    only: str = _option("only-from", "Only the cases in this file: an id a line.", default="", path="file", cases=True)
    enabled: tuple[str, ...] = _option(
        "enable",
        "Also run this component: a name of `vexlab components`; repeatable.",
        default=(),
        metavar="NAME",
        cases=True,
    )
    shard: str = _option(
        "shard",
        "Of the selected cases only part I of N, of about equal time.",
        default="",
        metavar="I/N",
        pattern=SHARD,
        cases=True,
    )
    paths: tuple[str, ...] = ()
    suites: tuple[str, ...] = _option(
        "suite",
        "Run this test suite of others instead of the domains (`vexlab suites`); repeatable.",
        default=(),
        metavar="NAME",
        cases=True,
    )
    xfstests: bool = _option("enable-xfstests", "Run xfstests beside the domains.", default=False, cases=True)
    suite_groups: tuple[str, ...] = _option(
        "group",
        "Only this group of the suite's tests, as its own runner takes it; repeatable.",
        default=(),
        metavar="GROUP",
        cases=True,
    )
    suite_tests: tuple[str, ...] = _option(
        "tests",
        "Only these tests of the suite, separated by blanks; repeatable.",
        default=(),
        metavar="TESTS",
        cases=True,
    )
    suite_exclude: str = _option(
        "exclude",
        "A list of tests that are not to be run, in the format of xfstests, with reasons.",
        default="",
        metavar="FILE",
        path="file",
        cases=True,
    )
    suite_tree: str = _option(
        "tree",
        "Where the suite is installed (or VEXLAB_NAME, or `[suites]` in the settings).",
        default="",
        path="any",
        cases=True,
    )
    resume: str = _option(
        "resume",
        "Go on with this earlier run: what passed with the same module is taken over. `last` is the newest.",
        default="",
        metavar="RUN",
    )
    jobs: int = _option(
        "jobs",
        "Machines side by side; `auto`: as many as cores and memory carry.",
        default=1,
        short="j",
        range=(1, 64),
        auto=True,
    )
    cluster: str = _option(
        "cluster",
        "Run the cases on the hosts of a cluster: an address, a file that describes it, or `local:N` for N hosts here.",
        default="",
        metavar="ADDRESS|FILE|local:N",
    )
    retry: int | None = _option(
        "retry",
        "How often a case is tried again that only the lab made fail; one with a failure or finding never is.",
        default=None,
        range=(0, 10),
        cases=True,
    )
    stress: str = _option(
        "stress",
        "Repeat each case that passes, this often or for this long (20, 90s, 2h), each time in a fresh machine.",
        default="",
        metavar="N|TIME",
        pattern=STRESS,
        cases=True,
    )
    config: str = _option(
        "config", "Settings file (default: vexlab.toml if present).", default="", path="file", exists=False, cases=True
    )
    accel: Accelerator | None = _option(  # noqa: RUF009 - it makes a field()
        "accel",
        "Accelerator; auto takes the fastest proved one.",
        default=None,
        choices=_ACCELERATORS,
        cases=True,
        setting=True,
    )
    memory: int = _option(
        "memory", "Memory of a machine in MiB.", default=0, range=(64, 1 << 20), cases=True, setting=True
    )
    cpus: int = _option("cpus", "CPUs of a machine.", default=0, range=(1, 64), cases=True, setting=True)
    sandbox: Sandboxing | None = _option(  # noqa: RUF009 - it makes a field()
        "sandbox",
        "Whether make runs in a sandbox: it must, it does where that works (the default), it does not.",
        default=None,
        choices=_SANDBOXINGS,
        cases=True,
        setting=True,
    )
    build_args: tuple[str, ...] = _option(
        "build-arg", "A further argument for the module's make; repeatable.", default=(), cases=True
    )
    first_failure: bool = _option("first-failure", "Stop after the first case that fails or crashes.", default=False)
    order: str = _option("order", "Run these cases first: an id a line.", default="", path="file", cases=True)
    seed: int | None = _option(
        "seed", "Seed of what cases draw at random (default: another each time).", default=None, range=(0, None)
    )
    expect: tuple[str, ...] = _option(
        "expect",
        "Fail where kernel, module or target are other ones; `reproduce` in a case's evidence says which.",
        default=(),
        metavar="NAME=VALUE",
    )
    known: str = _option(
        "known",
        "Known issues (TOML): what they cover stays visible and is no failure of the run.",
        default="",
        metavar="FILE",
        path="file",
    )
    strict: bool = _option(
        "strict",
        "Fail where something works that target.toml declares as refused, or where a known issue no longer holds.",
        default=False,
        cases=True,
    )
    accept_refusals: bool = _option(
        "accept-refusals", "Refusals that target.toml does not declare are no failure.", default=False, cases=True
    )
    probe: bool = _option("no-probe", "Do not find out first what the filesystem can do: try everything.", default=True)
    profile: str = _option(
        "profile",
        "What the filesystem can do, as a run's profile.json says it: nothing is probed.",
        default="",
        path="file",
    )
    trace: bool = _option(
        "trace",
        "Trace the module's functions in each case (`vexlab trace`): figures become metrics, the rest is evidence.",
        default=False,
        cases=True,
    )
    trace_probes: tuple[str, ...] = _option(
        "trace-probe", "With --trace: only this probe; repeatable.", default=(), metavar="NAME", cases=True
    )
    trace_errno: str = _option(
        "trace-errno",
        "Note which function of the module first returns this error, such as EEXIST (`vexlab trace --errno`).",
        default="",
        metavar="NAME",
        cases=True,
    )
    coverage: bool = _option(
        "coverage",
        "Count which lines of the module run in each case (`vexlab coverage`); needs a kernel with gcov.",
        default=False,
        cases=True,
    )
    inputs: bool = _option(
        "inputs",
        "Count which operations, flags, sizes, offsets and errors the workloads have (`vexlab coverage --inputs`).",
        default=False,
        cases=True,
    )
    rare: str = _option(
        "rare",
        "Draw more of the sizes and offsets in this list: those that earlier runs seldom or never had "
        "(`vexlab coverage --inputs --rare FILE`).",
        default="",
        metavar="FILE",
        path="file",
        cases=True,
    )
    artifact: str = _option(
        "artifact", "Test this module, or an earlier run's; build nothing.", default="", path="any", cases=True
    )
    environment: str = _option(
        "environment",
        "Where this run happens, noted with it: dev, ci, staging.",
        default="",
        metavar="NAME",
        variable="VEXLAB_ENVIRONMENT",
        setting=True,
    )


XFSTESTS = "xfstests"


def suites_of(request: Request) -> tuple[str, ...]:
    """Return the names of the test suites of others that are asked for, each once."""
    return tuple(dict.fromkeys([*request.suites, *([XFSTESTS] if request.xfstests else [])]))


def runs_domains(request: Request) -> bool:
    """Whether cases of domains, or of the user's own files, run as well."""
    return bool(request.paths) or request.xfstests or not request.suites


OPTIONS: Mapping[str, Option] = {
    each.name: each.metadata[_OPTION] for each in dataclasses.fields(Request) if _OPTION in each.metadata
}
DEFAULTS: Mapping[str, object] = {each.name: each.default for each in dataclasses.fields(Request)}
_hints = functools.cache(typing.get_type_hints)


def is_many(name: str) -> bool:
    """Whether the field ``name`` holds any number of values."""
    return isinstance(DEFAULTS[name], tuple)


def kind_of(name: str) -> type:
    """Return what a value of the field ``name`` is made of: ``bool``, ``int``, ``float`` or ``str``."""
    hint = _hints(Request)[name]
    parts = {part for part in typing.get_args(hint) if part is not NoneType} or {hint}
    return next((kind for kind in (bool, int, float) if kind in parts), str)


def words(request: Request, name: str, prefix: str = _RUN) -> list[str]:
    """Return how the field ``name`` is said on a command line; nothing where it is left at its default."""
    value, flag = getattr(request, name), f"{prefix}{OPTIONS[name].flag}"
    if value == DEFAULTS[name]:
        return []
    if isinstance(value, bool):
        return [flag]
    if OPTIONS[name].auto and value == 0:
        return [flag, AUTO]
    if OPTIONS[name].time and prefix == _RUN:
        return [flag, f"{value:.0f}s"]
    return [word for each in (value if isinstance(value, tuple) else (value,)) for word in _given(flag, str(each))]


def _given(flag: str, value: str) -> tuple[str, ...]:
    return (f"{flag}={value}",) if value.startswith("-") else (flag, value)


def command_line(request: Request) -> list[str]:
    """Return the words after ``vexlab run`` that ask for ``request``; more options may follow them."""
    return [*request.paths, *(word for name in OPTIONS for word in words(request, name))]
