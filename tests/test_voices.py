"""Laws of what is told of a microphone in which nobody can be heard."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.messages import Sound
from edge_agent.rules.voices import (
    ADVICE,
    HUM,
    NOBODY,
    SECOND,
    TOO_LOUD,
    TOO_QUIET,
    WENT_SILENT,
    Listener,
    listen,
)


def sound(
    *, speaking: bool = False, lufs: float = -50.0, tonal: bool = False, clipped: float = 0.0
) -> Sound:
    return Sound(
        momentary=lufs,
        short_term=lufs,
        integrated=lufs,
        true_peak=-20.0,
        speaking=speaking,
        speech_s=0.0,
        heard_s=100.0,
        tonal=tonal,
        clipped=clipped,
        drift_ppm=None,
    )


NOISE, VOICE = sound(), sound(speaking=True, lufs=-24.0)


def after(
    seconds: int, heard: Sound | None, it: Listener, *, at_s: int = 0, evidence: bool = True
) -> Listener:
    """A look each second, with evidence of that moment or without any."""
    for second in range(at_s, at_s + seconds):
        now_ns = second * SECOND
        it = listen(it, now_ns, heard, now_ns if evidence else None)
    return it


def test_no_word_for_half_a_minute_is_told_while_something_else_goes_on() -> None:
    assert after(30, NOISE, Listener()).warning == ""
    assert after(32, NOISE, Listener()).warning == NOBODY


def test_without_evidence_there_is_a_hint_after_minutes_and_no_warning() -> None:
    short, long = (after(s, NOISE, Listener(), evidence=False) for s in (299, 302))
    assert (short.warning, short.hint) == ("", "")
    assert (long.warning, long.hint) == ("", NOBODY)


def test_evidence_of_more_than_a_minute_ago_is_none() -> None:
    spoken = after(10, VOICE, Listener())
    for second in range(10, 290):
        spoken = listen(spoken, second * SECOND, NOISE, 20 * SECOND)
        assert spoken.warning == ""


def test_what_was_told_once_stands_until_there_is_a_voice() -> None:
    silent = after(40, NOISE, Listener())
    still = after(400, NOISE, silent, at_s=40, evidence=False)
    assert (still.warning, still.since_ns) == (NOBODY, 0)
    assert after(7, VOICE, still, at_s=440).warning == ""


def test_a_warning_knows_since_when_there_has_been_its_reason() -> None:
    spoken = after(10, VOICE, Listener())
    assert after(120, NOISE, spoken, at_s=10).since_ns == 9 * SECOND
    assert after(60, sound(lufs=-30.0, tonal=True), Listener()).since_ns == 0


def test_a_voice_that_stops_is_told_after_a_minute_and_a_half() -> None:
    spoken = after(10, VOICE, Listener())
    assert after(89, NOISE, spoken, at_s=10).warning == ""
    assert after(92, NOISE, spoken, at_s=10).warning == WENT_SILENT


def test_a_warning_ends_after_five_seconds_with_a_voice() -> None:
    silent = after(40, NOISE, Listener())
    assert after(4, VOICE, silent, at_s=40).warning == NOBODY
    assert after(7, VOICE, silent, at_s=40).warning == ""


@pytest.mark.parametrize(
    ("heard", "seconds", "warning"),
    [
        (sound(speaking=True, lufs=-40.0), 20, TOO_QUIET),
        (sound(speaking=True, lufs=-12.0, clipped=0.01), 1, TOO_LOUD),
        (sound(lufs=-30.0, tonal=True), 10, HUM),
    ],
)
def test_what_spoils_the_sound_is_told_when_it_lasts(
    heard: Sound, seconds: int, warning: str
) -> None:
    assert after(seconds, heard, Listener(), evidence=False).warning == ""
    assert after(seconds + 2, heard, Listener(), evidence=False).warning == warning


@pytest.mark.parametrize(
    "heard",
    [
        VOICE,
        sound(speaking=True, lufs=-36.0),
        sound(speaking=True, lufs=-12.0, clipped=0.004),
        sound(lufs=-30.0, speaking=True, tonal=False),
    ],
)
def test_a_lecture_as_it_should_be_is_never_warned_of(heard: Sound) -> None:
    assert after(600, heard, Listener()).warning == ""


def test_a_faint_hum_under_the_noise_of_a_room_is_no_matter() -> None:
    assert after(25, sound(lufs=-60.0, tonal=True), Listener()).warning == ""


def test_nothing_is_said_while_nothing_is_recorded_and_nothing_remembered() -> None:
    silent = after(40, NOISE, Listener())
    stopped = after(1, None, silent, at_s=40)
    assert stopped == Listener()
    assert after(30, NOISE, stopped, at_s=41).warning == ""


def test_each_warning_comes_with_what_to_do() -> None:
    assert set(ADVICE) == {NOBODY, WENT_SILENT, TOO_QUIET, TOO_LOUD, HUM}
    assert all(ADVICE.values())


@given(st.lists(st.sampled_from([NOISE, VOICE, None]), max_size=200), st.booleans())
def test_nobody_is_warned_within_the_first_half_minute(
    heard: list[Sound | None], evidence: bool
) -> None:
    it, began = Listener(), 0
    for second, each in enumerate(heard):
        it = listen(it, second * SECOND, each, second * SECOND if evidence else None)
        began = second + 1 if each is None else began
        if it.warning:
            assert evidence
            assert second - began >= 30
