"""Carry out what was decided of lectures that people throw away.

Thrown away is a row of the ledger: no file is touched, so taking it back is as simple. When a
lecture leaves this PC its rows go first, then its files; a crash in between leaves files of a
lecture that is purged, and they go at the next look.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from edge_agent.clock import Now, rfc3339
from edge_agent.durable import remove_durably, sync_folder
from edge_agent.facts import Observer
from edge_agent.ledger import Ledger
from edge_agent.rows import BinRow
from edge_agent.rules import actions as do
from edge_agent.rules.lecture import Event, State, advance, events
from edge_agent.small_versions import SmallVersions
from edge_agent.spool import Spool

#: The reason that such a lecture bears for ever: nobody shall think that it has arrived.
GIVEN_UP = "thrown away before it had arrived"


class BinDesk:
    """The effects. Each is done or not done, whatever is cut short."""

    def __init__(
        self, spool: Spool, ledger: Ledger, observer: Observer, small: SmallVersions, days: int
    ) -> None:
        self._spool = spool
        self._ledger = ledger
        self._observer = observer
        self._small = small
        self._days = days

    @property
    def effects(self) -> dict[type, Callable[[Any, Now], None]]:
        """What is done for which action."""
        return {
            do.Delete: self.delete,
            do.Restore: self.restore,
            do.DateDeleted: self.date_deleted,
            do.Purge: self.purge,
            do.RemoveFiles: self.remove_files,
        }

    def delete(self, action: do.Delete, now: Now) -> None:
        """Before anything else its small versions are let be: nobody waits for them any more."""
        self._small.leave(action.lecture)
        until = now.utc + timedelta(days=self._days) if now.trust == "synchronised" else None
        kept = rfc3339(until) if until else None
        told = (
            f"in the bin until {kept}" if kept else "in the bin until the clock is set, and after"
        )
        with self._ledger.transaction():
            self._ledger.put_into_bin(BinRow(action.lecture, now.utc_text, now.trust))
            self._ledger.add_event(now, "deleted", told, action.lecture)
            answer = {"lecture": action.lecture, "until_utc": kept, "days": self._days}
            self._ledger.answer(action.command, answer, now)
        self._observer.look_again()

    def restore(self, action: do.Restore, now: Now) -> None:
        lecture = self._ledger.existing(action.lecture)
        with self._ledger.transaction():
            self._ledger.take_out_of_bin(lecture.id)
            self._ledger.add_event(now, "restored", f"it is {lecture.state} again", lecture.id)
            answer = {"lecture": lecture.id, "state": str(lecture.state)}
            self._ledger.answer(action.command, answer, now)
        self._observer.look_again()

    def date_deleted(self, action: do.DateDeleted, now: Now) -> None:
        self._ledger.date_deleted(action.lecture, now.utc_text, now.trust)
        self._observer.look_again()

    def purge(self, action: do.Purge, now: Now) -> None:
        """The row says so before a single file is gone."""
        lecture = self._ledger.existing(action.lecture)
        if Event.PURGE not in events(lecture.state):
            return  # changed since it was looked at; a command was judged by what is true now
        self._small.leave(lecture.id)
        waiting = sum(row.receipt is None for row in self._ledger.outbox(lecture.id))
        undelivered = f"; {waiting} files had not arrived" if waiting else ""
        by = "by command" if action.command is not None else "its time in the bin is over"
        with self._ledger.transaction():
            state = advance(lecture.state, Event.PURGE)
            reason = "" if lecture.state is State.DELIVERED else GIVEN_UP
            self._ledger.set_state(lecture.id, state, renditions="", reason=reason)
            self._ledger.drop_segments(lecture.id)
            self._ledger.drop_waiting(lecture.id)
            self._ledger.take_out_of_bin(lecture.id)
            text = f"taken off this PC: {by}{undelivered}"
            self._ledger.add_event(now, "purged", text, lecture.id)
            if action.command is not None:
                answer: dict[str, Any] = {"lecture": lecture.id, "undelivered_files": waiting}
                self._ledger.answer(action.command, answer, now)
        self._observer.look_again()

    def remove_files(self, action: do.RemoveFiles, now: Now) -> None:
        """First what tells that it is a lecture: half a lecture must not be adopted."""
        folder = self._spool.lecture(action.lecture)
        remove_durably(self._spool.facts(action.lecture))
        shutil.rmtree(folder)
        sync_folder(folder.parent)
        self._observer.look_again()
