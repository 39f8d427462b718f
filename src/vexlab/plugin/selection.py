"""Which cases run, on which kernels, and which are skipped with a reason."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from vexlab.kernels.catalogue import read_config
from vexlab.model.aliases import current
from vexlab.model.case import Plan
from vexlab.model.kernel import Kernel
from vexlab.model.key import OWN
from vexlab.model.profile import State
from vexlab.model.target import Target
from vexlab.plugin.capabilities import demand, needed
from vexlab.plugin.durations import expected_s
from vexlab.plugin.marks import CONFIGURATION, marks_of
from vexlab.plugin.narrowing import is_wanted, shard_of, unanswered_of
from vexlab.plugin.options import (
    configurations_of,
    is_worker,
    profile_on,
    request_of,
    settings_of,
    taken_over,
    target_of,
    the_lab,
    worker_count,
    write_plan,
)
from vexlab.plugin.planned import planned
from vexlab.plugin.stopping import stopped
from vexlab.targets.in_tree import why_not_loadable

_USED_PART = 0.85  # of a run's time: the rest is for its start, and for cases that take longer than expected
_CAPABILITY = "capability"  # the parameter of cases that are about one line of the profile


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run cases that reach a kernel once for each kernel asked for, those that use the target in each configuration."""
    if "kernel" in metafunc.fixturenames:
        metafunc.parametrize("kernel", settings_of(metafunc.config).kernels, indirect=True, scope="session")
    words = configurations_of(metafunc.config)
    if words and CONFIGURATION in metafunc.fixturenames:
        names = ["" if word == OWN else word for word in words]
        metafunc.parametrize(CONFIGURATION, names, ids=words, indirect=True, scope="session")


@pytest.fixture(scope="session")
def target_configuration(request: pytest.FixtureRequest) -> str:
    """Return the name of the target's configuration, empty for its own."""
    return str(getattr(request, "param", ""))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Refuse a file that would end the session when it is imported."""
    try:
        return (yield)
    except (SystemExit, pytest.exit.Exception) as error:
        if not is_worker(collector.config):
            raise
        words = f"{collector.path} raises {type(error).__name__} when it is imported: {error}"
        return pytest.CollectReport(collector.nodeid, "failed", words, [])


def pytest_itemcollected(item: pytest.Item) -> None:
    """Give a case from outside pytest's root directory a name that tells its file: otherwise it has none."""
    if item.nodeid.startswith("::"):
        item._nodeid = f"{item.path}{item.nodeid}"  # type: ignore[attr-defined] # noqa: SLF001 - what xdist compares and reports


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the cases the options ask for."""
    if nothing := refused(config, items):
        write_plan(config, nothing)
        if not config.getoption("vexlab_results"):  # plain pytest: nobody reads the plan
            raise pytest.UsageError("; ".join((*nothing.faults, *nothing.unanswered)))
        items.clear()
        return
    kept: list[pytest.Item] = []
    dropped: list[pytest.Item] = []
    for item in items:
        (kept if _wanted(config, item) else dropped).append(item)
    mine = shard_of(request_of(config).shard, {marks_of(item).id: expected_of(item) for item in kept})
    dropped += [item for item in kept if marks_of(item).id not in mine]
    kept = [item for item in kept if marks_of(item).id in mine]
    earlier = taken_over(config)
    over = [item for item in kept if earlier.get(marks_of(item).id) == planned(item).digest] if earlier else []
    dropped += over
    kept = [item for item in kept if item not in over]
    first = _places(config)
    kept, late = _fitting(config, kept, first)
    dropped += late
    if first or config.getoption("maxfail"):  # where only the first failure is wanted, what is soon done comes first
        kept.sort(key=lambda item: (first.get(marks_of(item).id, len(first)), *_dear(item)))
    elif is_worker(config):  # what fails likeliest comes first, what takes longest not last
        kept.sort(key=_turn)
    if dropped:
        config.hook.pytest_deselected(items=dropped)
    items[:] = kept
    plan = Plan(cases=tuple(map(planned, kept)), left_out=_ids(late), taken_over=_ids(over))
    write_plan(config, plan)
    if plan.duplicates:
        if not config.getoption("vexlab_results"):  # plain pytest: nobody reads the plan
            raise pytest.UsageError(plan.refusal)
        items.clear()  # `vexlab run` refuses them


def refused(config: pytest.Config, items: list[pytest.Item]) -> Plan | None:
    """Return a plan of nothing, with the reasons, where marks mean nothing or a pattern for cases takes none."""
    if faults := tuple(words for item in items if (words := _fault(item))):
        return Plan(faults=faults)
    unanswered = unanswered_of(request_of(config), [marks_of(item) for item in items])
    return Plan(unanswered=unanswered) if unanswered else None


def _ids(items: list[pytest.Item]) -> tuple[str, ...]:
    return tuple(marks_of(item).id for item in items)


def _fault(item: pytest.Item) -> str:
    """Return what is wrong with the marks of a case, or an empty string."""
    try:
        marks_of(item)
    except (TypeError, ValueError) as error:
        return f"{item.nodeid} has a mark that means nothing: {error}"
    return ""


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a case whose domain is stopped, or whose kernel or target lacks what ``needs`` marks or fixtures ask for."""
    callspec, key = getattr(item, "callspec", None), marks_of(item).key
    if reason := stopped(item.config, key.domain):
        pytest.skip(reason)
    if callspec is not None and "kernel" in callspec.params:
        demand(profile_on(item.config, key), needed(item))
    needs = list(item.iter_markers("needs"))
    if "module" in getattr(item, "fixturenames", ()):  # before a machine is made for it
        needs.append(pytest.mark.needs(loadable=True).mark)
    if not needs or callspec is None or "kernel" not in callspec.params:
        return
    kernel = the_lab(item.config).kernels.get(callspec.params["kernel"])
    target = target_of(item.config, key.domain, key.configuration)
    for mark in needs:
        if reason := _missing(mark, kernel, target):
            pytest.skip(reason)


def _places(config: pytest.Config) -> dict[str, int]:
    order = request_of(config).order
    return {case: at for at, case in enumerate(Path(order).read_text().splitlines())} if order else {}


def _fitting(
    config: pytest.Config, items: list[pytest.Item], first: Mapping[str, int]
) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """Split the cases into those that the run's time suffices for, the most useful ones, and the others.

    What is to run ``first`` is most useful, in that order.
    """
    left = request_of(config).duration_s * worker_count(config) * _USED_PART
    if not left:
        return items, []
    fitting = set()
    for item in sorted(items, key=lambda item: (first.get(marks_of(item).id, len(first)), *_use(item))):
        expected = expected_of(item)
        if expected <= left:
            left -= expected
            fitting.add(item)
    return [item for item in items if item in fitting], [item for item in items if item not in fitting]


def _use(item: pytest.Item) -> tuple[int, bool, float]:
    """Basic cases first, and of these what takes little: more of them fit."""
    marks = marks_of(item)
    return (marks.level, not marks.quick, expected_of(item))


def expected_of(item: pytest.Item) -> float:
    """Return the seconds that a case is expected to take."""
    case = planned(item)
    name = str(replace(case.key, configuration=""))
    return expected_s(name, case.kernel, slow=item.get_closest_marker("slow") is not None)


def _turn(item: pytest.Item) -> tuple[bool, bool, float]:
    about_profile = _CAPABILITY in getattr(getattr(item, "callspec", None), "params", {})
    return (not about_profile, not marks_of(item).quick, -expected_of(item))


def _dear(item: pytest.Item) -> tuple[int, bool, bool]:
    marks = marks_of(item)
    return (marks.level, not marks.quick, item.get_closest_marker("slow") is not None)


def _wanted(config: pytest.Config, item: pytest.Item) -> bool:
    return is_wanted(request_of(config), marks_of(item)) and _telling(config, item)


def _telling(config: pytest.Config, item: pytest.Item) -> bool:
    """Whether a case about one capability says more than the profile at the head of the run: of what works it does not.

    Those that are asked for by name run all the same.
    """
    callspec = getattr(item, "callspec", None)
    if callspec is None or _CAPABILITY not in callspec.params:
        return True
    if any(f".{_CAPABILITY}[" in current(pattern) for pattern in request_of(config).cases):
        return True
    profile = profile_on(config, marks_of(item).key)
    return profile is not None and profile.get(callspec.params[_CAPABILITY]).state is State.BROKEN


# What a case may need of a target: whether it has it, and what is said where it has not.
_PROPERTIES: dict[str, tuple[Callable[[Target], object], str]] = {
    "source": (lambda target: target.source, "comes with the kernel, there is no source to build"),
    "mkfs": (lambda target: target.mkfs, "names no mkfs command"),
    "fields": (lambda target: target.fields, "does not describe its format (`fields` in target.toml)"),
    "options": (lambda target: target.options, "names no mount options of its own (`[options]` in target.toml)"),
    "statistics": (lambda target: target.statistics, "names no files of statistics (`[statistics]` in target.toml)"),
    "vectors": (lambda target: target.vectors, "stores no vectors"),
}


def _missing(mark: pytest.Mark, kernel: Kernel, target: Target) -> str:
    for name, (has, said) in _PROPERTIES.items():
        if mark.kwargs.get(name) and not has(target):
            return f"{target.name} {said}"
    if mark.kwargs.get("loadable") and (reason := why_not_loadable(kernel, target)):
        return reason
    if mark.args:
        options = read_config(kernel)
        for option in mark.args:
            if option not in options:
                return f"kernel {kernel.name} is built without {option}"
    return ""
