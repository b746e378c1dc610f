"""Laws of a press: it is a command with the room's details, once, and on the latest picture."""

from __future__ import annotations

import sqlite3
import sys
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from edge_agent.asking import NoAnswer, NotRunning
from edge_agent.commands.checks import CHECKS
from edge_agent.panel import wire
from edge_agent.panel.checking import SEEN_FROM_HERE, command
from edge_agent.panel.rehearsal import TEST_S
from tests.panel.clients import START, code, press, rev
from tests.panel.clients import here as here
from tests.panel.served import LECTURE, HandMade


def test_a_press_is_a_command_with_the_rooms_details(here: TestClient, room: HandMade) -> None:
    press(here, "edit", "press-0001", title="Thermo", course="PHY 204")
    assert here.get("/api/v1/state").json()["details"]["course"] == "PHY 204"
    assert room.asked == [], "the next lecture is no command yet"
    assert press(here, "start", "press-0002", title="Thermodynamics 2").json()["lecture"] == LECTURE
    assert room.asked == [
        ("start", {"title": "Thermodynamics 2", "course": "PHY 204"}, "press-0002")
    ]
    assert here.get("/api/v1/state").json()["details"]["course"] == "", "they were for that one"


def test_a_stop_on_the_panel_can_be_taken_back(here: TestClient, room: HandMade) -> None:
    press(here, "stop", "press-0001")
    press(here, "continue", "press-0002", lecture=LECTURE)
    assert [(verb, args) for verb, args, _ in room.asked] == [
        ("stop", {"undo": True}),
        ("continue", {"lecture": LECTURE}),
    ]


def test_a_test_ends_by_itself_stays_here_and_is_for_it_staff(
    here: TestClient, room: HandMade
) -> None:
    body = {"key": "press-0001", "base": rev(here), "args": {}}
    assert code(here.post("/api/v1/commands/test", json=body)) == (403, "not-allowed")
    with room.client(socket=True) as program:
        body["base"] = rev(program)
        assert program.post("/api/v1/commands/test", json=body).status_code == 200
    [(verb, args, _)] = room.asked
    assert (verb, args["withheld"]) == ("start", True)
    left = datetime.fromisoformat(args["until_utc"]) - datetime.now(UTC)
    assert timedelta(0) < left <= timedelta(seconds=TEST_S)


@pytest.mark.parametrize("name", ["withhold", "publish"])
def test_a_lecture_is_kept_here_or_sent_by_its_id_only(
    here: TestClient, room: HandMade, name: str
) -> None:
    assert code(press(here, name, "press-0001")) == (400, "bad-request")
    press(here, name, "press-0002", lecture=LECTURE)
    assert room.asked == [(name, {"lecture": LECTURE}, "press-0002")]


DOCTOR = """
import json
rows = [{"check": "clock", "state": "note", "message": "unset", "fix": "set it", "mend": ""}]
print(json.dumps({"schema": "edge-agent/doctor/1", "ok": True, "data": rows, "warnings": []}))
raise SystemExit(3)
"""


def test_the_doctor_is_a_program_whose_findings_are_shown_to_it_staff(
    here: TestClient, room: HandMade
) -> None:
    room.doctor[:] = [sys.executable, "-c", DOCTOR]
    assert code(here.post("/api/v1/checks")) == (403, "not-allowed")
    with room.client(socket=True) as program:
        found = wire.Checks.model_validate(program.post("/api/v1/checks").json()).findings
    assert [(it.check, it.state, it.fix) for it in found] == [("clock", "note", "set it")]


@pytest.mark.parametrize("said", ["", "no JSON", "{}", '{"data": [1]}', '{"data": [{}]}'])
def test_a_doctor_that_fails_is_a_sentence_and_no_error(room: HandMade, said: str) -> None:
    room.doctor[:] = [sys.executable, "-c", f"print({said!r})"]
    with room.client(socket=True) as program:
        assert code(program.post("/api/v1/checks")) == (503, "not-checked")


def test_the_real_doctor_is_asked_only_for_what_is_seen_from_the_panel() -> None:
    assert set(SEEN_FROM_HERE) <= set(CHECKS)
    asked = command(["--config", "room.toml"])
    assert asked[1:5] == ["-m", "edge_agent.cli", "--config", "room.toml"]
    assert asked[5:] == ["doctor", *SEEN_FROM_HERE, "--json"]


def test_the_same_press_again_gets_the_same_answer_and_does_nothing(
    here: TestClient, room: HandMade
) -> None:
    body = {"key": "press-0001", "base": rev(here), "args": {}}
    answers = [here.post(START, json=body).json() for _ in range(3)]
    assert answers == [answers[0]] * 3
    assert len(room.asked) == 1


def test_two_tablets_at_once_press_once(room: HandMade, here: TestClient) -> None:
    body = {"key": "press-0001", "base": rev(here), "args": {}}
    found: list[int] = []
    threads = [
        threading.Thread(target=lambda: found.append(here.post(START, json=body).status_code))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [200] * 4
    assert len(room.asked) == 1


def test_a_press_on_an_older_picture_is_stale(here: TestClient, room: HandMade) -> None:
    old = rev(here)
    room.say(muted=True)
    assert rev(here) > old
    body = {"key": "press-0001", "base": old, "args": {}}
    assert code(here.post(START, json=body)) == (409, "stale")
    assert here.post("/api/v1/commands/unmute", json=body).status_code == 200, "privacy always"


def test_what_does_not_matter_to_a_press_makes_none_stale(here: TestClient, room: HandMade) -> None:
    old = rev(here)
    room.say(spool={"free_bytes": 1 << 36, "trouble": ""})
    assert rev(here) > old
    body = {"key": "press-0001", "base": old, "args": {}}
    assert here.post(START, json=body).status_code == 200


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (NotRunning(), (503, "agent-down")),
        (NoAnswer(), (503, "no-answer")),
        (sqlite3.OperationalError("disk I/O error"), (503, "disk")),
        (PermissionError(13, "Permission denied"), (503, "disk")),
        ({"error": {"code": "already-recording", "message": "m"}}, (409, "already-recording")),
        ({"error": {"code": "no-space", "message": "m", "hint": "h"}}, (409, "no-space")),
        ({"error": {"code": "disk", "message": "m"}}, (503, "disk")),
    ],
)
def test_what_the_agent_refuses_is_told(
    here: TestClient, room: HandMade, answer: Any, expected: tuple[int, str]
) -> None:
    room.answers = [answer]
    assert code(press(here, "start")) == expected
    assert press(here, "start").status_code == 200, "the same press may succeed later"
