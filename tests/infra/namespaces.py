"""Hosts on this machine: each with a network, a name, processes and mounts of its own, on one switch.

Nothing of this machine's own namespaces is touched: the switch, too, is a namespace, and what is mounted is mounted in
a host. A host ends with its first process, and with it everything that ran there, as when its power is cut.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

_PREFIX = "10.77.0."
_READY_S = 30.0
# The first process of a host takes in what others leave, as init does; it goes on once its mounts are there.
_INIT = """
import os, subprocess, sys, time
subprocess.run(["mount", "-t", "proc", "proc", "/proc"], check=True)
subprocess.run(["hostname", sys.argv[1]], check=True)
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
print("ready", flush=True)
while True:
    try:
        os.wait()
    except ChildProcessError:
        time.sleep(0.2)
"""


class Host:
    """A host named ``name``; ``pid`` is its first process, as it is numbered outside."""

    def __init__(self, name: str, *, kinds: tuple[str, ...] = ("net", "uts", "mount", "pid", "ipc")) -> None:
        self.name = name
        self.address = ""
        self.port = ""  # of the switch, to which it is connected
        self._started: list[subprocess.Popen[bytes]] = []
        flags = [f"--{kind}" for kind in kinds]
        argv = ["setpriv", "--pdeathsig", "KILL", "unshare", *flags, "--fork", "--kill-child", "--", sys.executable]
        self._holder = subprocess.Popen(
            [*argv, "-c", _INIT, name], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != "ready\n":
            self._holder.kill()
            raise OSError(f"no namespace for {name}: status {self._holder.wait()}")
        self.pid = command_of(self._holder)

    def argv(self, *words: str, folder: Path = Path("/")) -> list[str]:
        """Return the command line that runs ``words`` there in ``folder``, and ends with who started it."""
        enter = ["nsenter", "--target", str(self.pid), "--net", "--uts", "--mount", "--pid", "--ipc", f"--wd={folder}"]
        return [*enter, "--", "setpriv", "--pdeathsig", "KILL", "--", *words]

    def start(self, *words: str, log: Path, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a command there in the background."""
        with log.open("ab") as sink:
            own = {**os.environ, **(env or {})}
            made = subprocess.Popen(self.argv(*words, folder=log.parent), stdout=sink, stderr=sink, env=own)
        self._started.append(made)
        return made

    def run(self, *words: str, timeout: float = 60, env: Mapping[str, str] | None = None) -> str:
        """Run a command there that must end well, and return what it prints."""
        own = {**os.environ, **(env or {})}
        done = subprocess.run(self.argv(*words), capture_output=True, text=True, timeout=timeout, env=own, check=False)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def disk(self, folder: Path, size: str) -> None:
        """Mount a file system of ``size`` (as 64m) on ``folder``, seen there alone."""
        self.run("mount", "-t", "tmpfs", "-o", f"size={size},mode=0755", "disk", str(folder))

    def own_sysfs(self, folder: Path) -> None:
        """Show the host's own network in its /sys; control groups stay those of this machine."""
        self.run("mount", "--rbind", "/sys/fs/cgroup", str(folder))
        self.run("mount", "-t", "sysfs", "sysfs", "/sys")
        self.run("mount", "--rbind", str(folder), "/sys/fs/cgroup")

    def fill(self, folder: Path) -> None:
        """Leave no byte free of the disk that ``folder`` is."""
        full = self.argv("dd", "if=/dev/zero", f"of={folder}/full", "bs=4k", "oflag=append", "conv=notrunc")
        done = subprocess.run(full, capture_output=True, text=True, check=False, timeout=120)
        assert "No space left on device" in done.stderr

    def end(self) -> None:
        """Cut its power."""
        if self._holder.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        for each in self._started:  # out here, so they live on; one that is stopped would reap no child
            each.kill()
            each.wait(30)
        self._holder.wait(30)


class Network:
    """A switch and the hosts on it."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._numbers = 0
        self._switch = Host("switch")
        stack.callback(self._switch.end)
        self._switch.run("ip", "link", "add", "bridge", "type", "bridge")
        self._switch.run("ip", "link", "set", "bridge", "up")

    def host(self, name: str) -> Host:
        """Add a host."""
        self._numbers += 1
        host = Host(name)
        self._stack.callback(host.end)
        host.address, host.port = f"{_PREFIX}{self._numbers}", f"port{self._numbers}"
        # By nsenter's --net alone: the host's process is named as it is numbered out here.
        link = ["link", "add", host.port, "type", "veth", "peer", "name", "eth0", "netns", str(host.pid)]
        argv = ["nsenter", "--target", str(self._switch.pid), "--net", "--", "ip", *link]
        subprocess.run(argv, check=True, timeout=30)
        self._switch.run("ip", "link", "set", host.port, "master", "bridge", "up")
        host.run("ip", "address", "add", f"{host.address}/24", "dev", "eth0")
        host.run("ip", "link", "set", "eth0", "up")
        return host

    def introduce(self, folder: Path, hosts: Sequence[Host]) -> None:
        """Let hosts know each other by name."""
        file = folder / "hosts"
        file.write_text("".join(f"{host.address} {host.name}\n" for host in hosts) + "127.0.0.1 localhost\n")
        for host in hosts:
            host.run("mount", "--bind", str(file), "/etc/hosts")

    def cut(self, host: Host) -> None:
        """Pull a host's cable: what is sent is lost, and nobody is told."""
        self._switch.run("ip", "link", "set", host.port, "down")

    def mend(self, host: Host) -> None:
        """Put the cable back, as fast as at first."""
        self._switch.run("ip", "link", "set", host.port, "up")
        for where, device in ((self._switch, host.port), (host, "eth0")):
            subprocess.run(where.argv("tc", "qdisc", "del", "dev", device, "root"), capture_output=True, check=False)

    def delay(self, host: Host) -> str:
        """Make a host's cable slow in both directions, and return how.

        A kernel without netem has a bucket of 2 KiB that fills with 24 kbit/s: a message of 3 KiB takes a second.
        """
        netem, bucket = "netem delay 700ms 200ms", "tbf rate 24kbit burst 2kb latency 30s"
        for way in (netem, bucket):
            done = [
                subprocess.run(
                    where.argv("tc", "qdisc", "add", "dev", device, "root", *way.split()),
                    capture_output=True, check=False,
                ).returncode
                for where, device in ((self._switch, host.port), (host, "eth0"))
            ]  # fmt: skip
            if not any(done):
                return way
        raise AssertionError("tc knows neither netem nor tbf")


@contextmanager
def network() -> Iterator[Network]:
    """Give an empty network; the test is skipped where namespaces are not to be had."""
    if os.geteuid() != 0:
        pytest.skip("hosts in network namespaces of their own need root")
    with ExitStack() as stack:
        try:
            made = Network(stack)
        except (OSError, AssertionError) as error:
            pytest.skip(f"this machine gives no namespaces: {error}")
        yield made


def command_of(started: subprocess.Popen[Any]) -> int:
    """Return the process id, as numbered out here, of a command in namespaces: the child of what entered them."""
    return int(Path(f"/proc/{started.pid}/task/{started.pid}/children").read_text())


def until(condition: object, seconds: float, words: str = "it did not come to that") -> None:
    """Wait till ``condition()`` holds."""
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, words
        time.sleep(0.1)
