"""Images that others made: what a file is, what a tar holds, what cloud-init is told."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import tarfile
from pathlib import Path

import pytest

from vexlab.errors import UsageError
from vexlab.images import seed
from vexlab.images.foreign import Form, contents_of, form_of

SEED = seed.Seed(
    name="deb", login="me", public="ssh-ed25519 AAAA vexlab", host_private="PRIVATE\n", host_public="ssh-ed25519 BBBB"
)


def _tar(file: Path, names: tuple[str, ...] = ("./sbin/init",)) -> bytes:
    with tarfile.open(file, "w") as tar:
        for name in names:
            tar.addfile(tarfile.TarInfo(name))
    return file.read_bytes()


def test_a_disk_and_a_tar_are_told_apart_by_content(tmp_path: Path) -> None:
    plain = tmp_path / "disk.img"
    data = _tar(plain)
    assert form_of(plain) is Form.TAR
    (tmp_path / "packed").write_bytes(gzip.compress(data))
    assert form_of(tmp_path / "packed") is Form.TAR
    raw = tmp_path / "a.tar"
    raw.write_bytes(bytes(510) + b"\x55\xaa" + bytes(512))
    assert form_of(raw) is Form.DISK
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", tmp_path / "q", "1M"], check=True)
    assert form_of(tmp_path / "q") is Form.DISK


@pytest.mark.parametrize("data", [b"", b"hello", bytes(4096), b"\x1f\x8bnot gzip"])
def test_what_is_no_image_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(UsageError, match="no image that vexlab knows"):
        form_of(tmp_path / "x")


def test_an_image_that_would_show_other_files_of_the_host_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(1 << 20))
    argv = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(secret), "-F", "raw", str(tmp_path / "q")]
    subprocess.run(argv, check=True)
    with pytest.raises(UsageError, match=r"not whole: it reads from .*secret"):
        form_of(tmp_path / "q")


def test_a_tar_with_its_own_kernel_cloud_init_and_init() -> None:
    names = ["./boot/vmlinuz-6.1.0-9-amd64", "./usr/lib/modules/6.1.0-9-amd64/modules.dep", "./usr/bin/cloud-init"]
    found = contents_of([*names, "./usr/sbin/init"])
    assert (found.release, found.image) == ("6.1.0-9-amd64", "boot/vmlinuz-6.1.0-9-amd64")
    assert found.cloud_init
    assert found.init


def test_a_kernel_without_its_modules_is_none() -> None:
    found = contents_of(["boot/vmlinuz-6.1", "sbin/init"])
    assert (found.release, found.image, found.cloud_init) == ("", "", False)
    assert not contents_of(["etc/passwd"]).init


def test_cloud_init_is_told_of_a_user_with_a_key_and_of_the_host_key() -> None:
    files = seed.files(SEED)
    head, _, body = files["user-data"].partition(b"\n")
    assert head == b"#cloud-config"
    config = json.loads(body)
    (user,) = config["users"]
    assert user["name"] == "me"
    assert user["sudo"] == "ALL=(ALL) NOPASSWD:ALL"
    assert user["lock_passwd"]
    assert user["ssh_authorized_keys"] == [SEED.public]
    assert config["ssh_keys"] == {"ed25519_private": "PRIVATE\n", "ed25519_public": SEED.host_public}
    assert not config["ssh_pwauth"]
    assert json.loads(files["meta-data"])["local-hostname"] == "deb"
    assert json.loads(files["network-config"])["ethernets"]["guest"]["dhcp4"]


def test_the_seed_is_a_disk_called_cidata_with_names_that_linux_reads(tmp_path: Path) -> None:
    pycdlib = pytest.importorskip("pycdlib")
    file = tmp_path / "seed.iso"
    seed.write(SEED, file)
    iso = pycdlib.PyCdlib()
    iso.open(str(file))
    assert iso.pvd.volume_identifier.strip() == b"cidata"
    for name, data in seed.files(SEED).items():
        for where in ({"rr_path": f"/{name}"}, {"joliet_path": f"/{name}"}):
            into = io.BytesIO()
            iso.get_file_from_iso_fp(into, **where)
            assert into.getvalue() == data
    iso.close()
    assert file.stat().st_mode & 0o077 == 0, "it holds a private key"
