"""Domains as classes: for people who would rather keep a domain's cases, set-up and description in one object.

A class derived from ``DomainBase`` in any file that a run collects is a domain. Its ``test_*`` methods, plain or
``async``, are cases like any other: each gets a fresh machine, may ask for fixtures and carry marks, and is judged by
what its kernel said as well as by what it returns.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

import pytest

from vexlab.errors import UsageError
from vexlab.model.kernel import Kernel
from vexlab.model.target import Target
from vexlab.plugin.fixtures import Metrics
from vexlab.vm.machine import Machine


class TestStatus(StrEnum):
    """How a method of a domain ended; ``ERROR`` is the method's own fault, and says nothing about the module."""

    __test__: ClassVar[bool] = False

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class TestResult:
    """What a method may return instead of asserting: whether it holds, why, and what was measured (name: value).

    It says ``passed``, or ``status``, of which the other follows. Raises ``TypeError`` where neither is given, or they
    contradict each other.
    """

    __test__: ClassVar[bool] = False  # its name begins like a test class's, but it is none

    passed: bool | None = None
    message: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    status: TestStatus | None = None

    def __post_init__(self) -> None:
        """Have both say the same."""
        status = self.status
        if status is None:
            if self.passed is None:
                raise TypeError("a TestResult says whether it `passed`, or its `status`")
            status = TestStatus.PASSED if self.passed else TestStatus.FAILED
        holds = status is TestStatus.PASSED
        if self.passed is not None and self.passed is not holds:
            raise TypeError(f"a TestResult with passed={self.passed} has not the status {status}")
        object.__setattr__(self, "status", TestStatus(status))
        object.__setattr__(self, "passed", holds)


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

    def validate_domain_constraints(self) -> str | bool | Awaitable[str | bool]:
        """Return why the target or kernel cannot serve, whereupon each case is skipped, or an empty string.

        ``False`` does not say why, ``True`` is as good as the empty string. This and the next two may be ``async``.
        """
        return ""

    def setup_domain(self) -> bool | Awaitable[bool | None] | None:  # most domains need none
        """Bring the fresh machine of each case to where its cases begin; ``False`` is a failure."""
        return None

    def teardown_domain(self) -> bool | Awaitable[bool | None] | None:  # most domains need none
        """Look at the machine after each case; what is left in it goes with it. ``False`` is a failure."""
        return None


@pytest.fixture(autouse=True)
def _domain(request: pytest.FixtureRequest) -> Iterator[None]:
    """Prepare the object of a ``DomainBase`` class for one case; nothing for any other case."""
    domain = request.instance
    if not isinstance(domain, DomainBase):
        yield
        return
    domain.target = request.getfixturevalue("target")
    domain.kernel = request.getfixturevalue("kernel")
    reason = _finished(domain.validate_domain_constraints())
    if reason is False or (reason and reason is not True):
        pytest.skip(str(reason) if reason else "validate_domain_constraints says that the domain cannot serve here")
    domain.machine = request.getfixturevalue("machine")
    domain.metrics = request.getfixturevalue("metrics")
    if _finished(domain.setup_domain()) is False:
        pytest.fail("setup_domain says that it failed")
    yield
    if _finished(domain.teardown_domain()) is False:
        pytest.fail("teardown_domain says that it failed")


def _finished(value: object) -> object:
    """Return what a method returned, once it has come to its end."""
    if not inspect.iscoroutine(value):
        return value
    import asyncio  # a twentieth of a second at each start, for the few cases that are coroutines

    return asyncio.run(value)


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
    returned = _finished(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    if returned is None:
        return True
    if not isinstance(returned, TestResult):
        raise UsageError(
            f"{pyfuncitem.name} returned {type(returned).__name__}",
            hint="return a TestResult, or assert and return nothing",
        )
    for name, value in returned.metrics.items():
        domain.metrics.record(name, value)
    if returned.status is TestStatus.SKIPPED:
        pytest.skip(returned.message or "the result says that it was skipped")
    if returned.status is TestStatus.ERROR:
        raise UsageError(returned.message or "the result says that the case has an error")
    if not returned.passed:
        pytest.fail(returned.message or "the result says that it did not pass")
    return True
