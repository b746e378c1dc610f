"""Rooms with the real rules, ledger, store, desks and recovery; devices and time are simulated.

Nothing is recorded here, so that a whole day of many rooms takes seconds: what counts is when a
lecture is under way. Each room keeps beside its ledger what really was, for the comparison.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from edge_agent.booking_desk import BookingDesk
from edge_agent.command_desk import CommandDesk
from edge_agent.config import Config
from edge_agent.lecture_start import LectureStart
from edge_agent.ledger import Ledger
from edge_agent.recovery import Recovery
from edge_agent.rows import BookingRow, Lecture, Track
from edge_agent.rules import actions as do
from edge_agent.rules.bookings import Booking
from edge_agent.rules.health import Phase
from edge_agent.rules.lecture import ACTIVE, State
from edge_agent.rules.plan import ActiveFacts, CommandFacts, Facts, RecorderFacts, plan
from edge_agent.rules.verbs import hindrance
from edge_agent.schedule_store import Calendar, ScheduleStore, merged
from edge_agent.schedule_watch import ScheduleWatch
from edge_agent.spool import Spool
from tests.fixed_clock import SECOND, FixedClock

STEP_S = 30
#: A round that does something is followed by another; more than these go in circles.
MOST_ROUNDS = 12
UNSET = datetime.fromisoformat("1970-01-01T00:03:00+00:00")


@dataclass(frozen=True)
class Moment:
    """What was true in one step."""

    utc: datetime
    #: A lecture could have been recorded: power, a right clock, a device.
    able: bool
    recording: bool
    #: The keys of the bookings that should be recorded now, as far as people let them.
    wanted: frozenset[str]


@dataclass
class Outages:
    """What is wrong at this moment."""

    power: bool = False
    device: bool = False
    #: How far the clock is off, and whether it says 1970.
    clock: timedelta = timedelta(0)
    unset: bool = False


class CampusRoom:
    """One room of the campus; `true` is what a right clock says."""

    def __init__(self, root: Path, name: str, true: datetime) -> None:
        root.mkdir()
        self.spool = Spool(root)
        self.spool.lectures.mkdir()
        self.name = name
        self.true = true
        self.clock = FixedClock(utc=true)
        self.wrong = Outages()
        self.story: list[Moment] = []
        #: Bookings whose lecture people have stopped, and those that they have taken out.
        self.released: set[str] = set()
        #: The lectures that people have stopped.
        self.stopped: set[str] = set()
        self.bookings: dict[str, Booking] = {}
        self._store = ScheduleStore(self.spool.schedule)
        self._config = Config.model_validate(
            {"room": {"name": name}, "storage": {"spool": root, "runtime": root}}
        )
        Ledger.create(self.spool.ledger).close()
        self._boots = self._keys = 0
        self._alive = False
        self._boot()

    def close(self) -> None:
        if self._alive:
            self.ledger.close()

    # ------------------------------------------------------------ what happens

    def book(self, *bookings: Booking) -> None:
        """The calendar is now this, and the room has heard of it."""
        new = Calendar("campus", "file", bookings)
        with self._store.changing():
            self._store.put(merged(self._store.calendar("campus"), new, self.true))
        self.bookings = {booking.key: booking for booking in bookings}

    def skip(self, key: str) -> None:
        with self._store.changing():
            self._store.skip(key, True)
        self.released.add(key)

    def press(self, verb: str, **args: str) -> None:
        """Somebody presses; nobody does where the power is off."""
        if not self._alive:
            return
        active = self.ledger.active()
        if verb == "stop" and active is not None and active.booking:
            rows = self.ledger.booking_rows(list(self.bookings))
            covered = {key for key, row in rows.items() if row.lecture == active.id}
            self.released |= covered | {active.booking}
            self.stopped.add(active.id)
        self._keys += 1
        now = self.clock.now()
        self.ledger.post(verb, args, key=f"{self._keys}", origin="x", now=now, ttl_ns=30 * SECOND)

    def cut_power(self) -> None:
        self.close()
        self._alive, self.wrong.power = False, True

    def power_on(self, unset: bool) -> None:
        self.wrong.power, self.wrong.unset = False, unset
        self._boot()

    def set_clock(self, off: timedelta) -> None:
        """By so much too late or too early, or (zero) right again."""
        self.wrong.clock, self.wrong.unset = off, False
        self._show_time()

    # ------------------------------------------------------------ time

    def step(self) -> None:
        self.true += timedelta(seconds=STEP_S)
        self.clock.mono += STEP_S * SECOND
        self._show_time()
        if self._alive:
            self._rounds()
        self.story.append(self._moment())

    def _show_time(self) -> None:
        if self.wrong.unset:
            self.clock.utc = UNSET + timedelta(seconds=self.clock.mono / SECOND)
            self.clock.trust = "unset"
        else:
            self.clock.utc = self.true + self.wrong.clock
            self.clock.trust = "plausible" if self.wrong.clock else "synchronised"

    def _moment(self) -> Moment:
        active = self.ledger.active() if self._alive else None
        wanted = {
            key
            for key, b in self.bookings.items()
            if b.starts <= self.true < b.ends and key not in self.released
        }
        bad = self.wrong.power or self.wrong.device or self.wrong.unset or self.wrong.clock
        recording = active is not None and not self.wrong.device
        return Moment(self.true, not bad, recording, frozenset(wanted))

    def _boot(self) -> None:
        self._boots += 1
        self.clock.boot, self.clock.mono = f"boot-{self._boots}", 30 * SECOND
        self._show_time()
        connection = sqlite3.connect(self.spool.ledger, isolation_level=None)
        connection.execute("PRAGMA synchronous=OFF")
        self.ledger = Ledger(connection)
        Recovery(self.spool, self.ledger, timedelta(minutes=15)).run(self.clock.now())
        tracks = [Track("", "camera", "presenter/source", "video")]
        self.watch = ScheduleWatch(self._store, self.ledger, (), timedelta(minutes=15))
        start = LectureStart(self._config, self.spool, self.ledger, tracks)
        self.desk = CommandDesk(self._config, self.spool, self.ledger, start)
        self.bookings_desk = BookingDesk(self.spool, self.ledger, start, self.watch)
        self._alive = True

    def _rounds(self) -> None:
        for _ in range(MOST_ROUNDS):
            done = [self._perform(action) for action in plan(self._facts())]
            if not any(done):
                return
        raise AssertionError(f"{self.name}: the plan goes in circles: {plan(self._facts())}")

    def _facts(self) -> Facts:
        now, lecture = self.clock.now(), self.ledger.active()
        broken = "not plugged in" if self.wrong.device else ""
        phase = Phase.ABSENT if broken else Phase.ARMED
        facts = Facts(
            now.mono_ns,
            (RecorderFacts("camera", phase, now.mono_ns, failure=broken, retry_ns=1 << 62),),
            _active(lecture, now.mono_ns) if lecture else None,
            commands=tuple(
                CommandFacts(c.id, c.verb, c.boot != now.boot, c.args)
                for c in self.ledger.new_commands()
            ),
        )
        refusal = hindrance(facts)
        booked = self.watch.look(now, lecture, refusal.message if refusal else "", speaking=False)
        return Facts(
            facts.now_ns, facts.recorders, facts.active, commands=facts.commands, booked=booked
        )

    def _perform(self, action: do.Action) -> bool:
        now = self.clock.now()
        match action:
            case do.Begin():
                self.desk.begin(action, now)
            case do.Stop():
                self.desk.stop(action, now)
            case do.Refuse():
                self.desk.refuse(action, now)
            case do.BeginBooked():
                self.bookings_desk.begin(action, now)
            case do.Adopt():
                self.bookings_desk.adopt(action, now)
            case do.MoveEnd():
                self.bookings_desk.move_end(action, now)
            case do.NoteBooking():
                self.bookings_desk.note(action, now)
            case _:
                return False  # devices and packages, which are not of this simulation
        return True

    # ------------------------------------------------------------ what came of it

    def outcomes(self) -> dict[str, BookingRow]:
        return self.ledger.booking_rows(list(self.bookings))

    def lectures(self) -> list[Lecture]:
        return self.ledger.lectures()


def _active(lecture: Lecture, mono_ns: int) -> ActiveFacts:
    assert State(lecture.state) in ACTIVE
    return ActiveFacts(
        lecture.id,
        lecture.state,
        frozenset({"camera"}),
        frozenset({"camera"}),
        lecture.lecture_ns(mono_ns),
        lecture.until_ns,
        lecture.until_utc is not None,
    )


@dataclass
class Verdict:
    """What is wrong with a room's day; nothing should be."""

    lost: list[datetime] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)


def judged(room: CampusRoom, settle: int) -> Verdict:
    """Every step in which a booking was wanted and could be recorded must have been recorded.

    `settle`: so many steps after an outage, a change or a start the room may need.
    """
    verdict, since = Verdict(), 0
    for before, now in zip(room.story, room.story[1:], strict=False):
        same = before.able and now.able and before.wanted == now.wanted
        since = since + 1 if same else 0
        ending = all(room.bookings[key].ends - now.utc < timedelta(minutes=2) for key in now.wanted)
        if now.wanted and since >= settle and not now.recording and not ending:
            verdict.lost.append(now.utc)
    rows = room.outcomes()
    for key, booking in room.bookings.items():
        if booking.ends < room.true and key not in room.released:
            row = rows.get(key)
            told = row is not None and row.outcome in ("begun", "covered", "missed")
            if not told or (row is not None and row.outcome == "missed" and not row.reason):
                verdict.unexplained.append(f"{booking.title}: {row}")
    return verdict
