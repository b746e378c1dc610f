"""The process of the webhooks: killed in the middle of an outage, it tells what it had to, once."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_agent.clock import rfc3339
from edge_agent.ids import uuid7
from edge_agent.rows import Lecture
from edge_agent.rules.lecture import State
from tests.panel.served import HandMade
from tests.process.classroom import HANG_S, until
from tests.servers.webhook import SECRET, Receiver
from tests.servers.webhook import receiver as receiver


@pytest.fixture
def room(tmp_path: Path, receiver: Receiver) -> Iterator[HandMade]:
    (tmp_path / "config.toml").write_text(
        f'[storage]\nspool = "{tmp_path}/spool"\nruntime = "{tmp_path}/run"\nleast_free_mib = 0\n'
        f'[webhooks.desk]\nurl = "{receiver.url("")}"\ncredential = "desk"\n'
    )
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "desk").write_text(SECRET)
    (tmp_path / "credentials" / "desk").chmod(0o600)
    room = HandMade(tmp_path)
    yield room
    room.ledger.close()


def alerts(folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "edge_agent.cli", "--config", str(folder / "config.toml")]
    return subprocess.Popen([*command, "alerts", "run"], stderr=subprocess.DEVNULL)


@pytest.mark.slow
def test_a_kill_in_an_outage_loses_no_alert_and_tells_none_twice(
    room: HandMade, receiver: Receiver, tmp_path: Path
) -> None:
    begun = datetime.now(UTC) - timedelta(minutes=10)
    number = uuid7(time.time_ns())
    row = Lecture(number, State.FAILED, rfc3339(begun), "synchronised", "boot-1", 0)
    room.ledger.add_lecture(row, [])
    receiver.mood = "broken"
    with room.alive():
        process = alerts(tmp_path)
        until("the first try", lambda: receiver.letters)
        process.kill()
        process.wait(HANG_S)
        tried = {it["webhook-id"] for it in receiver.headers}
        receiver.mood = "ok"
        before = len(receiver.letters)
        process = alerts(tmp_path)
        until("the next try", lambda: len(receiver.letters) > before)
        process.terminate()
        assert process.wait(HANG_S) == 0
        room.runtime.alerts_news.unlink()
        process = alerts(tmp_path)
        until("the process is there", room.runtime.alerts_news.exists)
        time.sleep(3)  # it has looked at the room, and found what it has told already
        process.terminate()
        assert process.wait(HANG_S) == 0
    assert len(tried) == 1
    assert {it["webhook-id"] for it in receiver.headers} == tried
    assert len(receiver.letters) == before + 1
    assert receiver.letters[-1]["data"]["lecture"]["id"] == number
    assert receiver.forged == 0
