"""What is read out of a calendar, and what bad ones cost: words of strangers, read in a child."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent import calendars
from edge_agent.calendar_reader import Found, NoCalendar, Request, read
from edge_agent.calendars import BadCalendar, Wishes, doubtful, is_stale, taken_over
from edge_agent.rules.bookings import Booking
from edge_agent.schedule_store import (
    BadStore,
    Calendar,
    ScheduleStore,
    booking_of,
    merged,
    short,
)

NOW = datetime(2026, 11, 23, 3, tzinfo=UTC)
WEEK = timedelta(days=7)


def ics(*events: str, head: str = "") -> bytes:
    """A calendar; each event is its lines."""
    parts = [f"BEGIN:VEVENT\n{event.strip()}\nEND:VEVENT" for event in events]
    text = "\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", *filter(None, [head]), *parts])
    return (text + "\nEND:VCALENDAR\n").replace("\n", "\r\n").encode()


def found(text: bytes, days: int = 30, **wishes: object) -> Found:
    since = NOW - timedelta(days=1)
    return read(text, Request("campus", since, NOW + timedelta(days=days), **wishes))  # type: ignore[arg-type]


def times(text: bytes, **wishes: object) -> list[str]:
    """The starts, without what is always the same."""
    return [row["starts_utc"][5:16] for row in found(text, **wishes).rows]


PLAIN = "UID:a\nSUMMARY:Physics\nDTSTART:20261124T030000Z\nDTEND:20261124T043000Z"
PARIS = """UID:p
SUMMARY:Physique
DTSTART;TZID=Europe/Paris:20261012T100000
DTEND;TZID=Europe/Paris:20261012T113000
RRULE:FREQ=WEEKLY;BYDAY=MO"""


# ---------------------------------------------------------------- times


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("DTSTART:20261124T030000Z", "11-24T03:00"),
        ("DTSTART;TZID=Asia/Phnom_Penh:20261124T100000", "11-24T03:00"),
        # As Windows calls zones.
        ("DTSTART;TZID=SE Asia Standard Time:20261124T100000", "11-24T03:00"),
        ('DTSTART;TZID="W. Europe Standard Time":20261124T100000', "11-24T09:00"),
        # Without a zone, and with one that nobody knows: the room's.
        ("DTSTART:20261124T100000", "11-24T01:00"),
        ("DTSTART;TZID=Nowhere/Else:20261124T100000", "11-24T01:00"),
    ],
)
def test_a_time_is_that_of_its_zone(start: str, expected: str) -> None:
    text = ics(f"UID:a\n{start}\nDURATION:PT1H")
    assert times(text, zone=ZoneInfo("Asia/Tokyo")) == [expected]


def test_a_zone_that_nobody_knows_is_told() -> None:
    notes = found(ics("UID:a\nDTSTART;TZID=Nowhere/Else:20261124T100000\nDURATION:PT1H")).notes
    assert [note for note in notes if "Nowhere/Else" in note]


def test_a_zone_that_the_calendar_defines_itself() -> None:
    zone = """BEGIN:VTIMEZONE
TZID:Campus
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:+0545
TZOFFSETTO:+0545
TZNAME:CT
END:STANDARD
END:VTIMEZONE"""
    text = ics("UID:a\nDTSTART;TZID=Campus:20261124T100000\nDURATION:PT1H", head=zone)
    assert times(text) == ["11-24T04:15"]


def test_repeated_lectures_stay_at_their_local_time_through_the_change_of_summer_time() -> None:
    """In Paris the clocks go forward on 28 March 2027."""
    text = ics(PARIS)
    hours = {row["starts_utc"][11:16] for row in found(text, days=200).rows}
    assert hours == {"09:00", "08:00"}
    local = {
        datetime.fromisoformat(row["starts_utc"]).astimezone(ZoneInfo("Europe/Paris")).hour
        for row in found(text, days=200).rows
    }
    assert local == {10}


def test_google_says_the_zone_of_a_whole_calendar() -> None:
    """There a repeated lecture is in UTC, and is meant at one local time in summer and winter."""
    event = "UID:a\nDTSTART:20261012T080000Z\nDURATION:PT1H\nRRULE:FREQ=WEEKLY"
    assert times(ics(event, head="X-WR-TIMEZONE:Europe/Paris"))[0] == "11-23T09:00"


# ---------------------------------------------------------------- series


def test_exceptions_moved_and_cancelled_lectures() -> None:
    moved = """UID:p
RECURRENCE-ID;TZID=Europe/Paris:20261207T100000
SUMMARY:Physique (déplacé)
DTSTART;TZID=Europe/Paris:20261208T140000
DTEND;TZID=Europe/Paris:20261208T153000"""
    cancelled = """UID:p
RECURRENCE-ID;TZID=Europe/Paris:20261214T100000
STATUS:CANCELLED
DTSTART;TZID=Europe/Paris:20261214T100000
DTEND;TZID=Europe/Paris:20261214T113000"""
    series = PARIS + "\nEXDATE;TZID=Europe/Paris:20261130T100000"
    text = ics(series, moved, cancelled)
    assert times(text) == ["11-23T09:00", "12-08T13:00", "12-21T09:00"]
    keys = [row["key"] for row in found(text).rows]
    # The moved one is still called by the time at which it was to begin.
    assert keys[1] == "campus:p|20261207T090000Z"
    assert found(ics(series)).rows[1]["key"] == keys[1]


def test_a_single_event_keeps_its_key_when_it_moves() -> None:
    later = PLAIN.replace("T03", "T04").replace("T043", "T053")
    assert found(ics(PLAIN)).rows[0]["key"] == found(ics(later)).rows[0]["key"] == "campus:a|"


def test_of_two_events_with_one_uid_the_newer_one_counts() -> None:
    newer = PLAIN.replace("20261124", "20261126") + "\nSEQUENCE:2"
    for text in (ics(PLAIN, newer), ics(newer, PLAIN)):
        assert times(text) == ["11-26T03:00"]
    assert len(found(ics(PLAIN, PLAIN)).rows) == 1


@pytest.mark.parametrize(
    "uid", ["x" * 5000, "a|b", "née@campus", "with\\nline\\, and comma", "..", "\x00"]
)
def test_any_uid_gives_a_key_with_one_bar(uid: str) -> None:
    (row,) = found(ics(PLAIN.replace("UID:a", f"UID:{uid}"))).rows
    assert row["key"].count("|") == 1
    assert len(row["key"]) < 200
    assert len(short(row["key"])) == 8


# ---------------------------------------------------------------- what it says


def test_title_lecturers_course_and_language() -> None:
    event = """UID:a
SUMMARY;LANGUAGE=km:Thermo\\, part 2
ORGANIZER;CN="Dr Sok":mailto:sok@example.org
ATTENDEE;ROLE=CHAIR;CN=Dr Chan:mailto:chan@example.org
ATTENDEE;CN=A student:mailto:s@example.org
CATEGORIES:PHY 102,Lecture
DTSTART:20261124T030000Z
DURATION:PT1H"""
    (row,) = found(ics(event)).rows
    assert (row["title"], row["lecturer"], row["course"], row["language"]) == (
        "Thermo, part 2",
        "Dr Sok, Dr Chan",
        "PHY 102",
        "km",
    )


def test_an_address_is_no_name_and_a_title_is_one_line() -> None:
    event = PLAIN + "\nORGANIZER;CN=sok@example.org:mailto:sok@example.org"
    event = event.replace("Physics", "One\\nTwo" + "x" * 1000)
    (row,) = found(ics(event)).rows
    assert "lecturer" not in row
    assert row["title"].startswith("One Twox")
    assert len(row["title"]) == 300


@pytest.mark.parametrize(
    "title",
    [
        "\u1797\u17b6\u179f\u17b6\u200b\u1781\u17d2\u1798\u17c2\u179a",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\U0001f469\u200d\U0001f52c",
    ],
)
def test_signs_without_a_width_stay_in_a_title(title: str) -> None:
    """Khmer, Persian and emoji are written with them."""
    assert (
        found(
            ics(f"UID:a\nDTSTART:20261123T090000Z\nDTEND:20261123T100000Z\nSUMMARY:{title}")
        ).rows[0]["title"]
        == title
    )


def test_only_the_events_of_this_place() -> None:
    here, there = PLAIN + "\nLOCATION: b-204 ", PLAIN.replace("UID:a", "UID:b") + "\nLOCATION:B-2"
    keys = [row["key"] for row in found(ics(here, there), location="B-204").rows]
    assert keys == ["campus:a|"]


# ---------------------------------------------------------------- what is no booking


@pytest.mark.parametrize(
    ("event", "note"),
    [
        ("UID:x\nDTSTART;VALUE=DATE:20261124", "whole days"),
        ("UID:x\nDTSTART:20261124T030000Z\nDTEND:20261126T030000Z", "more than a day"),
        ("UID:x\nDTSTART:20261124T030000Z\nDTEND:20261124T020000Z", "cannot be read"),
        ("UID:x\nDTSTART:20261124T030000Z", "less than a minute"),
        ("UID:x\nDTSTART:2026112", "cannot be read"),
        ("UID:x\nSUMMARY:no time at all", "cannot be read"),
        ("UID:x\nDTSTART:20261124T030000Z\nDURATION:PT1H\nRRULE:FREQ=FOO", "cannot be read"),
        ("UID:x\nDTSTART:20261124T030000Z\nDURATION:PT1H\nRRULE:FREQ=SECONDLY", "every hour"),
        ("UID:x\nDTSTART:20261124T030000Z\nDURATION:PT1H\nRRULE:FREQ=MINUTELY", "every hour"),
        ("UID:x\nDTSTART:20261124T030000Z\nDURATION:PT1H\nSTATUS:CANCELLED", None),
        ("UID:x\nDTSTART:19700101T030000Z\nDURATION:PT1H", None),
    ],
)
def test_it_is_left_out_and_the_others_count(event: str, note: str | None) -> None:
    it = found(ics(event, PLAIN))
    assert [row["key"] for row in it.rows] == ["campus:a|"]
    assert any(str(note) in each for each in it.notes) is (note is not None)


def test_a_line_that_breaks_the_whole_calendar_costs_its_event_only() -> None:
    it = found(ics("UID:x\nthis is no line of a calendar\nDTSTART:20261124T030000Z", PLAIN))
    assert [row["key"] for row in it.rows][-1] == "campus:a|"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"<!DOCTYPE html><html><body>Sign in</body></html>",
        b'{"error": "not found"}',
        b"\xff\xfe\x00\x01",
        b"BEGIN:VCARD\r\nEND:VCARD\r\n",
        ics(PLAIN)[:-30],
        b"BEGIN:VCALENDAR\r\n" * 50,
    ],
)
def test_what_is_no_calendar_is_refused(text: bytes) -> None:
    with pytest.raises(NoCalendar):
        read(text, Request("campus", NOW, NOW + WEEK))


@settings(max_examples=1000, deadline=None)
@given(data=st.data())
def test_a_spoilt_calendar_is_refused_or_read_and_never_more_than_that(
    data: st.DataObject,
) -> None:
    """Bytes changed, lines lost, doubled and swapped: what comes out can be stored."""
    lines = ics(PARIS, PLAIN, PLAIN.replace("UID:a", "UID:b")).split(b"\r\n")
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        match data.draw(st.sampled_from(["lose", "double", "spoil", "insert"])):
            case "lose":
                del lines[at]
            case "double":
                lines.insert(at, lines[at])
            case "spoil":
                place = data.draw(st.integers(0, len(lines[at])))
                junk = data.draw(st.binary(min_size=1, max_size=4))
                lines[at] = lines[at][:place] + junk + lines[at][place + 1 :]
            case _:
                lines.insert(at, data.draw(st.binary(max_size=30)))
        lines = lines or [b""]
    try:
        it = found(b"\r\n".join(lines))
    except NoCalendar:
        return
    for row in it.rows:
        booking = booking_of(row)
        assert booking.starts < booking.ends


# ---------------------------------------------------------------- taken over, or not


def fresh(name: str = "campus") -> Calendar:
    return Calendar(name, "file")


def test_a_calendar_is_read_in_a_child_and_knows_since_when() -> None:
    it = taken_over(None, fresh(), ics(PLAIN, PARIS), Wishes(), NOW)
    assert len(it.bookings) > 50
    assert all(booking.known == NOW for booking in it.bookings)
    again = taken_over(it, it, ics(PLAIN, PARIS), Wishes(), NOW + WEEK)
    assert {b.known for b in again.bookings if b.starts < NOW + 50 * WEEK} == {NOW}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"<html>", "no calendar"),
        (b"BEGIN:VCALENDAR" + b" " * calendars.MOST_BYTES, "more than 4 MiB"),
    ],
)
def test_what_cannot_be_taken_over_says_why(text: bytes, words: str) -> None:
    with pytest.raises(BadCalendar, match=words):
        taken_over(None, fresh(), text, Wishes(), NOW)


def test_a_child_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calendars, "READ_S", 0.05)
    with pytest.raises(BadCalendar, match="too much time or memory"):
        taken_over(None, fresh(), ics(PLAIN), Wishes(), NOW)


def known(starts: datetime, name: str = "a") -> Calendar:
    booking = Booking(f"campus:{name}|", starts, starts + timedelta(hours=1), known=NOW - WEEK)
    return Calendar("campus", "url", (booking,))


@pytest.mark.parametrize(
    ("starts", "believed"),
    [
        (NOW + timedelta(minutes=30), False),
        (NOW - timedelta(minutes=30), False),
        (NOW + timedelta(hours=11), False),
        (NOW + timedelta(hours=13), True),
        (NOW - timedelta(hours=2), True),
    ],
)
def test_an_empty_answer_is_not_believed_while_a_booking_is_near(
    starts: datetime, believed: bool
) -> None:
    doubt = doubtful(known(starts), Calendar("campus", "url"), NOW)
    assert (doubt == "") is believed
    assert doubtful(None, Calendar("campus", "url"), NOW) == ""


def test_what_is_over_stays_and_what_was_cancelled_goes() -> None:
    over, soon = known(NOW - 2 * WEEK, "over"), known(NOW + WEEK, "soon")
    old = Calendar("campus", "url", (*over.bookings, *soon.bookings))
    new = merged(old, known(NOW + 2 * WEEK, "new"), NOW)
    assert [b.key for b in new.bookings] == ["campus:over|", "campus:new|"]
    assert merged(new, new, NOW + 8 * WEEK).bookings == ()


def test_what_was_over_and_is_moved_to_a_later_time_is_moved() -> None:
    old, new = known(NOW - timedelta(hours=2)), known(NOW + WEEK)
    assert [b.starts for b in merged(old, new, NOW).bookings] == [NOW + WEEK]


def test_the_copy_is_reckoned_anew_after_a_week() -> None:
    it = taken_over(None, fresh(), ics(PARIS), Wishes(), NOW)
    assert not is_stale(it, NOW + timedelta(days=6))
    assert is_stale(it, NOW + timedelta(days=8))


# ---------------------------------------------------------------- the store


def test_what_is_stored_is_read_again(tmp_path: Path) -> None:
    store = ScheduleStore(tmp_path / "schedule")
    assert (store.names(), store.skipped(), store.calendar("campus")) == ([], frozenset(), None)
    it = taken_over(None, fresh(), ics(PLAIN, PARIS), Wishes(), NOW)
    before = store.stamp()
    with store.changing():
        store.put(it)
        store.skip("campus:a|", True)
    assert store.stamp() != before
    assert store.calendar("campus") == it
    assert (store.names(), store.skipped()) == (["campus"], frozenset({"campus:a|"}))
    with store.changing():
        store.skip("campus:a|", False)
        store.drop("campus")
    assert (store.names(), store.skipped()) == ([], frozenset())


def test_skips_of_bookings_that_are_gone_are_forgotten(tmp_path: Path) -> None:
    store = ScheduleStore(tmp_path)
    with store.changing():
        store.skip("gone|", True)
        store.skip("other|", True)
    assert store.skipped() == frozenset({"other|"})


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_spoilt_copy_is_damaged_or_read(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("store")
    store = ScheduleStore(folder)
    with store.changing():
        store.put(known(NOW))
    path = folder / "calendar-campus.json"
    text = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(text[: data.draw(st.integers(0, len(text)))]))
    try:
        calendar = store.calendar("campus")
    except BadStore:
        return
    assert calendar is not None
