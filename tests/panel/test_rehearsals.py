"""Laws of test recordings: they alone are deleted on the panel, by IT staff, and come back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from starlette.testclient import TestClient

from edge_agent.clock import SystemClock
from edge_agent.panel import wire
from edge_agent.panel.rehearsal import TEST_TITLE, is_test
from edge_agent.rows import BinRow, Lecture
from edge_agent.rules.lecture import State
from edge_agent.rules.timeline import SECOND
from tests.panel.clients import code, press
from tests.panel.served import HandMade

TEST = "0193a1b2-0000-7000-8000-0000000000aa"
REAL = "0193a1b2-0000-7000-8000-0000000000bb"


def lecture(name: str, **more: Any) -> Lecture:
    now = SystemClock().now()
    plain = Lecture(
        name,
        State.HELD,
        now.utc_text,
        now.trust,
        now.boot,
        now.mono_ns - 12 * SECOND,
        title=TEST_TITLE,
        withheld=1,
        end_ns=11 * SECOND,
        stopped_ns=11 * SECOND,
        patience_ns=120 * SECOND,
    )
    return replace(plain, **more)


@pytest.fixture
def it(room: HandMade) -> Iterator[TestClient]:
    """IT staff's, in a room with a lecture and, after it, a test."""
    room.ledger.add_lecture(lecture(REAL, title="Thermodynamics"), [])
    room.ledger.add_lecture(lecture(TEST), [])
    with room.client(socket=True) as client:
        yield client


def recorded(client: TestClient) -> list[wire.ItTest]:
    return wire.ItPage.model_validate(client.get("/api/v1/it").json()).tests


@pytest.mark.parametrize(
    ("changes", "known"),
    [({}, True), ({"title": "Entropy"}, False), ({"withheld": 0}, False), ({"edits": 1}, True)],
)
def test_who_names_or_sends_a_test_has_made_a_lecture_of_it(
    changes: dict[str, Any], known: bool
) -> None:
    assert is_test(lecture(TEST, **changes)) == known


def test_the_page_for_it_staff_shows_tests_and_no_lecture(it: TestClient) -> None:
    assert [(each.lecture, each.length_s, each.binned) for each in recorded(it)] == [
        (TEST, 10, False)
    ]


def test_a_test_goes_by_one_press_though_it_was_never_sent(it: TestClient, room: HandMade) -> None:
    assert press(it, "delete", lecture=TEST).status_code == 200
    assert room.asked == [("delete", {"lecture": TEST, "undelivered": True}, "press-0001")]


@pytest.mark.parametrize("name", [REAL, "0193a1b2-0000-7000-8000-0000000000cc"])
def test_no_other_lecture_is_deleted_here(it: TestClient, room: HandMade, name: str) -> None:
    assert code(press(it, "delete", lecture=name)) == (409, "no-test")
    assert room.asked == []


@pytest.mark.parametrize("verb", ["delete", "restore"])
def test_it_is_for_it_staff_only(it: TestClient, room: HandMade, verb: str) -> None:
    with room.client() as here:
        assert code(press(here, verb, lecture=TEST)) == (403, "not-allowed")
    assert room.asked == []


def test_what_was_deleted_is_said_to_be_so_and_comes_back(it: TestClient, room: HandMade) -> None:
    now = SystemClock().now()
    assert it.get("/api/v1/state").json()["saved"]["test"]
    room.ledger.put_into_bin(BinRow(TEST, now.utc_text, now.trust))
    press(it, "mark", key="press-0009")  # a press looks at all of it again
    state = it.get("/api/v1/state").json()
    assert (state["word"], state["saved"]) == ("ready", None), "it cannot go on from the bin"
    assert [each.binned for each in recorded(it)] == [True]
    assert press(it, "restore", lecture=TEST).status_code == 200
    assert room.asked[-1] == ("restore", {"lecture": TEST}, "press-0001")


def test_one_whose_files_are_gone_is_not_offered(it: TestClient, room: HandMade) -> None:
    room.ledger.set_state(TEST, State.PURGED)
    assert recorded(it) == []
    assert code(press(it, "delete", lecture=TEST)) == (409, "no-test")
