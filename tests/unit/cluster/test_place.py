"""What ``--cluster`` takes, and what it refuses before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from vexlab.cluster.place import Cluster, cluster_of
from vexlab.errors import UsageError


def test_words() -> None:
    assert cluster_of("local:2") == Cluster(local=2, least=2)
    assert cluster_of("tcp://lab0:8786") == Cluster(address="tcp://lab0:8786")


@pytest.mark.parametrize("words", ["local:0", "local:", "lab0:8786", "tls://lab0:8786", "no-such.toml", "tcp://lab0"])
def test_words_that_name_no_cluster(words: str) -> None:
    with pytest.raises(UsageError) as raised:
        cluster_of(words)
    assert raised.value.hint


def test_a_file(tmp_path: Path) -> None:
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (tmp_path / name).touch()
    file = tmp_path / "lab.toml"
    file.write_text(
        'listen = "tls://0.0.0.0:8786"\nleast = 4\n[tls]\nca = "ca.pem"\ncert = "cert.pem"\nkey = "key.pem"\n'
        '[[hosts]]\nssh = "me@lab1"\nmachines = 2\n'
    )
    read = cluster_of(str(file))
    assert read.tls is not None
    assert read.tls.ca == str(tmp_path / "ca.pem"), "relative to the file"
    assert read.hosts[0].ssh == "me@lab1"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "one of address"),
        ('address = "tcp://a:1"\nlisten = "tcp://b:1"', "one of address"),
        ('address = "a:1"', "no address"),
        ('address = "tls://a:1"', "come together"),
        ('listen = "tcp://a:1"\n[[hosts]]\nssh = "-oProxyCommand=x"', "no name of a host"),
        ('address = "tcp://a:1"\n[[hosts]]\nssh = "b"', "has the scheduler itself"),
        ('adress = "tcp://a:1"', "address"),
        ('address = "tls://a:1"\n[tls]\nca = "a"\ncert = "b"\nkey = "c"', "does not exist"),
    ],
)
def test_files_that_describe_none(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "lab.toml"
    file.write_text(text)
    with pytest.raises(UsageError) as raised:
        cluster_of(str(file))
    assert said in raised.value.message + raised.value.hint
