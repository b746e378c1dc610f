"""Privacy mute: which word reaches whom first, and where it is kept.

It is kept twice: in the ledger, and as a mark in the spool that outlives a lost ledger. At the
start the room is muted if either says so: showing a muted room cannot be taken back.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edge_agent import messages as say
from edge_agent.children import Recorder
from edge_agent.clock import Now
from edge_agent.command_desk import CommandDesk
from edge_agent.durable import remove_durably, write_durably
from edge_agent.ledger import Ledger
from edge_agent.rules import actions as do
from edge_agent.rules.health import Phase


class Privacy:
    """Whether the room is muted. Call `restore` before any recorder is started."""

    def __init__(
        self, mark: Path, ledger: Ledger, desk: CommandDesk, recorders: Mapping[str, Recorder]
    ) -> None:
        self._mark = mark
        self._ledger = ledger
        self._desk = desk
        self._recorders = recorders
        #: As on the disk, which is read once: nobody else writes it.
        self.muted = True

    def restore(self, now: Now) -> None:
        """At the agent's start: make ledger and mark agree, on the safe side."""
        stored = self._ledger.muted()
        self.muted = stored or self._mark.exists()
        if self.muted and not stored:
            self._store_again(now)
        if self.muted:
            write_durably(self._mark, b"")

    def put_back(self, now: Now) -> None:
        """A ledger was put back while recorders run: what they were told holds."""
        stored = self._ledger.muted()
        if self.muted and not stored:
            self._store_again(now)
        elif stored and not self.muted:
            lecture = self._ledger.active()
            with self._ledger.transaction():
                self._ledger.set_muted(False)
                if lecture is not None:
                    self._ledger.close_mutes(lecture.id, lecture.lecture_ns(now.mono_ns))

    def _store_again(self, now: Now) -> None:
        lecture = self._ledger.active()
        with self._ledger.transaction():
            self._ledger.set_muted(True)
            if lecture is not None:
                self._ledger.open_mute(lecture.id, lecture.lecture_ns(now.mono_ns))
            text = "the room was muted before the ledger was lost or replaced, and stays so"
            self._ledger.add_event(now, "muted", text, lecture.id if lecture else None)

    def set(self, action: do.SetMute, now: Now) -> None:
        """Muting is told to every recorder before it is durable and answered, unmuting after.

        So muting a room waits for no disk, and it is muted until its unmuting is durable. The mark
        is never there when the ledger says unmuted: it would mute the room again. Raises OSError or
        sqlite3.Error when the disk refuses; may be done again then.
        """
        if action.on:
            self._tell(True, now)
            self._desk.set_mute(action, now)
            write_durably(self._mark, b"")
        else:
            remove_durably(self._mark)
            self._desk.set_mute(action, now)
            self._tell(False, now)

    def _tell(self, on: bool, now: Now) -> None:
        self.muted = on
        for recorder in self._recorders.values():
            if recorder.phase is not Phase.ABSENT:
                recorder.tell(say.Mute(on=on, at_mono_ns=now.mono_ns))
            elif on:  # what it has shown last is nobody's business either
                Path(recorder.spec.preview).unlink(missing_ok=True)
