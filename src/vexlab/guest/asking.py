"""Asks a mounted filesystem several questions, of which one failure does not hide the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from vexlab.errors import MachineError, TargetFailure

T = TypeVar("T")


class LastFailure(TargetFailure):
    """A failure after which nothing more can be asked, for the next command might never end."""


@dataclass(frozen=True, slots=True)
class Question(Generic[T]):
    """``ask`` raises ``TargetFailure`` where the answer is wrong; ``name`` says what it is about.

    It can only be asked while the filesystem is mounted as ``mounted`` says (``None``: either way), and where the
    question named ``after`` went well. ``leaves`` says how it leaves the filesystem where it goes well.
    """

    name: str
    ask: Callable[[T], None]
    mounted: bool | None = None
    leaves: bool | None = None
    after: str = ""


class _Round:
    """What came of the questions so far."""

    def __init__(self) -> None:
        self.wrong: list[str] = []
        self.failed: dict[str, str] = {}  # what failed or was not asked, and the failure behind it
        self.unasked: dict[str, list[str]] = {}
        self.mounted = True
        self._moving = ""  # which question failed to mount or unmount it
        self._over = ""

    def blocker(self, question: Question[T]) -> str:
        """Return the name of the question whose failure keeps this one from being asked, or ``""``."""
        if self._over:
            return self._over
        if question.after in self.failed:
            return self.failed[question.after]
        return self._moving if question.mounted not in (None, self.mounted) else ""

    def ask(self, on: T, question: Question[T]) -> None:
        """Ask, or note that it cannot be asked."""
        if blocker := self.blocker(question):
            self.unasked.setdefault(blocker, []).append(question.name)
            self.failed[question.name] = blocker
            return
        self.failed.pop(question.name, None)
        try:
            question.ask(on)
        except TargetFailure as failure:
            self.wrong.append(str(failure))
            self.failed[question.name] = question.name
            if question.leaves is not None:
                self._moving = question.name
            if isinstance(failure, LastFailure):
                self._over = question.name
        else:
            self.mounted = self.mounted if question.leaves is None else question.leaves

    @property
    def words(self) -> str:
        """The failures, a line each, the first one first, and what could not be asked."""
        blocked = (
            f"not asked, since {by} failed: {', '.join(dict.fromkeys(names))}" for by, names in self.unasked.items()
        )
        told = dict.fromkeys(line for words in self.wrong for line in words.splitlines())  # each once
        return "\n".join((*told, *blocked))


def ask_all(on: T, questions: Sequence[Question[T]]) -> None:
    """Ask ``on``, which is mounted, all of ``questions`` that can be asked; raise ``TargetFailure`` with all failures.

    A machine that no longer answers ends the asking; its error then also tells what had failed before.
    """
    asked = _Round()
    for question in questions:
        try:
            asked.ask(on, question)
        except MachineError as error:
            if asked.wrong:
                words = f"{error.message}, when asked about {question.name}; before that:\n{asked.words}"
                error.message, error.args = words, (words,)
            raise
    if asked.wrong:
        raise TargetFailure(asked.words)
