"""Recovery from the journal, with logs written here byte by byte as jbd2 writes them."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from vexfs_image import BLOCK, Tools, crc32c, read_block, seed, write_block

MAGIC = 0xC03B3998
DESCRIPTOR, COMMIT, REVOKE = 1, 2, 5
ESCAPE, SAME_UUID, LAST = 1, 2, 8


def be32(value: int) -> bytes:
    return struct.pack(">I", value)


@dataclass(slots=True)
class Log:
    """A log being written; it wraps at the journal's end."""

    image: Path
    start: int
    length: int
    at: int = 1
    sequence: int = 7
    first: int = field(default=0)

    def put(self, data: bytes) -> None:
        write_block(self.image, self.start + self.at, data)
        self.at = self.at + 1 if self.at + 1 < self.length else 1

    def header(self, kind: int) -> bytes:
        return be32(MAGIC) + be32(kind) + be32(self.sequence)

    def sealed(self, block: bytes, at: int = BLOCK - 4) -> bytes:
        block = block.ljust(BLOCK, b"\0")
        return block[:at] + be32(crc32c(block, seed())) + block[at + 4 :]

    def blocks(self, changes: dict[int, bytes]) -> None:
        """A descriptor and the blocks it names."""
        tags, data = b"", []
        for number, (target, content) in enumerate(changes.items()):
            flags = (SAME_UUID if number else 0) | (LAST if number == len(changes) - 1 else 0)
            csum = 0
            stored = content
            if content[:4] == be32(MAGIC):
                flags |= ESCAPE
                stored = bytes(4) + content[4:]
            csum = crc32c(stored, crc32c(be32(self.sequence), seed()))
            tags += be32(target) + be32(flags) + be32(0) + be32(csum)
            tags += b"" if number else bytes(16)
            data.append(stored)
        self.put(self.sealed(self.header(DESCRIPTOR) + tags))
        for stored in data:
            self.put(stored)

    def revoke(self, *targets: int) -> None:
        body = b"".join(map(be32, targets))
        self.put(self.sealed(self.header(REVOKE) + be32(16 + len(body)) + body))

    def commit(self) -> None:
        self.put(self.sealed(self.header(COMMIT) + bytes(36) + struct.pack(">QI", 1, 0), at=16))
        self.sequence += 1


@pytest.fixture
def log(tools: Tools, image: Path) -> Log:
    fields = {f["name"]: f["value"] for f in tools.fields(image) if f["name"].startswith("super.")}
    made = Log(image=image, start=fields["super.s_journal_start"], length=fields["super.s_journal_blocks"])
    tools.set(image, "super.s_state", 0)
    return made


def announce(tools: Tools, log: Log, *, start: int = 1, sequence: int = 7) -> None:
    tools.set(log.image, "journal.s_start", start)
    tools.set(log.image, "journal.s_sequence", sequence)


def free_blocks(tools: Tools, image: Path) -> list[int]:
    """Blocks nobody uses: what is written to them damages nothing."""
    bits = bytes.fromhex(next(f["value"] for f in tools.fields(image) if f["name"] == "block_bitmap[0].b_bits"))
    return [n for n in range(2048) if not bits[n // 8] >> n % 8 & 1]


def filled(byte: int) -> bytes:
    return bytes([byte]) * BLOCK


def test_committed_blocks_reach_their_places(tools: Tools, image: Path, log: Log) -> None:
    one, two, three, four, *_ = free_blocks(tools, image)
    log.blocks({one: filled(1), two: filled(2)})
    log.commit()
    log.blocks({two: filled(3), three: be32(MAGIC) + filled(4)[4:]})
    log.commit()
    log.blocks({four: filled(9)})  # never committed
    announce(tools, log)
    before = image.read_bytes()
    checked = tools.fsck(image, "-n")
    assert checked.status == 0, checked.out
    assert "needs recovery (not written): 2 transactions, 4 blocks" in checked.out
    assert image.read_bytes() == before
    assert tools.fsck(image, "-p").status == 0
    assert read_block(image, one) == filled(1)
    assert read_block(image, two) == filled(3)
    assert read_block(image, three) == be32(MAGIC) + filled(4)[4:]
    assert read_block(image, four) != filled(9)
    assert tools.value(image, "journal.s_start") == 0
    assert tools.value(image, "journal.s_sequence") == 10
    assert tools.value(image, "super.s_state") == 1
    assert "journal" not in tools.fsck(image, "-n").out


def test_log_wraps_around(tools: Tools, image: Path, log: Log) -> None:
    targets = free_blocks(tools, image)[:6]
    log.at = start = log.length - 3
    log.blocks({target: filled(target % 251) for target in targets})
    log.commit()
    announce(tools, log, start=start)
    assert tools.fsck(image, "-y").status == 0
    assert [read_block(image, target)[0] for target in targets] == [target % 251 for target in targets]


def test_revoked_blocks_stay_as_they_are(tools: Tools, image: Path, log: Log) -> None:
    """A revocation holds for its own transaction and those before, not for later ones."""
    early, late, *_ = free_blocks(tools, image)
    original = read_block(image, early)
    log.blocks({early: filled(1), late: filled(1)})
    log.commit()
    log.revoke(early, late)
    log.commit()
    log.blocks({late: filled(2)})
    log.commit()
    announce(tools, log)
    assert "2 revoked" in tools.fsck(image, "-y").out
    assert read_block(image, early) == original
    assert read_block(image, late) == filled(2)


@pytest.mark.parametrize("torn", ["commit", "descriptor"])
def test_torn_end_is_the_end(tools: Tools, image: Path, log: Log, torn: str) -> None:
    one, two, *_ = free_blocks(tools, image)
    log.blocks({one: filled(1)})
    log.commit()
    mark = log.at
    log.blocks({two: filled(2)})
    log.commit()
    at = log.start + (mark if torn == "descriptor" else log.at - 1)
    block = read_block(image, at)
    block[1000] ^= 1
    write_block(image, at, bytes(block))
    announce(tools, log)
    said = tools.fsck(image, "-y")
    assert said.status == 0
    assert "1 transactions" in said.out
    assert read_block(image, one) == filled(1)
    assert read_block(image, two) != filled(2)


def test_damaged_block_of_a_committed_transaction_is_told(tools: Tools, image: Path, log: Log) -> None:
    one, two, *_ = free_blocks(tools, image)
    log.blocks({one: filled(1), two: filled(2)})
    log.commit()
    write_block(image, log.start + 2, filled(7))
    announce(tools, log)
    assert tools.problems(image) == ["journal-block"]
    assert tools.fsck(image, "-y").status == 1
    assert read_block(image, one) not in (filled(1), filled(7))
    assert read_block(image, two) == filled(2)
    assert tools.fsck(image, "-n").status == 0


@pytest.mark.parametrize("target", [0, 0xFFFFFFFF, "journal"])
def test_log_cannot_write_where_it_must_not(tools: Tools, image: Path, log: Log, target: int | str) -> None:
    at = log.start if target == "journal" else int(target)
    log.blocks({at: filled(0xEE)})
    log.commit()
    announce(tools, log)
    before = read_block(image, 0)[:132]
    assert tools.problems(image) == ["journal-block"]
    assert tools.fsck(image, "-y").status == 1
    assert read_block(image, 0)[:132] == before
    assert tools.fsck(image, "-n").status == 0


def test_log_full_of_descriptors_ends(tools: Tools, image: Path, log: Log) -> None:
    """Every block of the journal belongs to the first transaction, which never commits."""
    for _ in range(log.length - 1):
        log.put(log.sealed(log.header(REVOKE) + be32(16)))
    announce(tools, log)
    assert "0 transactions" in tools.fsck(image, "-n").out
    assert tools.fsck(image, "-y").status == 0


def test_metadata_is_checked_after_recovery(tools: Tools, image: Path, log: Log) -> None:
    """The image on its own is wrong; with its journal it is right."""
    at = tools.dump(image, "-j", "-g").json()["groups"][0]["bg_block_bitmap"]
    right = bytes(read_block(image, at))
    log.blocks({at: right})
    log.commit()
    announce(tools, log)
    write_block(image, at, bytes(BLOCK))
    assert tools.fsck(image, "-n").status == 0
    assert read_block(image, at) == bytes(BLOCK)
    assert tools.fsck(image, "-y").status == 0
    assert read_block(image, at) == right
