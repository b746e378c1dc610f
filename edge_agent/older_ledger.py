"""A ledger that is older than the spool, put back from a copy: what the spool knows better.

What lies beside the segments of a lecture has its last press, and a package's manifest says which
revision it is. So nothing that has ended goes on, and what has been added to a package since is
handed over again. Of what a ledger lacks altogether see `edge_agent.recovery`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from edge_agent import lecture_file, ledger_mark
from edge_agent.clock import Now
from edge_agent.lecture_file import Kept
from edge_agent.ledger import Ledger
from edge_agent.repair import Repair
from edge_agent.rows import Gap, Lecture, Segment, Track
from edge_agent.rules.lecture import ACTIVE, WITH_PACKAGE, Event, State, advance, latest
from edge_agent.rules.timeline import START_NS
from edge_agent.rules.webvtt import language_of
from edge_agent.spool import Spool
from edge_agent.verify import MANIFEST, SUMS, file_sha256, listed

#: What people say of a lecture at any time: in its file before it is in the ledger.
SAID = ("title", "course", "lecturer", "language", "licence", "withheld")
OLDER = "is older than the spool: brought up to date from it"


@dataclass(frozen=True, slots=True)
class UnderWay:
    """What the supervisor remembers of the lecture under way."""

    lecture: Lecture
    tracks: tuple[Track, ...]
    gaps: tuple[Gap, ...]


class OlderLedger:
    """Used by recovery, at the agent's start and when the ledger was put back while it runs."""

    def __init__(self, spool: Spool, ledger: Ledger) -> None:
        self._spool = spool
        self._ledger = ledger

    def noticed(self) -> bool:
        """The mark beside the ledger says that it had come further."""
        return self._ledger.water().behind(ledger_mark.read(self._spool.mark))

    def all_of_it(self, now: Now) -> Iterator[Repair]:
        """Only where it was noticed: every package is looked at. The mark comes last."""
        for lecture in self._ledger.lectures():
            if said := self._said_since(lecture):
                what = "what people have said of it since: noted"
                do = partial(self._take, lecture, said)
                yield Repair(f"lectures/{lecture.id}", what, do)
        for lecture in self._ledger.lectures(*WITH_PACKAGE):
            if self._outdated(lecture.id):
                what = "its package has changed since: handed over again"
                do = partial(self._hand_over_again, lecture, now)
                yield Repair(f"lectures/{lecture.id}", what, do)
        for lecture in self._ledger.lectures(State.FAILED, *WITH_PACKAGE):
            if not self._spool.lecture(lecture.id).exists():
                what = "was taken off this PC, which the ledger does not know: noted"
                yield Repair(f"lectures/{lecture.id}", what, partial(self._purged, lecture, now))
        yield Repair(self._spool.ledger.name, OLDER, partial(self._say, now))

    def _said_since(self, lecture: Lecture) -> dict[str, Any]:
        kept = lecture_file.read(self._spool.facts(lecture.id))
        if kept is None:
            return {}
        told = {name: getattr(kept.lecture, name) for name in SAID}
        return {name: it for name, it in told.items() if it != getattr(lecture, name)}

    def _take(self, lecture: Lecture, said: dict[str, Any]) -> None:
        """What people hold back is not sent because an older ledger does not know it."""
        with self._ledger.transaction():
            self._ledger.set_lecture(lecture.id, **said)
            if said.get("withheld") and lecture.state is State.PACKAGED:
                self._ledger.set_state(lecture.id, advance(lecture.state, Event.WITHHOLD))

    def _say(self, now: Now) -> None:
        self._ledger.add_event(now, "ledger lost", f"the ledger {OLDER}")
        ledger_mark.write(self._spool.mark, self._ledger.water())

    def _purged(self, lecture: Lecture, now: Now) -> None:
        with self._ledger.transaction():
            self._ledger.set_state(lecture.id, advance(lecture.state, Event.PURGE), renditions="")
            self._ledger.drop_segments(lecture.id)
            self._ledger.drop_waiting(lecture.id)
            self._ledger.add_event(now, "purged", "its files are gone from this PC", lecture.id)

    # ------------------------------------------------------------ one lecture

    def has_package(self, lecture: str) -> bool:
        """It is whole: it was given its name only then."""
        return (self._spool.package(lecture) / SUMS).is_file()

    def is_packaged(self, lecture: str) -> bool:
        """Its segments may be gone: it has ended, and they are in its package."""
        known = self._ledger.lecture(lecture)
        ended = known is not None and known.state not in ACTIVE
        return ended and self.has_package(lecture)

    def state_of(self, lecture: Lecture, now: Now) -> Iterator[Repair]:
        """What has become of a lecture since the ledger knew of it."""
        kept = lecture_file.read(self._spool.facts(lecture.id))
        told = kept.state if kept else None
        state = latest(lecture.state, told, self.has_package(lecture.id))
        if state is not lecture.state:
            what = f"is {state}, which the ledger does not know: noted"
            do = partial(self._note, lecture, state, kept, now)
            yield Repair(f"lectures/{lecture.id}", what, do)

    def _note(self, lecture: Lecture, state: State, kept: Kept | None, now: Now) -> None:
        end = {}
        if state is State.FINISHING and kept is not None and kept.state is State.FINISHING:
            it = kept.lecture
            end = {"end_ns": it.end_ns, "ended_utc": it.ended_utc, "end_trust": it.end_trust}
        segments = self._ledger.segments(lecture.id)
        last_ns = max((segment.end_ns for segment in segments), default=START_NS)
        with self._ledger.transaction():
            self._ledger.set_state(lecture.id, state, **end)
            if state is State.PAUSED:
                self._ledger.open_gap(lecture.id, None, last_ns, "paused")
            if state is State.RECORDING:
                self._ledger.close_gaps(lecture.id, None, last_ns)
            text = f"the ledger said that it was {lecture.state}; it is {state}"
            self._ledger.add_event(now, "recovered", text, lecture.id)

    def dropped(self, gone: list[Segment]) -> Repair:
        """Rows of a lecture's segments whose files have gone into its package."""
        where = f"lectures/{gone[0].lecture}"
        return Repair(where, "packaged: the rows of its segments go", partial(self._drop, gone))

    def _drop(self, gone: list[Segment]) -> None:
        with self._ledger.transaction():
            for row in gone:
                self._ledger.drop_segment(row.lecture, row.track, row.seq)

    # ------------------------------------------------------------ packages

    def _outdated(self, lecture: str) -> list[str]:
        """The names of files that the package has in another revision than the outbox.

        Only where the manifest goes along: elsewhere a lecture is handed over once and for all.
        """
        rows = {row.name: row.sha256 for row in self._ledger.outbox(lecture)}
        package = self._spool.package(lecture)
        if MANIFEST not in rows or not self.has_package(lecture):
            return []
        there = {**listed(package), SUMS: file_sha256(package / SUMS)}
        return [
            name
            for name, sha256 in rows.items()
            if there.get(name, "" if language_of(name) else sha256) != sha256
        ]

    def _hand_over_again(self, lecture: Lecture, now: Now) -> None:
        """The finisher finds the package whole, and puts into the outbox what is missing there.

        What the destinations have they say themselves.
        """
        with self._ledger.transaction():
            self._ledger.drop_outbox(lecture.id, self._outdated(lecture.id))
            self._ledger.set_state(lecture.id, State.FINISHING)
            text = "its package is newer than the ledger; it is handed over again"
            self._ledger.add_event(now, "recovered", text, lecture.id)

    # ------------------------------------------------------------ while the agent runs

    def put_back(self, under_way: UnderWay) -> None:
        """The lecture under way as the supervisor remembers it; nothing else is under way."""
        lecture = under_way.lecture
        with self._ledger.transaction():
            for other in self._ledger.lectures(*ACTIVE):
                if other.id != lecture.id:
                    self._ledger.set_state(other.id, State.FINISHING)
            self._ledger.put_lecture(lecture, under_way.tracks, under_way.gaps)
