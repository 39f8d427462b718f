"""An archive for a bug report tells what happened, and nothing that is nobody's business."""

from __future__ import annotations

import io
import random
import tarfile
from contextlib import closing
from pathlib import Path

import pytest
import zstandard
from click.testing import CliRunner
from tests.unit.live.recorded import info, whole

from vexlab.bundle import collect
from vexlab.bundle.collect import Item, items, packed, write
from vexlab.bundle.scrub import Scrubber
from vexlab.cli.debug_info import command
from vexlab.errors import UsageError
from vexlab.results.store import Store

SCRUBBER = Scrubber("/home/alice", ["alice", "buildbox7"])
SECRETS = (
    'token = "s3cr3t-value"', "API_KEY=s3cr3t-value", '{"password": "s3cr3t-value"}', "--token=s3cr3t-value",
    "Authorization: Bearer s3cr3t-value", "https://bob:s3cr3t-value@example.org/x", "client_secret: s3cr3t-value",
    'webhook_url = "https://hooks.slack.com/services/T0/B0/s3cr3t-value"', "VEXLAB_ALERTS_WEBHOOK=https://x/s3cr3t-value",
    "-----BEGIN OPENSSH PRIVATE KEY-----\ns3cr3t-value\n-----END OPENSSH PRIVATE KEY-----",
    "ghp_s3cr3tvalue0123456789abcdef01234567", "glpat-s3cr3tvalue0123456789", "token='s3cr3t-value with words'",
)  # fmt: skip


@pytest.mark.parametrize("text", SECRETS)
def test_secrets_go(text: str) -> None:
    assert "s3cr3t" not in SCRUBBER.clean(f"before {text} after")
    assert SCRUBBER.clean(f"before {text}").startswith("before ")


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("/home/alice/src/x.c:12", "~/src/x.c:12"),
        ("/home/bob/src", "/home/USER/src"),
        ("alice@buildbox7:~$ ", "NAME@NAME:~$ "),
        ("mail alice.smith@example.org", "mail [removed]"),
        ("malice at /srv/alicea", "malice at /srv/alicea"),
        ("BUG: kernel NULL pointer dereference, address: 0x10", "BUG: kernel NULL pointer dereference, address: 0x10"),
    ],
)
def test_names_and_homes_go_and_the_rest_stays(text: str, clean: str) -> None:
    assert SCRUBBER.clean(text) == clean


def test_root_is_no_name_and_its_home_is_one() -> None:
    assert Scrubber("/root", ["root"]).clean("root fs at /root/x, /rootfs") == "root fs at ~/x, /rootfs"


def unpacked(data: bytes) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(zstandard.ZstdDecompressor().decompress(data))) as archive:
        return {each.name: (archive.extractfile(each) or io.BytesIO()).read().decode() for each in archive}


def test_the_red_cases_of_a_run_are_inside(tmp_path: Path) -> None:
    with closing(Store(tmp_path / "r")) as store:
        folder = whole(store, info()) / "cases" / "load"
        folder.mkdir(parents=True)
        (folder / "console.log").write_text("password=s3cr3t /home/alice/x\n")
        (folder / "case.json").symlink_to("/etc/passwd")
        found = items(store, info().id, lambda: {"ok": True}, tmp_path / "vexlab.toml", SCRUBBER)
    data, kept = packed(found)
    files = unpacked(data)
    assert set(files) == {f"vexlab-debug/{each.name}" for each in kept}
    assert files["vexlab-debug/cases/load/console.log"] == "password=[removed] ~/x\n"
    assert "cannot be read" in files["vexlab-debug/cases/load/case.json"], "a link is not followed"
    assert '"vexlab":' in files["vexlab-debug/versions.json"]
    assert "RunFinished" in files["vexlab-debug/events.jsonl"]


def test_what_fails_is_told_in_the_archive(tmp_path: Path) -> None:
    def broken() -> object:
        raise UsageError("no QEMU")

    with closing(Store(tmp_path)) as store:
        found = {each.name: each.text for each in items(store, "", broken, tmp_path / "vexlab.toml", SCRUBBER)}
    assert "no QEMU" in found["doctor.json"]


def test_an_archive_is_bounded() -> None:
    draw = random.Random(1)
    found = [Item(name=str(number), text=draw.randbytes(20_000).hex()) for number in range(20)]
    data, kept = packed(found, most=100_000)
    assert len(data) <= 100_000
    assert 0 < len(kept) < 20
    assert kept == tuple(found[: len(kept)]), "the first are the most telling"
    assert collect.MOST == 20 << 20


def test_a_file_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "a.tar.zst").write_text("mine")
    with pytest.raises(UsageError):
        write(b"x", tmp_path / "a.tar.zst")
    assert (tmp_path / "a.tar.zst").read_text() == "mine"
    write(b"x", tmp_path / "b.tar.zst")
    assert (tmp_path / "b.tar.zst").stat().st_mode & 0o777 == 0o600


def test_the_list_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vexlab.cli.debug_info._doctor", lambda: {"ok": True})
    with closing(Store(tmp_path)) as store:
        whole(store, info())
    out = tmp_path / "x.tar.zst"
    result = CliRunner().invoke(command, ["-o", str(out), "--results", str(tmp_path)], catch_exceptions=False)
    assert "events.jsonl" in result.output
    assert result.output.splitlines()[-1].endswith(str(out))
    assert "vexlab-debug/versions.json" in unpacked(out.read_bytes())
