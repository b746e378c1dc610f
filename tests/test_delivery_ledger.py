"""The law of a receipt that the ledger would not take: asked for again, never sent again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.ballast import Ballast
from edge_agent.delivery import REFUSED_S, _step
from tests.delivery_room import Place, Room, delivery
from uploader.sender import Artifact, Progress, Receipt


class Keeper(Place):
    """A destination that knows what it was sent."""

    def send(self, lecture: str, artifact: Artifact, path: Path, progress: Progress) -> Receipt:
        receipt = super().send(lecture, artifact, path, progress)
        self.held[artifact.name] = receipt
        return receipt


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path)
    yield made
    made.ledger.close()


def test_what_arrived_while_the_ledger_refused_is_noted_later_and_not_sent_twice(
    room: Room,
) -> None:
    room.package("L1", {"manifest.json": b"m", "audio.m4a": b"a"})
    place = Keeper()
    process, ballast = delivery(room, platform=place), Ballast(room.spool.ledger)
    room.ledger._db.execute("PRAGMA busy_timeout=0")
    holder = sqlite3.connect(room.spool.ledger, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    assert [_step(process, ballast) for _ in range(2)] == [REFUSED_S, REFUSED_S]
    assert room.row("manifest.json").receipt is None
    holder.execute("ROLLBACK")
    holder.close()
    assert [_step(process, ballast) for _ in range(2)] == [0.0, 0.0]
    assert room.ledger.waiting() == []
    assert place.sent == ["manifest.json", "audio.m4a"], "each once"
