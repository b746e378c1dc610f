"""What somebody must be called for: the same three alerts over MQTT, webhooks and Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_agent.clock import SystemClock, rfc3339
from edge_agent.commands import alerts_room, mqtt_room
from edge_agent.commands.missed_bookings import EVERY_NS, MissedBookings
from edge_agent.config import Config, Storage
from edge_agent.ids import uuid7
from edge_agent.panel.reading import LAST_LECTURES
from edge_agent.rows import BookingRow, Lecture
from edge_agent.rules.alerts import LASTS_S, Cause
from edge_agent.rules.bookings import Outcome
from edge_agent.rules.lecture import State
from tests.fixed_clock import FixedClock
from tests.panel.served import HandMade, track

HOUR = timedelta(hours=1)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[HandMade]:
    room = HandMade(tmp_path)
    yield room
    room.ledger.close()


def seen(room: HandMade) -> list[Cause]:
    """What the webhooks and MQTT make of it; they say the same."""
    storage = Storage(spool=room.spool.root, runtime=room.runtime.root, least_free_mib=0)
    here = Config(storage=storage), room.spool, room.runtime, SystemClock()
    look, end = alerts_room.looking(*here)
    found = list(look())
    end()
    told, end = mqtt_room.looking(*here)
    assert told().state.alerts == [name for name in LASTS_S if name in {c.alert for c in found}]
    end()
    assert len({cause.key for cause in found}) == len(found)
    return found


def missed(room: HandMade, ended_ago: timedelta, key: str = "campus|1") -> None:
    ended = datetime.now(UTC) - ended_ago
    times = rfc3339(ended - HOUR), rfc3339(ended)
    words = "this PC, or its agent, was off"
    row = BookingRow(key, *times, str(Outcome.MISSED), "Thermodynamics", words, "")
    room.ledger.note_booking(row)


def lecture(state: State, begun: datetime, reason: str = "") -> Lecture:
    number = uuid7(int(begun.timestamp() * 1e9))
    return Lecture(number, state, rfc3339(begun), "synchronised", "boot-1", 0, reason=reason)


def test_a_room_that_is_well_calls_nobody(room: HandMade) -> None:
    with room.alive():
        assert seen(room) == []


def test_without_an_agent_the_device_is_offline(room: HandMade) -> None:
    (cause,) = seen(room)
    assert (cause.alert, cause.subject) == ("device_offline", "")
    assert "does not run" in cause.text


def test_without_any_device_the_device_is_offline_and_the_devices_are_named(room: HandMade) -> None:
    away = {"phase": "absent", "reason": "unplugged"}
    with room.alive():
        room.say(tracks={"camera": track("video", **away), "microphone": track("audio", **away)})
        (cause,) = seen(room)
    assert cause.alert == "device_offline"
    assert "camera" in cause.text


def test_a_booking_that_was_missed_is_a_missed_capture_of_its_own(room: HandMade) -> None:
    missed(room, HOUR)
    missed(room, 2 * HOUR, "campus|2")
    missed(room, 25 * HOUR, "campus|3")  # history
    with room.alive():
        causes = seen(room)
    assert [cause.alert for cause in causes] == ["missed_capture"] * 2
    assert {cause.title for cause in causes} == {"Thermodynamics"}
    assert all("was off" in cause.text for cause in causes)


def test_a_lecture_begun_after_it_ends_the_alert_of_a_missed_booking(room: HandMade) -> None:
    missed(room, HOUR)
    room.ledger.add_lecture(lecture(State.DELIVERED, datetime.now(UTC) - 2 * HOUR), [])
    with room.alive():
        assert len(seen(room)) == 1
    room.ledger.add_lecture(lecture(State.DELIVERED, datetime.now(UTC) - HOUR / 2), [])
    with room.alive():
        assert seen(room) == []


def test_each_lecture_that_could_not_be_saved_is_a_story_of_its_own(room: HandMade) -> None:
    for minutes in (10, 20):
        begun = datetime.now(UTC) - timedelta(minutes=minutes)
        room.ledger.add_lecture(lecture(State.FAILED, begun, reason="the disk is full"), [])
    with room.alive():
        causes = seen(room)
    assert [cause.alert for cause in causes] == ["missed_capture"] * 2
    assert all("the disk is full" in cause.text for cause in causes)
    assert len({cause.lecture for cause in causes}) == 2


def test_a_lecture_that_could_not_be_saved_stands_however_many_are_recorded_after_it(
    room: HandMade,
) -> None:
    begun = datetime.now(UTC) - timedelta(days=20)
    room.ledger.add_lecture(lecture(State.FAILED, begun), [])
    for day in range(2 * LAST_LECTURES):
        room.ledger.add_lecture(lecture(State.PURGED, begun + timedelta(days=day, hours=2)), [])
    with room.alive():
        [cause] = seen(room)
    assert cause.alert == "missed_capture"


def test_of_a_ledger_that_cannot_be_read_nobody_says_that_anything_is_over(room: HandMade) -> None:
    with room.alive():
        assert not any(cause.blind for cause in seen(room))
        room.ledger.close()
        room.spool.ledger.write_bytes(b"no database" * 1000)
        storage = Storage(spool=room.spool.root, runtime=room.runtime.root, least_free_mib=0)
        look, end = alerts_room.looking(
            Config(storage=storage), room.spool, room.runtime, SystemClock()
        )
        [cause] = look()
        end()
    assert (cause.alert, cause.subject, cause.blind) == ("device_offline", "", True)
    assert "cannot be read" in cause.text
    assert all(each.blind for each in alerts_room.UNKNOWN)


def test_what_was_missed_is_asked_for_now_and_then_and_a_broken_ledger_changes_nothing(
    room: HandMade,
) -> None:
    clock = FixedClock(utc=datetime.now(UTC))
    bookings = MissedBookings(room.spool)
    assert bookings.look(clock.now()).ever == 0
    missed(room, HOUR)
    room.ledger.add_event(clock.now(), "booking missed", "the booking was missed")
    assert bookings.look(clock.pass_time(1)).ever == 0
    found = bookings.look(clock.pass_time(EVERY_NS / 1e9))
    assert (len(found.recent), found.ever) == (1, 1)
    room.spool.ledger.rename(room.spool.root / "elsewhere")
    assert bookings.look(clock.pass_time(EVERY_NS / 1e9)) == found
