"""Whatever is sent to the panel, the answer is one of the documented."""

from __future__ import annotations

import json
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from edge_agent.panel import wire
from tests.panel.clients import ACCESS, START, code, press
from tests.panel.clients import here as here
from tests.panel.served import LECTURE, HandMade


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
