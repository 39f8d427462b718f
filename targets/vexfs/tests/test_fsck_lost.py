"""fsck.vexfs: lost metadata, images cut short, and how the program is used, asks and is interrupted."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path
from random import Random

import pytest
from fsck_repair import repair
from vexfs_image import BLOCK, Tools, read_block, write_block


@pytest.mark.parametrize("block", range(6))
@pytest.mark.parametrize("filling", ["zero", "garbage"])
def test_lost_metadata_block(tools: Tools, image: Path, block: int, filling: str) -> None:
    write_block(image, block, bytes(BLOCK) if filling == "zero" else Random(block).randbytes(BLOCK))
    assert tools.fsck(image, "-n").status == 4
    repair(tools, image)


def test_superblock_is_found_in_its_copies(tools: Tools, folder: Path, tmp_path: Path) -> None:
    image = tmp_path / "image"
    tools.mkfs(image, "-q", "-s", "300M", "-L", "precious", "-d", folder)
    original = read_block(image, 0)
    write_block(image, 0, bytes(BLOCK))
    write_block(image, 24, bytes(BLOCK))
    said = repair(tools, image)
    assert "the copy in block 32736" in said
    assert read_block(image, 0)[:132] == original[:132]
    write_block(image, 32736, bytes(BLOCK))
    assert "superblock-copy" in tools.problems(image)
    repair(tools, image)


def test_superblock_is_made_from_the_journals(tools: Tools, image: Path) -> None:
    write_block(image, 0, bytes(BLOCK))
    assert "one made from the journal's" in repair(tools, image)


def test_nothing_to_go_by_is_an_operational_error(tools: Tools, image: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    foreign.write_bytes(Random(1).randbytes(8 << 20))
    before = foreign.read_bytes()
    assert tools.fsck(foreign, "-y").status == 8
    assert foreign.read_bytes() == before
    (tmp_path / "empty").touch()
    assert tools.fsck(tmp_path / "empty", "-y").status == 8
    assert tools.fsck(tmp_path / "absent", "-y").status == 8
    assert tools.fsck(tmp_path, "-y").status == 8
    tools.set(image, "super.s_feature_incompat", 1)
    assert "does not know" in tools.fsck(image, "-y").err


def test_truncated_image_is_not_cut_to_fit(tools: Tools, image: Path) -> None:
    with image.open("r+b") as file:
        file.truncate(7 << 20)
    before = image.read_bytes()
    checked = tools.fsck(image, "-y")
    assert checked.status == 8
    assert "only 1792 blocks" in checked.err
    assert image.read_bytes() == before


def test_usage_errors(tools: Tools, image: Path) -> None:
    for arguments in ([], ["-x", image], ["-n", "-y", image], [image, image]):
        done = tools.run("fsck.vexfs", *arguments)
        assert done.status == 16
        assert "--help" in done.err
    assert tools.fsck(image).status == 8, "it cannot ask without a terminal"


def test_preen_skips_a_clean_filesystem_and_stops_at_real_damage(tools: Tools, image: Path) -> None:
    tools.set(image, "group[0].bg_free_blocks", 5)
    assert "not checked" in tools.fsck(image, "-p").out
    assert tools.fsck(image, "-p", "-f").status == 1
    assert tools.fsck(image, "-n").status == 0
    tools.set(image, "inode[2].i_parent", 3)
    tools.set(image, "super.s_state", 0)
    before = image.read_bytes()
    assert tools.fsck(image, "-p").status == 4
    assert image.read_bytes() == before


def test_unclean_state_is_no_error_and_is_put_right(tools: Tools, image: Path) -> None:
    tools.set(image, "super.s_state", 0)
    assert tools.fsck(image, "-n").status == 0
    assert tools.fsck(image, "-p").status == 0
    assert tools.value(image, "super.s_state") == 1


@pytest.mark.parametrize(("answers", "status"), [("y\n" * 9, 1), ("n\n" * 9, 4), ("", 32)])
def test_it_asks(shipped: Tools, image: Path, answers: str, status: int) -> None:
    """On a terminal, which script(1) gives it."""
    shipped.set(image, "group[0].bg_free_blocks", 5)
    command = f"{shipped.folder}/fsck.vexfs {image}"
    done = subprocess.run(
        ["script", "-qec", command, "/dev/null"],
        input=(answers or "\x04").encode(),
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == status, done.stdout


def test_interruption_is_reported(shipped: Tools, folder: Path, tmp_path: Path) -> None:
    """A signal ends it with status 32 at its next step, here while its output waits for a reader."""
    image = tmp_path / "image"
    assert shipped.mkfs(image, "-q", "-s", "64M", "-N", "16000", "-d", folder).status == 0
    # Thousands of complaints, more than a pipe holds.
    shipped.set(image, "inode_bitmap[0].b_bits", "ff" * 4092)
    with subprocess.Popen(
        [shipped.folder / "fsck.vexfs", "-n", image], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        assert process.stdout.read(1)
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(timeout=30) == 32


def test_json_lines_for_programs(tools: Tools, image: Path) -> None:
    tools.set(image, "group[0].bg_free_blocks", 5)
    *problems, last = tools.fsck(image, "-n", "-j").lines()
    assert [p["problem"] for p in problems] == ["free-blocks"]
    assert problems[0]["repaired"] is False
    assert last["result"] == "has errors"
    assert last["status"] == 4
