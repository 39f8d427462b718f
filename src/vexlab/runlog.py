"""Where what is logged goes: standard error for people, ``run.log`` in a run's folder for afterwards."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from vexlab.errors import UsageError

FILE = "run.log"
DEBUG = "VEXLAB_DEBUG"
LEVEL = "VEXLAB_LOG_LEVEL"
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_FORMAT = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"
_PLAIN = "%(message)s"
_DETAILED = "%(relativeCreated)6d %(name)s: %(message)s"
_ROOT = "vexlab"
EVENTS = f"{_ROOT}.events"  # the logger of a run's events: a terminal shows these in its own way


def level_of(environment: Mapping[str, str], default: str) -> int:
    """Return the level that the environment asks for; raise ``UsageError`` where it names none."""
    if environment.get(DEBUG, "") not in ("", "0"):
        return logging.DEBUG
    word = environment.get(LEVEL, "").upper() or default
    if word not in LEVELS:
        raise UsageError(f"{LEVEL}={word[:40]!r} is no level", hint=f"there are {', '.join(LEVELS)}")
    return int(getattr(logging, word))


def to_terminal(environment: Mapping[str, str] = os.environ) -> None:
    """Log to standard error: warnings, or from the level on that the environment asks for."""
    level = level_of(environment, "WARNING")
    form = _DETAILED if level == logging.DEBUG else _PLAIN
    logging.basicConfig(level=level, format=form, stream=sys.stderr, force=True)
    for handler in logging.getLogger().handlers:  # a run's log may take more than the terminal
        handler.setLevel(level)
        if level >= logging.WARNING:  # who asks for more wants it in one order, with its times
            handler.addFilter(lambda record: record.name != EVENTS)


def to_file(folder: Path, default: str = "INFO", environment: Mapping[str, str] = os.environ) -> logging.Handler:
    """Log to ``run.log`` in ``folder`` as well; several processes may. ``stop`` ends it."""
    handler = logging.FileHandler(folder / FILE, errors="backslashreplace")
    handler.setFormatter(logging.Formatter(_FORMAT))
    handler.setLevel(level_of(environment, default))
    logger = logging.getLogger(_ROOT)
    logger.addHandler(handler)
    logger.setLevel(min(handler.level, logging.getLogger().getEffectiveLevel()))
    return handler


def stop(handler: logging.Handler) -> None:
    """Close a log."""
    logging.getLogger(_ROOT).removeHandler(handler)
    handler.close()
