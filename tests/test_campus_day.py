"""A day of twenty rooms with outages, reboots, wrong clocks, changed calendars and people.

Afterwards ledger and truth are compared: no booking is missed that could have been recorded, each
miss has its reason, and nothing begins twice by itself.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_agent.rules.bookings import Booking
from tests.simulated_campus import STEP_S, CampusRoom, judged

MORNING = datetime(2026, 11, 23, 7, 50, tzinfo=UTC)
HOURS = 10
ROOMS = 20
MINUTE = timedelta(minutes=1)
NONE = timedelta(0)
#: A change of the clock, the calendar or the power may take two steps to show.
SETTLE = 3
LECTURERS = ["Dr Sok", "Dr Chan", "Dr Lim", ""]


class Fate:
    """What happens to one room in a day, from its seed alone."""

    def __init__(self, room: CampusRoom, seed: int) -> None:
        self._room = room
        self._random = random.Random(seed)
        #: What ends an outage, and when.
        self._mending: list[tuple[datetime, str]] = []
        self.happened: Counter[str] = Counter()
        room.book(*self._timetable())

    def _timetable(self) -> Iterator[Booking]:
        at = MORNING + 10 * MINUTE
        while at < MORNING + timedelta(hours=HOURS - 1):
            length = self._random.choice([45, 60, 90, 120])
            number = len(self._room.bookings) + int((at - MORNING) / MINUTE)
            yield Booking(
                f"campus:{number}|",
                at,
                at + length * MINUTE,
                f"Lecture {number}",
                lecturer=self._random.choice(LECTURERS),
                known=MORNING,
            )
            # Some follow at once, some after a break, and some overlap by mistake.
            at += (length + self._random.choice([-20, 0, 0, 10, 30])) * MINUTE

    def step(self) -> None:
        self._mend()
        if self._random.random() < 1 / 40:
            kinds = ["power", "power", "device", "clock", "calendar", "stop", "start", "skip"]
            kind = self._random.choice(kinds)
            if getattr(self, f"_{kind}")():
                self.happened[kind] += 1
        self._room.step()

    def _later(self, least: float, most: float, what: str) -> None:
        until = self._room.true + self._random.uniform(least, most) * MINUTE
        self._mending.append((until, what))

    def _mend(self) -> None:
        room = self._room
        for due in [each for each in self._mending if each[0] <= room.true]:
            self._mending.remove(due)
            match due[1]:
                case "power":
                    # The battery of the clock is empty, or the clock is an hour off.
                    unset, off = self._random.random() < 0.3, self._random.random() < 0.2
                    room.wrong.clock = self._random.choice([-60, 60]) * MINUTE if off else NONE
                    room.power_on(unset)
                    if unset or off:
                        self._later(1, 10, "clock")
                case "device":
                    room.wrong.device = False
                case "clock":
                    room.set_clock(timedelta(0))

    def _power(self) -> bool:
        if room_is_off(self._room):
            return False
        self._room.cut_power()
        self._later(1, 45, "power")
        return True

    def _device(self) -> bool:
        if self._room.wrong.device:
            return False
        self._room.wrong.device = True
        self._later(1, 25, "device")
        return True

    def _clock(self) -> bool:
        if self._room.wrong.clock or self._room.wrong.unset or room_is_off(self._room):
            return False
        self._room.set_clock(self._random.choice([-60, 60]) * MINUTE)
        self._later(1, 15, "clock")
        return True

    def _calendar(self) -> bool:
        """One that has not begun is moved or cancelled, or one that runs gets another end."""
        room, bookings = self._room, dict(self._room.bookings)
        ahead = [b for b in bookings.values() if b.starts > room.true + 70 * MINUTE]
        running = [b for b in bookings.values() if b.starts < room.true < b.ends - 5 * MINUTE]
        if running and self._random.random() < 0.5:
            one = self._random.choice(running)
            ends = max(room.true + 10 * MINUTE, one.ends + self._random.choice([-20, 15]) * MINUTE)
            bookings[one.key] = replace(one, ends=ends)
        elif ahead:
            one = self._random.choice(ahead)
            move = self._random.choice([-30, 15, 45]) * MINUTE
            if self._random.random() < 0.3:
                del bookings[one.key]
            else:
                bookings[one.key] = replace(one, starts=one.starts + move, ends=one.ends + move)
        else:
            return False
        room.book(*bookings.values())
        return True

    def _stop(self) -> bool:
        self._room.press("stop")
        return True

    def _start(self) -> bool:
        self._room.press("start", lecturer=self._random.choice(LECTURERS))
        return True

    def _skip(self) -> bool:
        ahead = [b for b in self._room.bookings.values() if b.starts > self._room.true]
        if not ahead or self._random.random() < 0.6:
            return False
        self._room.skip(self._random.choice(ahead).key)
        return True


def room_is_off(room: CampusRoom) -> bool:
    return room.wrong.power


def whole_day(tmp_path: Path, number: int, seed: int) -> tuple[CampusRoom, Counter[str]]:
    room = CampusRoom(tmp_path / f"room-{seed}-{number}", f"B-{number}", MORNING)
    fate = Fate(room, 1000 * seed + number)
    for _ in range(HOURS * 3600 // STEP_S):
        fate.step()
    if room_is_off(room):
        room.power_on(unset=False)
    room.wrong.device = False
    room.set_clock(timedelta(0))
    # Into the evening, so that everything is over and told.
    for _ in range(4 * 3600 // (10 * STEP_S)):
        room.true += 9 * timedelta(seconds=STEP_S)
        room.clock.mono += 9 * STEP_S * 1_000_000_000
        room.step()
    return room, fate.happened


def begun_anew(room: CampusRoom) -> list[str]:
    """Lectures that began by themselves after people had stopped one of the same booking."""
    by_itself = {
        event.lecture
        for event in room.ledger.last_events(10_000)
        if event.kind == "booking begun" and event.text.startswith("the booking")
    }
    ended, found = set(), []
    for lecture in room.lectures():
        booking = (lecture.booking, lecture.booked_from_utc)
        if lecture.id in by_itself and booking in ended:
            found.append(lecture.id)
        if lecture.id in room.stopped and lecture.booking:
            ended.add(booking)
    return found


@pytest.mark.slow
def test_no_booking_is_missed_that_could_have_been_recorded(tmp_path: Path) -> None:
    happened: Counter[str] = Counter()
    outcomes: Counter[str] = Counter()
    for number in range(ROOMS):
        room, events = whole_day(tmp_path, number, seed=1)
        verdict = judged(room, SETTLE)
        assert (room.name, verdict.lost, verdict.unexplained) == (room.name, [], [])
        assert (room.name, begun_anew(room)) == (room.name, [])
        outcomes.update(row.outcome for row in room.outcomes().values())
        happened.update(events)
        room.close()
    # The day was not an easy one, and yet most was recorded.
    assert min(happened[kind] for kind in ("power", "device", "clock", "calendar", "stop")) > ROOMS
    assert outcomes["begun"] > 5 * ROOMS
    assert outcomes["missed"] > 0
