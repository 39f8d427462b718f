"""mkfs.vexfs: every size gives a filesystem without fault, and nothing else is ever written."""

from __future__ import annotations

import json
import os
import struct
import subprocess
from pathlib import Path

import pytest
from vexfs_image import BLOCK, TIME, UUID, Tools, crc32c, le32, poke, read_block, seed

SIZES = [
    "1093",
    "1100",
    "1101",
    "5M",
    "1281",
    "8M",
    "63M",
    "128M",
    "32736",
    "32737",
    "33336",
    "33400",
    "65472",
    "1G",
    "10G",
]


@pytest.mark.parametrize("size", SIZES)
def test_every_size_is_clean(tools: Tools, tmp_path: Path, size: str) -> None:
    image = tmp_path / "image"
    made = tools.mkfs(image, "-s", size, "-L", "label")
    assert made.status == 0, made.err
    checked = tools.fsck(image, "-n")
    assert checked.status == 0, checked.out


@pytest.mark.parametrize("size", ["1", "1000", "1092", "4M"])
def test_too_small_says_what_is_needed(tools: Tools, tmp_path: Path, size: str) -> None:
    image = tmp_path / "image"
    made = tools.mkfs(image, "-s", size)
    assert made.status == 1
    assert "too small" in made.err
    assert "1093" in made.err
    assert not image.exists()


def test_group_without_room_for_data_is_dropped(tools: Tools, tmp_path: Path) -> None:
    image = tmp_path / "image"
    tools.mkfs(image, "-s", 32736 + 100)
    assert tools.dump(image, "-j").json()["s_blocks_count"] == 32736


def test_layout_is_what_the_format_says(tools: Tools, tmp_path: Path) -> None:
    image = tmp_path / "image"
    assert tools.mkfs(image, "-s", "300M", "-N", "90000", "-L", "a label").status == 0
    block = read_block(image, 0)
    numbers = struct.unpack_from("<4IQ12I", block)
    magic, revision, block_size, inode_size, blocks, inodes, per_group, ipg, groups = numbers[:9]
    gdt_start, gdt_blocks, itable, first_ino, root, _, journal_start, journal = numbers[9:]
    assert (magic, revision, block_size, inode_size) == (0x56455846, 1, 4096, 256)
    assert (blocks, per_group, groups) == (76800, 32736, 3)
    assert inodes == ipg * groups >= 90000
    assert itable == ipg // 16
    assert (gdt_start, gdt_blocks, first_ino, root) == (1, 1, 11, 2)
    assert journal_start == 1 + 1 + 2 + itable
    assert block[72:88] == bytes.fromhex(UUID.replace("-", ""))
    assert block[88:120] == b"a label".ljust(32, b"\0")
    assert block[508:512] == le32(crc32c(bytes(block[:508])))
    assert not any(block[512:])
    descriptor = read_block(image, 1)[:64]
    assert descriptor[60:] == le32(crc32c(bytes(descriptor[:60]), crc32c(le32(0), seed())))
    bitmap = read_block(image, 2)
    assert bitmap[4092:] == le32(crc32c(bytes(bitmap[:4092]), crc32c(le32(2), seed())))
    inode = read_block(image, 4)[256:512]
    generation = inode[92:96]
    assert inode[252:] == le32(crc32c(bytes(inode[:252]), crc32c(bytes(generation), crc32c(le32(2), seed()))))
    for group in (1, 2):
        assert read_block(image, group * 32736) == block
    js = read_block(image, journal_start)
    assert struct.unpack_from(">3I", js) == (0xC03B3998, 4, 0)
    assert struct.unpack_from(">6I", js, 12) == (4096, journal, 1, 1, 0, 0)
    assert struct.unpack_from(">3I", js, 36) == (0, 0x11, 0)
    assert js[48:64] == block[72:88]
    assert js[80] == 4
    stored = struct.unpack_from(">I", js, 252)[0]
    assert stored == crc32c(bytes(js[:252]) + bytes(4) + bytes(js[256:1024]))


def test_same_uuid_and_time_give_the_same_bytes(tools: Tools, folder: Path, tmp_path: Path) -> None:
    images = [tmp_path / name for name in ("one", "two")]
    for image in images:
        assert tools.mkfs(image, "-q", "-s", "300M", "-d", folder).status == 0
    assert subprocess.run(["cmp", *map(str, images)], check=False).returncode == 0


def test_old_content_does_not_show_through(tools: Tools, tmp_path: Path) -> None:
    fresh, used = tmp_path / "fresh", tmp_path / "used"
    tools.mkfs(fresh, "-s", "5M")
    used.write_bytes(b"\xa5" * (5 << 20))
    assert tools.mkfs(used).status == 0
    data = tools.dump(fresh, "-g", "-j").json()["groups"][0]["first_data_block"]
    assert used.read_bytes()[: data * BLOCK] == fresh.read_bytes()[: data * BLOCK]


def test_dry_run_writes_nothing(tools: Tools, tmp_path: Path) -> None:
    image = tmp_path / "image"
    image.write_bytes(b"x" * (8 << 20))
    made = tools.mkfs(image, "-n")
    assert made.status == 0
    assert "would make" in made.out
    assert image.read_bytes() == b"x" * (8 << 20)
    absent = tmp_path / "absent"
    assert tools.mkfs(absent, "-n", "-s", "8M").status == 0
    assert not absent.exists()


@pytest.mark.parametrize(
    ("offset", "magic", "name"),
    [
        (0x438, b"\x53\xef", "ext2"),
        (0, b"XFSB", "XFS"),
        (0x10040, b"_BHRfS_M", "Btrfs"),
        (0x1FE, b"\x55\xaa", "partition table"),
        (0xFF6, b"SWAPSPACE2", "swap"),
        (0, b"LUKS\xba\xbe", "LUKS"),
    ],
)
def test_foreign_signature_needs_force(tools: Tools, tmp_path: Path, offset: int, magic: bytes, name: str) -> None:
    image = tmp_path / "image"
    image.write_bytes(bytes(8 << 20))
    poke(image, offset, magic)
    before = image.read_bytes()
    refused = tools.mkfs(image)
    assert refused.status == 1
    assert name in refused.err
    assert "-f" in refused.err
    assert image.read_bytes() == before
    assert tools.mkfs(image, "-f").status == 0
    assert tools.mkfs(image).status == 0, "its own kind needs no force"


@pytest.mark.parametrize(
    "options",
    [
        ["-x"],
        ["--nonsense"],
        ["-L", "x" * 33],
        ["-U", "no-uuid"],
        ["-N", "0"],
        ["-N", "many"],
        ["-J", "x"],
        ["-T", "-1"],
        ["-s", "0"],
        ["-s", "8Q"],
        ["-s", "99999999999T"],
    ],
)
def test_wrong_usage_is_told(tools: Tools, tmp_path: Path, options: list[str]) -> None:
    done = tools.run("mkfs.vexfs", *options, tmp_path / "image", "8M")
    assert done.status == 2
    assert "--help" in done.err
    assert not (tmp_path / "image").exists()


def test_limits_of_inodes_and_journal(tools: Tools, tmp_path: Path) -> None:
    image = tmp_path / "image"
    assert "too many" in tools.mkfs(image, "-s", "8M", "-N", "40000").err
    assert "1024 to 16384" in tools.mkfs(image, "-s", "300M", "-J", "1023").err
    assert tools.mkfs(image, "-s", "300M", "-J", "16384").status == 0
    assert tools.mkfs(image, "-s", "300M", "-J", "8M").status == 0
    assert tools.dump(image, "-j").json()["s_journal_blocks"] == 2048


def test_full_image_leaves_an_error(tools: Tools, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "big").write_bytes(os.urandom(4 << 20))
    failed = tools.mkfs(tmp_path / "image", "-s", "5M", "-d", source)
    assert failed.status == 1
    assert "full" in failed.err
    (source / "big").unlink()
    for number in range(20):
        (source / str(number)).touch()
    failed = tools.mkfs(tmp_path / "image", "-s", "5M", "-N", "16", "-d", source)
    assert failed.status == 1
    assert "-N" in failed.err


def test_copied_folder_reads_back(tools: Tools, master: Path, folder: Path) -> None:
    names = {
        entry["d_name"]: entry for entry in tools.dump(master, "-j", "-d", "/").json()["entries"] if entry["d_ino"]
    }
    assert set(names) == {path.name for path in folder.iterdir()} - {"index"}, "an index has no name"
    for name, entry in names.items():
        stat = (folder / name).lstat()
        inode = tools.dump(master, "-j", "-i", f"/{name}").json()
        assert inode["i_mode"] == stat.st_mode
        assert inode["i_links"] == stat.st_nlink
        assert inode["i_mtime"] == int(stat.st_mtime_ns // 10**9)
        assert inode["i_ctime"] == int(TIME)
        assert entry["d_type"] == stat.st_mode >> 12
        if stat.st_mode & 0o170000 == 0o100000:
            assert inode["i_size"] == stat.st_size
    assert tools.dump(master, "-j", "-i", "/slow").json()["target"] == "t" * 300
    assert tools.dump(master, "-j", "-i", "/fast").json()["target"] == "small"
    assert file_bytes(tools, master, "/large") == (folder / "large").read_bytes()
    sparse = tools.dump(master, "-j", "-m", "/sparse").json()["map"]
    assert [block["level"] for block in sparse] == [2, 1, 0]
    leaf = "/deep/level0/level1/level2/level3/level4/leaf"
    assert file_bytes(tools, master, leaf) == b"x" * 5000


def file_bytes(tools: Tools, image: Path, path: str) -> bytes:
    """What a file of the image holds."""
    size = tools.dump(image, "-j", "-i", path).json()["i_size"]
    blocks = {b["file_block"]: b["block"] for b in tools.dump(image, "-j", "-m", path).json()["map"] if not b["level"]}
    count = -(-size // BLOCK)
    parts = [bytes(read_block(image, blocks[n])) if n in blocks else bytes(BLOCK) for n in range(count)]
    return b"".join(parts)[:size]


def test_deep_and_wide_folders(shipped: Tools, tmp_path: Path) -> None:
    source = tmp_path / "source"
    deep = source
    deep.mkdir()
    here = Path.cwd()
    try:
        os.chdir(source)
        for _ in range(1500):
            Path("d").mkdir()
            os.chdir("d")
    finally:
        os.chdir(here)
    wide = source / "wide"
    wide.mkdir()
    for number in range(5000):
        (wide / f"file {number}").touch()
    image = tmp_path / "image"
    made = shipped.mkfs(image, "-s", "64M", "-N", "8000", "-d", source)
    assert made.status == 0, made.err
    checked = shipped.fsck(image, "-n", "-j")
    assert checked.status == 0, checked.out
    assert json.loads(checked.out.splitlines()[-1])["directories"] == 1502
    subprocess.run(["rm", "-rf", str(source)], check=True)


@pytest.mark.parametrize("name", ["mkfs.vexfs", "fsck.vexfs", "vexctl", "dumpvexfs"])
def test_help_version_and_static_linking(shipped: Tools, name: str) -> None:
    helped = shipped.run(name, "--help")
    assert helped.status == 0
    assert helped.out.startswith("Usage:")
    assert "format revision 1" in shipped.run(name, "--version").out
    wrong = shipped.run(name, "--nonsense")
    assert wrong.status == (16 if name == "fsck.vexfs" else 2)
    assert "--help" in wrong.err
    headers = subprocess.run(["readelf", "-l", str(shipped.folder / name)], capture_output=True, text=True, check=True)
    assert "INTERP" not in headers.stdout
