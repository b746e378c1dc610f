"""What a destination has to remember, kept in the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge_agent.config_destinations import agent_calendar
from edge_agent.ledger import Ledger
from edge_agent.rules.capture_agent import event_of
from edge_agent.rules.statistics import NOTHING_CAME
from uploader.sender import Artifact


@dataclass(frozen=True, slots=True)
class LedgerMemory:
    """The notes of one destination, in the ledger."""

    ledger: Ledger
    destination: str

    def get(self, lecture: str, artifact: Artifact) -> dict[str, Any] | None:
        return self.ledger.transfer(self.destination, lecture, artifact.name, artifact.sha256)

    def put(self, lecture: str, artifact: Artifact, note: Mapping[str, Any]) -> None:
        self.ledger.set_transfer(self.destination, lecture, artifact.name, artifact.sha256, note)

    def forget(self, lecture: str, artifact: Artifact) -> None:
        self.ledger.drop_transfer(self.destination, lecture, artifact.name, artifact.sha256)

    def expected(self, lecture: str) -> frozenset[str]:
        """The names of all its files that go to this destination, arrived or not."""
        rows = self.ledger.outbox(lecture)
        return frozenset(row.name for row in rows if row.destination == self.destination)

    def event(self, lecture: str) -> str:
        """Its id in an Opencast: its booking's, if that is an event there, else its own.

        Of several lectures of one booking the first has it: an event is ingested once.
        """
        found = self.ledger.lecture(lecture)
        event = event_of(found.booking, agent_calendar(self.destination)) if found else ""
        if found is None or not event:
            return lecture
        came = [it for it in self.ledger.lectures() if it.state not in NOTHING_CAME]
        first = next((it.id for it in came if it.booking == found.booking), lecture)
        return event if first == lecture else lecture
