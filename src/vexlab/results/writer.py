"""The subscriber that writes a run into the store as it goes on."""

from __future__ import annotations

from vexlab.model.case import CaseResult
from vexlab.model.event import CaseFinished, Event, RunFinished, RunPlanned, RunStarted
from vexlab.model.key import CaseKey
from vexlab.results.evidence import keep_evidence
from vexlab.results.store import Store


class StoreWriter:
    """Keeps each case when it is finished; what could not be written then is tried again at the end of the run."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._saved: set[CaseKey] = set()
        self._noted: set[CaseKey] = set()  # whose evidence is

    def take(self, event: Event) -> None:
        """Write what the event tells; raise ``InfraError`` where it cannot be."""
        match event:
            case RunStarted():
                self._store.begin(event.run, event.folder)
            case RunPlanned():
                self._store.plan(event.run, event.plan)
            case CaseFinished():
                self._save(event.run, event.case)
            case RunFinished():
                for case in event.result.cases:
                    self._save(event.result.run.id, case)
                self._store.note_problems(event.result.run, event.result.cases)
                self._store.finish(event.result.run, event.result.summary)

    def _save(self, run: str, case: CaseResult) -> None:
        if case.key not in self._saved:
            self._store.save(run, case)
            self._saved.add(case.key)  # not where the run was interrupted in the middle of it
        if case.key not in self._noted:
            keep_evidence(self._store, run, case)
            self._noted.add(case.key)
