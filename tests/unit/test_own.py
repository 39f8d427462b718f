"""The way into machines of others' images: ssh's words, free ports, what lets the key in."""

from __future__ import annotations

import socket
import tarfile
import threading
from pathlib import Path

import pytest

from vexlab.errors import UsageError
from vexlab.model.machine import Forward, MachineSpec
from vexlab.vm import own, ssh
from vexlab.vm.network import port_from, port_is_free
from vexlab.vm.own import Reach
from vexlab.vm.record import OwnImage


def _reach(folder: Path, port: int = 2222, *, host_key: bool = True) -> Reach:
    spec = MachineSpec(
        kernel=Path(),
        initrd=Path(),
        append="",
        network=True,
        forwards=(Forward(host_port=port, guest_port=ssh.PORT),) if port else (),
    )
    return Reach(spec=spec, image=OwnImage(file=Path("i"), login="me", host_key=host_key), folder=folder)


def test_ssh_goes_to_the_loopback_with_the_machines_own_key(tmp_path: Path) -> None:
    argv = _reach(tmp_path).argv(["echo", "a b"], batch=True)
    assert argv[-3:] == ("me@127.0.0.1", "--", "echo 'a b'")
    assert str(tmp_path / ssh.KEY) in argv
    assert 'StrictHostKeyChecking="yes"' in argv
    assert 'BatchMode="yes"' in argv


def test_a_host_key_that_nobody_gave_is_taken_the_first_time_only(tmp_path: Path) -> None:
    assert 'StrictHostKeyChecking="accept-new"' in _reach(tmp_path, host_key=False).argv([])


def test_the_key_of_before_is_tried_for_snapshots_that_know_no_other(tmp_path: Path) -> None:
    assert str(tmp_path / ssh.KEY_BEFORE) not in _reach(tmp_path).argv([])
    (tmp_path / ssh.KEY_BEFORE).touch()
    assert str(tmp_path / ssh.KEY_BEFORE) in _reach(tmp_path).argv([])


@pytest.mark.parametrize(("says", "answers"), [(b"SSH-2.0-x\r\n", True), (b"HTTP/1.1", False), (b"", False)])
def test_only_who_speaks_like_ssh_answers(tmp_path: Path, says: bytes, answers: bool) -> None:  # noqa: FBT001
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(says)

        thread = threading.Thread(target=serve)
        thread.start()
        assert _reach(tmp_path, server.getsockname()[1]).answers is answers
        thread.join()
    assert not _reach(tmp_path, 0).answers


def test_a_taken_port_is_passed_over() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        taken = server.getsockname()[1]
        assert not port_is_free(taken)
        assert port_from(taken) > taken
        with pytest.raises(UsageError, match="are taken"):
            port_from(taken, 1)


def test_the_key_comes_into_a_guest_without_cloud_init_as_roots(tmp_path: Path) -> None:
    (tmp_path / "ssh_key.pub").write_text("ssh-ed25519 AAAA x\n")
    own.write_files(tmp_path, tmp_path / "files.tar")
    with tarfile.open(tmp_path / "files.tar") as tar:
        keys = tar.getmember("root/.ssh/authorized_keys")
        assert (keys.mode, keys.uid) == (0o600, 0)
        file = tar.extractfile(keys)
        assert file is not None
        assert file.read() == b"ssh-ed25519 AAAA x\n"
        assert tar.getmember("root/.ssh").mode == 0o700
