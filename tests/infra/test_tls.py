"""With TLS a host joins with a certificate of the cluster's authority, and with no other."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("distributed", reason="the extra `fleet` is not installed")

from vexlab.cluster.engine import connect
from vexlab.cluster.place import Cluster, Tls, cluster_of

pytestmark = [pytest.mark.infra, pytest.mark.long]


def _openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True, timeout=60)


def _authority(folder: Path) -> Tls:
    """Make an authority and a certificate by it."""
    folder.mkdir()
    ca, key, cert = folder / "ca.pem", folder / "key.pem", folder / "cert.pem"
    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    _openssl(
        "req", "-x509", *new, "-keyout", str(folder / "ca-key.pem"), "-out", str(ca), "-days", "2", "-subj", "/CN=ca"
    )
    _openssl("req", *new, "-keyout", str(key), "-out", str(folder / "csr"), "-subj", "/CN=host")
    _openssl(
        *("x509", "-req", "-in", str(folder / "csr"), "-CA", str(ca), "-CAkey", str(folder / "ca-key.pem")),
        *("-CAcreateserial", "-days", "2", "-out", str(cert)),
    )
    return Tls(ca=str(ca), cert=str(cert), key=str(key))


def _file(folder: Path, address: str, tls: Tls) -> Path:
    file = folder / f"{Path(tls.ca).parent.name}.toml"
    file.write_text(f'address = "{address}"\n[tls]\nca = "{tls.ca}"\ncert = "{tls.cert}"\nkey = "{tls.key}"\n')
    assert cluster_of(str(file)).tls == tls
    return file


def _worker(file: Path, name: str) -> subprocess.Popen[str]:
    argv = [sys.executable, "-m", "vexlab", "worker", str(file), "--name", name, "--machines", "1"]
    return subprocess.Popen(argv, stderr=subprocess.PIPE, text=True)


def test_only_certificates_of_the_clusters_authority_join(tmp_path: Path) -> None:
    ours, others = _authority(tmp_path / "ours"), _authority(tmp_path / "others")
    with connect(Cluster(listen="tls://127.0.0.1:0", tls=ours)) as engine:
        assert engine.address.startswith("tls://")
        stranger = _worker(_file(tmp_path, engine.address, others), "stranger")
        member = _worker(_file(tmp_path, engine.address, ours), "member")
        end = time.monotonic() + 240
        while not engine.members():
            assert member.poll() is None, member.communicate()
            assert time.monotonic() < end
            time.sleep(0.2)
        _, words = stranger.communicate(timeout=240)
        assert stranger.returncode == 3
        assert "does not take this host" in words
        assert [each.name for each in engine.members()] == ["member"]
        member.terminate()
        member.communicate(timeout=60)
