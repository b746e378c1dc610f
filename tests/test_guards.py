"""Laws of what is told of a microphone that is there and delivers nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.rules.guards import DIGITAL_SILENCE, NO_SAMPLES, SECOND, Guard, watch

TENTH = SECOND // 10
QUIET_ROOM, ZEROS = -78.0, -120.0


def after(
    seconds: float, peak: float | None, guard: Guard, *, at_s: float = 0, muted: bool = False
) -> Guard:
    """Ten looks a second."""
    for number in range(round(seconds * 10)):
        guard = watch(guard, round(at_s * SECOND) + number * TENTH, peak, muted)
    return guard


def test_zeros_for_three_seconds_are_told_and_a_quiet_room_is_not() -> None:
    assert after(2.9, ZEROS, Guard()).warning == ""
    assert after(3.2, ZEROS, Guard()).warning == DIGITAL_SILENCE
    assert after(60, QUIET_ROOM, Guard()).warning == ""


def test_no_samples_for_three_seconds_are_told() -> None:
    assert after(2.9, None, Guard()).warning == ""
    assert after(3.2, None, Guard()).warning == NO_SAMPLES


def test_a_click_does_not_end_a_warning_and_a_second_of_sound_does() -> None:
    silent = after(4, ZEROS, Guard())
    click = after(0.5, QUIET_ROOM, silent, at_s=4)
    assert click.warning == DIGITAL_SILENCE
    assert after(0.8, QUIET_ROOM, after(0.1, ZEROS, click, at_s=4.5), at_s=4.6).warning
    assert after(1.2, QUIET_ROOM, silent, at_s=4).warning == ""


def test_a_room_that_was_muted_on_purpose_is_not_warned_of() -> None:
    muted = after(20, ZEROS, Guard(), muted=True)
    assert muted.warning == ""
    assert after(2.9, ZEROS, muted, at_s=20).warning == ""


@given(st.lists(st.sampled_from([ZEROS, QUIET_ROOM, None]), max_size=100))
def test_a_warning_has_always_had_its_time(peaks: list[float | None]) -> None:
    guard = Guard()
    for number, peak in enumerate(peaks):
        before, guard = guard, watch(guard, number * TENTH, peak, False)
        if guard.warning and not before.warning:
            assert QUIET_ROOM not in peaks[max(0, number - 29) : number]
        if before.warning and not guard.warning:
            assert ZEROS not in peaks[number - 9 : number]
