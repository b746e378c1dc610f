"""The soak's own eyes and ears: does it find what it looks for?"""

from __future__ import annotations

import pytest

from tests.soak import Usage, growth, offsets, together

SECONDS = [float(n) for n in range(10)]


@pytest.mark.parametrize(("late_s", "wrong"), [(0.0, 0), (0.039, 0), (-0.039, 0), (0.041, 1)])
def test_sound_that_comes_late_is_found(late_s: float, wrong: int) -> None:
    sounds = [*SECONDS[:9], SECONDS[9] + late_s]
    assert len(together("file", SECONDS, sounds)) == wrong


def test_seconds_without_their_partner_are_passed_over_but_not_many() -> None:
    assert list(offsets(SECONDS, SECONDS[3:])) == [0.0] * 7
    assert together("file", SECONDS[:4], SECONDS) != []


def test_growth_of_memory_or_descriptors_is_found() -> None:
    before = [Usage("camera", 50_000, 12)]
    assert growth(before, [Usage("camera", 50_100, 12)]) == []
    assert growth(before, [Usage("camera", 60_000, 12)]) == ["camera grew by 9.8 MiB"]
    assert growth(before, [Usage("camera", 50_000, 13)]) != []
