"""Laws of the panel's paths: who comes in, what a press does, what bad input gets."""

from __future__ import annotations

import json
import sqlite3
import sys
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from edge_agent.asking import NoAnswer, NotRunning
from edge_agent.commands.checks import CHECKS
from edge_agent.panel import wire
from edge_agent.panel.checking import SEEN_FROM_HERE, command
from edge_agent.panel.rehearsal import TEST_S
from edge_agent.panel.sessions import LONGEST_S
from edge_agent.panel.state import PanelState
from tests.panel.served import LECTURE, PIN, HandMade, track

START, ACCESS = "/api/v1/commands/start", "/api/v1/access"
TABLET = "10.1.2.3"


@pytest.fixture
def here(room: HandMade) -> Iterator[TestClient]:
    """This PC's own browser."""
    with room.client() as client:
        yield client


@pytest.fixture
def tablet(room: HandMade) -> Iterator[TestClient]:
    with room.client(TABLET) as client:
        yield client


def rev(client: TestClient) -> int:
    return int(client.get("/api/v1/state").json()["rev"])


def press(client: TestClient, name: str, key: str = "press-0001", **args: Any) -> Any:
    body = {"key": key, "base": rev(client), "args": args}
    return client.post(f"/api/v1/commands/{name}", json=body)


def code(answer: Any) -> tuple[int, str]:
    """Every refusal has the documented form."""
    return answer.status_code, wire.Failed.model_validate(answer.json()).error.code


# ---------------------------------------------------------------- who comes in


def test_this_pcs_browser_may_press_and_a_strangers_may_load_the_page_only(
    here: TestClient, tablet: TestClient
) -> None:
    assert here.get(ACCESS).json() == {"role": "control", "pin_set": True}
    assert tablet.get(ACCESS).json() == {"role": "none", "pin_set": True}
    assert here.get("/api/v1/state").status_code == 200
    assert code(tablet.get("/api/v1/state")) == (401, "sign-in")
    assert code(tablet.post(START, json={"key": "press-0001", "base": 0})) == (401, "sign-in")


def test_the_page_for_it_wants_more_than_sitting_there(here: TestClient, room: HandMade) -> None:
    assert code(here.get("/api/v1/it")) == (403, "not-allowed")
    assert code(here.post("/api/v1/pairings", json={})) == (403, "not-allowed")
    with room.client(socket=True) as program:
        assert wire.ItPage.model_validate(program.get("/api/v1/it").json()).tracks


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8025", 200),
        ("localhost", 200),
        ("LOCALHOST:8025", 200),
        ("[::1]:8025", 200),
        ("10.0.0.7:8025", 200),
        ("room-b204:8025", 200),
        ("room-b204.:8025", 200),
        ("evil.example:8025", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("", 421),
        ("[::1", 421),
        ("a" * 5000, 421),
    ],
)
def test_only_names_of_ours_are_answered(here: TestClient, host: str, status: int) -> None:
    answer = here.get(ACCESS, headers={"host": host})
    assert answer.status_code == status
    assert status == 200 or code(answer)[1] == "foreign-host"


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:9999", "http://localhost:8025", ""]
)
def test_a_press_from_another_sites_page_is_refused(
    here: TestClient, room: HandMade, origin: str
) -> None:
    body = {"key": "press-0001", "base": rev(here), "args": {}}
    answer = here.post(START, json=body, headers={"origin": origin})
    assert code(answer) == (403, "foreign-origin")
    with (
        pytest.raises(WebSocketDisconnect),
        here.websocket_connect(
            "/api/v1/live", headers={"host": "127.0.0.1:8025", "origin": origin}
        ),
    ):
        pass
    assert room.asked == []


def test_a_press_from_our_own_page_is_taken(here: TestClient) -> None:
    body = {"key": "press-0001", "base": rev(here), "args": {}}
    own = {"origin": "http://127.0.0.1:8025"}
    assert here.post(START, json=body, headers=own).status_code == 200


def test_the_pin_opens_the_page_for_it_and_signing_out_closes_it(here: TestClient) -> None:
    answer = here.post(ACCESS, json={"pin": PIN})
    assert answer.json()["role"] == "it"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert here.get("/api/v1/it").status_code == 200
    assert here.delete(ACCESS).status_code == 204
    assert code(here.get("/api/v1/it")) == (403, "not-allowed")


def test_two_hundred_wrong_pins_get_nowhere(tablet: TestClient, room: HandMade) -> None:
    answers = [tablet.post(ACCESS, json={"pin": f"{n:06}"}) for n in range(200)]
    codes = [code(answer)[1] for answer in answers]
    assert codes[:4] == ["wrong-pin"] * 4
    assert set(codes[4:]) == {"slow-down"}
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert code(tablet.post(ACCESS, json={"pin": PIN})) == (429, "slow-down"), "nor the right one"
    room.now_s += LONGEST_S
    assert tablet.post(ACCESS, json={"pin": PIN}).status_code == 200


def test_who_tries_too_often_keeps_nobody_else_out(room: HandMade, tablet: TestClient) -> None:
    for n in range(5):
        tablet.post(ACCESS, json={"pin": f"{n:06}"})
    with room.client("10.1.2.4") as other:
        assert other.post(ACCESS, json={"pin": PIN}).status_code == 200


@pytest.mark.parametrize("pin", [None, "", "not a hash"])
def test_without_a_stored_pin_nobody_comes_in_by_one(
    room: HandMade, tablet: TestClient, pin: str | None
) -> None:
    room.pin = pin
    assert code(tablet.post(ACCESS, json={"pin": PIN})) == (403, "not-allowed")


def paired(room: HandMade, role: str = "control") -> str:
    with room.client(socket=True) as program:
        answer = program.post("/api/v1/pairings", json={"role": role})
        found = wire.Pairing.model_validate(answer.json())
    assert found.svg.startswith("<svg")
    address, _, key = found.url.partition("#pair=")
    assert address == "http://room-b204:8025/"
    return key


def test_a_tablet_is_paired_once_by_a_code(room: HandMade, tablet: TestClient) -> None:
    key = paired(room)
    assert tablet.post(ACCESS, json={"code": key}).json()["role"] == "control"
    assert press(tablet, "start").status_code == 200
    with room.client("10.1.2.4") as other:
        assert code(other.post(ACCESS, json={"code": key})) == (401, "wrong-code")


def test_a_code_is_good_for_a_minute(room: HandMade, tablet: TestClient) -> None:
    key = paired(room)
    room.now_s += 61
    assert code(tablet.post(ACCESS, json={"code": key})) == (401, "wrong-code")


def test_a_tablet_that_may_look_may_not_press(room: HandMade, tablet: TestClient) -> None:
    tablet.post(ACCESS, json={"code": paired(room, "view")})
    assert tablet.get("/api/v1/state").status_code == 200
    assert code(press(tablet, "start")) == (403, "not-allowed")


def test_a_paired_tablet_outlives_the_process_and_a_pin_does_not(room: HandMade) -> None:
    sessions = room.sessions
    token, _ = sessions.open("control", tablet=True)
    by_pin, _ = sessions.open("it", tablet=False)
    again = type(sessions)(room.spool.panel, lambda: 0.0)
    again.load()
    assert (again.role(token), again.role(by_pin)) == ("control", "none")
    assert token not in room.spool.panel.read_text(), "kept is a hash"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', '{"a": {"role": "king"}}', "null"])
def test_a_broken_file_of_tablets_costs_the_pairing_only(room: HandMade, text: str) -> None:
    room.spool.panel.write_text(text)
    room.sessions.load()
    assert room.sessions.role("a") == "none"


def test_pages_keep_to_themselves(here: TestClient) -> None:
    headers = here.get(ACCESS).headers
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in headers


# ---------------------------------------------------------------- presses


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


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", (400, "bad-json")),
        (b"{", (400, "bad-json")),
        (b"\xff\xfe", (400, "bad-json")),
        (b"[]", (400, "bad-request")),
        (b"null", (400, "bad-request")),
        (b'{"key": "short", "base": 0}', (400, "bad-request")),
        (b'{"key": "press-0001"}', (400, "bad-request")),
        (b'{"key": "press-0001", "base": -1}', (400, "bad-request")),
        (b'{"key": "press-0001", "base": 1e400}', (400, "bad-request")),
        (b'{"key": "press-0001", "base": 99, "args": {"titel": "x"}}', (400, "bad-request")),
        (b'{"key": "../../../x", "base": 99}', (400, "bad-request")),
        (b'{"key": "press-0001", "base": 99, "extra": 1}', (400, "bad-request")),
        (b"[" * 60_000, (400, "bad-json")),
        (b'{"a": "' + b"x" * 10_000_000 + b'"}', (413, "too-large")),
    ],
    ids=lambda it: str(it)[:30],
)
def test_a_body_that_is_none_is_refused(
    here: TestClient, room: HandMade, body: bytes, expected: tuple[int, str]
) -> None:
    assert code(here.post(START, content=body)) == expected
    assert room.asked == []


def test_a_refusal_does_not_repeat_what_was_sent(here: TestClient) -> None:
    answer = here.post(ACCESS, json={"pin": "314159" * 20})
    assert code(answer) == (400, "bad-request")
    assert "314159" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/api/v1/nothing", (404, "not-found")),
        ("GET", "/../../etc/passwd", (404, "not-found")),
        ("GET", "/%2e%2e/state.py", (404, "not-found")),
        ("POST", "/api/v1/state", (405, "method")),
        ("GET", START, (405, "method")),
        ("GET", "/api/v1/preview/99.jpg", (404, "not-found")),
        ("GET", f"/api/v1/lectures/{LECTURE}/listen", (404, "no-sound")),
        ("GET", "/api/v1/lectures/%2e%2e/listen", (404, "no-sound")),
    ],
)
def test_what_is_not_there_is_refused_in_the_same_form(
    here: TestClient, method: str, path: str, expected: tuple[int, str]
) -> None:
    assert code(here.request(method, path)) == expected


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=400)
presses = st.fixed_dictionaries(
    {"key": st.uuids().map(str), "base": st.integers(0, 10**9)},
    optional={
        "args": anything
        | st.dictionaries(
            st.sampled_from(["title", "course", "language", "lecture", "minutes", "text"]),
            texts | st.integers(),
            max_size=3,
        )
    },
)
HERE = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@HERE
@given(
    path=st.sampled_from([f"commands/{name}" for name in (*wire.COMMANDS, "explode", "%00")])
    | st.sampled_from(["access", "pairings"]),
    body=presses.map(json.dumps) | anything.map(json.dumps) | st.binary(max_size=60),
)
def test_whatever_is_sent_the_answer_is_one_of_the_documented(
    here: TestClient, path: str, body: str | bytes
) -> None:
    answer = here.post(f"/api/v1/{path}", content=body)
    if answer.status_code not in (200, 201, 204):
        status, name = code(answer)
        assert status in (400, 401, 403, 404, 405, 409, 413, 429), name


@HERE
@given(text=texts)
def test_a_title_in_any_script_arrives_as_it_was_typed(here: TestClient, text: str) -> None:
    answer = press(here, "edit", uuid.uuid4().hex, title=text)
    if len(text) > 300:
        assert code(answer) == (400, "bad-request")
    else:
        assert answer.status_code == 200
        assert here.get("/api/v1/state").json()["details"]["title"] == text


# ---------------------------------------------------------------- what is read


def test_the_state_is_what_the_schema_says(here: TestClient) -> None:
    shown = PanelState.model_validate(here.get("/api/v1/state").json())
    assert (shown.word, shown.rev) == ("ready", 1)
    schema = here.get("/api/v1/schema").json()
    assert {"PanelState", "Press", "Failed", "Patch"} <= schema["$defs"].keys()


def test_a_status_that_is_old_or_of_another_boot_is_no_status(
    here: TestClient, room: HandMade
) -> None:
    for stale in ({"mono_ns": 0}, {"boot": "another"}):
        room.say(**stale)
        shown = here.get("/api/v1/state").json()
        assert (shown["word"], shown["problems"][0]["key"]) == ("not_ready", "agent.down")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"'])
def test_a_status_that_is_half_written_is_none(here: TestClient, room: HandMade, text: str) -> None:
    room.runtime.status.write_text(text)
    assert here.get("/api/v1/state").json()["word"] == "not_ready"


def test_a_lost_camera_is_a_problem_and_no_reason_not_to_record(
    here: TestClient, room: HandMade
) -> None:
    gone = track("video", phase="starting", reason="unplugged", hint="plug it in")
    room.say(tracks={"camera": gone, "microphone": track("audio")})
    shown = here.get("/api/v1/state").json()
    assert shown["word"] == "ready"
    assert [problem["key"] for problem in shown["problems"][:1]] == ["cam.none"]


def test_a_ledger_that_is_gone_or_broken_costs_what_it_knows_only(
    here: TestClient, room: HandMade
) -> None:
    room.ledger.close()
    for path in room.spool.root.glob("ledger.db*"):
        path.unlink()
    assert here.get("/api/v1/state").json()["word"] == "ready"
    room.spool.ledger.write_bytes(b"no database" * 1000)
    shown = here.get("/api/v1/state").json()
    assert (shown["word"], shown["problems"][0]["key"]) == ("ready", "disk.trouble")
