"""The small picture: shape, pace and times of what it is made of."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoders import renditions
from encoders.renditions import Recipe
from encoders.small_picture import MOST_FPS, PIECE, PIECE_S, PictureSpec, chosen, small_size

STAMPS = st.lists(st.integers(0, 40_000), min_size=1, max_size=300, unique=True).map(sorted)


def frame(ms: int) -> av.VideoFrame:
    made = av.VideoFrame(16, 16, "yuv420p")
    made.pts, made.time_base = ms, Fraction(1, 1000)
    return made


def times(stamps: list[int], first: int = 0) -> list[int]:
    return [each.pts or 0 for each in chosen((frame(ms) for ms in stamps), first * PIECE)]


def test_pieces_of_another_way_to_encode_do_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after an upgrade in the middle of the work."""
    spec = PictureSpec("h264", 105, 640, 360)
    recipe = Recipe("camera-small.mp4", 1, (Path("presenter.mp4"), "sum"), None, spec, None)
    before = recipe.key
    assert recipe.key == before
    monkeypatch.setattr(renditions, "picture_options", lambda _spec: {"preset": "another"})
    assert recipe.key != before


@given(st.integers(16, 8192), st.integers(16, 8192))
def test_it_fits_and_keeps_its_shape(width: int, height: int) -> None:
    small = small_size(width, height)
    assert all(side % 2 == 0 and side >= 16 for side in small)
    assert small[0] <= max(640, 16)
    assert small[1] <= 360
    if min(small) > 32 and width <= 4 * height and height <= 4 * width:
        assert small[0] / small[1] == pytest.approx(width / height, rel=0.07)


@given(STAMPS)
def test_no_fifteenth_of_a_second_has_two_pictures_and_none_that_had_one_goes_without(
    stamps: list[int],
) -> None:
    kept = times(stamps)
    slots = [ms * MOST_FPS // 1000 for ms in kept]
    assert len(set(slots)) == len(slots)
    assert set(slots) == {ms * MOST_FPS // 1000 for ms in stamps}
    assert set(kept) <= set(stamps)


@given(STAMPS)
def test_what_is_chosen_does_not_depend_on_where_the_work_was_resumed(stamps: list[int]) -> None:
    """Else a kill would show."""
    later = [ms + PIECE_S * 1000 - 20_000 for ms in stamps]
    whole = [ms for ms in times(later) if ms >= PIECE_S * 1000]
    assert times(later, first=1) == whole
