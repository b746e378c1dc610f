"""Laws of what counts as a change of a slide."""

from __future__ import annotations

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoders.planes import planes
from encoders.rotation import FRAGMENT_NS
from encoders.stillness import SMALL_GAP_NS, STEP, Plane, Stillness, change

FRAME_NS = 33_333_333


def slide() -> Plane:
    """Black lines of "text" on white."""
    page = np.full((270, 480), 235, np.uint8)
    page[20:250:9, 30:400] = 16
    return page


def noisy(page: Plane, sigma: float, seed: int) -> Plane:
    noise = np.random.default_rng(seed).normal(0, sigma, page.shape)
    return np.clip(page + noise, 0, 255).astype(np.uint8)


@given(st.integers(0, 254), st.integers(0, 479))
def test_a_cursor_of_one_by_sixteen_pixels_is_a_change_wherever_it_stands(row: int, x: int) -> None:
    page = np.full((270, 480), 235, np.uint8)
    blinked = page.copy()
    blinked[row : row + 16, x] = 16
    assert all(change([page], [blinked], phase) for phase in range(STEP))


@given(st.integers(0, 250), st.integers(0, 467), st.integers(-3, 3), st.integers(1, 3))
def test_a_pointer_that_moves_by_a_pixel_is_a_change(row: int, x: int, dx: int, dy: int) -> None:
    before, after = np.full((300, 520), 235, np.uint8), np.full((300, 520), 235, np.uint8)
    before[row + 5 : row + 24, x + 5 : x + 17] = 16
    after[row + 5 + dy : row + 24 + dy, x + 5 + dx : x + 17 + dx] = 16
    assert any(change([before], [after], phase) for phase in range(STEP))


@pytest.mark.parametrize("sigma", [0.5, 1.5, 3.0])
def test_noise_is_no_change(sigma: float) -> None:
    page = slide()
    first = noisy(page, sigma, 0)
    assert not any(change([first], [noisy(page, sigma, n)], n % STEP) for n in range(1, 30))


def test_a_thin_line_is_seen_within_four_pictures() -> None:
    page = slide()
    underlined = page.copy()
    underlined[101, 50:90] = 120
    assert any(change([page], [underlined], phase) for phase in range(STEP))


def test_a_faint_highlight_is_a_change() -> None:
    page = np.full((270, 480), 200, np.uint8)
    lit = page.copy()
    lit[100:140, 50:300] = 210
    assert change([page], [lit])


def test_another_size_or_an_unknown_format_is_a_change() -> None:
    assert change([slide()], [slide()[:100]])
    assert change([], [])


def test_a_still_picture_is_repeated_once_for_each_fragment_and_never_later() -> None:
    still, page = Stillness(), slide()
    stamps = [n * FRAME_NS for n in range(300)]
    wanted = [at for at in stamps if still.wants(at, [page])]
    gaps = np.diff(wanted)
    assert wanted[0] == 0
    assert gaps.min() >= FRAGMENT_NS
    assert gaps.max() <= FRAGMENT_NS + 2 * FRAME_NS


def test_a_change_does_not_put_off_the_fragments_end() -> None:
    still = Stillness()
    pages = [slide(), 255 - slide()]
    changes = {0: 0, 20: 1}
    wanted = []
    shown = 0
    for n in range(40):
        shown = changes.get(n, shown)
        if still.wants(n * FRAME_NS, [pages[shown]]):
            wanted.append(n)
    assert wanted[:3] == [0, 20, 28]  # 28 × 33.3 ms is the first past 0.9 s


def test_a_slow_fade_is_measured_from_the_last_encoded_picture() -> None:
    still = Stillness()
    wanted = [
        n for n in range(25) if still.wants(n * FRAME_NS, [np.full((64, 64), 100 + n, np.uint8)])
    ]
    assert wanted == [0, 7, 14, 21]


def pointer_at(x: int) -> Plane:
    page = np.full((1080, 1920), 235, np.uint8)
    page[500:519, x : x + 12] = 16
    return page


def test_a_pointer_that_moves_is_shown_at_most_15_times_a_second() -> None:
    still = Stillness()
    wanted = [n for n in range(28) if still.wants(n * FRAME_NS, [pointer_at(10 * n)])]
    assert wanted == list(range(0, 28, 2))


def test_a_pointers_last_place_is_shown_before_a_tenth_of_a_second_has_passed() -> None:
    still = Stillness()
    stops = 3
    wanted = [n for n in range(20) if still.wants(n * FRAME_NS, [pointer_at(10 * min(n, stops))])]
    assert wanted == [0, 2, 4]
    assert SMALL_GAP_NS + FRAME_NS < 100_000_000


def test_another_slide_is_shown_at_once_even_while_the_pointer_moves() -> None:
    still = Stillness()
    other = 255 - pointer_at(0)
    wanted = [n for n in range(4) if still.wants(n * FRAME_NS, [pointer_at(9 * n)])]
    assert wanted == [0, 2]
    assert still.wants(3 * FRAME_NS + 1, [other])


def test_what_opens_a_segment_is_wanted() -> None:
    still = Stillness()
    still.wants(0, [slide()])
    assert not still.wants(FRAME_NS, [slide()])
    assert still.wants(2 * FRAME_NS, [slide()], must=True)


@pytest.mark.parametrize(
    ("name", "count", "width"),
    [
        ("yuyv422", 1, 100),
        ("yuv420p", 3, 50),
        ("yuvj422p", 3, 50),
        ("bgr0", 1, 200),
        ("nv12", 2, 50),
    ],
)
def test_planes_are_views_of_the_visible_part(name: str, count: int, width: int) -> None:
    frame = av.VideoFrame(50, 20, name)
    found = planes(frame)
    assert len(found) == count
    assert found[0].shape == (20, width)
    assert not found[0].flags.owndata


def test_a_format_of_more_bits_is_not_looked_into() -> None:
    assert planes(av.VideoFrame(64, 64, "yuv420p10le")) == []
