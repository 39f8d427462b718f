"""The stream of a run's events, and those who listen to it. One that fails does not end the run, nor the others."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol

from vexlab.errors import UsageError, VexlabError
from vexlab.model.event import Event

log = logging.getLogger(__name__)


class Subscriber(Protocol):
    """Who listens. ``take`` may raise: what it says is told at the end of the run, each thing once."""

    def take(self, event: Event) -> None:
        """Take note of an event."""


class Stream:
    """Passes each event on to every subscriber, in their order; ``errors`` is what went wrong with that.

    ``misused`` tells that one of the errors is the input's fault.
    """

    def __init__(self, subscribers: Sequence[Subscriber]) -> None:
        self._subscribers = tuple(subscribers)
        self._errors: dict[str, None] = {}
        self.misused = False

    @property
    def errors(self) -> tuple[str, ...]:
        """What subscribers could not do, each once."""
        return tuple(self._errors)

    def publish(self, event: Event) -> None:
        """Tell every subscriber."""
        for subscriber in self._subscribers:
            try:
                subscriber.take(event)
            except VexlabError as error:
                self._errors[error.message] = None
                self.misused = self.misused or isinstance(error, UsageError)
            except Exception as error:
                log.debug("%r failed", subscriber, exc_info=True)
                self._errors[f"{type(subscriber).__name__} failed: {type(error).__name__}: {error}"] = None
