"""Preview pictures."""

import av
import cv2
import numpy as np
import pytest

from capture.testcard import TestCard
from capture.vision import moved, outline, preview_jpeg


def unpack(jpeg: bytes) -> np.ndarray:
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return np.asarray(picture)


@pytest.mark.parametrize(
    ("size", "small"),
    [((1280, 720), (640, 360)), ((1920, 1080), (640, 360)), ((320, 240), (320, 240))],
)
def test_a_preview_is_at_most_640_wide_and_never_enlarged(size, small) -> None:
    picture = unpack(preview_jpeg(TestCard(*size, 30).make(7, dark=False)))
    assert (picture.shape[1], picture.shape[0]) == small


@pytest.mark.parametrize("form", ["yuyv422", "nv12", "bgr0", "rgb24", "gray", "yuvj422p"])
def test_every_layout_of_a_device_can_be_shown(form: str) -> None:
    frame = TestCard(640, 360, 30).make(7, dark=False).reformat(format=form)
    assert unpack(preview_jpeg(frame)).std() > 20


@pytest.mark.parametrize(("full", "white"), [(False, 255), (True, 235)])
def test_the_range_of_the_colours_is_the_sources(full: bool, white: int) -> None:
    frame = av.VideoFrame.from_ndarray(
        np.concatenate([np.full((64, 64), 235, np.uint8), np.full((32, 64), 128, np.uint8)]),
        format="yuv420p",
    )
    assert unpack(preview_jpeg(frame, full_range=full)).mean() == pytest.approx(white, abs=3)


def noisy(picture: np.ndarray, seed: int) -> av.VideoFrame:
    """As a sensor in a dim room sees it."""
    noise = np.random.default_rng(seed).normal(0, 8, picture.shape)
    return av.VideoFrame.from_ndarray(
        np.clip(picture + noise, 0, 255).astype(np.uint8), format="gray"
    )


def room_with_a_head_at(x: int) -> np.ndarray:
    picture = np.tile(np.linspace(60, 160, 640), (360, 1))
    picture[200:260, x : x + 50] = 210
    return picture


def test_a_head_that_moves_is_seen_and_noise_and_a_dimmed_lamp_are_not() -> None:
    still = outline(noisy(room_with_a_head_at(300), 1))
    assert not moved(still, outline(noisy(room_with_a_head_at(300), 2)))
    assert not moved(still, outline(noisy(room_with_a_head_at(300) - 25, 3)))
    assert moved(still, outline(noisy(room_with_a_head_at(360), 4)))
