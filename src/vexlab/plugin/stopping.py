"""A domain whose settings say so ends with its first critical failure: what has not begun is skipped.

The cases run in several processes, so that the failure is noted in the run's folder.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from vexlab.cache import key_of
from vexlab.model.case import CaseResult
from vexlab.model.verdict import Verdict
from vexlab.plugin.options import run_folder, settings_of

_FOLDER = "stopped"


def note_failure(config: pytest.Config, result: CaseResult) -> None:
    """Stop the domain of ``result`` where the kernel crashed or hung and the settings ask for it.

    Raises ``OSError``.
    """
    domain = result.key.domain
    if result.verdict is Verdict.CRASHED and settings_of(config).domain(domain).stop_on_critical_failure:
        note = _note(config, domain)
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(result.id)


def stopped(config: pytest.Config, domain: str) -> str:
    """Return why no further case of ``domain`` begins; an empty string where they do."""
    if not settings_of(config).domain(domain).stop_on_critical_failure or not _note(config, domain).exists():
        return ""
    return f"{_note(config, domain).read_text()} crashed, and stop_on_critical_failure is set for {domain}"


def _note(config: pytest.Config, domain: str) -> Path:
    return run_folder(config) / _FOLDER / key_of(domain)  # a user's domain may be called anything
