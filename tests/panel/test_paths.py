"""Laws of the panel's paths: who comes in, and what is read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from edge_agent.panel import wire
from edge_agent.panel.sessions import LONGEST_S
from edge_agent.panel.state import PanelState
from tests.panel.clients import ACCESS, START, TABLET, code, paired, press, rev
from tests.panel.clients import here as here
from tests.panel.served import PIN, HandMade, track


@pytest.fixture
def tablet(room: HandMade) -> Iterator[TestClient]:
    with room.client(TABLET) as client:
        yield client


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
