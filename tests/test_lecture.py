"""Laws of a lecture's life."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.rules.lecture import (
    ACTIVE,
    AT_STARTUP,
    UNPACKAGED,
    WITH_PACKAGE,
    Event,
    IllegalEvent,
    Startup,
    State,
    advance,
    events,
)

S, E = State, Event
TABLE = [
    (S.PLANNED, E.START, S.RECORDING),
    (S.PLANNED, E.MISS, S.MISSED),
    (S.RECORDING, E.PAUSE, S.PAUSED),
    (S.RECORDING, E.STOP, S.FINISHING),
    (S.PAUSED, E.RESUME, S.RECORDING),
    (S.PAUSED, E.STOP, S.FINISHING),
    (S.FINISHING, E.PACKAGE, S.PACKAGED),
    (S.FINISHING, E.HOLD, S.HELD),
    (S.FINISHING, E.FAIL, S.FAILED),
    (S.FINISHING, E.CONTINUE, S.RECORDING),
    (S.HELD, E.RELEASE, S.PACKAGED),
    (S.HELD, E.CONTINUE, S.RECORDING),
    (S.HELD, E.REBUILD, S.FINISHING),
    (S.HELD, E.PURGE, S.PURGED),
    (S.PACKAGED, E.DELIVER, S.DELIVERED),
    (S.PACKAGED, E.WITHHOLD, S.HELD),
    (S.DELIVERED, E.PURGE, S.PURGED),
    (S.DELIVERED, E.REVISE, S.PACKAGED),
    (S.MISSED, E.START, S.RECORDING),
    (S.FAILED, E.RETRY, S.FINISHING),
    (S.PACKAGED, E.PURGE, S.PURGED),
    (S.FAILED, E.PURGE, S.PURGED),
]
states, all_events = st.sampled_from(State), st.sampled_from(Event)


@pytest.mark.parametrize(("state", "event", "after"), TABLE)
def test_each_event_leads_where_the_table_says(state: State, event: Event, after: State) -> None:
    assert advance(state, event) is after


def test_every_other_event_is_illegal_and_says_so() -> None:
    legal = {(state, event) for state, event, _ in TABLE}
    for state in State:
        for event in Event:
            if (state, event) not in legal:
                with pytest.raises(IllegalEvent, match=f"{state} cannot {event}"):
                    advance(state, event)


def test_events_are_those_that_advance_accepts() -> None:
    for state in State:
        assert events(state) == {event for s, event, _ in TABLE if s is state}


@pytest.mark.parametrize("state", State)
def test_every_state_says_what_startup_does_with_it(state: State) -> None:
    assert state in AT_STARTUP


@pytest.mark.parametrize("state", State)
def test_no_state_is_a_dead_end_but_the_last_ones(state: State) -> None:
    if AT_STARTUP[state] is not Startup.NOTHING:
        assert events(state), f"a lecture found {state} after a crash could never leave it"


@pytest.mark.parametrize("state", State)
def test_from_every_state_a_lecture_can_reach_an_end(state: State) -> None:
    reached, frontier = {state}, [state]
    while frontier:
        here = frontier.pop()
        for event in events(here):
            after = advance(here, event)
            if after not in reached:
                reached.add(after)
                frontier.append(after)
    assert reached & {State.PURGED}


def accepted(walk: list[Event]) -> Iterator[tuple[Event, State]]:
    """The events of a walk from a recording that are legal, each with the state after it."""
    state = State.RECORDING
    for event in walk:
        try:
            state = advance(state, event)
        except IllegalEvent:
            continue
        yield event, state


@given(st.lists(all_events))
def test_a_stopped_lecture_records_again_only_when_it_is_continued(walk: list[Event]) -> None:
    stopped = False
    for event, state in accepted(walk):
        stopped = (stopped or event is Event.STOP) and event is not Event.CONTINUE
        assert not (stopped and state in ACTIVE)


@given(st.lists(all_events))
def test_a_lecture_records_again_only_as_long_as_nothing_of_it_can_have_been_sent(
    walk: list[Event],
) -> None:
    before = State.RECORDING
    for event, state in accepted(walk):
        if event is Event.CONTINUE:
            assert before in (State.FINISHING, State.HELD)
        assert not (before in (State.PACKAGED, State.DELIVERED) and state in ACTIVE)
        before = state


@given(st.lists(all_events))
def test_segments_are_needed_until_the_package_exists_or_people_have_thrown_them_away(
    walk: list[Event],
) -> None:
    packaged = False
    for event, state in accepted(walk):
        packaged = packaged or event in (Event.PACKAGE, Event.HOLD, Event.PURGE)
        packaged = packaged and event not in (Event.CONTINUE, Event.REBUILD)
        assert (state in UNPACKAGED) == (not packaged)
        assert state not in WITH_PACKAGE or packaged
