"""Runs several checks of a mounted filesystem, of which one failure does not hide the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from vexlab.errors import MachineError, TargetFailure

T = TypeVar("T")


class FinalFailure(TargetFailure):
    """A failure after which nothing more can be checked, for the next command might never end."""


@dataclass(frozen=True, slots=True)
class PostCheck(Generic[T]):
    """``run`` raises ``TargetFailure`` where the filesystem is wrong; ``name`` says what it is about.

    It can only run while the filesystem is mounted as ``mounted`` says (``None``: either way), and where the
    check named ``after`` went well. ``leaves`` says how it leaves the filesystem where it goes well.
    """

    name: str
    run: Callable[[T], None]
    mounted: bool | None = None
    leaves: bool | None = None
    after: str = ""


class _Round:
    """What came of the checks so far."""

    def __init__(self) -> None:
        self.wrong: list[str] = []
        self.failed: dict[str, str] = {}  # what failed or did not run, and the failure behind it
        self.unrun: dict[str, list[str]] = {}
        self.mounted = True
        self._moving = ""  # which check failed to mount or unmount it
        self._over = ""

    def blocker(self, check: PostCheck[T]) -> str:
        """Return the name of the check whose failure keeps this one from running, or ``""``."""
        if self._over:
            return self._over
        if check.after in self.failed:
            return self.failed[check.after]
        return self._moving if check.mounted not in (None, self.mounted) else ""

    def run(self, on: T, check: PostCheck[T]) -> None:
        """Run ``check``, or note that it cannot run."""
        if blocker := self.blocker(check):
            self.unrun.setdefault(blocker, []).append(check.name)
            self.failed[check.name] = blocker
            return
        self.failed.pop(check.name, None)
        try:
            check.run(on)
        except TargetFailure as failure:
            self.wrong.append(str(failure))
            self.failed[check.name] = check.name
            if check.leaves is not None:
                self._moving = check.name
            if isinstance(failure, FinalFailure):
                self._over = check.name
        else:
            self.mounted = self.mounted if check.leaves is None else check.leaves

    @property
    def words(self) -> str:
        """The failures, a line each, the first one first, and what could not run."""
        blocked = (
            f"not checked, since {by} failed: {', '.join(dict.fromkeys(names))}" for by, names in self.unrun.items()
        )
        told = dict.fromkeys(line for words in self.wrong for line in words.splitlines())  # each once
        return "\n".join((*told, *blocked))


def run_all(on: T, checks: Sequence[PostCheck[T]]) -> None:
    """Run on ``on``, which is mounted, all of ``checks`` that can run; raise ``TargetFailure`` with all failures.

    A machine that no longer answers ends the series; its error then also tells what had failed before.
    """
    done = _Round()
    for check in checks:
        try:
            done.run(on, check)
        except MachineError as error:
            if done.wrong:
                words = f"{error.message}, at the check {check.name}; before that:\n{done.words}"
                error.message, error.args = words, (words,)
            raise
    if done.wrong:
        raise TargetFailure(done.words)
