"""Calendars with an address: what is asked, what is believed, what stays when nothing answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from edge_agent import calendar_copies, calendar_sync
from edge_agent.calendar_copies import Answer, CalendarSync, asked, asking
from edge_agent.calendar_sync import lateness_s
from edge_agent.calendars import BadCalendar
from edge_agent.clock import Now
from edge_agent.config import Config
from edge_agent.config_schedule import CalendarConfig
from edge_agent.schedule_store import Calendar, ScheduleStore
from edge_agent.secrets import Secrets
from tests.fixed_clock import SECOND, FixedClock
from tests.test_calendar_reader import PARIS, PLAIN, ics
from uploader.exchange import Lost, Request, Response, drive

CONFIG = CalendarConfig(url="https://calendar.example.org/b-204.ics")
FULL = Answer(ics(PLAIN, PARIS), '"v1"')


@dataclass
class Campus:
    """Answers as it is told, and remembers with which marks it was asked."""

    answers: list[Answer | BadCalendar] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)

    def __call__(self, config: CalendarConfig, etag: str) -> Answer:
        self.marks.append(etag)
        answer = self.answers.pop(0)
        if isinstance(answer, BadCalendar):
            raise answer
        return answer


class Synced:
    """A room's store, and what the campus says."""

    def __init__(self, folder: Path, config: CalendarConfig = CONFIG) -> None:
        self.store = ScheduleStore(folder)
        self.clock = FixedClock(utc=datetime(2026, 11, 23, 3, tzinfo=UTC))
        self.campus = Campus()
        self._sync = CalendarSync(self.store, {"campus": config}, "", self.campus)

    def hear(self, answer: Answer | BadCalendar, later: timedelta = timedelta(0)) -> Calendar:
        """The stored calendar after an answer."""
        self.clock.pass_time(later.total_seconds())
        self.campus.answers.append(answer)
        self._sync.sync("campus", self.clock.now())
        stored = self.store.calendar("campus")
        assert stored is not None
        return stored


@pytest.fixture
def room(tmp_path: Path) -> Synced:
    return Synced(tmp_path / "schedule")


HOUR = timedelta(hours=1)


def test_the_mark_goes_back_as_it_came_and_nothing_new_changes_nothing(room: Synced) -> None:
    first = room.hear(replace(FULL, etag="mod1700000000000"))
    second = room.hear(Answer(None, "mod1700000000000"), HOUR)
    assert room.campus.marks == ["", "mod1700000000000"]
    assert second.bookings == first.bookings
    assert second.changed_utc == first.changed_utc
    assert second.checked_utc > first.checked_utc


def test_after_a_week_it_is_asked_without_a_mark(room: Synced) -> None:
    """What repeats must be reckoned further ahead."""
    first = room.hear(FULL)
    second = room.hear(FULL, timedelta(days=8))
    assert room.campus.marks == ["", ""]
    assert second.bookings[-1].starts > first.bookings[-1].starts


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (BadCalendar("the name is not known here"), "not known here"),
        (Answer(b"<html>Sign in</html>", ""), "no calendar"),
        (Answer(ics(PLAIN)[:-25], ""), "in the middle"),
        (Answer(ics(), '"v2"'), "there is nothing"),
        (Answer(b"", ""), "no calendar"),
    ],
)
def test_whatever_is_wrong_the_copy_holds_and_says_so(
    room: Synced, answer: Answer | BadCalendar, words: str
) -> None:
    known = room.hear(FULL)
    spoilt = room.hear(answer, HOUR)
    assert spoilt.bookings == known.bookings
    assert spoilt.etag == known.etag
    assert words in spoilt.trouble
    assert room.hear(Answer(None, '"v1"'), HOUR).trouble == ""


def test_a_calendar_that_was_never_there_has_its_trouble_told(room: Synced) -> None:
    stored = room.hear(BadCalendar("no network"))
    assert (stored.bookings, stored.trouble) == ((), "no network")


def test_on_a_clock_that_was_never_set_nothing_is_asked(room: Synced) -> None:
    room.hear(FULL)
    room.clock.trust = "unset"
    assert "clock" in room.hear(FULL).trouble
    assert len(room.campus.marks) == 1


def test_a_damaged_copy_is_fetched_anew(room: Synced, tmp_path: Path) -> None:
    known = room.hear(FULL)
    (tmp_path / "schedule/calendar-campus.json").write_text("{")
    assert room.hear(FULL).bookings == known.bookings
    assert room.campus.marks == ["", ""]


def test_another_place_is_another_calendar(tmp_path: Path) -> None:
    """The file is the same to the byte, and has not changed for its server."""
    Synced(tmp_path).hear(FULL)
    elsewhere = Synced(tmp_path, replace_location("B-7"))
    assert elsewhere.hear(FULL).trouble != ""


def replace_location(place: str) -> CalendarConfig:
    return CONFIG.model_copy(update={"location": place})


# ---------------------------------------------------------------- the question


def answered(*answers: Response | Lost, etag: str = "") -> Answer:
    said = iter(answers)
    return drive(asked(CONFIG.url, etag), lambda _request: next(said))


def test_the_question_says_what_it_wants_and_what_is_known() -> None:
    request: Request = next(asked(CONFIG.url, "mod0"))
    assert (request.method, request.url) == ("GET", CONFIG.url)
    assert request.headers["If-None-Match"] == "mod0"
    assert "If-None-Match" not in next(asked(CONFIG.url, "")).headers


def test_an_answer_with_its_mark_and_one_without_news() -> None:
    assert answered(Response(200, {"etag": "x"}, b"BEGIN")) == Answer(b"BEGIN", "x")
    assert answered(Response(304), etag="x") == Answer(None, "x")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Response(304), "304"),  # nobody has asked whether it had changed
        (Response(404, {}, b"no such room"), "no such room; check the calendar's address"),
        (Response(401), "check the calendar's credential"),
        (Response(503), "503"),
        (Response(204), "204"),
        (Lost("correct the destination's url"), "correct the calendar's url"),
    ],
)
def test_every_other_answer_is_a_sentence(answer: Response | Lost, words: str) -> None:
    with pytest.raises(BadCalendar) as caught:
        answered(answer)
    assert words in str(caught.value)


# ---------------------------------------------------------------- over a network


EVENT = (
    b"BEGIN:VEVENT\r\nUID:%07d@campus\r\nSUMMARY:Lecture\r\n"
    b"DTSTART:20261124T080000Z\r\nDTEND:20261124T090000Z\r\nEND:VEVENT\r\n"
)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.asked.append(dict(self.headers))  # type: ignore[attr-defined]
        mood = self.path.strip("/")
        if mood == "slow":
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            while not self.server.over.wait(0.05):  # type: ignore[attr-defined]
                self.wfile.write(b"x")
                self.wfile.flush()
            return
        if mood == "million":
            self.send_response(200)
            self.send_header("Content-Type", "text/calendar")
            self.end_headers()
            self.wfile.write(b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n")
            for number in range(1_000_000):
                self.wfile.write(EVENT % number)
                self.server.written = number + 1  # type: ignore[attr-defined]
            return
        body = b"<html>sign in</html>" if mood == "portal" else ics(PLAIN)
        known = self.headers.get("If-None-Match") == "mod7"
        self.send_response(304 if known else 200)
        self.send_header("Content-Type", "text/html" if mood == "portal" else "text/calendar")
        self.send_header("ETag", "mod7")
        self.send_header("Content-Length", "0" if known else str(len(body)))
        self.end_headers()
        self.wfile.write(b"" if known else body)

    def log_message(self, *_: Any) -> None: ...


class Server(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[dict[str, str]] = []
        self.over = threading.Event()
        #: Of a million events.
        self.written = 0

    def handle_error(self, *_: Any) -> None:
        """Who asks may hang up."""


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.over.set()
    server.shutdown()
    thread.join()
    server.server_close()


def ask(server: Server, mood: str, folder: Path, etag: str = "", **more: str) -> Answer:
    config = CalendarConfig(url=f"http://127.0.0.1:{server.server_port}/{mood}", **more)
    return asking(Secrets(None, folder))(config, etag)


def test_it_is_asked_with_name_credential_and_mark(server: Server, tmp_path: Path) -> None:
    (tmp_path / "calendar").write_text("sok:secret")
    (tmp_path / "calendar").chmod(0o600)
    assert ask(server, "ok", tmp_path, credential="calendar") == Answer(ics(PLAIN), "mod7")
    assert ask(server, "ok", tmp_path, etag="mod7") == Answer(None, "mod7")
    first, second = server.asked
    assert first["User-Agent"].startswith("edge-agent/")
    assert first["Authorization"].startswith("Basic ")
    assert second["If-None-Match"] == "mod7"
    assert "Authorization" not in second


def test_a_sign_in_page_and_a_missing_credential_are_sentences(
    server: Server, tmp_path: Path
) -> None:
    with pytest.raises(BadCalendar, match="sign-in page"):
        ask(server, "portal", tmp_path)
    with pytest.raises(BadCalendar, match="credential 'gone' is missing"):
        ask(server, "ok", tmp_path, credential="gone")


def test_bytes_that_come_one_by_one_are_not_waited_for(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calendar_copies, "ANSWER_S", 0.5)
    with pytest.raises(BadCalendar, match="too slowly"):
        ask(server, "slow", tmp_path)


def test_a_million_events_are_not_read_to_their_end_and_the_copy_holds(
    server: Server, room: Synced, tmp_path: Path
) -> None:
    kept = room.hear(FULL).bookings
    answer = ask(server, "million", tmp_path)
    assert answer.body is not None
    assert len(answer.body) < 6 << 20
    assert server.written < 200_000, "nobody listens any more"
    stored = room.hear(answer, HOUR)
    assert stored.bookings == kept
    assert stored.trouble.startswith("it has more than 4 MiB; ask for one of this room alone")


# ---------------------------------------------------------------- the process


class RacingClock(FixedClock):
    """A minute passes with each look."""

    def now(self) -> Now:
        self.mono += 60 * SECOND
        return super().now()


class UntilAsked(threading.Event):
    """The process is stopped when it has asked so often."""

    def __init__(self, server: Server, times: int) -> None:
        super().__init__()
        self._server, self._times = server, times

    def is_set(self) -> bool:
        return len(self._server.asked) >= self._times

    def wait(self, timeout: float | None = None) -> bool:
        return self.is_set()


@pytest.mark.parametrize(("mood", "least", "most"), [("ok", 8, 40), ("portal", 1, 7)])
def test_each_calendar_is_asked_at_the_start_and_in_its_turns_and_sooner_after_a_fault(
    server: Server, tmp_path: Path, mood: str, least: int, most: int
) -> None:
    """A quarter of an hour between the turns; some minutes after a fault."""
    url = f"http://127.0.0.1:{server.server_port}/{mood}"
    config = Config.model_validate(
        {
            "storage": {"spool": tmp_path, "runtime": tmp_path},
            "calendars": {"campus": {"url": url}},
        }
    )
    clock = RacingClock()
    began = clock.mono
    secrets = Secrets(None, tmp_path)
    calendar_sync._loop(config, secrets, (), clock, UntilAsked(server, 1))
    assert (clock.mono - began) / 60e9 <= 2
    calendar_sync._loop(config, secrets, (), clock, UntilAsked(server, 3))
    assert least < (clock.mono - began) / 60e9 <= most
    assert ScheduleStore(tmp_path / "schedule").names() == ["campus"]


# ---------------------------------------------------------------- addresses and turns


def test_webcal_is_https() -> None:
    assert CalendarConfig(url="webcal://example.org/a.ics").url == "https://example.org/a.ics"


@pytest.mark.parametrize(
    "faulty",
    [
        {"url": "ftp://example.org/a.ics"},
        {"url": "https://sok:secret@example.org/a.ics"},
        {"url": "https:///a.ics"},
        # A password would cross the network in the clear.
        {"url": "http://example.org/a.ics", "credential": "calendar"},
    ],
)
def test_an_address_that_cannot_be_right_is_refused(faulty: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        CalendarConfig(**faulty)  # type: ignore[arg-type]


def test_rooms_ask_at_different_times() -> None:
    moments = {lateness_s(f"B-{number}", 900) for number in range(200)}
    assert len(moments) == 200
    assert 0 <= min(moments) < 100
    assert 800 < max(moments) < 900
