"""The panel's own process beside a real agent with real recorders: the whole flow over HTTP."""

from __future__ import annotations

import http.client
import io
import json
import os
import signal
import socket
import struct
import subprocess
import time
import uuid
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from websockets.sync.client import connect

from edge_agent.locks import is_held
from edge_agent.rules.lecture import State
from edge_agent.rules.timeline import NOTICE_NS
from tests.process.classroom import CAMERA, HANG_S, MICROPHONE, Classroom, classroom, until
from tests.servers.running import free_port

UNDO_S = 20.0
VOICE = {**MICROPHONE, "options": {"stream": "audio", "sound": "speech"}}


class Browser:
    """What a page would do, without a page."""

    def __init__(self, port: int) -> None:
        self.port = port

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=HANG_S)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, f"/api/v1/{path}", text)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def state(self) -> dict[str, Any]:
        return dict(json.loads(self.ask("GET", "state")[1]))

    def press(self, name: str, **args: Any) -> dict[str, Any]:
        body = {"key": uuid.uuid4().hex, "base": self.state()["rev"], "args": args}
        status, answer = self.ask("POST", f"commands/{name}", body)
        assert status == 200, answer
        return dict(json.loads(answer))

    def until(self, word: str, and_: Callable[[dict[str, Any]], object] = bool) -> dict[str, Any]:
        def seen() -> dict[str, Any] | None:
            state = self.state()
            return state if state["word"] == word and and_(state) else None

        return until(f"the panel says {word}", seen) or {}


class Panel:
    """The process."""

    def __init__(self, room: Classroom, port: int) -> None:
        self._room = room
        self._log = (room.root / "panel.log").open("ab")
        self.browser = Browser(port)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            self._room.cli("panel", "run"), stdout=self._log, stderr=self._log
        )
        until("the panel answers", self._answers)

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self._room.root / "panel.log").read_text()
        try:
            return self.browser.ask("GET", "access")[0] == 200
        except OSError:
            return False

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        if self.process is None:
            return 0
        self.process.send_signal(number)
        return self.process.wait(HANG_S)

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.end(signal.SIGKILL)
        self._log.close()


@pytest.fixture
def room(tmp_path: Path) -> Iterator[tuple[Classroom, Panel]]:
    port = free_port()
    sections = {"panel": {"port": port}, "recording": {"undo_seconds": UNDO_S}}
    with classroom(tmp_path, {"camera": CAMERA, "microphone": VOICE}, **sections) as it:
        it.start_agent()
        panel = Panel(it, port)
        try:
            panel.start()
            yield it, panel
        finally:
            panel.close()
            print(it.log(), (it.root / "panel.log").read_text())


def test_a_lecture_from_the_first_word_to_the_package(room: tuple[Classroom, Panel]) -> None:
    here, panel = room
    page = panel.browser
    page.until("ready", lambda state: state["mic"]["state"] == "ok")
    page.press("edit", title="ទែម៉ូឌីណាមិច")
    lecture = page.press("start", course="PHY 204")["lecture"]
    shown = page.until("recording")
    assert (shown["lecture"]["id"], shown["lecture"]["title"]) == (lecture, "ទែម៉ូឌីណាមិច")
    assert all(source["durable_s"] is not None for source in shown["sources"])
    assert all(here.track(name)["durable_s"] for name in ("camera", "microphone"))

    page.press("pause")
    paused = page.until("paused")
    assert (paused["timer"]["running"], paused["pause_timer"]["running"]) == (False, True)
    page.press("resume")
    page.until("recording")
    page.press("mute")
    assert page.until("recording", lambda state: state["muted"])["mic"]["state"] == "muted"
    page.press("unmute")

    page.press("stop")
    saved = page.until("saved")["saved"]
    assert saved["lecture"] == lecture
    time.sleep(2 * NOTICE_NS / 1e9)  # a shorter hole is not worth a word
    page.press("continue", lecture=lecture)
    page.until("recording")
    page.press("edit", title="Thermodynamics 2")
    page.press("stop")
    page.until("saved")
    stays = {State.FINISHING, State.HELD}
    assert here.lecture(lecture).state in stays, "nothing of it is sent yet"
    [line] = page.until("ready")["queue"]["lectures"]
    assert (line["title"], line["arrival"]) == ("Thermodynamics 2", "waiting")
    manifest = here.manifest(lecture)
    assert manifest["name"] == "Thermodynamics 2"
    assert "stopped" in {gap["cause"] for gap in manifest["gaps"]}


def test_ten_seconds_can_be_heard_of_what_was_just_saved(room: tuple[Classroom, Panel]) -> None:
    here, panel = room
    page = panel.browser
    page.until("ready")
    lecture = page.press("start")["lecture"]
    page.until("recording")
    here.until_durable(12.0, "microphone")
    page.press("stop")
    page.until("saved")
    status, sound = page.ask("GET", f"lectures/{lecture}/listen")
    assert status == 200
    with wave.open(io.BytesIO(sound)) as file:
        assert file.getnframes() / file.getframerate() == pytest.approx(10, abs=0.1)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert np.abs(samples.astype(int)).max() > 1000, "there is a voice in it"


def test_levels_come_live(room: tuple[Classroom, Panel]) -> None:
    _, panel = room
    panel.browser.until("ready")
    address = f"ws://127.0.0.1:{panel.browser.port}/api/v1/live"
    levels: list[tuple[int, int]] = []
    with connect(address, compression=None) as live:

        def enough() -> bool:
            message = live.recv(timeout=HANG_S)
            if isinstance(message, bytes):
                kind, _, _ = struct.unpack("!BBI", message[:6])
                assert kind == 2, "pictures come to who wants them"
                levels.append(struct.unpack("!hh", message[6:]))
            return len(levels) >= 20

        until("levels", enough)
    peaks = {peak for peak, _ in levels}
    assert all(-12_000 <= peak <= 0 for peak in peaks)
    assert len(peaks) > 3, "they move"


def test_a_killed_agent_is_told_and_so_is_its_return(room: tuple[Classroom, Panel]) -> None:
    here, panel = room
    page = panel.browser
    page.until("ready")
    lecture = page.press("start")["lecture"]
    page.until("recording")
    here.kill_agent()
    gone = page.until("not_ready")
    assert gone["problems"][0]["key"] == "agent.down"
    status, answer = page.ask(
        "POST", "commands/stop", {"key": uuid.uuid4().hex, "base": gone["rev"]}
    )
    assert (status, json.loads(answer)["error"]["code"]) == (503, "agent-down")
    here.start_agent()
    assert page.until("recording")["lecture"]["id"] == lecture


def test_a_killed_panel_touches_no_recording_and_knows_all_when_it_is_back(
    room: tuple[Classroom, Panel],
) -> None:
    here, panel = room
    page = panel.browser
    page.until("ready")
    lecture = page.press("start")["lecture"]
    page.until("recording")
    panel.end(signal.SIGKILL)
    assert here.lecture(lecture).state is State.RECORDING
    panel.start()
    assert page.until("recording")["lecture"]["id"] == lecture


def test_it_ends_when_it_is_told_to_and_leaves_nothing(room: tuple[Classroom, Panel]) -> None:
    here, panel = room
    with connect(f"ws://127.0.0.1:{panel.browser.port}/api/v1/live", compression=None) as live:
        live.recv(timeout=HANG_S)
        assert panel.end() == 0
    assert not here.runtime.panel_socket.exists()
    assert not is_held(here.runtime.panel_lock)


def test_there_is_one_panel_and_a_taken_port_is_told(room: tuple[Classroom, Panel]) -> None:
    here, panel = room
    second = subprocess.run(
        here.cli("panel", "run"), capture_output=True, text=True, timeout=HANG_S, check=False
    )
    assert second.returncode == 5
    assert "already running" in second.stderr
    panel.end()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", panel.browser.port))
        other.listen()
        third = subprocess.run(
            here.cli("panel", "run"), capture_output=True, text=True, timeout=HANG_S, check=False
        )
    assert third.returncode == 1
    assert "Address already in use" in third.stderr


def test_without_a_browser_the_kiosk_says_what_to_install(
    room: tuple[Classroom, Panel], tmp_path: Path
) -> None:
    here, _ = room
    told = subprocess.run(
        here.cli("panel", "open"),
        env=os.environ | {"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=HANG_S,
        check=False,
    )
    assert told.returncode == 4
    assert "apt install chromium" in told.stderr


def test_the_socket_is_for_the_service_and_its_group(room: tuple[Classroom, Panel]) -> None:
    here, _ = room
    assert here.runtime.panel_socket.stat().st_mode & 0o777 == 0o660
