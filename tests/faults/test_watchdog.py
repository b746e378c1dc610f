"""The law of the watchdog: a slow disk is no hang, and systemd does not end the agent for it."""

from __future__ import annotations

import contextlib
import re
import socket
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.faults.disks import faulty_disk
from tests.process.classroom import CAMERA, MICROPHONE, Classroom, classroom

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
UNIT = Path(__file__).parents[2] / "systemd" / "edge-agent.service"


def limit_s() -> float:
    """What the installed unit allows between two signs of life."""
    found = re.search(r"^WatchdogSec=(\d+)", UNIT.read_text(), re.MULTILINE)
    assert found is not None
    return float(found[1])


class Systemd:
    """Notes when the agent gave a sign of life."""

    def __init__(self, address: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(address))
        self.signs: list[float] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while data := self._socket.recv(1000):
            if b"WATCHDOG=1" in data:
                self.signs.append(time.monotonic())

    def longest_s(self) -> float:
        ends = [*self.signs[1:], time.monotonic()]
        return max(end - start for start, end in zip(self.signs, ends, strict=True))


def press(room: Classroom, verb: str) -> dict[str, Any]:
    """As people do: again, when the ledger was busy for the ten seconds that a command waits."""
    for _ in range(5):
        with contextlib.suppress(sqlite3.OperationalError):
            return room.answer(room.post(verb))
    raise AssertionError(f"{verb} did not get into the ledger")


def test_every_button_on_a_disk_whose_sync_takes_two_seconds_keeps_the_watchdog_content(
    tmp_path: Path,
) -> None:
    disk = faulty_disk(tmp_path, tmp_path / "spool")
    systemd = Systemd(tmp_path / "notify")
    env = {**disk.env, "NOTIFY_SOCKET": str(tmp_path / "notify")}
    with classroom(tmp_path, {"camera": CAMERA, "microphone": MICROPHONE}, env=env) as room:
        room.start_agent()
        room.until_armed()
        disk.break_("slow", "2")
        lecture = str(press(room, "start")["lecture"])
        for verb in ("mark", "mute", "unmute", "pause", "resume"):
            assert "error" not in press(room, verb)
        room.until_durable(1)
        press(room, "stop")
        longest_s = systemd.longest_s()
        print(f"MEASURED longest pause between two signs of life: {longest_s:.1f} s")
        disk.mend("slow")
        assert longest_s < limit_s()
        room.package(lecture)
        assert room.agent is not None
        assert room.agent.poll() is None
