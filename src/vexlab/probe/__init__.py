"""The capability profile of a target, probed in a kernel (``docs/reference/probe.md``)."""

from __future__ import annotations

from vexlab.probe.kept import profile_of
from vexlab.probe.prober import probe

__all__ = ["probe", "profile_of"]
