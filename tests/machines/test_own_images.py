"""Machines of images that others made: the tar of a system with busybox's init and no more, and Debian with systemd."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.machines.conftest import Vm

pytestmark = pytest.mark.machine


@pytest.fixture(scope="module")
def machine(vm: Vm, tiny: Path, state: Path) -> Iterator[str]:
    """Return the name of a running machine of the tar."""
    options = ("--memory", "256", "--disk", "2", "--vnc-port", "0", "--capture", str(state / "net.pcap"))
    vm("create", "tiny", "--image", str(tiny), "--kernel", "6.1", *options)
    yield "tiny"
    vm("rm", "--force", "tiny")


def test_commands_files_and_root(vm: Vm, machine: str, tmp_path: Path) -> None:
    done = vm("exec", machine, "--", "sh", "-c", "id -u; cat /etc/hostname 2>&1; hostname; exit 7", status=7)
    assert done.stdout.split()[0] == b"0"
    assert b"tiny" in done.stdout
    file = tmp_path / "data"
    file.write_bytes(os.urandom(300_000))
    vm("push", machine, str(file), "/root/data", "--mode", "0600")
    assert vm("pull", machine, "/root/data", "-").stdout == file.read_bytes()
    assert vm("exec", machine, "-i", "--", "wc", "-c", stdin=b"x" * 1000).stdout.split() == [b"1000"]
    assert b"overlay" in vm("exec", machine, "--", "cat", "/proc/mounts").stdout, "the image itself is not written"


def test_a_new_key_lets_in_and_the_old_one_no_more(vm: Vm, machine: str, state: Path) -> None:
    folder = state / "vm" / machine
    old = (folder / "ssh_key.pub").read_text()
    assert vm("ssh", machine, "--new-key", "--", "cat", "/root/.ssh/authorized_keys").stdout.decode() != old
    assert (folder / "ssh_key.pub").read_text() != old
    known = vm("exec", machine, "--", "cat", "/root/.ssh/authorized_keys").stdout.decode()
    assert known == (folder / "ssh_key.pub").read_text(), "and nothing else"


def test_a_snapshot_brings_memory_and_disk_back(vm: Vm, machine: str) -> None:
    vm("snapshot", machine, "before")
    vm("exec", machine, "--", "sh", "-c", "echo lost >/root/after; mount -t tmpfs x /mnt")
    vm("restore", machine, "before")
    assert vm("exec", machine, "--", "ls", "/root/after", status=None).returncode
    assert b" /mnt " not in vm("exec", machine, "--", "cat", "/proc/mounts").stdout


def test_the_network_reaches_nothing_and_is_recorded(vm: Vm, machine: str, state: Path) -> None:
    with socket.socket() as server:
        server.bind(("0.0.0.0", 0))
        server.listen()
        command = f"nc -w 3 10.0.2.2 {server.getsockname()[1]} </dev/null"
        assert vm("exec", machine, "--", "sh", "-c", command, status=None).returncode
    assert (state / "net.pcap").read_bytes()[:4] in (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4")
    assert (state / "net.pcap").stat().st_size > 1000
    row = json.loads(vm("status", machine, "--json").stdout)
    assert row["ssh_port"] >= 2222


def test_an_open_network_reaches_this_host_and_is_recorded(vm: Vm, tiny: Path, state: Path) -> None:
    capture, words = state / "open.pcap", b"hello from the host"

    def answer(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.sendall(words)

    options = ("--memory", "256", "--disk", "1", "--vnc-port", "0", "--network", "--capture", str(capture))
    vm("create", "open", "--image", str(tiny), "--kernel", "6.1", *options)
    try:
        with socket.socket() as server:
            server.bind(("127.0.0.1", 0))
            server.listen()
            thread = threading.Thread(target=answer, args=(server,), daemon=True)
            thread.start()
            command = f"nc -w 10 10.0.2.2 {server.getsockname()[1]} </dev/null"
            assert vm("exec", "open", "--", "sh", "-c", command).stdout == words
            thread.join(10)
        vm("stop", "open", "--timeout", "60")
        assert words in capture.read_bytes()
    finally:
        vm("rm", "--force", "open")


def test_the_disk_outlives_a_stop(vm: Vm, machine: str) -> None:
    vm("exec", machine, "--", "sh", "-c", "echo kept >/root/kept; sync")
    vm("stop", machine, "--timeout", "60")
    vm("start", machine)
    assert vm("exec", machine, "--", "cat", "/root/kept").stdout == b"kept\n"


def test_what_cannot_be_is_told(vm: Vm, tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"hello")
    assert b"no image that vexlab knows" in vm("create", "x", "--image", str(tmp_path / "x"), status=2).stderr
    assert b"--kernel gives it one" in vm("create", "x", "--image", str(tiny), status=2).stderr
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = str(server.getsockname()[1])
        said = vm("create", "x", "--image", str(tiny), "--kernel", "6.1", "--ssh-port", port, status=2).stderr
        assert b"is taken" in said
