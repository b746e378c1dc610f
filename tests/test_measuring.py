"""Laws of measuring: rates and holes are those of the stamps, whatever the measuring PC does."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
import pytest

from capture.source import NS, Frame, Sample, SourceInfo
from edge_agent.commands.measuring import measure


class Played:
    """Gives frames with the stamps that it was told, then the last one for ever."""

    def __init__(self, frames: list[Frame]) -> None:
        self._frames: Iterator[Frame] = iter(frames)
        self._last = frames[-1]

    def open(self) -> SourceInfo:
        raise NotImplementedError

    def read(self) -> Sample:
        self._last = next(self._frames, self._last)
        return self._last

    def decode(self, sample: Sample) -> list[Frame]:
        return [sample]  # type: ignore[list-item]

    def close(self) -> None: ...


def pictures(stamps: list[int], luma: int = 120) -> list[Frame]:
    found: list[Frame] = []
    for number, stamp in enumerate(stamps):
        image = np.full((36, 64), luma, dtype=np.uint8)
        image[:, number % 32 : number % 32 + 16] = 200
        frame = av.VideoFrame.from_ndarray(image, format="gray")
        frame.pts, frame.time_base = stamp, Fraction(1, NS)
        found.append(frame)
    return found


def sounds(stamps: list[int], level: int = 8000) -> list[Frame]:
    found: list[Frame] = []
    for stamp in stamps:
        wave = level * np.sin(np.arange(960) * 2 * np.pi * 440 / 48_000)
        data = wave.astype(np.int16).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(data, format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, stamp, Fraction(1, NS)
        found.append(frame)
    return found


CAMERA = SourceInfo("video", "", "", 64, 36, fps=25.0)
MICROPHONE = SourceInfo("audio", "", "", sample_rate=48_000, channels=1)
STEP = NS // 25
BLOCK = NS // 50


class Ended(Exception):
    """All has been read."""


class Once(Played):
    """Ends with its last frame."""

    def read(self) -> Sample:
        found = next(self._frames, None)
        if found is None:
            raise Ended
        return found


def facts(frames: list[Frame], info: SourceInfo, kind: str = "v4l2") -> dict[str, object]:
    """Of exactly these frames: the meter itself, without the clock around it."""
    from edge_agent.commands import measuring

    meter = measuring._Sound(info) if info.media == "audio" else measuring._Pictures(info, kind)
    source = Once(frames)
    try:
        while True:
            meter.add(source, source.read(), last=False)
    except Ended:
        return dict(meter.facts())


def test_the_rate_is_that_of_the_stamps() -> None:
    found = facts(pictures([n * STEP for n in range(26)]), CAMERA)
    assert (found["per_second"], found["missing"]) == (25.0, 0)
    assert found["moved"] is True


def test_pictures_that_never_came_are_counted() -> None:
    stamps = [n * STEP for n in range(50) if n not in (10, 20, 21, 22)]
    assert facts(pictures(stamps), CAMERA)["missing"] == 4


def test_a_screen_that_stands_still_misses_nothing() -> None:
    stamps = [n * STEP for n in range(50) if n not in range(10, 40)]
    assert facts(pictures(stamps), CAMERA, kind="screen")["missing"] == 0


def test_one_picture_tells_no_rate_but_how_bright_it_is() -> None:
    found = facts(pictures([0], luma=0), CAMERA)
    assert (found["per_second"], found["missing"], found["moved"]) == (0.0, 0, None)
    assert isinstance(found["luma"], float)


def test_sound_that_is_missing_is_counted_in_samples() -> None:
    stamps = [n * BLOCK for n in range(50) if n not in (20, 21)]
    assert facts(sounds(stamps), MICROPHONE)["missing"] == 2 * 960
    wobbling = [n * BLOCK + (n % 3) * 4_000_000 for n in range(50)]
    assert facts(sounds(wobbling), MICROPHONE)["missing"] == 0, "stamps are true to milliseconds"


def test_levels_are_the_loudest_and_the_mean() -> None:
    found = facts(sounds([n * BLOCK for n in range(50)]), MICROPHONE)
    assert found["peak"] == pytest.approx(-12.2, abs=0.2)
    assert found["rms"] == pytest.approx(-15.3, abs=0.2)
    quiet = facts(sounds([n * BLOCK for n in range(50)], level=0), MICROPHONE)
    assert (quiet["peak"], quiet["rms"]) == (-120.0, -120.0)


def test_at_least_one_sample_is_read_however_short_the_time() -> None:
    measured = measure(Played(pictures([0])), CAMERA, "v4l2", 0.0)
    assert measured.tried.samples == 1
    assert measured.jpeg.startswith(b"\xff\xd8")
