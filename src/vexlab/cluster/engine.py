"""Dask.distributed as the way to the hosts: who is there, calls to one of them, answers as they come.

Each task is bound to one host and has a key of its own, so that the engine never runs anything twice on its own
account: what is run again is decided by ``cluster.dispatch``.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import shlex
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from vexlab import process
from vexlab.cluster.place import Cluster, SshHost
from vexlab.errors import InfraError

try:
    import dask
    from distributed import Client, LocalCluster
    from distributed.security import Security
except ImportError as error:  # pragma: no cover - an installation without the extra
    raise InfraError(
        f"a cluster needs Dask.distributed, which is not installed: {error}", hint="pip install 'vexlab[fleet]'"
    ) from error

log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1:0"  # for the pages that the engine always serves: nobody else is to see them
MACHINES = "machines"  # the resource of which a host has as many as it runs machines
_YEAR_S = 365 * 86400.0
_CALL_S = 30.0
_ENDING_S = 10.0
_TOGETHER_S = 0.01  # that answers wait for others, to be fetched with them
_SETTINGS = {
    "distributed.scheduler.allowed-failures": 0,
    "distributed.scheduler.worker-ttl": "30s",
    "distributed.scheduler.work-stealing": False,
    "distributed.comm.timeouts.connect": "20s",
    "distributed.admin.tick.limit": "60s",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A host of the cluster."""

    address: str
    name: str
    machines: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A function to be called on the host ``address``; ``number`` comes back with its outcome."""

    number: int
    address: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a call came to: its ``value``, or the ``error`` for which there is none."""

    number: int
    value: Any = None
    error: BaseException | None = None


class Engine:
    """A connection to the cluster's scheduler; ``outcomes`` are those of ``start``."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._futures: dict[int, Any] = {}
        self._waiting: set[asyncio.Task[None]] = set()
        self._ended: list[tuple[int, Any]] = []
        self.outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()

    @property
    def address(self) -> str:
        """The scheduler's address."""
        return str(self._client.scheduler.address)

    def members(self) -> list[Member]:
        """Return the hosts that are there; raise ``InfraError`` where the scheduler does not answer."""
        try:
            told = self._client.sync(self._identity, callback_timeout=_CALL_S)
        except Exception as error:
            raise InfraError(
                f"the scheduler of the cluster does not answer: {error or type(error).__name__}"
            ) from error
        return [
            Member(address=address, name=str(each["name"]), machines=int(each["resources"].get(MACHINES, 0)))
            for address, each in told["workers"].items()
            if each["resources"].get(MACHINES, 0) >= 1
        ]

    async def _identity(self) -> dict[str, Any]:
        told: dict[str, Any] = await self._client.scheduler.identity(n_workers=-1)
        return told

    def start(self, calls: Sequence[Call], *, machines: float = 1) -> None:
        """Begin calls; each of them ends in ``outcomes``. ``machines`` is what each takes of its host."""
        asyncio.run_coroutine_threadsafe(self._start(list(calls), machines), self._loop)

    async def _start(self, calls: list[Call], machines: float) -> None:
        # A task alone costs 4 ms of the scheduler's CPU time, one of many that travel together 0.8 ms.
        together: dict[tuple[str, Callable[..., Any]], list[Call]] = {}
        for call in calls:
            together.setdefault((call.address, call.function), []).append(call)
        for (address, function), group in together.items():
            futures = self._client.map(
                function,
                *zip(*(call.arguments for call in group), strict=True),
                key=[f"vexlab-{self._client.id}-{call.number}" for call in group],
                workers=[address],
                resources={MACHINES: machines} if machines else None,
                pure=False,
                retries=0,
            )
            for call, future in zip(group, futures, strict=True):
                self._futures[call.number] = future
                self._waiting.add(task := asyncio.ensure_future(self._wait(call.number, future)))
                task.add_done_callback(self._waiting.discard)

    async def _wait(self, number: int, future: Any) -> None:
        await future._state.wait()  # noqa: SLF001 - without the value, which is fetched together with others'
        self._ended.append((number, future))
        if len(self._ended) == 1:
            await asyncio.sleep(_TOGETHER_S)
            ended, self._ended = self._ended, []
            await self._fetch(ended)

    async def _fetch(self, ended: list[tuple[int, Any]]) -> None:
        good = [each for each in ended if each[1].status == "finished"]
        bad = [each for each in ended if each[1].status != "finished"]
        if good:
            try:
                values = await self._client.gather([future for _, future in good], asynchronous=True)
            except Exception:  # noqa: BLE001 - one of them is gone with its host: each for itself
                bad += good
            except asyncio.CancelledError:
                bad += good
            else:
                for (number, _), value in zip(good, values, strict=True):
                    self.outcomes.put(Outcome(number=number, value=value))
        for number, future in bad:
            self.outcomes.put(await _alone(number, future))

    def forget(self, number: int) -> None:
        """Let go of a call's value: only what was kept is let go."""
        self._loop.call_soon_threadsafe(self._futures.pop, number, None)

    def cancel(self, numbers: Sequence[int]) -> None:
        """Give calls up; what runs goes on at its host, and its answer is dropped."""

        async def cancel() -> None:
            futures = [self._futures.pop(each) for each in numbers if each in self._futures]
            if futures:
                with contextlib.suppress(Exception):
                    await self._client.cancel(futures, force=True)

        asyncio.run_coroutine_threadsafe(cancel(), self._loop)

    def call(self, address: str, function: Callable[..., Any], *arguments: Any, seconds: float, **named: Any) -> Any:
        """Call a function on a host and return what it returns; raise what it raises, or ``InfraError``."""
        future = self._client.submit(function, *arguments, workers=[address], pure=False, retries=0, **named)
        try:
            return future.result(timeout=seconds)
        except TimeoutError as error:
            raise InfraError(f"no answer within {seconds:g} s") from error
        finally:
            future.release()

    def tell(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Call a short function in every host's event loop; hosts that do not answer are left out."""
        with contextlib.suppress(Exception):
            self._client.sync(
                self._client._run,  # noqa: SLF001 - `run` knows no limit of time
                function, *arguments, on_error="ignore", callback_timeout=_ENDING_S,
            )  # fmt: skip

    def listen(self, topic: str, take: Callable[[Any], None]) -> None:
        """Have ``take`` called, in another thread, with what hosts tell under ``topic``."""
        self._client.subscribe_topic(topic, lambda event: take(event[1]))

    @property
    def _loop(self) -> asyncio.AbstractEventLoop:
        loop: asyncio.AbstractEventLoop = self._client.loop.asyncio_loop
        return loop


async def _alone(number: int, future: Any) -> Outcome:
    try:
        return Outcome(number=number, value=await future)
    except asyncio.CancelledError:
        return Outcome(number=number, error=InfraError("it was cancelled"))
    except Exception as error:  # noqa: BLE001 - whatever a host raises is for the coordinator to judge
        return Outcome(number=number, error=error)


@contextmanager
def connect(cluster: Cluster, *, cache: str = "") -> Iterator[Engine]:
    """Connect to a cluster, or start one; what was started ends with the context. Raises ``InfraError``.

    ``cache`` is the cache folder of the hosts that are started here.
    """
    _quiet()
    security = security_of(cluster)
    with ExitStack() as stack:
        stack.enter_context(dask.config.set(_SETTINGS))
        address = cluster.address
        if cluster.listen or cluster.local:
            address = stack.enter_context(_scheduler(cluster, security))
            stack.enter_context(_workers(cluster, address, cache))
        where = {"scheduler_file": cluster.scheduler_file} if cluster.scheduler_file else {"address": address}
        try:
            client = Client(**where, security=security, timeout=_CALL_S, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise InfraError(
                f"the cluster {address or cluster.scheduler_file} cannot be reached: {error}",
                hint="`dask scheduler` starts one, `vexlab worker ADDRESS` adds a host",
            ) from error
        stack.callback(_close, client)
        yield Engine(client)


def security_of(cluster: Cluster) -> Security | None:
    """Return the certificates of a cluster, for every part of it."""
    if cluster.tls is None:
        return None
    own = {
        f"tls_{part}_{kind}": getattr(cluster.tls, kind)
        for part in ("client", "scheduler", "worker")
        for kind in ("cert", "key")
    }
    return Security(require_encryption=True, tls_ca_file=cluster.tls.ca, **own)


@contextmanager
def _scheduler(cluster: Cluster, security: Security | None) -> Iterator[str]:
    protocol, _, rest = (cluster.listen or "tcp://127.0.0.1:0").partition("://")
    host, _, port = rest.rpartition(":")
    try:
        started = LocalCluster(
            n_workers=0,
            processes=False,
            host=host,
            scheduler_port=int(port),
            protocol=f"{protocol}://",
            security=security or Security(),
            dashboard_address=LOOPBACK,
            silence_logs=logging.CRITICAL,
        )
    except (OSError, RuntimeError) as error:
        raise InfraError(f"no scheduler can listen on {cluster.listen or 'a port of this machine'}: {error}") from error
    try:
        yield str(started.scheduler_address)
    finally:
        with contextlib.suppress(Exception):
            started.close(timeout=_ENDING_S)


@contextmanager
def _workers(cluster: Cluster, address: str, cache: str) -> Iterator[None]:
    """Have workers started, here or over ssh; they end by themselves once the scheduler is gone, or are ended."""
    over = threading.Event()
    started = [
        [sys.executable, "-m", "vexlab", "worker", address, "--machines", "1", "--name", f"local-{number + 1}"]
        for number in range(cluster.local)
    ]
    started += [_over_ssh(host, address) for host in cluster.hosts]
    threads = [threading.Thread(target=_keep, args=(argv, cache, over), daemon=True) for argv in started]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(_ENDING_S)


def _over_ssh(host: SshHost, address: str) -> list[str]:
    machines = f" --machines {host.machines}" if host.machines else ""
    # The second -t lets ssh end what it started there when it is ended here.
    command = f"{host.command} worker {shlex.quote(address)} --name {shlex.quote(host.ssh)}{machines}"
    return ["ssh", "-tt", "-o", "BatchMode=yes", "--", host.ssh, command]


class _Over(Exception):
    """The run has ended."""


def _keep(argv: Sequence[str], cache: str, over: threading.Event) -> None:
    def look() -> None:
        if over.is_set():
            raise _Over

    try:
        done = process.run(
            argv, timeout=_YEAR_S, env={"VEXLAB_CACHE": cache} if cache else None, keep=1 << 16, tick=look
        )
    except (_Over, InfraError) as error:
        log.info("%s: %s", argv[-1], error)
        return
    if not over.is_set():
        log.warning("%s ended with status %d: %s", " ".join(argv), done.returncode, done.error_text.strip()[-500:])


def _close(client: Client) -> None:
    with contextlib.suppress(Exception):
        client.close(timeout=_ENDING_S)


def _quiet() -> None:
    """Have the engine log its own troubles nowhere: what they mean for the run is said by us."""
    for name in ("distributed", "tornado", "asyncio", "bokeh"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
