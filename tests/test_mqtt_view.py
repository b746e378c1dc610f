"""Laws of what is told, when, and how many bytes it may be; and of connecting again."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.mqtt.messages import Event, Health, Lecture, Problem, Queue, State, Track
from edge_agent.mqtt.packets import PING_BYTES, Post, wire_bytes
from edge_agent.mqtt.patience import LASTED_S, MOST_S, SPREAD_S, Patience
from edge_agent.mqtt.ration import CAPACITY, OVERDRAFT, PER_HOUR, Ration
from edge_agent.mqtt.topics import Topics
from edge_agent.mqtt.view import EVENTS_AT_ONCE, HEARTBEAT_S, MOST_DUE, SMALL_S, Snapshot, View

TOPICS = Topics("royal", "b-204")
IDLE = Snapshot(State(word="ready", room="B-204"), Health(agent=True), Queue(), (), "now")
LECTURE = Lecture(id="0193a1b2-0000-7000-8000-000000000001", started_utc="2026-11-23T03:00:00Z")


def changed(**state: object) -> Snapshot:
    return replace(IDLE, state=IDLE.state.model_copy(update=state))


RECORDING = changed(word="recording", lecture=LECTURE, running=True)


def event(number: int) -> Event:
    return Event(id=number, at="2026-11-23T03:00:00Z", kind="test", text="something has happened")


def told(view: View, now_s: float, it: Snapshot) -> list[str]:
    """The last levels of what is told; the broker has all of it at once."""
    posts = view.due(now_s, it)
    for post in posts:
        view.arrived(post.topic)
    return [post.topic.removeprefix(f"{TOPICS.prefix}/") for post in posts]


# ---------------------------------------------------------------- what is told


def test_after_a_connection_all_is_told_and_then_nothing_until_something_changes() -> None:
    view = View(TOPICS)
    assert [post.topic for post in view.connected()] == [TOPICS.online]
    assert told(view, 0, IDLE) == ["state", "health", "queue"]
    assert told(view, 1, replace(IDLE, at="later")) == []
    assert told(view, HEARTBEAT_S, IDLE) == ["state", "health", "queue"]
    view.connected()
    assert told(view, HEARTBEAT_S + 1, IDLE) == ["state", "health", "queue"]


def test_all_that_is_told_of_the_room_is_retained_and_an_event_is_not() -> None:
    view = View(TOPICS, besides={"homeassistant/x": b"{}"})
    posts = view.connected() + view.due(0, replace(IDLE, events=[event(1)]))
    assert {post.topic for post in posts if not post.retain} == {TOPICS.event(1)}
    assert len(posts) == 6


@pytest.mark.parametrize(
    "news",
    [
        RECORDING,
        changed(muted=True),
        changed(alerts=["missing_audio"]),
        changed(word="not_ready"),
    ],
)
def test_what_people_wait_for_is_told_at_once(news: Snapshot) -> None:
    view = View(TOPICS)
    told(view, 0, IDLE)
    assert told(view, 0.5, news) == ["state"]


def test_small_changes_are_told_together_after_a_minute() -> None:
    view = View(TOPICS)
    told(view, 0, IDLE)
    assert told(view, 1, changed(mic="ok")) == []
    assert told(view, SMALL_S - 1, changed(mic="say")) == []
    assert told(view, SMALL_S, changed(mic="ok")) == ["state"]


def test_a_running_time_is_told_once_not_each_second() -> None:
    view = View(TOPICS)
    told(view, 0, RECORDING)
    for second in range(1, int(HEARTBEAT_S)):
        running = RECORDING.state.model_copy(update={"recorded_s": second})
        assert told(view, second, replace(RECORDING, state=running)) == []


def test_for_a_broker_that_acknowledges_nothing_nothing_piles_up() -> None:
    view = View(TOPICS)
    states = [IDLE, RECORDING, changed(muted=True)]
    posts = [post for second in range(3600) for post in view.due(second, states[second % 3])]
    assert [post.topic for post in posts] == [TOPICS.state, TOPICS.health, TOPICS.queue]


def test_what_changed_on_the_way_is_told_as_it_is_then() -> None:
    view = View(TOPICS)
    view.due(0, IDLE)
    assert view.due(1, RECORDING) == []
    view.arrived(TOPICS.state)
    [post] = view.due(2, RECORDING)
    assert b'"recording"' in post.payload


# ---------------------------------------------------------------- events


def test_each_event_is_told_once_in_order_and_the_cursor_follows_what_has_arrived() -> None:
    view = View(TOPICS, cursor=3)
    it = replace(IDLE, events=[event(number) for number in range(1, 20)])
    posts = [post for post in view.due(0, it) if "/event/" in post.topic]
    assert [post.topic for post in posts] == [TOPICS.event(number) for number in range(4, 9)]
    assert len(posts) == EVENTS_AT_ONCE
    assert view.arrived(TOPICS.event(5)) is None, "4 may still be lost"
    assert view.arrived(TOPICS.event(4)) == 5
    for number, cursor in ((8, None), (7, None), (6, 8)):
        assert view.arrived(TOPICS.event(number)) == cursor
    assert next(p.topic for p in view.due(1, it) if "/event/" in p.topic) == TOPICS.event(9)


def test_events_that_were_on_their_way_are_told_again_after_a_lost_connection() -> None:
    view = View(TOPICS)
    it = replace(IDLE, events=[event(1), event(2)])
    view.due(0, it)
    view.arrived(TOPICS.event(1))
    view.connected()
    assert [p.topic for p in view.due(1, it) if "/event/" in p.topic] == [TOPICS.event(2)]


def test_a_ledger_that_was_built_anew_has_its_events_told() -> None:
    view = View(TOPICS, cursor=500)
    assert "event/1" in told(view, 0, replace(IDLE, events=[event(1)]))


@given(st.data())
def test_no_event_is_lost_whatever_acknowledgements_and_connections_do(data: st.DataObject) -> None:
    view, now_s = View(TOPICS), 0.0
    it = replace(IDLE, events=[event(number) for number in range(1, 15)])
    held: set[int] = set()
    for _ in range(data.draw(st.integers(1, 30))):
        now_s += 60
        posts = [p.topic for p in view.due(now_s, it) if "/event/" in p.topic]
        for topic in data.draw(st.permutations(posts)):
            if data.draw(st.booleans()):
                held.add(int(topic.rsplit("/", 1)[1]))
                view.arrived(topic)
        if data.draw(st.booleans()):
            view.connected()
        assert set(range(1, view.cursor + 1)) <= held
    view.connected()
    for _ in range(100):
        now_s += 60
        told(view, now_s, it)
    assert view.cursor == 14


# ---------------------------------------------------------------- bytes

LARGE = Snapshot(
    State(
        word="ready",
        room="R" * 60,
        lecture=LECTURE.model_copy(update={"title": "T" * 300, "lecturer": "L" * 100}),
        tracks=[Track(name="t" * 32, role="microphone", state="recording")] * 12,
        problems=[Problem(key="mic.silent", severity="critical", detail="d" * 120)] * 6,
    ),
    Health(agent=True, trouble="x" * 120, refused={"out-of-order": 1000}),
    Queue(waiting=100),
    [event(number) for number in range(200)],
    "2026-11-23T03:00:00.000Z",
)


def hour_of(view: View, turns: int, change: object) -> int:
    """Bytes on the wire in an hour of looks, each after a change, pings included."""
    assert callable(change)
    sent = 0
    for turn in range(turns):
        posts = view.due(turn * 3600 / turns, change(turn))
        assert len(posts) <= MOST_DUE
        for post in posts:
            sent += wire_bytes(post)
            view.arrived(post.topic)
    return sent + 60 * PING_BYTES


def small_changes(turn: int) -> Snapshot:
    """All that changes without anybody's doing changes each time, and is large."""
    state = LARGE.state.model_copy(update={"mic": "ok" if turn % 2 else "say"})
    health = LARGE.health.model_copy(update={"free_bytes": turn * 10**9})
    queue = LARGE.queue.model_copy(update={"waiting": turn})
    events = [event(number) for number in range(turn, turn + 200)]
    return Snapshot(state, health, queue, events, LARGE.at)


def test_an_hour_of_a_room_in_which_nothing_stands_still_is_below_50_kilobytes() -> None:
    view = View(TOPICS)
    first = view.connected() + view.due(0, LARGE)
    for post in first:
        view.arrived(post.topic)
    assert 15_000 < hour_of(view, 1800, small_changes) < 50_000


def test_a_lecture_with_its_start_a_pause_and_its_end_is_a_third_of_that() -> None:
    """Ordinary sizes, and whatever else the microphone says meanwhile."""

    def lecture(turn: int) -> Snapshot:
        word = {60: "starting", 61: "recording", 900: "paused", 960: "recording", 1700: "saving"}
        at = max((start for start in word if start <= turn), default=0)
        state = IDLE.state.model_copy(
            update={
                "word": word.get(at, "ready"),
                "lecture": LECTURE if at else None,
                "mic": "ok" if turn // 150 % 2 else "say",
                "tracks": [Track(name="camera", role="camera", state="ok")] * 3,
            }
        )
        return replace(IDLE, state=state)

    assert hour_of(View(TOPICS), 1800, lecture) < 17_000 + 60 * PING_BYTES


def test_nobody_waits_for_the_ration_in_an_hour_of_twenty_presses() -> None:
    view = View(TOPICS)
    told(view, 0, IDLE)
    for press in range(1, 21):
        now_s = press * 3.0
        assert told(view, now_s, RECORDING if press % 2 else IDLE) == ["state"], press


@given(st.lists(st.tuples(st.floats(0, 600), st.integers(1, 5000), st.booleans()), max_size=200))
def test_whatever_is_asked_the_ration_holds_over_any_time(
    asked: list[tuple[float, int, bool]],
) -> None:
    ration, now_s, small, all_of_it = Ration(), 0.0, 0, 0
    for pause_s, size, urgent in asked:
        now_s += pause_s
        if ration.take(now_s, size, urgent):
            all_of_it += size
            small += 0 if urgent else size
    hours = now_s / 3600
    assert small <= CAPACITY + hours * PER_HOUR + 1
    assert all_of_it <= CAPACITY + OVERDRAFT + hours * PER_HOUR + 1


def test_longer_topics_payloads_and_properties_count() -> None:
    least = wire_bytes(Post("a", b""))
    assert wire_bytes(Post("ab", b"c")) == least + 2
    assert wire_bytes(Post("a", b"", expiry_s=1)) == least + 5
    assert wire_bytes(Post("a", b"", correlation=b"12")) == least + 5
    assert wire_bytes(Post("a", b"x" * 200)) == least + 201


# ---------------------------------------------------------------- connecting again


def test_ten_thousand_rooms_that_lose_their_broker_together_come_back_apart() -> None:
    waits = [Patience(random.Random(room)).next(3600.0) for room in range(10_000)]
    in_each_second = [sum(second <= wait < second + 1 for wait in waits) for second in range(31)]
    assert max(in_each_second) < 450, "that many connections a second one broker takes"
    assert max(waits) <= SPREAD_S


def test_a_room_that_is_let_in_and_thrown_out_comes_back_ever_later() -> None:
    patience = Patience(random.Random(1))
    waits = [patience.next(LASTED_S - 1) for _ in range(12)]
    assert all(wait >= MOST_S / 2 for wait in waits[5:])
    assert max(waits) <= MOST_S
    assert patience.next(LASTED_S) <= SPREAD_S, "and one that stayed is forgiven"


def test_what_only_people_can_mend_is_not_asked_for_again_soon() -> None:
    waits = [Patience(random.Random(room)).next(0.0, hopeless=True) for room in range(100)]
    assert min(waits) >= MOST_S / 2


@given(st.integers(), st.lists(st.floats(0, 10_000), max_size=50))
def test_no_wait_is_endless_or_none(seed: int, lasted: list[float]) -> None:
    patience = Patience(random.Random(seed))
    assert all(0.5 <= patience.next(each) <= MOST_S for each in lasted)
