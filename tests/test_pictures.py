"""Laws of what is told of a picture that keeps coming and shows nothing of worth."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.messages import Sight
from edge_agent.rules.pictures import (
    ADVICE,
    COVERED,
    FROZEN,
    NO_SLIDES,
    SECOND,
    Scene,
    Viewer,
    view,
)

LIVE = Sight(luma=120.0, spread=30.0, plain=0.3, change=0.9)
SAME = LIVE.model_copy(update={"change": 0.0})
CAP = Sight(luma=9.0, spread=1.5, plain=1.0, change=0.4)
BLACK = Sight(luma=0.0, spread=0.0, plain=1.0, change=0.0)
BLUE = Sight(luma=41.0, spread=0.0, plain=1.0, change=0.0)
#: A grabber's own: some words on blue.
WORDS = Sight(luma=45.0, spread=12.0, plain=0.93, change=0.0)
WHITE_SLIDE = Sight(luma=225.0, spread=30.0, plain=0.9, change=0.0)
FULL_SLIDE = Sight(luma=170.0, spread=40.0, plain=0.5, change=0.0)


def scene(second: float, *, slides: bool, spoken: bool, recording: bool = True) -> Scene:
    now_ns = round(second * SECOND)
    return Scene(now_ns, recording, slides, now_ns if spoken else None)


def after(
    seconds: int,
    sight: Sight,
    it: Viewer,
    *,
    at_s: int = 0,
    slides: bool = False,
    spoken: bool = True,
    every_s: int = 1,
    recording: bool = True,
) -> Viewer:
    for second in range(at_s, at_s + seconds, every_s):
        it = view(it, scene(second, slides=slides, spoken=spoken, recording=recording), sight)
    return it


@pytest.mark.parametrize(("sight", "seconds", "warning"), [(CAP, 15, COVERED), (SAME, 10, FROZEN)])
@pytest.mark.parametrize("every_s", [1, 4])  # 4: the key frames of a camera's own H.264
def test_a_camera_is_told_of_when_its_picture_is_wrong_for_long(
    sight: Sight, seconds: int, warning: str, every_s: int
) -> None:
    assert after(seconds, sight, Viewer(), every_s=every_s).warning == ""
    found = after(seconds + 2 * every_s, sight, Viewer(), every_s=every_s)
    assert (found.warning, found.since_ns) == (warning, 0)


def test_a_cap_that_gives_one_black_picture_for_ever_is_covered_not_frozen() -> None:
    it = Viewer()
    for second in range(60):
        it = view(it, scene(second, slides=False, spoken=True), BLACK)
        assert it.warning in ("", COVERED)
    assert it.warning == COVERED


def test_a_live_picture_of_an_empty_room_is_nothing_to_tell() -> None:
    still_room = LIVE.model_copy(update={"change": 0.06})
    assert after(3600, still_room, Viewer()).warning == ""


def test_a_network_cameras_clock_in_a_corner_does_not_hide_a_cap() -> None:
    clock = Sight(luma=11.0, spread=14.0, plain=0.98, change=0.4)
    assert after(20, clock, Viewer()).warning == COVERED


def test_a_dark_hall_with_a_bright_screen_in_it_is_not_covered() -> None:
    film = Sight(luma=14.0, spread=25.0, plain=0.9, change=1.0)
    assert after(600, film, Viewer()).warning == ""


def test_a_warning_ends_after_three_seconds_without_its_reason() -> None:
    covered = after(30, CAP, Viewer())
    assert after(3, LIVE, covered, at_s=30).warning == COVERED
    assert after(5, LIVE, covered, at_s=30).warning == ""


def test_what_hovers_at_the_limit_does_not_come_and_go() -> None:
    it, told = Viewer(), []
    for second in range(600):
        hovering = CAP.model_copy(update={"luma": 24.0 if second < 20 or second % 9 else 28.0})
        it = view(it, scene(second, slides=False, spoken=True), hovering)
        told += [it.warning] if it.warning != (told[-1] if told else "") else []
    assert told == [COVERED]


@pytest.mark.parametrize("sight", [BLUE, BLACK])
def test_slides_without_a_signal_are_told_of_while_somebody_speaks(sight: Sight) -> None:
    assert after(60, sight, Viewer(), slides=True).warning == ""
    assert after(62, sight, Viewer(), slides=True).warning == NO_SLIDES
    assert after(900, sight, Viewer(), slides=True, spoken=False).warning == ""


def test_a_warning_of_slides_stands_when_nobody_speaks_any_more() -> None:
    told = after(70, BLUE, Viewer(), slides=True)
    assert after(300, BLUE, told, at_s=70, slides=True, spoken=False).warning == NO_SLIDES


def test_a_grabbers_own_picture_with_words_on_it_is_told_of_after_ten_minutes() -> None:
    assert after(600, WORDS, Viewer(), slides=True).warning == ""
    assert after(602, WORDS, Viewer(), slides=True).warning == NO_SLIDES


def test_slides_that_have_once_changed_may_stand_for_ever() -> None:
    shown = after(30, WORDS, Viewer(), slides=True)
    shown = after(1, WORDS.model_copy(update={"change": 3.0}), shown, at_s=30, slides=True)
    assert after(3600, WORDS, shown, at_s=31, slides=True).warning == ""


@pytest.mark.parametrize("sight", [WHITE_SLIDE, FULL_SLIDE])
def test_slides_that_stand_still_are_as_they_should_be(sight: Sight) -> None:
    assert after(5400, sight, Viewer(), slides=True).warning == ""


def test_before_a_recording_a_camera_is_told_of_only_when_somebody_is_there() -> None:
    assert after(600, CAP, Viewer(), recording=False, spoken=False).warning == ""
    assert after(60, CAP, Viewer(), recording=False).warning == COVERED
    assert after(600, BLUE, Viewer(), recording=False, slides=True).warning == ""


def test_each_warning_comes_with_what_to_do() -> None:
    assert set(ADVICE) == {COVERED, FROZEN, NO_SLIDES}


SIGHTS = st.sampled_from([LIVE, SAME, CAP, BLACK, BLUE, WORDS, WHITE_SLIDE])


@given(st.lists(SIGHTS, max_size=150), st.booleans(), st.booleans())
def test_a_warning_has_always_had_its_time(seen: list[Sight], slides: bool, spoken: bool) -> None:
    it = Viewer()
    for second, sight in enumerate(seen):
        before, it = it, view(it, scene(second, slides=slides, spoken=spoken), sight)
        if it.warning and not before.warning:
            least_s = {COVERED: 15, FROZEN: 10, NO_SLIDES: 60}[it.warning]
            assert second * SECOND - it.since_ns >= least_s * SECOND
            assert LIVE not in seen[second - least_s : second]
        if before.warning and not it.warning:
            assert all(each != CAP for each in seen[second - 2 : second + 1]) or slides
        assert replace(it, warning="").changed >= before.changed
