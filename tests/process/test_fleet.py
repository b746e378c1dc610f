"""Rooms looked at and changed through a real ssh."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from edge_agent.config import to_toml
from tests.process.classroom import CAMERA, HANG_S, MICROPHONE
from tests.process.conftest import MakeRoom
from tests.published import answer_of
from tests.servers.running import ROOT
from tests.servers.sshd import Sshd

pytestmark = pytest.mark.slow


def test_a_desk_sees_which_room_records_and_changes_another(
    make_room: MakeRoom, tmp_path: Path
) -> None:
    hall = make_room({"camera": CAMERA, "microphone": MICROPHONE})
    asleep = tmp_path / "asleep" / "config.toml"
    asleep.parent.mkdir()
    folders = {name: str(asleep.parent / name) for name in ("spool", "runtime")}
    asleep.write_text(to_toml({"storage": folders, "room": {"name": "B-1"}}))
    (tmp_path / "ssh").mkdir()
    server = Sshd(tmp_path / "ssh", {"hall": hall.config, "asleep": asleep}).start()
    inventory = tmp_path / "fleet.toml"
    command = f"env PYTHONPATH={ROOT} {sys.executable} -m edge_agent.cli"
    inventory.write_text(f"command = {json.dumps(command)}\n[rooms.hall]\n[rooms.asleep]\n")

    def fleet(*words: str, data: bytes = b"") -> tuple[int, Any]:
        done = subprocess.run(
            [sys.executable, "-m", "edge_agent.cli", "fleet", *words, "--json"],
            env=os.environ
            | {"PATH": f"{server.client()}:/usr/bin:/bin", "EDGE_AGENT_FLEET": str(inventory)},
            input=data,
            capture_output=True,
            timeout=HANG_S,
            cwd=ROOT,
        )
        return done.returncode, answer_of(done.stdout)["data"]

    try:
        hall.start_agent()
        hall.until_armed()
        hall.begin(title="Heat")
        hall.until_durable(1)
        code, found = fleet("status")
        assert code == 3
        assert [(each["room"], each["state"]) for each in found] == [
            ("asleep", "NOT RUNNING"),
            ("hall", "recording"),
        ]
        data = to_toml({"storage": folders, "room": {"name": "B-2"}}).encode()
        code, found = fleet("push", "-", "--rooms", "asleep", data=data)
        assert (code, [each["status"] for each in found]) == (0, [0])
        assert tomllib.loads(asleep.read_text())["room"]["name"] == "B-2"
        code, found = fleet("push", "-", "--rooms", "asleep", data=b"[room]\nname = 3\n")
        assert code == 1
        assert "name" in found[0]["err"]
        assert tomllib.loads(asleep.read_text())["room"]["name"] == "B-2"
    finally:
        server.kill()
