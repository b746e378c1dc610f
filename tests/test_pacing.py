"""How long the upload waits after failures."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from uploader.pacing import FIRST_S, LONGEST_S, Pace, delay_s

chances = st.floats(0, 1, exclude_max=True)


def test_a_fresh_pace_does_not_wait() -> None:
    assert Pace().wait_s(0.0) == 0.0


def test_the_wait_doubles_until_the_ceiling() -> None:
    full = [delay_s(n, 1.0) for n in range(1, 10)]
    assert full == [2, 4, 8, 16, 32, 64, 128, 256, 300]


@given(st.integers(1, 10_000), chances)
def test_the_wait_is_never_longer_than_the_ceiling_nor_shorter_than_half_the_first(
    failures: int, chance: float
) -> None:
    assert FIRST_S / 2 <= delay_s(failures, chance) <= LONGEST_S


@given(st.floats(0, 1e9), chances)
def test_a_failure_is_due_again_after_exactly_its_delay(now: float, chance: float) -> None:
    pace = Pace().after_failure(now, chance)
    assert pace.wait_s(now) > 0
    assert pace.wait_s(pace.not_before) == 0
    assert pace.after_failure(now, chance).failures == 2
