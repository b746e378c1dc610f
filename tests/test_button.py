"""Laws of what a press of a button or a pedal means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.rules.button import BOUNCE_NS, HOLD_NS, MS, REST_NS, Fingers, Tap, step

#: How often the keys are looked at.
LOOK_MS = 10
WORDS = ["not_ready", "ready", "starting", "start_failed", "recording", "paused", "saving", "saved"]
IDLE = ["not_ready", "ready", "saving", "saved"]
UNDER_WAY = ["starting", "start_failed", "recording", "paused"]
Script = list[tuple[int, int, str]]


def play(
    script: Script, word: str, tap: Tap = Tap.PAUSE, until_ms: int = 6000
) -> list[tuple[int, str]]:
    """What comes of keys that are down from one millisecond to another, in a room that stays so."""
    fingers, said = Fingers(), []
    for at_ms in range(0, until_ms, LOOK_MS):
        down = frozenset(key for start, end, key in script if start <= at_ms < end)
        fingers, verb = step(fingers, down, at_ms * MS, word, tap)
        if verb:
            said.append((at_ms, verb))
    return said


def verbs(script: Script, word: str, tap: Tap = Tap.PAUSE) -> list[str]:
    return [verb for _, verb in play(script, word, tap)]


TAPPED: Script = [(100, 250, "one")]
HELD: Script = [(100, 2600, "one")]


@pytest.mark.parametrize("word", IDLE)
def test_a_press_starts_at_once(word: str) -> None:
    assert play(TAPPED, word) == [(100, "start")]


@pytest.mark.parametrize("word", IDLE)
def test_holding_the_press_that_started_does_not_stop(word: str) -> None:
    fingers, said = Fingers(), []
    for at_ms in range(0, 6000, LOOK_MS):
        room = word if not said else "recording"
        fingers, verb = step(fingers, frozenset({"one"}), at_ms * MS, room)
        said += [verb] if verb else []
    assert said == ["start"]


@pytest.mark.parametrize(
    ("word", "tap", "said"),
    [
        ("recording", Tap.PAUSE, ["pause"]),
        ("paused", Tap.PAUSE, ["resume"]),
        ("recording", Tap.MARK, ["mark"]),
        ("paused", Tap.MARK, []),
        ("recording", Tap.NONE, []),
        ("paused", Tap.NONE, []),
        ("starting", Tap.PAUSE, []),
        ("start_failed", Tap.PAUSE, []),
    ],
)
def test_a_tap_does_what_is_set(word: str, tap: Tap, said: list[str]) -> None:
    assert verbs(TAPPED, word, tap) == said


@pytest.mark.parametrize("tap", Tap)
@pytest.mark.parametrize("word", UNDER_WAY)
def test_held_for_two_seconds_it_stops_once_and_while_it_is_held(word: str, tap: Tap) -> None:
    assert play(HELD, word, tap) == [(2100, "stop")]


def test_released_a_moment_too_early_it_is_a_tap() -> None:
    assert verbs([(100, 2090, "one")], "recording") == ["pause"]


def test_a_bounce_is_neither_a_second_press_nor_the_end_of_a_hold() -> None:
    bouncing: Script = [(100, 110, "one"), (120, 250, "one")]
    assert verbs(bouncing, "recording") == ["pause"]
    interrupted: Script = [(100, 1000, "one"), (1020, 2600, "one")]
    assert play(interrupted, "recording") == [(2100, "stop")]


def test_quick_taps_between_slow_looks_are_taps_and_not_one_long_hold() -> None:
    fingers, said = Fingers(), []
    for look in range(75):
        down = frozenset({"one"} if look % 2 == 0 else ())
        fingers, verb = step(fingers, down, look * 40 * MS, "recording")
        said += [verb] if verb else []
    # The first, and the first after the rest.
    assert said == ["pause", "pause"]


def test_a_double_press_counts_once() -> None:
    double: Script = [(100, 250, "one"), (400, 550, "one"), (700, 800, "one")]
    assert verbs(double, "recording") == ["pause"]
    assert verbs(double, "ready") == ["start"]


def test_a_press_within_the_rest_stays_without_effect_however_long_it_is_held() -> None:
    assert verbs([(100, 250, "one"), (500, 5000, "one")], "recording") == ["pause"]


def test_after_the_rest_a_press_counts_again() -> None:
    later = 280 + REST_NS // MS + LOOK_MS
    assert verbs([(100, 250, "one"), (later, later + 100, "one")], "recording") == ["pause"] * 2


def test_a_hold_stops_nothing_that_somebody_else_has_stopped_meanwhile() -> None:
    fingers, said = Fingers(), []
    for at_ms in range(0, 4000, LOOK_MS):
        word = "recording" if at_ms < 1000 else "saved"
        fingers, verb = step(fingers, frozenset({"one"}), at_ms * MS, word)
        said += [verb] if verb else []
    assert said == []


def test_a_pause_is_not_a_resume_because_the_panel_was_quicker() -> None:
    """The press meant what the light showed when it began."""
    fingers, _ = step(Fingers(), frozenset({"one"}), 0, "recording")
    fingers, _ = step(fingers, frozenset(), 200 * MS, "paused")
    _, verb = step(fingers, frozenset(), 300 * MS, "paused")
    assert verb == "pause"


@pytest.mark.parametrize(
    ("key", "word", "said"),
    [
        ("go", "ready", ["start"]),
        ("go", "paused", ["resume"]),
        ("go", "recording", []),
        ("pause", "recording", ["pause"]),
        ("pause", "paused", []),
        ("pause", "ready", []),
        ("mark", "recording", ["mark"]),
        ("mark", "ready", []),
        ("stop", "recording", []),
        ("stop", "ready", []),
    ],
)
@pytest.mark.parametrize("tap", Tap)
def test_keys_of_a_pad_do_one_thing_each(key: str, word: str, said: list[str], tap: Tap) -> None:
    assert verbs([(100, 250, key)], word, tap) == said


def test_of_a_pad_only_the_stop_key_stops_and_only_when_it_is_held() -> None:
    for key in ("go", "pause", "mark"):
        assert "stop" not in verbs([(100, 5000, key)], "recording")
    assert play([(100, 5000, "stop")], "recording") == [(100 + HOLD_NS // MS, "stop")]


HISTORIES = st.lists(
    st.tuples(
        st.integers(1, 400),
        st.frozensets(st.sampled_from(["one", "go", "pause", "stop", "mark"]), max_size=3),
        st.sampled_from(WORDS),
    ),
    max_size=60,
)


@given(HISTORIES, st.sampled_from(list(Tap)))
def test_whatever_fingers_do(history: list[tuple[int, frozenset[str], str]], tap: Tap) -> None:
    """A stop needs two seconds of one key, a start an idle room, and nothing comes in a rest."""
    fingers, now_ns, last_ns = Fingers(), 0, -REST_NS
    down_since: dict[str, int] = {}
    for passed_ms, down, word in history:
        now_ns += passed_ms * MS
        fingers, verb = step(fingers, down, now_ns, word, tap)
        for key in down:
            down_since.setdefault(key, now_ns)
        if verb == "stop":
            assert word in UNDER_WAY
            assert any(now_ns - since >= HOLD_NS for since in down_since.values())
        if verb == "start":
            assert word in IDLE
            assert now_ns - last_ns >= REST_NS
        last_ns = now_ns if verb else last_ns
        gone = {p.key for p in fingers.presses}
        down_since = {key: since for key, since in down_since.items() if key in gone}


@given(HISTORIES)
def test_when_all_keys_are_up_everything_is_forgotten_but_the_rest(
    history: list[tuple[int, frozenset[str], str]],
) -> None:
    fingers, now_ns = Fingers(), 0
    for passed_ms, down, word in history:
        now_ns += passed_ms * MS
        fingers, _ = step(fingers, down, now_ns, word)
    fingers, _ = step(fingers, frozenset(), now_ns + MS, "ready")
    fingers, _ = step(fingers, frozenset(), now_ns + MS + BOUNCE_NS, "ready")
    assert fingers.presses == ()
