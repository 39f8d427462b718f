"""Where the crash corpus is; it lies outside the checkout and is never copied into it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

VARIABLE = "VEXLAB_CORPUS"


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of the crash corpus. Where the variable is set a missing corpus is a failure, not a skipped test."""
    folder = os.environ.get(VARIABLE)
    if not folder:
        pytest.skip(f"{VARIABLE} does not name the folder of the crash corpus")
    path = Path(folder)
    if not (path / "dev.jsonl.gz").is_file() or not (path / "field").is_dir():
        pytest.fail(f"{VARIABLE} is {folder}, which holds no dev.jsonl.gz and field/")
    return path
