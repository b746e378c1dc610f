"""Lectures that stay here: held back by people, released, or built again. The supervisor's effects.

Whatever is interrupted here is done again: the facts that led to it have not changed.
"""

from __future__ import annotations

from dataclasses import replace

from edge_agent import lecture_file
from edge_agent.clock import Now
from edge_agent.ledger import Ledger
from edge_agent.rows import Lecture
from edge_agent.rules import actions as do
from edge_agent.rules.lecture import Event, State, advance
from edge_agent.spool import Spool


class Holding:
    """OSError and OperationalError are the caller's to retry."""

    def __init__(self, spool: Spool, ledger: Ledger) -> None:
        self._spool = spool
        self._ledger = ledger

    def withhold(self, action: do.Withhold, now: Now) -> None:
        """Its own file says so as long as the ledger does: what is lost sends nothing."""
        lecture = self._ledger.existing(action.lecture)
        if action.on:
            self._note(lecture, 1)
        with self._ledger.transaction():
            if action.on and lecture.state is State.PACKAGED:
                self._ledger.set_state(lecture.id, advance(lecture.state, Event.WITHHOLD))
            self._ledger.set_lecture(lecture.id, withheld=int(action.on))
            if bool(lecture.withheld) != action.on:
                text = "people hold it back" if action.on else "people let it go"
                self._ledger.add_event(now, "withheld", text, lecture.id)
            answer = {"lecture": lecture.id, "withheld": action.on}
            self._ledger.answer(action.command, answer, now)
        if not action.on:
            self._note(lecture, 0)

    def release(self, action: do.Release, now: Now) -> None:
        """The same round may have let it go on, or held it back."""
        lecture = self._ledger.existing(action.lecture)
        if lecture.state is State.HELD and not lecture.withheld:
            self._ledger.set_state(lecture.id, advance(lecture.state, Event.RELEASE))

    def rebuild(self, action: do.Rebuild, now: Now) -> None:
        """Of a held lecture nothing has been sent, so another package is as good."""
        lecture = self._ledger.existing(action.lecture)
        if lecture.state is not State.HELD:
            return
        with self._ledger.transaction():
            self._ledger.set_state(lecture.id, advance(lecture.state, Event.REBUILD))
            self._ledger.unqueue(lecture.id)
            text = "its package is not there any more"
            self._ledger.add_event(now, "packaged again", text, lecture.id)

    def _note(self, lecture: Lecture, withheld: int) -> None:
        told = replace(lecture, withheld=withheld)
        path = self._spool.facts(lecture.id)
        lecture_file.write(path, told, self._ledger.tracks(lecture.id))
