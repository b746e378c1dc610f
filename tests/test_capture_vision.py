"""Preview pictures."""

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from capture.testcard import TestCard
from capture.vision import Sight, moved, outline, points, preview_jpeg, sight


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


def noisy(picture: np.ndarray, seed: int, grain: float = 8) -> av.VideoFrame:
    """As a sensor in a dim room sees it."""
    noise = np.random.default_rng(seed).normal(0, grain, picture.shape)
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


def seen(now: av.VideoFrame, before: av.VideoFrame | None = None) -> Sight:
    return sight(outline(now), points(now), points(before) if before is not None else None)


def through_jpeg(frame: av.VideoFrame, quality: int) -> av.VideoFrame:
    """As a camera delivers it that packs its pictures itself."""
    packed = cv2.imencode(".jpg", frame.to_ndarray(), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return av.VideoFrame.from_ndarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), format="gray")


def through_h264(frames: list[av.VideoFrame], crf: int) -> list[av.VideoFrame]:
    """As a network camera delivers them: each a key frame."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = frames[0].width, frames[0].height, "yuv420p"
    encoder.time_base = Fraction(1, 10)
    encoder.options = {"crf": str(crf), "preset": "ultrafast", "tune": "zerolatency", "g": "1"}
    decoder, out = av.CodecContext.create("h264", "r"), []
    for number, frame in enumerate(frames):
        plain = frame.reformat(format="yuv420p")
        plain.pts = number
        for packet in encoder.encode(plain):
            out += decoder.decode(packet)
    return out + decoder.decode(None)


def test_a_covered_camera_is_dark_and_even_and_a_room_is_not() -> None:
    covered = seen(noisy(np.full((360, 640), 12.0), 1))
    assert covered.luma < 20
    assert covered.spread < 1
    room = seen(noisy(room_with_a_head_at(300), 1))
    assert room.luma > 80
    assert room.spread > 20


def test_a_screen_with_a_few_words_is_plain_and_a_room_is_not() -> None:
    screen = np.full((360, 640), 41.0)
    screen[160:200, 250:390] = 200
    assert 0.85 < seen(noisy(screen, 1)).plain < 1
    assert seen(noisy(room_with_a_head_at(300), 1)).plain < 0.3


@pytest.mark.parametrize("quality", [50, 75, 95])
@pytest.mark.parametrize("grain", [0.5, 8.0])
def test_the_noise_of_a_live_sensor_is_seen_through_jpeg(quality: int, grain: float) -> None:
    one, other = (
        through_jpeg(noisy(room_with_a_head_at(300), seed, grain), quality) for seed in (1, 2)
    )
    change = seen(one, other).change
    assert change is not None
    assert change > 0.05
    assert seen(one, one).change == 0


@pytest.mark.parametrize("crf", [23, 35])
def test_the_noise_of_a_live_sensor_is_seen_through_the_key_frames_of_h264(crf: int) -> None:
    live = through_h264([noisy(room_with_a_head_at(300), seed) for seed in (1, 2)], crf)
    change = seen(live[0], live[1]).change
    assert change is not None
    assert change > 0.05
    frozen = through_h264([noisy(room_with_a_head_at(300), 1)] * 8, crf)
    assert seen(frozen[7], frozen[6]).change == 0  # once the encoder has settled
