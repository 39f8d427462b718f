"""Where one boot of a kernel ends and the next begins in a log: what came before explains nothing after it.

Somebody says so: the kernel's first line, the firmware, a boot loader. With ``quiet`` nobody may; then time stamps that
fall behind a panic tell. Without a panic they tell nothing, since logs are cut and pasted.
"""

from __future__ import annotations

import re
from functools import cached_property

from vexlab.classify.headlines import Headline

# The kernel's first line, a boot loader's or the firmware's. Each with a line it stands for.
_STARTS = (
    "Linux version ",  # [    0.000000] Linux version 6.1.0 (x@y) ...
    "Booting Linux on ",  # [    0.000000] Booting Linux on physical CPU 0x0000000000 [0x410fd034]
    "SeaBIOS (version",  # SeaBIOS (version 1.16.2-debian-1.16.2-1)
    "EFI stub: ",  # EFI stub: Booting Linux Kernel...
    "Decompressing Linux",  # Decompressing Linux... Parsing ELF... done.
    "U-Boot ",  # U-Boot 2023.01 (Jan 01 2023 - 00:00:00 +0000)
    "GRUB loading",
    "iPXE (http",
)
PANIC = "Kernel panic"
_BACK_S = 1.0  # seconds by which time stamps must fall; CPUs that print at once may differ by less
_SEARCHED = 40_000  # characters behind a headline; reports are shorter
# [   12.345678] ...
_STAMP = re.compile(r"^[^\n]{0,80}?\[ *(\d{1,9}\.\d{3,9})\]", re.M)


class Boots:
    """The boots of one log."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def _words(self) -> tuple[str, ...]:
        """The words of ``_STARTS`` that the log holds at all; asked for only where it holds a report."""
        return tuple(word for word in _STARTS if word in self._text)

    def begun_between(self, last: Headline, one: Headline) -> bool:
        """Whether a kernel started between two headlines."""
        if last.text.startswith(PANIC) and last.stamp >= 0 and 0 <= one.stamp < last.stamp - _BACK_S:
            return True
        return any(self._text.find(word, last.end, one.start) >= 0 for word in self._words)

    def end_of_boot(self, last: Headline, stop: int) -> int:
        """Where the boot of a headline ends, at most ``stop``."""
        far = min(stop, last.end + _SEARCHED)
        for word in self._words:
            found = self._text.find(word, last.end, far)
            if found >= 0:
                far = stop = self._text.rfind("\n", 0, found) + 1
        return self._stamps_fall(last, far, stop) if last.text.startswith(PANIC) else stop

    def _stamps_fall(self, last: Headline, far: int, stop: int) -> int:
        """The first line whose time stamp lies well before the headline's."""
        if last.stamp < _BACK_S:
            return stop
        for match in _STAMP.finditer(self._text, last.end, far):
            if float(match[1]) < last.stamp - _BACK_S:
                return match.start()
        return stop
