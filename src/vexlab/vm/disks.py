"""Images of disks: made over another or empty, and told apart without QEMU."""

from __future__ import annotations

from pathlib import Path

from vexlab import process


def create_disk(file: Path, size: int, backing: Path | None = None) -> None:
    """Make a qcow2 of ``size`` MiB, empty, or over an image that stays as it is."""
    argv = ["qemu-img", "create", "-q", "-f", "qcow2"]
    if backing:
        argv += ["-b", str(backing), "-F", image_format(backing)]
    process.run([*argv, str(file), f"{size}M"], timeout=30, check=True)


def image_format(image: Path) -> str:
    """Return the format of a disk's image, ``qcow2`` or ``raw``, by its first bytes (docs/interop/qcow2.txt of QEMU).

    Asking QEMU would have it open whatever files an image names.
    """
    with image.open("rb") as file:
        return "qcow2" if file.read(4) == b"QFI\xfb" else "raw"
