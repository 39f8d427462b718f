"""Images for the tools' tests: made by mkfs.vexfs from a folder, read and damaged here.

The checksums and structures below are written from docs/format.md, apart from the tools' own C code, so that the two
check each other.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BLOCK = 4096
UUID = "00112233-4455-6677-8899-aabbccddeeff"
TIME = "1700000000"

_TABLE = []
for _n in range(256):
    for _ in range(8):
        _n = (_n >> 1) ^ (0x82F63B78 if _n & 1 else 0)
    _TABLE.append(_n)


def crc32c(data: bytes, crc: int = 0xFFFFFFFF) -> int:
    """CRC-32C without the final inversion."""
    for byte in data:
        crc = (crc >> 8) ^ _TABLE[(crc ^ byte) & 255]
    return crc


def seed() -> int:
    """What every checksum under the superblock starts from."""
    return crc32c(bytes.fromhex(UUID.replace("-", "")))


def le32(value: int) -> bytes:
    return struct.pack("<I", value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a tool ended and what it said."""

    status: int
    out: str
    err: str

    def json(self) -> Any:
        """The whole output as one JSON value."""
        return json.loads(self.out)

    def lines(self) -> list[Any]:
        """One JSON value for each line."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The built tools of one folder."""

    folder: Path

    def run(self, name: str, *args: object, deadline: float = 60, stdin: str = "") -> Result:
        """Runs a tool; a signal or a sanitizer's report is an error here, whatever the test expects."""
        environment = dict(os.environ, ASAN_OPTIONS="exitcode=99:detect_leaks=1", UBSAN_OPTIONS="print_stacktrace=1")
        done = subprocess.run(
            [self.folder / name, *map(str, args)],
            input=stdin.encode(),
            capture_output=True,
            timeout=deadline,
            env=environment,
            check=False,
        )
        out, err = done.stdout.decode(errors="surrogateescape"), done.stderr.decode(errors="replace")
        broken = done.returncode < 0 or done.returncode == 99 or "runtime error" in err
        assert not broken, f"{name} {args} broke: {done.returncode}\n{err[-4000:]}"
        return Result(status=done.returncode, out=out, err=err)

    def mkfs(self, image: Path, *args: object) -> Result:
        return self.run("mkfs.vexfs", "-U", UUID, "-T", TIME, *args, image)

    def fsck(self, image: Path, *args: object) -> Result:
        return self.run("fsck.vexfs", *args, image)

    def dump(self, image: Path, *args: object) -> Result:
        return self.run("dumpvexfs", *args, image)

    def fields(self, image: Path) -> list[dict[str, Any]]:
        return self.dump(image, "--fields").lines()

    def set(self, image: Path, name: str, value: object, *, sealed: bool = True) -> None:
        seal = ["--seal"] if sealed else []
        done = self.dump(image, "--set", f"{name}={value}", *seal)
        assert done.status == 0, done.err

    def value(self, image: Path, name: str) -> Any:
        return next(field["value"] for field in self.fields(image) if field["name"] == name)

    def problems(self, image: Path, *args: object) -> list[str]:
        """Names of the problems a read-only check finds."""
        lines = self.fsck(image, "-n", "-j", *args).lines()
        return [line["problem"] for line in lines if "problem" in line]


def read_block(image: Path, block: int) -> bytearray:
    with image.open("rb") as file:
        file.seek(block * BLOCK)
        return bytearray(file.read(BLOCK))


def write_block(image: Path, block: int, data: bytes) -> None:
    assert len(data) == BLOCK
    with image.open("r+b") as file:
        file.seek(block * BLOCK)
        file.write(data)


def poke(image: Path, offset: int, data: bytes) -> None:
    with image.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def populate(folder: Path) -> Path:
    """A folder with something of every kind mkfs can copy."""
    folder.mkdir()
    (folder / "empty").touch()
    (folder / "small").write_bytes(b"hello")
    (folder / "large").write_bytes(bytes(range(251)) * 1000)
    with (folder / "sparse").open("wb") as file:
        file.seek(13 * BLOCK + 5 * 1024 * BLOCK)
        file.write(b"far away")
    deep = folder / "deep"
    for level in range(5):
        deep = deep / f"level{level}"
    deep.mkdir(parents=True)
    (deep / "leaf").write_bytes(b"x" * 5000)
    many = folder / "many"
    many.mkdir()
    for number in range(120):
        (many / f"{number:03d}-{'n' * (number % 60)}").touch()
    (folder / ("l" * 255)).write_bytes(b"long name")
    os.link(folder / "small", folder / "hard link")
    os.link(folder / "small", many / "another")
    (folder / "fast").symlink_to("small")
    (folder / "slow").symlink_to("t" * 300)
    os.mkfifo(folder / "fifo")
    for name, value in (("user.one", b"1"), ("user.two", b"2" * 100)):
        try:
            os.setxattr(folder / "large", name, value)
        except OSError:
            break
    (folder / "vectors").write_bytes(b"".join(record(slot, [float(slot), -1.5, 0.25]) for slot in range(VECTORS)))
    (folder / "index").write_bytes(b"room" * 1024)
    return folder


VECTORS, DIM, META = 300, 3, 8
STRIDE = 32 + 16 + META


def record(slot: int, vector: list[float], meta: bytes = b"tag", flags: int = 1) -> bytes:
    """A record of a collection (format.md, section 10)."""
    stored = struct.unpack(f"<{DIM}f", struct.pack(f"<{DIM}f", *vector))
    body = struct.pack("<dHHI", sum(value * value for value in stored), len(meta), 0, 0)
    body += struct.pack(f"<{DIM}f", *vector).ljust(16, b"\0") + meta.ljust(META, b"\0")
    csum = crc32c(body, crc32c(struct.pack("<Q", slot + 1), seed()))
    return struct.pack("<QII", slot + 1, flags, csum) + body


def make_collection(tools: Tools, image: Path, path: str) -> int:
    """Turns a copied file of records into a collection. Its inode number."""
    inode: int = tools.dump(image, "-j", "-i", path).json()["inode"]
    for name, value in (("dim", DIM), ("version", 1), ("meta_size", META), ("stride", STRIDE), ("metric", 0)):
        tools.set(image, f"inode[{inode}].i_vec.v_{name}", value)
    tools.set(image, f"inode[{inode}].i_flags", 1)
    return inode


LISTS = 10
INDEX_LENGTHS = 16 + LISTS * DIM  # words, see format.md, section 11
INDEX_SLOTS = INDEX_LENGTHS + LISTS


def index_block(inode: int, generation: int, owner: int) -> bytes:
    """The only block of an index in which vector n is in list n // 30."""
    each = VECTORS // LISTS
    words = struct.pack("<16I", 0x56455849, 1, DIM, LISTS, VECTORS, owner, *[0] * 10)
    words += b"".join(struct.pack(f"<{DIM}f", each * number, -1.5, 0.25) for number in range(LISTS))
    words += struct.pack(f"<{LISTS}I", *[each] * LISTS) + struct.pack(f"<{VECTORS}I", *range(VECTORS))
    words = words.ljust(BLOCK - 4, b"\0")
    return words + le32(crc32c(words, crc32c(le32(0), crc32c(le32(generation), crc32c(le32(inode), seed())))))


def make_index(tools: Tools, image: Path, path: str, owner: int) -> int:
    """Turns a copied file of one block into the index of a collection; it loses its name. Its inode number."""
    found = tools.dump(image, "-j", "-i", path).json()
    inode: int = found["inode"]
    write_block(image, found["i_block[0]"], index_block(inode, found["i_generation"], owner))
    entry = next(
        field["name"].rpartition(".")[0]
        for field in tools.fields(image)
        if field["name"].endswith(".d_ino") and field["value"] == inode
    )
    for name, value in (
        (f"{entry}.d_ino", 0),
        (f"{entry}.d_hash", 0),
        (f"inode[{inode}].i_flags", 2),
        (f"inode[{inode}].i_parent", owner),
        (f"inode[{owner}].i_vec.v_index_type", 1),
        (f"inode[{owner}].i_vec.v_index_ino", inode),
        (f"inode[{owner}].i_vec.v_index_lists", LISTS),
        (f"inode[{owner}].i_vec.v_index_count", VECTORS),
        ("super.s_feature_ro_compat", 1),
    ):
        tools.set(image, name, value)
    return inode
