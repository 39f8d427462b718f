"""Kernel logs read: pure functions from console text to findings."""

from __future__ import annotations

from vexlab.classify.core import classify, headline
from vexlab.classify.death import fatal
from vexlab.classify.types import severity

__all__ = ["classify", "fatal", "headline", "severity"]
