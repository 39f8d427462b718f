"""The live run as a stream of states (server-sent events): each is whole, so one that is missed is not missing.

One task reads a journal for all who look at that run. Who reads slowly gets fewer states, never a queue.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import msgspec
from starlette.concurrency import run_in_threadpool

from vexlab.live.attach import Attached, attach
from vexlab.live.estimate import history_of, pace, remaining_s, slow_cases
from vexlab.live.host import HostUse, HostWatch, MachineUse, MachineWatch
from vexlab.live.state import LiveRun, counts_of
from vexlab.model.verdict import Verdict
from vexlab.report.content import headline, one_line
from vexlab.results.journal import Reader
from vexlab.results.store import Store

POLL_S = 0.2
LOOK_S = 2.0
BEAT_S = 15.0  # a comment now and then, so that a dead connection is noticed
STALLED_S = 600.0
STREAMS_MOST = 400
_SHOWN = 50
_RED = (Verdict.FAILED, Verdict.CRASHED, Verdict.ERROR)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A run at a moment, as JSON; ``number`` tells one state from the next."""

    number: int
    data: bytes
    over: bool


class Feed:
    """The states of one run. ``changed`` is set anew whenever there is another one."""

    def __init__(self, store: Store, attached: Attached) -> None:
        self._store = store
        self._attached = attached
        self._reader = Reader(attached.file)
        self._history = history_of(store, attached.run)
        self._host = HostWatch(store.folder)
        self._machines = MachineWatch()
        self._looked = 0.0
        self._use: HostUse | None = None
        self._uses: dict[str, MachineUse] = {}
        self.run = LiveRun()
        self.alive = True
        self.state = State(number=0, data=b"{}", over=False)

    def look(self) -> bool:
        """Read what is new and return whether there is another state. Blocks for a moment."""
        alive = self._store.is_running(self._attached.run.id)
        before = self.run.seq
        for entry in self._reader.new():
            self.run.take(entry)
        looked = time.monotonic() - self._looked > LOOK_S
        if looked:
            self._looked = time.monotonic()
            self._use = self._host.look()
            found = {each.name: self._machines.look(each.pid, each.console) for each in self.run.machines.values()}
            self._uses = {name: use for name, use in found.items() if use}
        if self.run.seq == before and not looked and alive == self.alive:
            return False
        self.alive = alive
        data = msgspec.json.encode(document(self.run, self._history, self._use, self._uses, alive=alive))
        over = self.run.over or not alive
        self.state = State(number=self.state.number + 1, data=data, over=over)
        return True


class Streams:
    """The feeds of all runs that somebody looks at, and how many look."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._feeds: dict[str, Feed] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._changed: dict[str, asyncio.Event] = {}
        self._watching: dict[str, int] = {}
        self.open = 0

    @property
    def full(self) -> bool:
        """Whether there are as many streams as there may be."""
        return self.open >= STREAMS_MOST

    async def states(self, run: str) -> AsyncIterator[bytes]:
        """Yield the states of a run as server-sent events, until it is over; raise ``UsageError`` for none."""
        self.open += 1
        self._watching[run] = self._watching.get(run, 0) + 1
        try:
            feed = await self._feed(run)
            seen = 0
            while True:
                changed = self._changed[run]
                if feed.state.number > seen:
                    seen = feed.state.number
                    yield b"id: %d\nevent: state\ndata: %b\n\n" % (seen, feed.state.data)
                    if feed.state.over:
                        return
                    continue
                try:
                    await asyncio.wait_for(changed.wait(), BEAT_S)
                except TimeoutError:
                    yield b": still here\n\n"
        finally:
            self.open -= 1
            self._watching[run] -= 1

    async def _feed(self, run: str) -> Feed:
        if run not in self._feeds:
            feed = await run_in_threadpool(lambda: Feed(self._store, attach(self._store, run)))
            await run_in_threadpool(feed.look)
            if run not in self._feeds:
                self._feeds[run] = feed
                self._changed[run] = asyncio.Event()
                self._tasks[run] = asyncio.create_task(self._read(run, feed))
        return self._feeds[run]

    async def _read(self, run: str, feed: Feed) -> None:
        try:
            while self._watching.get(run) and not feed.state.over:
                await asyncio.sleep(POLL_S)
                if await run_in_threadpool(feed.look):
                    changed, self._changed[run] = self._changed[run], asyncio.Event()
                    changed.set()
        finally:
            self._feeds.pop(run, None)
            self._tasks.pop(run, None)
            self._changed[run].set()


def document(
    run: LiveRun,
    history: Mapping[str, float],
    host: HostUse | None,
    uses: Mapping[str, MachineUse],
    *,
    alive: bool,
) -> dict[str, object]:
    """Return what the page shows of a run. Every text is short and without control characters."""
    now = time.time()
    late = set(slow_cases(run, history, now))
    left = remaining_s(run, history, now)
    return {
        "run": run.run.id if run.run else "",
        "headline": str(headline(run.end.result)) if run.end else "",
        "tone": headline(run.end.result).tone.value if run.end else "running",
        "alive": alive,
        "seq": run.seq,
        "at": run.at,
        "now": now,
        "started": run.started,
        "preparing": one_line(run.preparing),
        "total": run.total,
        "done": sum(run.counts.values()),
        "counts": counts_of(run),
        "left": left,
        "pace": round(pace(run, history), 2),
        "stalled": alive and not run.over and now - run.at > STALLED_S,
        "running": [
            {
                "case": one_line(each.id),
                "seconds": round(now - each.since, 1),
                "step": one_line(each.step),
                "slow": each.node in late,
                "machines": [
                    {
                        "name": machine.name,
                        "cpu": round(uses[machine.name].cpu) if machine.name in uses else None,
                        "memory": uses[machine.name].memory >> 20 if machine.name in uses else None,
                    }
                    for machine in run.machines_of(each.node)
                ],
            }
            for each in list(run.running.values())[:_SHOWN]
        ],
        "findings": [
            {"at": each.at, "case": one_line(each.case), "title": one_line(each.finding.title)}
            for each in list(run.findings)[-_SHOWN:]
        ],
        "ended": [
            {
                "case": one_line(each.id),
                "verdict": each.verdict.value,
                "seconds": round(each.duration_s, 1),
                "reason": one_line(each.reason) if each.verdict in _RED else "",
            }
            for each in list(run.ended)[-_SHOWN:]
        ],
        "warnings": [one_line(each) for each in list(run.warnings)[-10:]],
        "host": msgspec.to_builtins(host) if host else None,
    }
