"""The loop that keeps a cluster busy: hosts come and go, cases are begun, answers are kept, and only then let go."""

from __future__ import annotations

import queue
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from distributed.scheduler import KilledWorker

from vexlab.cluster.dispatch import Attempt, Dispatch
from vexlab.cluster.engine import Call, Engine, Member
from vexlab.errors import VexlabError

T = TypeVar("T")
_LOOK_S = 1.0
_TICK_S = 0.2
_OPENERS = 8  # hosts that are made ready side by side


class Died(Exception):
    """The process that ran a case ended on its host; the host is as it was."""


class Work(Protocol[T]):
    """What there is to do; ``read`` and ``open`` raise what is wrong with a host."""

    def open(self, member: Member) -> None:
        """Make a host ready for its first case; called in a thread of its own."""

    def call(self, attempt: Attempt) -> Call:
        """Return the call that runs a case."""

    def begun(self, attempt: Attempt) -> None:
        """Note that a case begins."""

    def read(self, attempt: Attempt, value: object) -> T:
        """Return what an answer says; raise ``Died``, or for anything that is no answer ``ValueError``."""

    def keep(self, attempt: Attempt, answer: T) -> None:
        """Store the answer that decides a case."""

    def lost(self, words: str) -> None:
        """Note that a host is gone, or not as it should be."""

    def tick(self) -> None:
        """Do what other threads have left to be done in this one."""

    def stopped(self) -> bool:
        """Whether no more cases are wanted."""


@dataclass(frozen=True, slots=True)
class _Made:
    """How making a host ready ended; ``error`` is empty where it went well."""

    member: Member
    error: str


class Coordinator(Generic[T]):
    """Runs ``work`` as ``dispatch`` decides on the hosts of ``engine``, till all is decided or no host is left."""

    def __init__(self, engine: Engine, dispatch: Dispatch, work: Work[T], *, wait_s: float) -> None:
        self._engine = engine
        self._dispatch = dispatch
        self._work = work
        self._wait_s = wait_s
        self._seen: dict[str, Member] = {}
        self._ready: set[str] = set()
        self._made: queue.SimpleQueue[_Made] = queue.SimpleQueue()
        self._looked = 0.0
        self._alive = time.monotonic()

    def run(self) -> None:
        """Run everything; raise ``InfraError`` where the scheduler is gone."""
        openers = ThreadPoolExecutor(_OPENERS, thread_name_prefix="vexlab-open")
        try:
            while not self._dispatch.done and not self._work.stopped() and self._any_host():
                self._look(openers)
                self._take_made()
                self._end_overdue()
                begun = self._dispatch.assign(time.monotonic())
                for attempt in begun:
                    self._work.begun(attempt)
                if begun:
                    self._engine.start([self._work.call(attempt) for attempt in begun])
                self._take_outcomes()
                self._work.tick()
        finally:
            openers.shutdown(wait=False, cancel_futures=True)

    def _any_host(self) -> bool:
        now = time.monotonic()
        if self._dispatch.machines or set(self._seen) - self._ready:
            self._alive = now
        return now - self._alive < self._wait_s

    def _look(self, openers: ThreadPoolExecutor) -> None:
        if time.monotonic() - self._looked < _LOOK_S:
            return
        there = {member.address: member for member in self._engine.members()}
        self._looked = time.monotonic()
        for address in [each for each in self._seen if each not in there]:
            self._gone(address, "it is gone")
        for address, member in there.items():
            if address not in self._seen:
                self._seen[address] = member
                openers.submit(self._open, member)

    def _open(self, member: Member) -> None:
        try:
            self._work.open(member)
        except VexlabError as error:
            self._made.put(_Made(member, f"{error.message} ({error.hint})" if error.hint else error.message))
        except Exception as error:  # noqa: BLE001 - the boundary of a thread; a host that fails any way is set aside
            self._made.put(_Made(member, f"{type(error).__name__}: {error}"))
        else:
            self._made.put(_Made(member, ""))

    def _take_made(self) -> None:
        while not self._made.empty():
            made = self._made.get()
            member = self._seen.get(made.member.address)
            if member is None:
                continue  # gone meanwhile
            self._ready.add(member.address)
            self._dispatch.come(member.address, member.name, member.machines)
            if made.error:
                self._dispatch.refuse(member.address, made.error)
                self._work.lost(f"host {member.name} takes no part: {made.error}")

    def _gone(self, address: str, why: str) -> None:
        member = self._seen.pop(address, None)
        if member is None:
            return
        self._ready.discard(address)
        numbers = [number for number, each in self._dispatch.running.items() if each.host == address]
        self._dispatch.gone(address, why)
        self._engine.cancel(numbers)
        if numbers or member.name in self._dispatch.set_aside:
            aside = "; it is set aside" if member.name in self._dispatch.set_aside else ""
            again = f"; cases that go elsewhere: {len(numbers)}" if numbers else ""
            self._work.lost(f"host {member.name}: {why}{again}{aside}")

    def _end_overdue(self) -> None:
        for attempt in self._dispatch.overdue(time.monotonic()):
            self._lose(attempt, "a case got no answer in its time", blame=True)
            self._engine.cancel([attempt.number])

    def _lose(self, attempt: Attempt, why: str, *, blame: bool, answered: bool = False) -> None:
        name = self._seen[attempt.host].name if attempt.host in self._seen else attempt.host
        self._dispatch.lose(attempt.number, why, blame=blame, answered=answered)
        aside = "; it is set aside" if name in self._dispatch.set_aside else ""
        self._work.lost(f"host {name}: {attempt.case}: {why}{aside}")

    def _take_outcomes(self) -> None:
        try:
            outcome = self._engine.outcomes.get(timeout=_TICK_S)
            while True:
                self._take(outcome.number, outcome.value, outcome.error)
                outcome = self._engine.outcomes.get_nowait()
        except queue.Empty:
            return

    def _take(self, number: int, value: object, error: BaseException | None) -> None:
        attempt = self._dispatch.running.get(number)
        if attempt is None:
            self._engine.forget(number)  # late: the case is decided, or went elsewhere
            return
        if isinstance(error, KilledWorker):
            self._gone(attempt.host, "its worker died")
            return
        try:
            if error is not None:
                raise error
            answer = self._work.read(attempt, value)
        except Died:
            self._lose(attempt, "the process that ran it died", blame=False)
        except VexlabError as wrong:
            self._lose(attempt, wrong.message, blame=True, answered=True)
        except Exception as wrong:  # noqa: BLE001 - whatever a host answers, it ends neither the run nor another case
            self._lose(attempt, f"{type(wrong).__name__}: {wrong}"[:300], blame=True, answered=True)
        else:
            settled = self._dispatch.finish(number)
            if settled.case:
                self._work.keep(attempt, answer)
            self._engine.cancel([each.number for each in settled.spare])
        self._engine.forget(number)
