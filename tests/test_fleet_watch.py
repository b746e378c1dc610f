"""Laws of the desk's alerts: which room is away, what a blind desk says, each told once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.mqtt.messages import Health, Lecture, State
from edge_agent.rules import fleet_alerts as rules
from edge_agent.rules.alerts import GONE_S, LASTS_S, Cause, Watch
from edge_agent.rules.fleet_alerts import AFTER_S, MOST_AT_ONCE, blind, causes
from edge_agent.rules.fleet_retained import SILENT, Kept

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
AT = "2026-11-23T02:59:30.000Z"
LECTURE = Lecture(
    id="0193a1b2-0000-7000-8000-000000000001", title="Physics", started_utc="2026-11-23T02:30:00Z"
)


def told(**facts: Any) -> dict[str, Any]:
    it = State(word="ready", at=AT, room="B-204").model_copy(update=facts)
    return it.model_dump(mode="json", exclude_none=True)


def health() -> dict[str, Any]:
    return Health(at=AT, agent=True, clock="synchronised").model_dump(mode="json")


def kept(online: bool | None, **facts: Any) -> Kept:
    return Kept("royal/b-204", online, told(**facts), health())


def away(place: str) -> Cause:
    return Cause("device_offline", place, f"{place}: offline", place=place)


BLIND = blind("the broker has not answered for 10 s")
DESK = BLIND.key
MANY = "device_offline (rooms)"


# ---------------------------------------------------------------- what is a cause


@pytest.mark.parametrize(
    ("it", "now", "found"),
    [
        (kept(True), NOW, {}),
        (kept(False), NOW, {"device_offline": "offline, last heard at 2026-11-23 02:59 UTC"}),
        (kept(None, word="recording"), NOW, {"device_offline": "when it was recording"}),
        (Kept("royal/b-204"), NOW, {"device_offline": "it was never at the broker"}),
        (kept(True), NOW + SILENT + timedelta(minutes=1), {"device_offline": "said nothing since"}),
        # It is there: whoever looks at the page sees it, nobody is called by the desk.
        (Kept("royal/b-204", True), NOW, {}),
        (kept(True, alerts=["missing_audio"]), NOW, {}),
    ],
)
def test_a_room_that_is_away_is_a_cause(it: Kept, now: datetime, found: dict[str, str]) -> None:
    seen = causes([it], now, also=False)
    assert {each.alert for each in seen} == set(found)
    for each in seen:
        assert each.place == each.subject == "royal/b-204"
        assert found[each.alert] in each.text
        assert each.room == ("B-204" if it.state else "royal/b-204")


def test_what_rooms_tell_of_themselves_counts_only_when_it_is_asked_for_and_believed() -> None:
    alerts = ["device_offline", "missing_audio", "missed_capture"]
    for chosen in ([], alerts[1:], alerts):
        seen = causes([kept(True, alerts=chosen, lecture=LECTURE)], NOW, also=True)
        assert [each.alert for each in seen] == chosen
        assert all((each.title == "Physics") is (each.alert == "missing_audio") for each in seen)
    # Of a room that has gone only this is known.
    [seen_away] = causes([kept(False, alerts=alerts)], NOW, also=True)
    assert "offline" in seen_away.text


anything = st.none() | st.integers() | st.text(max_size=4) | st.lists(st.text() | st.none())
state = st.dictionaries(st.sampled_from(["alerts", "room", "lecture", "word", "at"]), anything)


@given(st.none() | st.booleans(), st.none() | state)
def test_whatever_a_room_has_said_it_is_a_cause_or_none(online: bool | None, said: Any) -> None:
    for each in causes([Kept("a/b", online, said)], NOW, also=True):
        assert each.alert in LASTS_S
        assert isinstance(each.room, str)


# ---------------------------------------------------------------- when it is told


class Looks:
    """One desk, that looks every ten seconds; what is told, in order."""

    def __init__(self, standing: set[str] | None = None) -> None:
        self.watch = Watch()
        self.standing = standing or set()
        self.now_s = 0.0
        self.told: list[str] = []

    def at(self, seconds: float, *seen: Cause) -> list[str]:
        """What is told in this time."""
        before, end_s = len(self.told), self.now_s + seconds
        while self.now_s < end_s:
            self.watch, news = rules.look(self.watch, self.now_s, seen, self.standing)
            self.told += [f"+{cause.key}" for cause in news.raised]
            self.told += [f"-{key}" for key in news.resolved]
            self.standing |= {cause.key for cause in news.raised}
            self.standing -= set(news.resolved)
            self.now_s += 10
        return self.told[before:]


def rooms(count: int, first: int = 0) -> list[Cause]:
    return [away(f"royal/b-{number}") for number in range(first, first + count)]


def test_a_room_is_told_when_it_has_been_away_for_long_enough_and_once() -> None:
    looks = Looks()
    assert looks.at(AFTER_S, *rooms(1)) == []
    assert looks.at(3600, *rooms(1)) == ["+device_offline royal/b-0"]
    assert looks.at(GONE_S - 10) == []
    assert looks.at(3600) == ["-device_offline royal/b-0"]


def test_a_room_that_restarts_again_and_again_calls_nobody() -> None:
    looks = Looks()
    for _ in range(20):
        assert looks.at(AFTER_S - 60, *rooms(1)) == []
        assert looks.at(60) == []


def test_a_blind_desk_says_so_once_and_neither_tells_nor_takes_back_anything_else() -> None:
    looks = Looks()
    looks.at(AFTER_S + 10, *rooms(1))
    looks.at(AFTER_S - 20, *rooms(2))
    assert looks.at(12 * 3600, BLIND) == [f"+{DESK}"]
    assert looks.at(AFTER_S, *rooms(2)) == [f"-{DESK}"]
    # Not seen away while the desk was blind: it counts from now.
    assert looks.at(10, *rooms(2)) == ["+device_offline royal/b-1"]


def test_a_broker_that_restarts_calls_nobody() -> None:
    """It holds all rooms for gone until each has come back, within five minutes."""
    looks = Looks()
    assert looks.at(60, BLIND) == []
    for left in range(500, 0, -20):
        assert looks.at(10, *rooms(left)) == []
    assert looks.at(3600) == []


def test_a_desk_that_starts_without_a_broker_takes_nothing_back() -> None:
    looks = Looks({"device_offline royal/b-0"})
    assert looks.at(3600, BLIND) == [f"+{DESK}"]
    assert looks.at(3600) == [f"-{DESK}", "-device_offline royal/b-0"]


def test_many_rooms_that_go_at_once_are_one_alert() -> None:
    looks = Looks({"device_offline royal/b-0"})
    assert looks.at(3600, *rooms(500)) == [f"+{MANY}"]
    assert looks.at(3600, *rooms(MOST_AT_ONCE + 2)) == []
    # As few as are left after it are called for one by one, and each has its time to come back.
    found = looks.at(3600, *rooms(4))
    assert found == [f"-{MANY}", *(f"+device_offline royal/b-{number}" for number in (1, 2, 3))]
    few = Looks()
    assert len(few.at(3600, *rooms(MOST_AT_ONCE))) == MOST_AT_ONCE


def test_what_a_room_told_before_it_went_is_not_over() -> None:
    unheard = Cause("missing_audio", "royal/b-0", place="royal/b-0")
    looks = Looks()
    looks.at(LASTS_S["missing_audio"] + 10, unheard)
    assert looks.at(3600, *rooms(1)) == ["+device_offline royal/b-0"]
    assert looks.at(3600) == ["-device_offline royal/b-0", "-missing_audio royal/b-0"]


looks_like = st.one_of(st.just(None), st.integers(0, 30))


@given(st.lists(st.tuples(looks_like, st.integers(10, 900)), max_size=30))
def test_whatever_happens_each_alert_is_told_once_and_few_at_a_time(
    days: list[tuple[int | None, int]],
) -> None:
    """None: the desk is blind; a number: so many rooms are away."""
    looks = Looks()
    for count, seconds in days:
        found = looks.at(seconds, *([BLIND] if count is None else rooms(count)))
        assert len([each for each in found if each[0] == "+"]) <= MOST_AT_ONCE + 1
        if count is None:
            assert set(found) <= {f"+{DESK}"}
    for key in {each[1:] for each in looks.told}:
        signs = [each[0] for each in looks.told if each[1:] == key]
        assert signs == ["+", "-"] * (len(signs) // 2) + ["+"] * (len(signs) % 2)
    looks.at(600)
    assert looks.standing == set()
