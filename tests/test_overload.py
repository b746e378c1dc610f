"""Laws of what is given up while the PC is too slow, in tables of one look a second."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.rules.overload import (
    CALM_NS,
    MOST_CALM_NS,
    SECOND,
    Ease,
    Load,
    Step,
    kept,
    look,
    smaller,
    strain,
    words,
)

WELL = Load(backlog=0.0, busy=0.3)
SLOW = Load(backlog=0.3, busy=1.0)
DROWNING = Load(backlog=0.9, busy=1.0)
LOSING = Load(backlog=1.0, busy=1.0, dropped=4)
OTHERS = Load(backlog=0.0, busy=0.8, pressure=80.0)
MINUTE = 60


def after(ease: Ease, load: Load, seconds: int, at_s: int = 0, most: Step = Step.SIZE) -> Ease:
    for second in range(seconds):
        ease = look(ease, (at_s + second) * SECOND, load, most)
    return ease


@pytest.mark.parametrize(
    ("load", "seconds", "step"),
    [
        (WELL, 3600, Step.NONE),
        (SLOW, 4, Step.NONE),  # an encoder that opens, a disk that stalls
        (SLOW, 5, Step.PREVIEW),
        (SLOW, 9, Step.RATE),
        (SLOW, 13, Step.SIZE),
        (SLOW, 3600, Step.SIZE),
        (DROWNING, 2, Step.PREVIEW),
        (DROWNING, 3, Step.RATE),
        (LOSING, 4, Step.SIZE),
        (Load(backlog=0.0, busy=0.3, pressure=99.0), 3600, Step.NONE),  # enough is left
        (OTHERS, 3600, Step.PREVIEW),  # what others do alone costs no picture
    ],
)
def test_the_longer_the_strain_the_more_is_given_up(load: Load, seconds: int, step: Step) -> None:
    assert after(Ease(), load, seconds).step is step


def test_strain_that_comes_and_goes_within_seconds_costs_nothing() -> None:
    ease = Ease()
    for number in range(100):
        ease = after(ease, SLOW if number % 2 else WELL, 3, at_s=3 * number)
    assert ease.step is Step.NONE


@pytest.mark.parametrize("most", list(Step))
def test_a_track_gives_up_no_more_than_it_can(most: Step) -> None:
    assert after(Ease(), LOSING, 60, most=most).step is most
    assert after(Ease(), OTHERS, 60, most=most).step is min(most, Step.PREVIEW)


def test_minutes_of_calm_give_back_one_step_and_minutes_more_the_next() -> None:
    minutes = CALM_NS // SECOND // MINUTE
    ease = after(Ease(), LOSING, 10)
    assert after(ease, WELL, minutes * MINUTE, at_s=10).step is Step.SIZE
    ease = after(ease, WELL, minutes * MINUTE + 2, at_s=10)
    assert ease.step is Step.RATE
    assert f"{minutes} minutes" in ease.why
    ease = after(ease, WELL, 2 * minutes * MINUTE + 4, at_s=1000)
    assert ease.step is Step.NONE


def test_calm_that_is_interrupted_begins_again() -> None:
    ease, at_s = after(Ease(), LOSING, 10), 10
    for _ in range(10):
        ease = after(ease, WELL, CALM_NS // SECOND - 10, at_s)
        ease = after(ease, Load(backlog=0.2, busy=0.5), 1, at_s + CALM_NS // SECOND - 10)
        at_s += CALM_NS // SECOND
    assert ease.step is Step.SIZE


def test_a_recorder_without_room_for_more_work_takes_nothing_back() -> None:
    ease = after(Ease(), LOSING, 10)
    assert after(ease, Load(backlog=0.0, busy=0.5), 3600, at_s=10).step is Step.SIZE


def test_a_step_up_that_was_one_too_many_doubles_the_patience_up_to_its_limit() -> None:
    ease, at_s, patience = after(Ease(), LOSING, 10), 10, []
    for _ in range(6):
        patience.append(ease.patience_ns)
        ease = after(ease, WELL, ease.patience_ns // SECOND + 2, at_s)
        assert ease.step is Step.RATE
        at_s += patience[-1] // SECOND + 2
        ease = after(ease, LOSING, 5, at_s)
        assert ease.step is Step.SIZE
        at_s += 5
    assert patience[0] == CALM_NS
    assert all(later == min(2 * sooner, MOST_CALM_NS) for sooner, later in pairwise(patience))
    assert patience[-1] == MOST_CALM_NS


@given(
    st.lists(
        st.builds(
            Load,
            backlog=st.floats(0, 1),
            busy=st.floats(0, 1),
            dropped=st.integers(0, 3),
            pressure=st.none() | st.floats(0, 100),
        ),
        max_size=200,
    )
)
def test_whatever_comes_steps_are_single_and_each_has_its_reason(loads: list[Load]) -> None:
    ease = Ease()
    for second, load in enumerate(loads):
        before, ease = ease, look(ease, second * SECOND, load)
        assert abs(ease.step - before.step) <= 1
        if ease.step != before.step:
            assert ease.why
            assert ease.changed_ns == second * SECOND


@pytest.mark.parametrize(
    ("fps", "real_fps", "share"),
    [(30.0, 30.0, 0.5), (25.0, 25.0, 0.5), (30.0, 29.97, 0.5), (30.0, 10.0, 1.0), (0.0, 30.0, 0.5)],
)
def test_every_second_picture_stays_and_all_of_a_camera_that_is_slow_already(
    fps: float, real_fps: float, share: float
) -> None:
    last, found = None, 0
    for number in range(300):
        at_ns = round((number + 0.1 * (number % 3)) * SECOND / real_fps)  # cameras are not exact
        if kept(last, at_ns, fps):
            last, found = at_ns, found + 1
    assert found == pytest.approx(300 * share, abs=1)


@given(st.integers(16, 8192), st.integers(16, 8192))
def test_a_smaller_picture_is_even_of_the_same_shape_and_can_still_be_seen(
    width: int, height: int
) -> None:
    small = smaller(width, height)
    assert min(small) >= min(240, width, height)
    if small != (width, height):
        assert [side % 2 for side in small] == [0, 0]
        assert small[0] / small[1] == pytest.approx(width / height, rel=0.02)


def test_every_step_and_every_strain_has_its_words() -> None:
    assert len({words(step) for step in Step}) == len(Step)
    assert "4 pictures were lost" in strain(LOSING)
    assert "30% full" in strain(SLOW)
    assert "98% of the time" in strain(Load(backlog=0.0, busy=0.98))
    assert strain(WELL) == ""
