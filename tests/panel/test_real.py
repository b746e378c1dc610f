"""The panel's whole way against the running product: real agent, recorders, upload and panel."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from edge_agent.rules.lecture import State
from tests.panel.looking import SIZES
from tests.process.classroom import CAMERA, SLIDES, Classroom, classroom
from tests.servers.running import free_port

pytestmark = pytest.mark.slow

SPEECH = {"kind": "synthetic", "options": {"stream": "audio", "sound": "speech"}}
ROOM = {"camera": CAMERA, "slides": SLIDES, "microphone": SPEECH}
LOCALE = Path(__file__).parents[2] / "edge_agent" / "panel" / "static" / "locale"
#: Nothing here takes longer on a machine that is merely slow.
HANG_MS = 90_000
#: Long enough for a browser to press "Continue"; short enough to see the lecture arrive.
UNDO_S = 25


class Panel:
    """A page on the panel of a real room, in one language."""

    def __init__(self, room: Classroom, page: Page, port: int, tag: str) -> None:
        self.room, self.page, self._port = room, page, port
        self.messages: dict[str, Any] = json.loads((LOCALE / f"{tag}.json").read_text())["messages"]
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._said)
        self.process: subprocess.Popen[bytes] | None = None

    def _said(self, message: Any) -> None:
        # A panel that is away leaves a refused connection for each attempt: that is no mistake.
        if message.type == "error" and "ERR_CONNECTION" not in message.text:
            self.complaints.append(message.text)

    def serve(self) -> None:
        self.process = self.room._spawn(*self.room.cli("panel", "run"))

    def open(self) -> None:
        address = f"http://127.0.0.1:{self._port}/"
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    break
            self.page.wait_for_timeout(200)
        self.page.goto(address)

    def close(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            self.process.wait(30)

    def word(self, key: str) -> None:
        """Until the bar says so."""
        expected = self.messages[f"state.{key}"]
        expect(self.page.locator("#bar h1")).to_have_text(expected, timeout=HANG_MS)

    def press(self, button: str) -> None:
        self.page.locator(f"{button}:enabled").click(timeout=HANG_MS)

    def stop(self) -> None:
        self.press(".actions .stop")
        self.press(".actions .really")

    def says(self, where: str, key: str) -> None:
        expect(self.page.locator(where)).to_have_text(self.messages[key], timeout=HANG_MS)


@pytest.fixture
def panel(request: pytest.FixtureRequest, browser: Browser, tmp_path: Path) -> Iterator[Panel]:
    tag, port = getattr(request, "param", "en"), free_port()
    options = {
        "panel": {"port": port, "language": tag},
        "recording": {"undo_seconds": float(UNDO_S)},
    }
    page = browser.new_page(viewport=dict(zip(("width", "height"), SIZES["7-inch"], strict=True)))
    with classroom(tmp_path, ROOM, **options) as room:
        found = Panel(room, page, port, tag)
        try:
            room.start_agent()
            room.until_armed()
            found.serve()
            found.open()
            yield found
        finally:
            page.close()
            found.close()
            print(room.log())


@pytest.mark.parametrize("panel", ["en", "ar", "km", "zh-Hans"], indirect=True)
def test_walk_in_be_heard_record_pause_resume_stop_continue_stop_and_leave(panel: Panel) -> None:
    page, room = panel.page, panel.room
    room.start_uploader()
    panel.word("ready")
    panel.says(".voice-verdict", "mic.ok")
    panel.press(".start")
    panel.word("recording")
    lecture = room.status()["lecture"]["id"]
    assert all((room.track(name)["durable_s"] or 0) > 0 for name in ROOM)  # facts, not commands
    panel.press(".pause")
    panel.word("paused")
    panel.press(".resume")
    panel.word("recording")
    panel.stop()
    panel.word("saved")
    panel.says(".saved-leave", "saved.leave")
    panel.press(".continue")
    panel.word("recording")
    assert room.status()["lecture"]["id"] == lecture
    room.until_durable(3)
    panel.stop()
    panel.word("saved")
    room.until_state(lecture, State.DELIVERED)
    panel.press(".foot-queue")
    expect(page.locator(".queue li")).to_have_count(1)
    panel.says(".queue-arrival span", "queue.sent")
    assert panel.complaints == []


def test_ten_seconds_of_what_was_saved_can_be_heard(panel: Panel) -> None:
    panel.press(".start")
    panel.word("recording")
    panel.room.until_durable(6)
    panel.stop()
    panel.word("saved")
    panel.press(".listen")
    panel.says(".listen span", "listen.again")
    assert panel.complaints == []


def test_a_page_that_is_loaded_again_in_the_middle_shows_the_same_lecture(panel: Panel) -> None:
    panel.press(".start")
    panel.word("recording")
    panel.room.until_durable(4)
    panel.page.reload()
    panel.word("recording")
    timer = panel.page.locator(".timer").inner_text()
    assert "00:00:04" <= timer < "00:05:00"
    panel.stop()
    panel.word("saved")


def test_a_panel_that_hangs_is_lost_contact_and_the_recording_goes_on(panel: Panel) -> None:
    panel.press(".start")
    panel.word("recording")
    assert panel.process is not None
    panel.process.send_signal(signal.SIGSTOP)
    panel.word("offline")
    assert panel.page.locator("button").count() == 0
    before = panel.room.track("microphone")["durable_s"]
    panel.room.until_durable(before + 3, "microphone")
    panel.process.send_signal(signal.SIGCONT)
    panel.word("recording")
    assert panel.complaints == []


def test_an_agent_that_is_killed_in_the_middle_goes_on_with_the_same_lecture(panel: Panel) -> None:
    panel.press(".start")
    panel.word("recording")
    panel.room.until_durable(3)
    lecture = panel.room.status()["lecture"]["id"]
    panel.room.kill_agent()
    panel.word("notready")
    expect(panel.page.locator(".problem strong")).to_have_text(panel.messages["problem.agent"])
    panel.room.start_agent()
    panel.word("recording")
    assert panel.room.status()["lecture"]["id"] == lecture
    panel.stop()
    panel.word("saved")
    assert panel.complaints == []
