"""People's control of a real upload process that sends to a real tus server."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from edge_agent.config import Config, Storage, TusDestination, Upload, to_toml
from tests.delivery_room import Room, wait_for
from tests.published import answer_of
from tests.servers.network_manager import NetworkManager, message_bus_address
from tests.servers.tus import TOKEN, Receiver
from tests.test_cli import ENVELOPE, ROOT
from tests.test_tus_delivery import _arrived

LECTURE, OTHER = "0193-aaaa", "0193-bbbb"
FILM = bytes(range(256)) * (24 << 12)  # 24 MiB


@dataclass
class Campus:
    """A room, its platform, and its command line."""

    room: Room
    receiver: Receiver
    home: Path

    def configure(self, **upload: Any) -> None:
        settings = Config(
            storage=Storage(spool=self.room.spool.root, runtime=self.home / "run"),
            upload=Upload(spread_minutes=0, **upload),
            destinations={
                "platform": TusDestination(
                    type="tus",
                    url=f"{self.receiver.base}/files/",
                    receipts_url=f"{self.receiver.base}/receipts/{{lecture}}/{{name}}/{{sha256}}",
                    credential="room",
                )
            },
        )
        self.room.config = settings
        text = to_toml(settings.model_dump(mode="json", exclude_none=True))
        (self.home / "config.toml").write_text(text)

    def __call__(self, *words: str, code: int = 0) -> dict[str, Any]:
        """`edge-agent upload …`; its data."""
        command = [sys.executable, "-m", "edge_agent.cli", "--config"]
        done = subprocess.run(
            [*command, str(self.home / "config.toml"), "upload", *words, "--json"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        document = answer_of(done.stdout)
        jsonschema.validate(document, ENVELOPE)
        assert done.returncode == code, document
        found: dict[str, Any] = document["data"] if code == 0 else document["error"]
        return found

    def stands_still(self) -> bool:
        """Nothing more arrives for a while; what was under way may still come in."""
        before = _arrived(self.receiver)
        time.sleep(1.5)
        return _arrived(self.receiver) == before

    def delivered(self, lecture: str) -> bool:
        return all(row.receipt is not None for row in self.room.ledger.outbox(lecture))


@pytest.fixture
def campus(tmp_path: Path) -> Iterator[Campus]:
    receiver = Receiver("tuspyserver", tmp_path).start()
    room = Room(tmp_path)
    room.secrets.mkdir()
    (room.secrets / "room").write_text(TOKEN)
    (room.secrets / "room").chmod(0o600)
    made = Campus(room, receiver, tmp_path)
    made.configure()
    yield made
    room.ledger.close()
    receiver.kill()


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    assert process.wait(30) == 0


def test_a_pause_stops_a_file_on_its_way_survives_a_kill_and_ends_when_resumed(
    campus: Campus,
) -> None:
    campus.configure(limit="2M")
    campus.room.package(LECTURE, {"presenter.mp4": FILM})
    with campus.room.upload() as first:
        wait_for(lambda: _arrived(campus.receiver) > 1 << 20, "bytes", 60)
        answer = campus("pause")
        assert answer["orders"]["paused"]
        assert answer["leave"]["first_stages"]["why"] == "paused"
        wait_for(campus.stands_still, "the pause")
        first.send_signal(signal.SIGKILL)
        first.wait(60)
    held = _arrived(campus.receiver)
    assert 1 << 20 < held < len(FILM)
    with campus.room.upload() as second:
        wait_for(lambda: campus("status")["leave"] is not None, "the process", 60)
        assert campus.stands_still()
        assert _arrived(campus.receiver) == held
        campus("limit", "off")
        assert campus("resume")["leave"]["full_quality"]["why"] == "free"
        wait_for(lambda: campus.delivered(LECTURE), "the delivery", 90)
        stop(second)
    assert campus.receiver.held(LECTURE) == {"presenter.mp4": FILM}


def test_the_status_tells_what_is_sent_how_fast_and_when_it_will_have_arrived(
    campus: Campus,
) -> None:
    campus.configure(limit="768k")
    campus.room.package(LECTURE, {"presenter.mp4": FILM})
    with campus.room.upload() as process:
        wait_for(lambda: _whole(campus("status")) is not None, "a forecast", 60)
        told = campus("status")
        assert told["sending"]["name"] == "presenter.mp4"
        assert 0 < told["sending"]["done"] <= told["sending"]["bytes"] == len(FILM)
        assert told["leave"]["bytes_today"] == told["leave"]["bytes_this_month"] > 0
        assert _whole(told) > datetime.now(UTC)
        campus("limit", "off")
        wait_for(lambda: campus.delivered(LECTURE), "the delivery", 90)
        wait_for(lambda: "whole" in campus("status")["forecast_error"], "the error", 60)
        stop(process)
    kept = {row.stage: row.arrived_utc for row in campus.room.ledger.forecasts()}
    assert kept["whole"] is not None


def _whole(status: dict[str, Any]) -> Any:
    """When the lecture is expected to be whole; None while nobody knows."""
    expected = status["deliveries"][0]["expected"]
    found = expected and expected["whole_utc"]
    return found and datetime.fromisoformat(found)


def test_what_is_asked_for_goes_outside_of_the_hours_and_only_that(campus: Campus) -> None:
    campus.configure(limit="pause")
    campus.room.package(LECTURE, {"manifest.json": b"m"})
    campus.room.package(OTHER, {"manifest.json": b"n"})
    with campus.room.upload() as process:
        wait_for(lambda: campus("status")["leave"] is not None, "the process", 60)
        assert campus("status")["leave"]["first_stages"]["why"] == "hours"
        assert campus("now", "aaaa")["orders"]["asked"] == [LECTURE]
        wait_for(lambda: campus.delivered(LECTURE), "the delivery", 60)
        assert not campus.delivered(OTHER)
        assert campus("now", "aaaa", code=5)["code"] == "nothing-waits"
        assert campus("now")["orders"]["asked"] == [OTHER]
        wait_for(lambda: campus.delivered(OTHER), "the delivery", 60)
        stop(process)
    assert campus("now", code=5)["code"] == "nothing-waits"


def test_a_limit_of_people_slows_a_file_on_its_way_and_the_timetable_ends_it(
    campus: Campus,
) -> None:
    campus.room.package(LECTURE, {"presenter.mp4": FILM})
    campus("limit", "64k")
    with campus.room.upload() as process:
        wait_for(lambda: _arrived(campus.receiver) > 0, "bytes", 60)
        began, before = time.monotonic(), _arrived(campus.receiver)
        time.sleep(4)
        rate = (_arrived(campus.receiver) - before) / (time.monotonic() - began)
        assert rate < 512 << 10, "64 KiB/s, in lumps that the server writes"
        answer = campus("limit", "timetable")
        assert (answer["orders"]["limited"], answer["leave"]["full_quality"]["why"]) == (
            False,
            "free",
        )
        wait_for(lambda: campus.delivered(LECTURE), "the delivery", 90)
        stop(process)


THREE = {"manifest.json": b"m", "slides.mp4": b"s", "presenter.mp4": FILM}


def test_used_up_data_stops_a_file_in_the_middle_and_no_kill_forgets_it(campus: Campus) -> None:
    campus.configure(limit="2M", budget_per_month="8M")
    campus.room.package(LECTURE, THREE)
    with campus.room.upload() as first:
        wait_for(lambda: _why(campus("status")) == "month budget", "the budget", 60)
        wait_for(campus.stands_still, "the end of sending")
        first.send_signal(signal.SIGKILL)
        first.wait(60)
    held = _arrived(campus.receiver)
    assert held < 12 << 20, "nine tenths of 8 MiB, and what half a second brings"
    with campus.room.upload() as second:
        wait_for(lambda: _why(campus("status")) == "month budget", "the process", 60)
        assert campus.stands_still()
        assert _arrived(campus.receiver) == held
        campus("now", LECTURE)
        wait_for(lambda: campus.delivered(LECTURE), "the delivery", 90)
        stop(second)
    assert campus.receiver.held(LECTURE) == THREE


def test_a_link_that_becomes_metered_stops_the_full_quality_until_it_is_free_again(
    campus: Campus, monkeypatch: pytest.MonkeyPatch
) -> None:
    campus.configure(limit="2M")
    campus.room.package(LECTURE, THREE)
    with message_bus_address() as bus, NetworkManager(bus, 2) as manager:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus)
        with campus.room.upload() as process:
            wait_for(lambda: _arrived(campus.receiver) > 1 << 20, "bytes", 60)
            manager.metered = 1
            wait_for(lambda: _why(campus("status")) == "metered", "the price", 60)
            assert not campus("status")["leave"]["first_stages"]["waits"]
            wait_for(campus.stands_still, "the end of sending")
            assert not campus.delivered(LECTURE)
            manager.metered = 4
            wait_for(lambda: campus.delivered(LECTURE), "the delivery", 90)
            stop(process)


def _why(status: dict[str, Any]) -> Any:
    """What stands in the way of the full quality."""
    return status["leave"] and status["leave"]["full_quality"]["why"]


def test_a_file_that_was_refused_is_tried_again_when_people_say_so(campus: Campus) -> None:
    campus.room.package(LECTURE, {"presenter.mp4": b"x" * 1000})
    film = campus.room.spool.package(LECTURE) / "presenter.mp4"
    film.write_bytes(b"y" * 1000)
    with campus.room.upload() as process:
        wait_for(lambda: campus.room.row("presenter.mp4").last_error != "", "the refusal", 60)
        film.write_bytes(b"x" * 1000)
        campus("retry", LECTURE)
        wait_for(lambda: campus.delivered(LECTURE), "the delivery", 60)
        stop(process)


def test_orders_are_taken_while_the_process_is_down_and_it_says_so(campus: Campus) -> None:
    campus.room.package(LECTURE, {"manifest.json": b"m"})
    answer = campus("pause", "--for", "2h")
    assert (answer["running"], answer["leave"]) == (False, None)
    assert answer["orders"]["paused_until"] is not None
    with campus.room.upload() as process:
        wait_for(lambda: campus("status")["leave"] is not None, "the process", 60)
        assert not campus.delivered(LECTURE)
        campus("resume")
        wait_for(lambda: campus.delivered(LECTURE), "the delivery", 60)
        stop(process)


def test_the_week_is_told_as_it_holds(campus: Campus) -> None:
    campus.configure(limit="Mon-08:00,pause Mon-18:00,off")
    told = campus("window")
    assert told["late_seconds"] == 0
    monday = [day for day in told["week"] if day["day"] == "Mon"]
    assert [(day["from"], day["to"], day["bytes_per_second"]) for day in monday] == [
        ("00:00", "08:00", None),
        ("08:00", "18:00", 0),
        ("18:00", "24:00", None),
    ]
    assert told["next"]["bytes_per_second"] != told["bytes_per_second"]
