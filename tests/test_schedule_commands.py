"""Laws of `edge-agent schedule …`."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from edge_agent.cli import app
from edge_agent.commands.output import Exit
from edge_agent.ledger import Ledger
from edge_agent.rows import BookingRow
from edge_agent.rules.bookings import Booking
from edge_agent.schedule_store import ScheduleStore
from tests.published import demand_published


class Room:
    """A room's commands, each as a script and as a person sees it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.config = root / "config.toml"
        self.configure()
        self.store = ScheduleStore(root / "spool/schedule")

    def configure(self, more: str = "") -> None:
        storage = f'[storage]\nspool = "{self.root}/spool"\nruntime = "{self.root}/run"\n'
        self.config.write_text(storage + more)

    def run(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        done = self._invoke(*arguments, "--json")
        found = json.loads(done.stdout)
        demand_published(found)
        return done.exit_code, found

    def data(self, *arguments: str) -> Any:
        code, found = self.run(*arguments)
        assert code == Exit.OK, found
        return found["data"]

    def refused(self, *arguments: str) -> tuple[int, str]:
        code, found = self.run(*arguments)
        assert found["error"]["hint"]
        return code, found["error"]["code"]

    def said(self, *arguments: str) -> str:
        return str(self._invoke(*arguments).output)

    def _invoke(self, *arguments: str) -> Any:
        return CliRunner().invoke(app, ["--config", str(self.config), "schedule", *arguments])


@pytest.fixture
def room(tmp_path: Path) -> Room:
    (tmp_path / "spool").mkdir()
    return Room(tmp_path)


def tomorrow(hour: int) -> str:
    return f"{datetime.now().astimezone() + timedelta(days=1):%Y-%m-%d} {hour:02}:00"


def calendar(root: Path, *starts: datetime) -> str:
    events = [
        f"BEGIN:VEVENT\r\nUID:{number}\r\nSUMMARY:Lecture {number}\r\nLOCATION:B-{number}\r\n"
        f"DTSTART:{start.astimezone(UTC):%Y%m%dT%H%M%SZ}\r\nDURATION:PT1H\r\nEND:VEVENT\r\n"
        for number, start in enumerate(starts)
    ]
    path = root / "term.ics"
    path.write_text(f"BEGIN:VCALENDAR\r\n{''.join(events)}END:VCALENDAR\r\n")
    return str(path)


def test_a_room_without_a_timetable_has_no_bookings(room: Room) -> None:
    assert room.data("list") == {"calendars": [], "bookings": []}
    assert room.said("list") == "no bookings\n"


def test_a_booking_by_hand_is_listed_and_can_be_taken_out_and_in(room: Room) -> None:
    wishes = ["--title", "Thermo", "--course", "PHY 102", "--lecturer", "Dr Sok"]
    booking = room.data("add", tomorrow(10), "--until", "11:30", *wishes)
    (listed,) = room.data("list")["bookings"]
    assert listed == booking
    assert (booking["title"], booking["lecturer"], booking["calendar"]) == (
        "Thermo",
        "Dr Sok",
        "by-hand",
    )
    length = datetime.fromisoformat(booking["ends_utc"]) - datetime.fromisoformat(
        booking["starts_utc"]
    )
    assert length == timedelta(minutes=90)
    assert room.data("skip", booking["id"])["skipped"] is True
    assert room.store.skipped() == {booking["key"]}
    assert "skipped" in room.said("list")
    assert room.data("skip", booking["id"], "--undo")["skipped"] is False
    assert room.store.skipped() == frozenset()


def test_an_overlap_is_told(room: Room) -> None:
    room.data("add", tomorrow(10), "--for", "2h")
    code, found = room.run("add", tomorrow(11), "--for", "2h")
    assert code == Exit.OK
    assert "overlap" in found["warnings"][0]


@pytest.mark.parametrize(
    "arguments",
    [
        ["25:00", "--for", "1h"],
        ["at ten", "--for", "1h"],
        ["2020-01-01 10:00", "--for", "1h"],
        ["10:00"],
        ["10:00", "--for", "1h", "--until", "11:00"],
        ["10:00", "--for", "ages"],
        ["10:00", "--for", "9999999999d"],
        ["9999-12-31 23:30", "--for", "1h"],
        ["10:00", "--for", "3d"],
        ["10:00", "--until", "eleven"],
    ],
)
def test_a_time_that_cannot_be_meant_is_refused(room: Room, arguments: list[str]) -> None:
    assert room.refused("add", *arguments) == (Exit.USAGE, "bad-time")
    assert room.store.names() == []


def test_a_file_is_taken_over_in_place_of_the_one_before(room: Room) -> None:
    soon = datetime.now(UTC) + timedelta(days=1)
    file = calendar(room.root, soon, soon + timedelta(days=1))
    assert room.data("import", file, "--name", "term")["bookings"] == 2
    assert len(room.data("list")["bookings"]) == 2
    file = calendar(room.root, soon)
    assert room.data("import", file, "--name", "term")["bookings"] == 1
    assert room.data("import", file, "--name", "here", "--location", "B-0")["bookings"] == 1
    assert room.data("import", "--forget", "--name", "term") == {"name": "term"}
    assert room.store.names() == ["here"]


def test_what_is_no_calendar_changes_nothing(room: Room, tmp_path: Path) -> None:
    soon = datetime.now(UTC) + timedelta(hours=2)
    room.data("import", calendar(room.root, soon), "--name", "term")
    bad = tmp_path / "bad.ics"
    for text in ("<html>", "", "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"):
        bad.write_text(text)
        refused = room.refused("import", str(bad), "--name", "term")
        assert refused == (Exit.FAILED, "bad-calendar")
    assert len(room.data("list")["bookings"]) == 1


@pytest.mark.parametrize("name", ["Term 1", "", "../etc", "campus"])
def test_a_file_cannot_have_the_name_of_a_configured_calendar(room: Room, name: str) -> None:
    room.configure('[calendars.campus]\nurl = "https://calendar.example.org/x.ics"\n')
    file = calendar(room.root, datetime.now(UTC))
    assert room.refused("import", file, "--name", name) == (Exit.USAGE, "bad-name")


def test_what_became_of_the_past_is_told(room: Room) -> None:
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
    room.data("import", calendar(room.root, began), "--name", "term")
    (booking,) = room.data("list", "--past")["bookings"]
    ledger = Ledger.create(room.root / "spool/ledger.db")
    times = (booking["starts_utc"], booking["ends_utc"])
    ledger.note_booking(BookingRow(booking["key"], *times, "missed", reason="no camera"))
    ledger.close()
    (told,) = room.data("list", "--past")["bookings"]
    assert (told["outcome"], told["reason"]) == ("missed", "no camera")
    assert "missed: no camera" in room.said("list", "--past")
    assert room.data("list")["bookings"] == []


def test_a_damaged_copy_and_a_calendar_in_trouble_are_findings(room: Room) -> None:
    room.data("add", tomorrow(10), "--for", "1h")
    (room.root / "spool/schedule/calendar-term.json").write_text("{")
    (room.root / "spool/schedule/skipped.json").write_text("[]")
    code, found = room.run("list")
    assert (code, len(found["data"]["bookings"])) == (Exit.FINDINGS, 1)
    assert all("damaged" in warning for warning in found["warnings"])
    booking = found["data"]["bookings"][0]
    room.run("skip", booking["id"])
    assert room.store.skipped() == {booking["key"]}


def test_nobody_to_ask_and_nothing_to_find(room: Room) -> None:
    assert room.refused("sync") == (Exit.NOT_FOUND, "no-such-calendar")
    assert room.refused("sync", "campus") == (Exit.NOT_FOUND, "no-such-calendar")
    assert room.refused("skip", "12345678") == (Exit.NOT_FOUND, "no-such-booking")
    assert room.refused("import") == (Exit.USAGE, "no-file")
    assert room.refused("import", "--forget", "--name", "x")[0] == Exit.NOT_FOUND


def test_a_calendar_that_does_not_answer_is_a_finding(room: Room) -> None:
    room.configure('[calendars.campus]\nurl = "http://127.0.0.1:9/x.ics"\n')
    code, found = room.run("sync")
    assert code == Exit.FINDINGS
    assert "refuses the connection" in found["data"][0]["trouble"]
    assert room.run("list")[0] == Exit.FINDINGS


def test_a_calendar_that_is_configured_no_more_does_not_count(room: Room) -> None:
    room.configure('[calendars.campus]\nurl = "http://127.0.0.1:9/x.ics"\n')
    room.run("sync")
    with room.store.changing():
        known = room.store.calendar("campus")
        assert known is not None
        starts = datetime.now(UTC) + timedelta(hours=1)
        booking = Booking("campus:a|", starts, starts + timedelta(hours=1), known=starts)
        room.store.put(replace(known, bookings=(booking,), trouble=""))
    assert len(room.data("list")["bookings"]) == 1
    room.configure()
    _, found = room.run("list")
    assert found["data"]["bookings"] == []
    assert "--forget --name campus" in found["warnings"][0]
