"""Domains as classes: for people who would rather keep a domain's cases, set-up and description in one object.

A class derived from ``DomainBase`` in any file that a run collects is a domain. Its ``test_*`` methods, plain or
``async``, are cases like any other: each gets a fresh machine, may ask for fixtures and carry marks, and is judged by
what its kernel said as well as by what it returns.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import pytest

from vexlab.errors import UsageError
from vexlab.model.kernel import Kernel
from vexlab.model.target import Target
from vexlab.plugin.fixtures import Metrics
from vexlab.vm.machine import Machine


@dataclass(frozen=True, slots=True)
class TestResult:
    """What a method may return instead of asserting: whether it holds, why, and what was measured (name: value)."""

    __test__: ClassVar[bool] = False  # its name begins like a test class's, but it is none

    passed: bool
    message: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)


class DomainBase(ABC):
    """A domain; ``machine``, ``target``, ``kernel`` and ``metrics`` are those of the case that is about to run.

    ``level`` is that of every case without a mark of its own. The domain's name is that of its folder, or of its file
    where that has no ``domain.toml`` beside it.
    """

    level: ClassVar[int] = 1

    machine: Machine
    target: Target
    kernel: Kernel
    metrics: Metrics

    @abstractmethod
    def get_domain_description(self) -> str:
        """Return one sentence: what the domain is about."""

    def validate_domain_constraints(self) -> str:
        """Return why the target or kernel cannot serve, whereupon each case is skipped, or an empty string."""
        return ""

    def setup_domain(self) -> None:  # noqa: B027 - most domains need none
        """Bring the fresh machine of each case to where its cases begin."""

    def teardown_domain(self) -> None:  # noqa: B027 - most domains need none
        """Look at the machine after each case; what is left in it goes with it."""


@pytest.fixture(autouse=True)
def _domain(request: pytest.FixtureRequest) -> Iterator[None]:
    """Prepare the object of a ``DomainBase`` class for one case; nothing for any other case."""
    domain = request.instance
    if not isinstance(domain, DomainBase):
        yield
        return
    domain.target = request.getfixturevalue("target")
    domain.kernel = request.getfixturevalue("kernel")
    if reason := domain.validate_domain_constraints():
        pytest.skip(reason)
    domain.machine = request.getfixturevalue("machine")
    domain.metrics = request.getfixturevalue("metrics")
    domain.setup_domain()
    yield
    domain.teardown_domain()


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(
    collector: pytest.Module | pytest.Class, name: str, obj: object
) -> pytest.Collector | None:
    """Collect a ``DomainBase`` class whatever it is called."""
    if not (inspect.isclass(obj) and issubclass(obj, DomainBase)) or inspect.isabstract(obj):
        return None
    domain: pytest.Class = pytest.Class.from_parent(collector, name=name, obj=obj)
    if not (collector.path.parent / "domain.toml").exists():
        domain.add_marker(pytest.mark.domain(collector.path.stem))
    domain.add_marker(pytest.mark.level(obj.level))
    domain.add_marker(pytest.mark.usefixtures("machine", "metrics", "target"))
    return domain


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Call a method of a ``DomainBase`` class, to its end where it is ``async``, and judge what it returns."""
    domain = pyfuncitem.instance
    if not isinstance(domain, DomainBase):
        return None
    names = pyfuncitem._fixtureinfo.argnames  # noqa: SLF001 - pytest has no public name for it
    returned = pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names})
    if inspect.iscoroutine(returned):
        import asyncio  # a twentieth of a second at each start, for the few cases that are coroutines

        returned = asyncio.run(returned)
    if returned is None:
        return True
    if not isinstance(returned, TestResult):
        raise UsageError(
            f"{pyfuncitem.name} returned {type(returned).__name__}",
            hint="return a TestResult, or assert and return nothing",
        )
    for name, value in returned.metrics.items():
        domain.metrics.record(name, value)
    if not returned.passed:
        pytest.fail(returned.message or "the result says that it did not pass")
    return True
