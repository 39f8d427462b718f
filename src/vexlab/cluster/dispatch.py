"""Which case runs on which host next: decided here alone, without a network and without a clock.

Only what can run now is handed out, one case for each free machine, the longest expected first. A host that dies costs
nothing but time: its cases go elsewhere. The first answer to a case counts, every later one is dropped.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

FAILURES_MOST = 2  # of a host, then it is set aside
# Losses of one kind after which a case is given up: hosts that ended, which may be its doing, or invalid answers.
LOSSES_MOST = 3
_STRAGGLES = 2.0  # times its expected duration that a case may take before a free machine begins it as well
_STRAGGLES_LEAST_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A case by its id, and the seconds that it is expected to take."""

    case: str
    expected_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A case on a host, by its address; ``begun`` is on the caller's clock."""

    number: int
    case: str
    host: str
    begun: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What an answer came to: the ``case`` it decides, empty where it is late; ``spare`` attempts are of no use."""

    case: str = ""
    spare: tuple[Attempt, ...] = ()


@dataclass(slots=True, kw_only=True)
class _Host:
    name: str
    machines: int
    running: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loss:
    host: str  # its name
    why: str
    answered: bool


class Dispatch:
    """The cases that are left, and who runs what. ``limit_s`` is how long an attempt may take.

    ``given_up`` are reasons, by case; ``set_aside`` what failed, by the name of a host.
    """

    def __init__(self, work: Iterable[Work], *, limit_s: float) -> None:
        self._limit_s = limit_s
        self._expected = {each.case: each.expected_s for each in work}
        self._queue = [(-seconds, number, case) for number, (case, seconds) in enumerate(self._expected.items())]
        heapq.heapify(self._queue)
        self._again: list[str] = []  # lost by a host; they come first
        self._hosts: dict[str, _Host] = {}
        self._running: dict[int, Attempt] = {}
        self._of_case: dict[str, set[int]] = {}
        self._left = set(self._expected)
        self._losses: dict[str, list[_Loss]] = {}  # of a case
        self._failures: dict[str, list[str]] = {}
        self._numbers = itertools.count(1)
        self.given_up: dict[str, str] = {}

    @property
    def done(self) -> bool:
        """Whether every case is decided or given up."""
        return not self._left

    @property
    def machines(self) -> int:
        """How many machines the hosts carry that are there and not set aside."""
        return sum(host.machines for host in self._hosts.values() if not self._is_out(host.name))

    @property
    def running(self) -> Mapping[int, Attempt]:
        """The attempts that are under way."""
        return self._running

    @property
    def set_aside(self) -> Mapping[str, Sequence[str]]:
        """What failed on hosts that get no more cases."""
        return {name: failures for name, failures in self._failures.items() if len(failures) >= FAILURES_MOST}

    def come(self, address: str, name: str, machines: int) -> None:
        """Take a host in; under a new address the failures of its name stay with it."""
        self._hosts.setdefault(address, _Host(name=name, machines=machines))

    def gone(self, address: str, why: str) -> None:
        """Take a host out that is there no more; what ran on it goes elsewhere."""
        if host := self._hosts.pop(address, None):
            self._blame(host.name, why)
            for number in sorted(host.running):
                self._lose(number, _Loss(host=host.name, why=why, answered=False))

    def refuse(self, address: str, why: str) -> None:
        """Set a host aside at once that cannot run these cases at all."""
        if host := self._hosts.get(address):
            self._failures[host.name] = [*self._failures.get(host.name, []), *[why] * FAILURES_MOST]
        self.gone(address, why)

    def assign(self, now: float) -> list[Attempt]:
        """Return the attempts to begin: a case for each free machine, as long as there are any."""
        made: list[Attempt] = []
        hosts = {address: host for address, host in self._hosts.items() if not self._is_out(host.name)}
        free = [
            (len(host.running) / host.machines, address)
            for address, host in hosts.items()
            if len(host.running) < host.machines
        ]
        heapq.heapify(free)
        while free:
            _, address = free[0]
            case = self._next(now, address)
            if not case:
                heapq.heappop(free)  # nothing that this host may take
                continue
            made.append(self._begin(case, address, now))
            host = hosts[address]
            heapq.heappop(free)
            if len(host.running) < host.machines:
                heapq.heappush(free, (len(host.running) / host.machines, address))
        return made

    def finish(self, number: int) -> Settled:
        """Note an answer; the caller keeps it where it decides a case."""
        attempt = self._end(number)
        if attempt is None or attempt.case not in self._left:
            return Settled()
        self._left.discard(attempt.case)
        spare = tuple(self._running[each] for each in sorted(self._of_case.get(attempt.case, ())))
        for each in spare:
            self._end(each.number)
        return Settled(case=attempt.case, spare=spare)

    def lose(self, number: int, why: str, *, blame: bool = True, answered: bool = False) -> None:
        """Note that an attempt came to nothing; with ``blame`` it is its host's failure.

        ``answered`` is whether the host said something that is no answer; else it ended, or said nothing.
        """
        attempt = self._running.get(number)
        if attempt is None:
            return
        name = self._hosts[attempt.host].name if attempt.host in self._hosts else attempt.host
        if blame:
            self._blame(name, why)
        self._lose(number, _Loss(host=name, why=why, answered=answered))

    def overdue(self, now: float) -> list[Attempt]:
        """Return the attempts that have taken longer than any case may."""
        return [attempt for attempt in self._running.values() if now - attempt.begun > self._limit_s]

    def _is_out(self, name: str) -> bool:
        return len(self._failures.get(name, ())) >= FAILURES_MOST

    def _blame(self, name: str, why: str) -> None:
        self._failures.setdefault(name, []).append(why)

    def _lose(self, number: int, loss: _Loss) -> None:
        attempt = self._end(number)
        if attempt is None or attempt.case not in self._left:
            return
        losses = self._losses.setdefault(attempt.case, [])
        losses.append(loss)
        if self._of_case.get(attempt.case):
            return  # it runs elsewhere as well
        if sum(each.answered == loss.answered for each in losses) >= LOSSES_MOST:
            self._left.discard(attempt.case)
            words = "; ".join(f"{each.host}: {each.why}" for each in losses)
            self.given_up[attempt.case] = f"it was lost {len(losses)} times: {words}"
        else:
            self._again.append(attempt.case)

    def _may_try(self, case: str, name: str) -> bool:
        """Whether a lost case may run on a host: on one that lost it only where no other is left."""
        lost_by = {each.host for each in self._losses[case]}
        others = {host.name for host in self._hosts.values() if not self._is_out(host.name)} - lost_by
        return name not in lost_by or not others

    def _begin(self, case: str, address: str, now: float) -> Attempt:
        attempt = Attempt(number=next(self._numbers), case=case, host=address, begun=now)
        self._running[attempt.number] = attempt
        self._of_case.setdefault(case, set()).add(attempt.number)
        self._hosts[address].running.add(attempt.number)
        return attempt

    def _end(self, number: int) -> Attempt | None:
        attempt = self._running.pop(number, None)
        if attempt is None:
            return None
        if host := self._hosts.get(attempt.host):
            host.running.discard(number)
        running = self._of_case[attempt.case]
        running.discard(number)
        if not running:
            del self._of_case[attempt.case]
        return attempt

    def _next(self, now: float, address: str) -> str:
        """Return the case to begin on a host: one that was lost, the longest that waits, one that takes too long."""
        for number, case in enumerate(self._again):
            if self._may_try(case, self._hosts[address].name):
                return self._again.pop(number)
        if self._queue:
            return heapq.heappop(self._queue)[2]
        late = [
            (attempt.begun, attempt.case)
            for attempt in self._running.values()
            if attempt.host != address
            and len(self._of_case[attempt.case]) == 1
            and now - attempt.begun > max(_STRAGGLES_LEAST_S, _STRAGGLES * self._expected[attempt.case])
        ]
        return min(late)[1] if late else ""
