"""A domain as a class: one object with a description, constraints, a set-up, and methods that are its cases."""

from __future__ import annotations

import pytest

from vexlab.guest.mount import GuestFilesystem
from vexlab.plugin import DomainBase, TestResult

# Composed and decomposed, right to left, beyond the basic plane, and 255 bytes long, the most that a name may have.
_NAMES = ("caf\u00e9", "cafe\u0301", "\u05e9\u05dc\u05d5\u05dd", "\U0001f5c4", "\u00fc" * 127 + "x")

_TOUCH = """
cd {0} && while IFS= read -r name; do : >"$name" || exit 1; done </tmp/names
ls -1A --quoting-style=literal | grep -vx lost+found
"""


class UnicodeNames(DomainBase):
    """Names are bytes to Linux: what was written is what is read."""

    level = 1

    def get_domain_description(self) -> str:
        """Return what the domain is about."""
        return "Names of any script are kept byte by byte"

    def validate_domain_constraints(self) -> str:
        """Need a filesystem that can be made."""
        return "" if self.target.mkfs else f"{self.target.name} names no mkfs command"

    def setup_domain(self) -> None:
        """Write the names down in the guest, one a line."""
        self.machine.push("".join(f"{name}\n" for name in _NAMES).encode(), "/tmp/names")

    def teardown_domain(self) -> None:
        """The machine goes with the case; see that it is still one."""
        assert self.machine.exec(["true"]).ok, "the machine is not usable any more"

    @pytest.mark.quick
    def test_kept(self, mounted: GuestFilesystem) -> TestResult:
        """A directory lists exactly the names that were made in it."""
        made = self.machine.shell(_TOUCH.format(mounted.mountpoint))
        found = set(made.text.split("\n"))
        return TestResult(
            passed=made.ok and found == set(_NAMES),
            message=f"missing {sorted(set(_NAMES) - found)}, unasked for {sorted(found - set(_NAMES))}: {made}",
            metrics={"names_count": len(found)},
        )

    async def test_told_apart(self, mounted: GuestFilesystem) -> None:
        """The composed and the decomposed spelling of a word are two names."""
        first, second = (f"{mounted.mountpoint}/{name}" for name in _NAMES[:2])
        self.machine.push(b"first", first)
        self.machine.push(b"second", second)
        assert self.machine.pull(first) == b"first", "one name was taken for the other"
        assert self.machine.pull(second) == b"second"
