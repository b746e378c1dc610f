"""Laws of `edge-agent lectures delete|restore|repair` and `edge-agent storage show|prune`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edge_agent import lecture_file
from edge_agent.clock import SystemClock
from edge_agent.ledger import Ledger
from edge_agent.locks import only_one
from edge_agent.rows import BinRow, Lecture, Track
from edge_agent.rules.lecture import State
from edge_agent.rules.stock import Held, freed, prunable, use_of
from edge_agent.rules.timeline import START_NS
from edge_agent.spool import Runtime, Spool
from tests.hardware_fixtures import DEADLINE_S, ROOT
from tests.lecture_maker import record_sound
from tests.published import answer_of, demand_published
from tests.simulated_room import SimulatedRoom

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
MONTH = timedelta(days=30)


def held(state: State, days: float = 100, **more: Any) -> Held:
    ended = (NOW - timedelta(days=days)).isoformat()
    return Held(**{"lecture": "L", "state": state, "ended_utc": ended, "bytes": 10} | more)


@pytest.mark.parametrize(
    ("it", "use", "goes", "with_bin"),
    [
        (held(State.RECORDING), "under way", False, False),
        (held(State.FINISHING), "under way", False, False),
        (held(State.FAILED), "failed", False, False),
        (held(State.HELD), "waiting", False, False),
        (held(State.PACKAGED), "waiting", False, False),
        (held(State.PACKAGED, waiting=True), "waiting", False, False),
        (held(State.DELIVERED, waiting=True), "waiting", False, False),
        (held(State.DELIVERED), "arrived", True, True),
        (held(State.DELIVERED, days=29), "arrived", False, False),
        (held(State.DELIVERED, ended_utc=None), "arrived", False, False),
        (held(State.DELIVERED, binned=True), "bin", False, True),
        (held(State.PACKAGED, binned=True, waiting=True), "bin", False, True),
        (held(State.PURGED, bytes=0), "arrived", False, False),
    ],
)
def test_only_what_has_arrived_leaves_and_the_bin_when_it_is_said(
    it: Held, use: str, goes: bool, with_bin: bool
) -> None:
    assert use_of(it) == use
    assert (it in prunable([it], NOW, MONTH, bin_too=False)) is goes
    assert (it in prunable([it], NOW, MONTH, bin_too=True)) is with_bin
    assert freed([it, it]) == 2 * it.bytes


class Desk:
    """The command line of a room."""

    def __init__(self, root: Path, spool: Spool, runtime: Runtime) -> None:
        self.config = root / "config.toml"
        self.config.write_text(
            f'[storage]\nspool = "{spool.root}"\nruntime = "{runtime.root}"\nleast_free_mib = 0\n'
        )

    def begin(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "edge_agent.cli", "--config", str(self.config), *words],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *words: str) -> tuple[int, dict[str, Any]]:
        return told(self.begin(*words, "--json"))


def told(process: subprocess.Popen[str]) -> tuple[int, dict[str, Any]]:
    out, errors = process.communicate(timeout=90)
    assert out, errors
    document = answer_of(out)
    if document["schema"] not in ("edge-agent/lectures.list/1", "edge-agent/upload.status/1"):
        demand_published(document)
    return process.returncode, document


# ---------------------------------------------------------------- beside an agent


class Beside:
    """A room with a simulated agent that answers, and the real command line."""

    def __init__(self, root: Path) -> None:
        self.room = SimulatedRoom(root)
        self.desk = Desk(root, self.room.spool, self.room.runtime)

    def __call__(self, *words: str) -> tuple[int, dict[str, Any]]:
        clock = self.room.clock
        now = SystemClock().now()
        clock.boot, clock.mono, clock.utc = now.boot, now.mono_ns, now.utc
        process = self.desk.begin(*words, "--json")
        deadline = time.monotonic() + DEADLINE_S
        while process.poll() is None and time.monotonic() < deadline:
            clock.mono = time.monotonic_ns()
            self.room.settle()
            time.sleep(0.02)
        return told(process)


@pytest.fixture
def beside(tmp_path: Path) -> Iterator[Beside]:
    beside = Beside(tmp_path)
    with only_one(beside.room.runtime.agent_lock, "agent"):
        yield beside
    beside.room.close()


def recorded(room: SimulatedRoom, delivered: bool = True) -> str:
    number = room.post("start", {}, f"start {room.clock.mono}")
    room.run(8)
    room.post("stop", {}, f"stop {room.clock.mono}")
    room.run(8)
    if delivered:
        room.upload(30)
        room.run(2)
    command = room.ledger.command(number)
    assert command is not None
    assert command.answer is not None
    return str(command.answer["lecture"])


def test_from_the_bin_and_back_and_off_the_disk(beside: Beside) -> None:
    lecture = recorded(beside.room)
    code, answer = beside("lectures", "delete", lecture, "--dry-run")
    assert (code, answer["data"]["deleted"]) == (0, [])
    code, answer = beside("lectures", "delete", lecture)
    assert (code, answer["schema"]) == (0, "edge-agent/lectures.delete/1")
    assert [it["lecture"] for it in answer["data"]["deleted"]] == [lecture]
    assert beside("lectures", "list")[1]["data"] == []
    [shown] = beside("lectures", "list", "--bin")[1]["data"]
    assert shown["id"] == lecture
    assert shown["deleted_utc"]
    assert beside("storage", "show")[1]["data"]["bin_bytes"] > 0
    assert beside("storage", "prune", "--yes", "--older-than", "0")[1]["data"]["lectures"] == []
    code, answer = beside("lectures", "restore", lecture)
    assert (code, answer["data"]) == (0, {"lecture": lecture, "state": "delivered"})
    code, answer = beside("storage", "prune", "--older-than", "0")
    assert (code, answer["error"]["code"]) == (2, "needs-yes")
    code, answer = beside("storage", "prune", "--older-than", "0", "--dry-run")
    assert (code, answer["data"]["dry_run"]) == (0, True)
    assert beside.room.spool.package(lecture).is_dir()
    code, answer = beside("storage", "prune", "--older-than", "0", "--yes")
    assert (code, answer["data"]["purged"]) == (0, [lecture])
    assert answer["data"]["freed_bytes"] > 0
    beside.room.run(2)
    assert not beside.room.spool.lecture(lecture).exists()
    code, answer = beside("lectures", "repair", lecture)
    assert (code, answer["error"]["code"]) == (5, "wrong-state")


def test_what_has_not_arrived_needs_a_word_and_is_never_pruned(beside: Beside) -> None:
    lecture = recorded(beside.room, delivered=False)
    code, answer = beside("lectures", "delete", lecture)
    assert (code, answer["error"]["code"]) == (5, "undelivered")
    assert "--undelivered" in answer["error"]["hint"]
    assert beside("storage", "prune", "--older-than", "0", "--yes")[1]["data"]["lectures"] == []
    assert beside("upload", "status")[1]["data"]["deliveries"]
    code, answer = beside("lectures", "delete", lecture, "--undelivered")
    assert code == 0
    assert beside("upload", "status")[1]["data"]["deliveries"] == []
    assert beside("storage", "prune", "--yes")[1]["data"]["lectures"] == [], "the bin was not said"
    code, answer = beside("storage", "prune", "--bin", "--yes")
    assert (code, answer["data"]["purged"]) == (0, [lecture])


def test_a_package_that_is_whole_needs_no_repair_and_one_that_is_not_is_told(
    beside: Beside,
) -> None:
    lecture = recorded(beside.room)
    code, answer = beside("lectures", "repair", lecture)
    assert (code, answer["data"]["problems"]) == (0, [])
    package = beside.room.spool.package(lecture)
    next(package.glob("*.m4a")).write_bytes(b"rotten")
    code, answer = beside("lectures", "repair", lecture)
    assert code == 3
    assert answer["data"]["problems"]


def test_a_failed_lecture_is_repaired_by_the_agent(beside: Beside) -> None:
    beside.room.outside.mood = "failure"
    lecture = recorded(beside.room, delivered=False)
    beside.room.run(300)
    assert beside.room.ledger.existing(lecture).state is State.FAILED
    code, answer = beside("lectures", "repair", lecture, "--dry-run")
    assert (code, answer["data"]["done"]) == (0, False)
    beside.room.outside.mood = "success"
    code, answer = beside("lectures", "repair", lecture)
    assert (code, answer["data"]["done"]) == (0, True)
    beside.room.run(10)
    assert beside.room.ledger.existing(lecture).state is State.PACKAGED


# ---------------------------------------------------------------- without an agent


@pytest.fixture
def failed(tmp_path: Path) -> tuple[Desk, Spool]:
    """A failed lecture with a segment that the ledger does not know, and one that is torn."""
    spool, runtime = Spool(tmp_path / "spool"), Runtime(tmp_path / "run")
    spool.lectures.mkdir(parents=True)
    now = SystemClock().now()
    lecture = Lecture("L001", State.FAILED, now.utc_text, now.trust, now.boot, -START_NS)
    track = Track("L001", "microphone", "presenter/source", "audio")
    lecture_file.write(spool.facts("L001"), lecture, [track])
    folder = spool.track("L001", "microphone")
    record_sound(folder, 0, 12)
    (folder / "000002.mp4").rename(folder / "000002.mp4.part")
    with (folder / "000002.mp4.part").open("ab") as file:
        file.write(b"\0\0\x10\0moof, half")
    ledger = Ledger.create(spool.ledger)
    ledger.add_lecture(lecture, [track])
    ledger.close()
    return Desk(tmp_path, spool, runtime), spool


def rows(spool: Spool) -> tuple[State, list[str], list[str]]:
    ledger = Ledger.read(spool.ledger)
    try:
        return (
            ledger.existing("L001").state,
            [segment.name for segment in ledger.segments("L001")],
            [event.kind for event in ledger.events("L001")],
        )
    finally:
        ledger.close()


def test_without_an_agent_one_lecture_is_repaired_by_the_agents_own_code(
    failed: tuple[Desk, Spool],
) -> None:
    desk, spool = failed
    code, answer = desk("lectures", "repair", "L001", "--dry-run")
    assert code == 0
    assert [it["what"] for it in answer["data"]["repairs"]] == [
        "adopted",
        "cut at its last whole fragment and adopted",
    ]
    assert rows(spool) == (State.FAILED, [], [])
    code, answer = desk("lectures", "repair", "L001")
    assert (code, answer["data"]["done"]) == (0, True)
    state, segments, kinds = rows(spool)
    assert (state, segments) == (State.FINISHING, ["000001.mp4", "000002.mp4"])
    assert kinds == ["recovered", "recovered", "repaired"]


def test_what_needs_the_agent_says_so(failed: tuple[Desk, Spool]) -> None:
    desk, _ = failed
    for words in (
        ["lectures", "delete", "L001", "--undelivered"],
        ["lectures", "restore", "L001"],
    ):
        code, answer = desk(*words)
        assert (code, answer["error"]["code"]) == (8, "agent-not-running")


def test_what_is_in_the_bin_is_not_repaired(failed: tuple[Desk, Spool]) -> None:
    desk, spool = failed
    ledger = Ledger.write(spool.ledger)
    ledger.put_into_bin(BinRow("L001", "2026-11-22T10:00:00.000Z", "synchronised"))
    ledger.close()
    status = desk.begin("status", "--json").communicate(timeout=90)[0]
    assert json.loads(status)["data"]["queue"]["failed_lectures"] == 0, "nobody needs to see to it"
    code, answer = desk("lectures", "repair", "L001")
    assert (code, answer["error"]["hint"]) == (5, "edge-agent lectures restore L001")
    assert rows(spool)[0] is State.FAILED


def test_what_the_disk_is_used_for_is_told_without_an_agent(failed: tuple[Desk, Spool]) -> None:
    desk, _ = failed
    code, answer = desk("storage", "show")
    data = answer["data"]
    assert code == 0
    assert data["uses"]["failed"] > 0
    assert data["prunable_bytes"] == data["bin_bytes"] == 0
    assert [it["use"] for it in data["lectures"]] == ["failed"]
    assert answer["warnings"], "the agent is not running"
