"""The limits of warnings that a room may set: the usual ones else, and obeyed by all who warn."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import ValidationError

from edge_agent.config_recording import Guards
from edge_agent.messages import Sight, Sound
from edge_agent.rules import pictures, voices
from edge_agent.rules.panel import Heard, MicFacts, hear, verdict
from edge_agent.rules.voices import NOBODY, SECOND, TOO_LOUD, TOO_QUIET, WENT_SILENT, Listener

SILENCE = Sound(
    momentary=-50.0,
    short_term=-50.0,
    integrated=-50.0,
    true_peak=-20.0,
    speaking=False,
    speech_s=0.0,
    heard_s=100.0,
    tonal=False,
    clipped=0.0,
    drift_ppm=None,
)
VOICE = SILENCE.model_copy(update={"speaking": True, "short_term": -24.0})
CAP = Sight(luma=9.0, spread=1.5, plain=1.0, change=0.4)


def warned_after_s(guards: Guards, *sounds: Sound, most_s: int = 600) -> dict[str, int]:
    """Second of the first look with each warning; each sound but the last one lasts ten seconds."""
    it, found = Listener(), dict[str, int]()
    for second in range(most_s):
        sound = sounds[min(second // 10, len(sounds) - 1)]
        it = voices.listen(it, second * SECOND, sound, second * SECOND, guards.hearing)
        if it.warning:
            found.setdefault(it.warning, second)
    return found


def covered(guards: Guards, luma: float) -> bool:
    it = pictures.Viewer()
    for second in range(30):
        scene = pictures.Scene(second * SECOND, True, False, second * SECOND, guards.dark_level)
        it = pictures.view(it, scene, CAP.model_copy(update={"luma": luma}))
    return it.warning == pictures.COVERED


def test_a_room_that_sets_nothing_has_the_usual_limits() -> None:
    assert Guards().hearing == voices.USUAL
    assert Guards().dark_level == pictures.DARK


@pytest.mark.parametrize("seconds", [10, 30, 300])
def test_silence_is_told_after_the_time_that_the_room_has_set(seconds: int) -> None:
    never = warned_after_s(Guards(unheard_seconds=seconds), SILENCE)
    assert never == {NOBODY: seconds}
    stopped = warned_after_s(Guards(silent_seconds=seconds), VOICE, SILENCE)
    assert stopped == {WENT_SILENT: 9 + seconds}


def test_a_room_says_what_is_too_quiet_and_what_too_loud() -> None:
    soft = VOICE.model_copy(update={"short_term": -45.0})
    assert TOO_QUIET in warned_after_s(Guards(), soft)
    assert warned_after_s(Guards(quiet_lufs=-50.0), soft) == {}
    assert warned_after_s(Guards(quiet_lufs=-70.0), soft) == {}
    loud = VOICE.model_copy(update={"clipped": 0.02})
    assert TOO_LOUD in warned_after_s(Guards(), loud)
    assert warned_after_s(Guards(clipped_percent=3.0), loud) == {}


def test_before_a_lecture_the_panel_goes_by_the_same_limits() -> None:
    soft = MicFacts(1000 * SECOND, "armed", lost=False, speaking=True, short_term=-45.0)
    loud = replace(soft, short_term=-12.0, clipped=0.02)
    for facts, usual, guards in (
        (soft, "quiet", Guards(quiet_lufs=-50.0)),
        (loud, "loud", Guards(clipped_percent=3.0)),
    ):
        heard = hear(Heard(), facts)
        assert verdict(heard, facts) == usual
        assert verdict(heard, facts, guards.hearing) == "ok"


def test_a_hall_that_is_dark_on_purpose_can_say_so() -> None:
    assert covered(Guards(), 9.0)
    assert not covered(Guards(dark_level=5.0), 9.0)
    assert covered(Guards(dark_level=5.0), 3.0)
    assert not covered(Guards(dark_level=0.0), 0.0)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("unheard_seconds", 9),
        ("silent_seconds", 3601),
        ("quiet_lufs", -10),
        ("clipped_percent", 0),
        ("dark_level", 101),
        ("dark_level", "dark"),
        ("darkness", 1),
    ],
)
def test_a_limit_that_is_none_is_refused(key: str, value: object) -> None:
    with pytest.raises(ValidationError):
        Guards.model_validate({key: value})
