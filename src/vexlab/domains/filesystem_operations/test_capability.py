"""What the probe before the run found broken or refused: each told once, by a case of its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vexlab.errors import TargetFailure
from vexlab.model.baseline import lost
from vexlab.model.capabilities import CAPABILITIES
from vexlab.model.kernel import Kernel
from vexlab.model.profile import Capability, Profile, State
from vexlab.model.target import Target
from vexlab.plugin.capabilities import broken_words, undeclared, works_after_all
from vexlab.plugin.fixtures import Metrics
from vexlab.plugin.options import known_before
from vexlab.probe.bench import Bench
from vexlab.probe.prober import Prober

pytestmark = [pytest.mark.domain("filesystem_operations"), pytest.mark.level(1), pytest.mark.quick]


def _known(profile: Profile | None) -> Profile:
    if profile is None:
        pytest.skip("it was not probed what the filesystem can do")
    if all(each.state is State.UNKNOWN for each in profile.capabilities):
        why = next((each.detail for each in profile.capabilities), "it was not probed")
        pytest.skip(f"nothing is known of what the filesystem can do: {why}")
    return profile


@pytest.mark.parametrize("capability", CAPABILITIES)
def test_capability(
    bench: Bench, profile: Profile | None, capability: str, step: Callable[[str], None], metrics: Metrics
) -> None:
    """What the filesystem has it does right, with the effect that is promised; or it says an error that is allowed."""
    known = {each.name: each for each in profile.capabilities} if profile else {}
    step(f"while `{capability}` was probed")
    found = Prober(bench).ask(capability, known)
    metrics.record("works_count", float(found.state is State.WORKS))
    if wrong := broken_words(found, known.get(capability)):
        raise TargetFailure(wrong)
    if found.state is State.UNKNOWN:
        pytest.skip(f"`{capability}` cannot be probed: {found.detail}")


@pytest.mark.usefixtures("kernel")
def test_refusals(target: Target, profile: Profile | None, pytestconfig: pytest.Config, metrics: Metrics) -> None:
    """Everything that the filesystem refuses is declared in target.toml, with its reason."""
    found = _known(profile)
    missing = undeclared(target, found)
    metrics.record("refused_count", len(found.refused()))
    metrics.record("undeclared_count", len(missing))
    metrics.record("works_after_all_count", len(works_after_all(target, found)))
    if missing and pytestconfig.getoption("vexlab_accept_refusals"):
        pytest.skip(f"{len(missing)} undeclared refusals are accepted: {', '.join(each.name for each in missing)}")
    if missing:
        raise TargetFailure(_lines(missing))


def _lines(missing: tuple[Capability, ...]) -> str:
    told = [f"  {each.name} ({each.errno or each.detail}): {CAPABILITIES[each.name].words}" for each in missing]
    declare = [f'{each.name} = "{each.errno or each.detail}; say why"' for each in missing]
    names = ", ".join(f"{each.name} ({each.errno})" if each.errno else each.name for each in missing)
    head = f"refused, and not declared in target.toml: {names}"
    return "\n".join([head, "where that is right, put there:", "[refuses]", *declare, "they are:", *told])


@pytest.mark.usefixtures("kernel")
def test_refusals_hold(target: Target, profile: Profile | None, pytestconfig: pytest.Config) -> None:
    """What target.toml declares as refused is refused: what works needs no excuse. It fails with ``--strict`` only."""
    words = works_after_all(target, _known(profile))
    if not words:
        return
    told = f"declared in [refuses], and works: {', '.join(words)}"
    if pytestconfig.getoption("vexlab_strict"):
        raise TargetFailure(told)
    pytest.skip(told)


def test_capabilities_kept(
    target: Target, kernel: Kernel, profile: Profile | None, pytestconfig: pytest.Config
) -> None:
    """What the filesystem could do in earlier runs it can still do, as far as then, unless target.toml declares it."""
    found = _known(profile)
    before = known_before(pytestconfig, kernel.name, target.configuration)
    if not before:
        pytest.skip("no earlier run in this results folder tells what it could do")
    gone = lost(before, found, frozenset(name for name, _ in target.refuses))
    if gone:
        raise TargetFailure("\n".join([f"{len(gone)} capabilities are lost: {gone[0]}", *gone[1:]]))
