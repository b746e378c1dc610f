"""A booking on its way: from a calendar's server through the room's copy to a lecture, once."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from edge_agent.rules.lecture import State
from tests.process.classroom import CAMERA, HANG_S, Classroom, classroom, until

pytestmark = pytest.mark.slow


def calendar() -> bytes:
    """One lecture that began five minutes ago."""
    begins = datetime.now(UTC) - timedelta(minutes=5)
    return (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:thermo@campus\r\n"
        'SUMMARY:Thermodynamics 2\r\nORGANIZER;CN="Dr Sok":mailto:sok@example.org\r\n'
        f"DTSTART:{begins:%Y%m%dT%H%M%SZ}\r\nDURATION:PT2H\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    ).encode()


class Campus(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = calendar()
        self.send_response(200)
        self.send_header("Content-Type", "text/calendar")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Campus)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/b-204.ics"
    server.shutdown()
    thread.join()
    server.server_close()


def booked(room: Classroom) -> str | None:
    """The lecture of a booking that is under way."""
    lecture = room.status().get("lecture")
    return str(lecture["id"]) if lecture and lecture["booking"] else None


def test_a_booking_of_a_calendar_is_recorded_once(tmp_path: Path, url: str) -> None:
    with classroom(tmp_path, {"camera": CAMERA}, calendars={"campus": {"url": url}}) as room:
        room.start_agent()
        room.until_armed("camera")
        synced = subprocess.run(
            room.cli("schedule", "sync"), timeout=HANG_S, capture_output=True, text=True
        )
        assert (synced.returncode, synced.stdout) == (0, "campus: 1 booking\n")
        lecture = until("the booking is recorded", lambda: booked(room))
        assert lecture is not None
        room.until_durable(2, "camera")

        room.kill_agent()
        room.start_agent()
        assert until("it goes on", lambda: booked(room)) == lecture

        room.command("stop")
        package = room.manifest(lecture)
        assert package["name"] == "Thermodynamics 2"
        with room.ledger() as ledger:
            assert [each.id for each in ledger.lectures()] == [lecture]
            found = ledger.existing(lecture)
            assert (found.lecturer, found.state is State.FAILED) == ("Dr Sok", False)
