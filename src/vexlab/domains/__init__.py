"""The built-in test domains: each a folder of cases and a ``domain.toml`` that says what it is about."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent


def domain_folders() -> tuple[Path, ...]:
    """Return the folders of the built-in domains."""
    return tuple(sorted(file.parent for file in FOLDER.glob("*/domain.toml")))
