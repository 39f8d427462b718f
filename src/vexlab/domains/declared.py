"""What ``[refuses]`` of ``target.toml`` keeps a case from asking."""

from __future__ import annotations

import pytest

from vexlab.guest.mount import GuestFilesystem


def needs_freed_blocks(filesystem: GuestFilesystem) -> None:
    """Skip a case that fills a device again and again, where a cleaner gives back what was removed.

    A filesystem that does not say so and frees nothing is put to the case.
    """
    if reason := dict(filesystem.target.refuses).get("freed_blocks"):
        pytest.skip(f"what is removed is not free at once: {reason}")
