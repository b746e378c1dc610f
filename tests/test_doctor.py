"""Laws of the checks: what is wrong is said, with the next step, and no check stops another."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_agent.commands.checks import CHECKS, run
from edge_agent.commands.finding import Finding, Ground, State, ask
from edge_agent.commands.room import room_of
from edge_agent.config import load
from edge_agent.encoder_book import Book, save, this_computer
from edge_agent.locks import only_one
from encoders.ladder import Verdict, candidates
from tests.fixed_clock import FixedClock

ROOT = Path(__file__).parents[1]
TRACK = {
    "phase": "armed",
    "reason": "",
    "hint": "",
    "warning": "",
    "given_up": "",
    "description": "a camera",
    "device": "/dev/video0",
}
UNITS_WELL = """Id=edge-agent.service
LoadState=loaded
ActiveState=active
UnitFileState=enabled

Id=edge-agent-upload.service
LoadState=loaded
ActiveState=active
UnitFileState=enabled
"""


class Hall:
    """A room's configuration, and what is seen in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "spool").mkdir()
        self.status: dict[str, Any] | None = {"version": "1", "tracks": {"camera": TRACK}}
        self.clock = FixedClock()
        self.said: str | None = UNITS_WELL
        self.text = f'[storage]\nspool = "{folder}/spool"\nruntime = "{folder}/run"\n'
        self.text += "least_free_mib = 0\n"

    def ground(self) -> Ground:
        path = self.folder / "config.toml"
        path.write_text(self.text)
        config = load(path, {})
        return Ground(room_of(path), config, self.clock, self.status, lambda _: self.said)

    def findings(self, name: str) -> list[Finding]:
        return run(CHECKS[name], self.ground())

    def wrong(self, name: str) -> str:
        """The one thing that is wrong; it has a next step."""
        [found] = [each for each in self.findings(name) if each.state is State.WRONG]
        assert found.fix
        return found.what

    def know(self, codec: str, *usable: str, speed: float = 3.0) -> None:
        verdicts = [
            Verdict(c.name, codec, c.name in usable, "" if c.name in usable else "no card", speed)
            for c in candidates(codec)
        ]
        save(self.folder / "spool/encoders.json", Book(this_computer(), "", tuple(verdicts)))


@pytest.fixture
def hall(tmp_path: Path) -> Hall:
    return Hall(tmp_path)


def test_an_agent_that_does_not_run_is_wrong(hall: Hall) -> None:
    assert hall.findings("agent") == [Finding("running, version 1")]
    hall.status = None
    assert "not running" in hall.wrong("agent")


def test_lectures_that_nobody_sends_are_wrong(hall: Hall) -> None:
    hall.text += f'[destinations.disk]\ntype = "folder"\npath = "{hall.folder}"\n'
    assert "nothing is sent" in hall.wrong("agent")


@pytest.mark.parametrize(
    ("trust", "state"),
    [("synchronised", State.OK), ("plausible", State.NOTE), ("unset", State.WRONG)],
)
def test_the_clock_is_as_good_as_it_is_trusted(hall: Hall, trust: str, state: State) -> None:
    hall.clock.trust = trust
    [found] = hall.findings("clock")
    assert found.state is state
    assert bool(found.fix) is (state is not State.OK)


def test_a_disk_without_room_is_wrong(hall: Hall) -> None:
    assert [each.state for each in hall.findings("disk")] == [State.OK]
    hall.text = hall.text.replace("least_free_mib = 0", "least_free_mib = 999999999")
    assert "free, enough for about" in hall.wrong("disk")


@pytest.mark.parametrize(
    ("change", "state", "words"),
    [
        ({}, State.OK, "camera: a camera"),
        ({"phase": "absent", "reason": "unplugged"}, State.WRONG, "camera: unplugged"),
        ({"warning": "digital silence"}, State.WRONG, "camera: digital silence"),
        ({"given_up": "the preview is off"}, State.NOTE, "too slow: the preview is off"),
    ],
)
def test_a_device_is_as_the_agent_finds_it(
    hall: Hall, change: dict[str, str], state: State, words: str
) -> None:
    hall.status = {"version": "1", "tracks": {"camera": TRACK | change}}
    [found] = hall.findings("devices")
    assert found.state is state
    assert words in found.what
    assert bool(found.fix) is (state is not State.OK)


def test_encoders_are_told_with_the_reasons_of_those_that_do_not_work(hall: Hall) -> None:
    [untried] = hall.findings("encoders")
    assert untried.state is State.NOTE
    assert untried.fix == "edge-agent encoders --codec h264"
    hall.know("h264", "h264_vaapi")
    first, *others = hall.findings("encoders")
    assert first == Finding("h264: h264_vaapi, 3.0 × real time")
    assert Finding("h264: not h264_nvenc: no card") in others
    hall.status = {"tracks": {}, "failed_encoders": {"h264_vaapi": "it stalled"}}
    first, *others = hall.findings("encoders")
    assert first.what.startswith("h264: libx264")
    assert Finding("h264: not h264_vaapi: it stalled") in others


def test_software_that_is_slower_than_life_is_wrong_and_so_is_a_codec_that_nothing_makes(
    hall: Hall,
) -> None:
    hall.know("h264", speed=0.7)
    assert "libx264, 0.7 × real time" in hall.wrong("encoders")
    hall.text += '[tracks.camera]\nkind = "synthetic"\ncodec = "av1"\n'
    hall.know("av1")
    assert "av1: no encoder works" in hall.wrong("encoders")


def test_a_destination_that_is_not_there_is_wrong(hall: Hall) -> None:
    [none] = hall.findings("destinations")
    assert none.state is State.NOTE
    hall.text += f'[destinations.disk]\ntype = "folder"\npath = "{hall.folder}/stick"\n'
    assert "is not there" in hall.wrong("destinations")
    (hall.folder / "stick").mkdir()
    [found] = hall.findings("destinations")
    assert (found.state, "free" in found.what) == (State.OK, True)


def test_webhooks_that_cannot_be_reached_are_wrong_and_that_nobody_posts_is_noted(
    hall: Hall,
) -> None:
    assert hall.findings("webhooks") == [Finding("no webhook (optional): nobody is called")]
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for name in ("desk", "pager"):
            hall.text += f'[webhooks.{name}]\nurl = "http://127.0.0.1:{port}/"\n'
            hall.text += 'credential = "desk"\n'
        nobody, *answers = hall.findings("webhooks")
        assert (nobody.state, "does not run" in nobody.what) == (State.NOTE, True)
        assert "edge-agent-alerts" in nobody.fix
        with only_one(hall.ground().room.runtime.alerts_lock, "alerts"):
            assert hall.findings("webhooks") == answers
    assert [each.what.split()[0] for each in answers] == ["desk", "pager"]
    assert {each.state for each in answers} == {State.OK}
    hall.text = hall.text.partition("[webhooks.pager]")[0]
    assert "desk: 127.0.0.1 refuses the connection" in hall.wrong("webhooks")


@pytest.mark.parametrize(
    ("old", "new", "state", "words"),
    [
        ("", "", State.OK, "edge-agent.service is active"),
        ("LoadState=loaded", "LoadState=not-found", State.NOTE, "not installed"),
        ("ActiveState=active", "ActiveState=failed", State.WRONG, "has failed"),
        ("UnitFileState=enabled", "UnitFileState=disabled", State.WRONG, "does not start"),
    ],
)
def test_a_unit_that_does_not_start_with_the_pc_is_wrong(
    hall: Hall, old: str, new: str, state: State, words: str
) -> None:
    hall.said = UNITS_WELL.replace(old, new)
    agent, upload = hall.findings("units")
    assert (agent.state, upload.state) == (state, state)
    assert words in agent.what
    hall.said = None
    [without] = hall.findings("units")
    assert without.state is State.NOTE


def test_a_check_that_cannot_look_says_so(hall: Hall) -> None:
    def broken(_: Ground) -> Iterator[Finding]:
        yield Finding("seen")
        raise PermissionError(13, "Permission denied", "/secret/file")

    [found] = run(broken, hall.ground())
    assert found.state is State.WRONG
    assert found.what == "could not be checked: Permission denied (file)"
    assert found.fix


def test_a_ledger_that_cannot_be_read_is_a_finding(hall: Hall) -> None:
    (hall.folder / "spool/ledger.db").write_text("not a ledger at all")
    assert hall.ground().room.spool.ledger.exists()
    assert "could not be checked" in hall.wrong("destinations")


def test_a_program_that_is_not_there_or_refuses_says_nothing() -> None:
    assert ask(["no-such-program-here"]) is None
    assert ask([sys.executable, "-c", "raise SystemExit(1)"]) is None
    assert ask([sys.executable, "-c", "print('Id=x')"]) == "Id=x\n"


def doctor(hall: Hall, *words: str) -> tuple[int, Any]:
    hall.ground()
    config = str(hall.folder / "config.toml")
    done = subprocess.run(
        [sys.executable, "-m", "edge_agent.cli", "--config", config, "doctor", "--json", *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, json.loads(done.stdout)


def test_the_command_names_its_checks_and_ends_with_3_when_something_is_wrong(hall: Hall) -> None:
    code, answer = doctor(hall)
    assert (code, answer["ok"]) == (3, False)
    assert list(dict.fromkeys(each["check"] for each in answer["data"])) == list(CHECKS)
    assert all(each["fix"] for each in answer["data"] if each["state"] != "ok")
    code, answer = doctor(hall, "disk")
    assert (code, {each["check"] for each in answer["data"]}) == (0, {"disk"})
    code, answer = doctor(hall, "disk", "moon")
    assert (code, answer["error"]["code"]) == (2, "no-such-check")
    code, answer = doctor(hall, "--list")
    assert [each["check"] for each in answer["data"]] == list(CHECKS)
    assert all(each["about"] for each in answer["data"])
