"""What a recorder tells of its preview: of the latest one, once, and how new that picture is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from capture.source import NS, Frame, Sample, SourceSpec
from capture.synthetic import SyntheticSource
from edge_agent.preview import Preview
from edge_agent.rules.pictures import DARK, SAME


class Camera:
    """A synthetic camera and its preview, each of whose pictures is shown."""

    def __init__(self, folder: Path, fault: str) -> None:
        options = {"fault": fault} if fault else {}
        self.source = SyntheticSource(SourceSpec("synthetic", "", (320, 180), 30.0, None, options))
        self.preview = Preview(folder / "preview.jpg", self.source.open())
        self._now_ns = 0

    def shows(self, pictures: int) -> None:
        for _ in range(pictures):
            self._now_ns += NS
            sample = self.source.read()
            assert isinstance(sample, av.VideoFrame)
            self.preview.offer(sample, self.source, self._now_ns, at_rest=True)


@pytest.fixture(params=["", "frozen"])
def camera(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Camera]:
    made = Camera(tmp_path, request.param)
    yield made
    made.source.close()


@pytest.mark.parametrize(("camera", "same"), [("", False), ("frozen", True)], indirect=["camera"])
def test_a_frozen_camera_is_told_from_a_live_one(camera: Camera, same: bool) -> None:
    camera.shows(1)
    first = camera.preview.sight()
    assert first is not None
    assert first.change is None
    camera.shows(2)
    it = camera.preview.sight()
    assert it is not None
    assert it.change is not None
    assert (it.change < SAME) == same
    assert it.luma > DARK


@pytest.mark.parametrize("camera", [""], indirect=True)
def test_what_was_asked_is_not_told_again(camera: Camera) -> None:
    camera.shows(1)
    assert camera.preview.sight() is not None
    assert camera.preview.sight() is None


@pytest.mark.parametrize("camera", [""], indirect=True)
def test_a_preview_that_is_paused_tells_nothing(camera: Camera) -> None:
    camera.preview.pause(True)
    camera.shows(2)
    assert camera.preview.sight() is None


class DimHall:
    """Turns any packet into another noisy picture with a mean of 15."""

    def __init__(self) -> None:
        self.decoded = 0
        self._noise = np.random.default_rng(3)

    def decode(self, sample: Sample) -> list[Frame]:
        self.decoded += 1
        noise = self._noise.integers(0, 30, (180, 320), np.uint8)
        return [av.VideoFrame.from_ndarray(noise, format="gray")]


@pytest.mark.parametrize(("dark", "looks"), [(25.0, 30), (5.0, 2), (0.0, 2)])
def test_a_hall_that_is_dark_on_purpose_is_looked_at_as_seldom_as_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dark: float, looks: int
) -> None:
    """A camera's own H.264 while it is recorded, for two minutes with nobody at the panel."""
    monkeypatch.setattr("edge_agent.preview.was_read", lambda _path: False)
    source = SyntheticSource(SourceSpec("synthetic", "", (320, 180), 30.0, None, {}))
    info = replace(source.open(), delivers="h264")
    source.close()
    preview, hall = Preview(tmp_path / "preview.jpg", info, dark), DimHall()
    for second in range(0, 120, 2):
        packet = av.Packet(1000)
        packet.is_keyframe = True
        preview.offer(packet, hall, second * NS, at_rest=False)
    assert hall.decoded == looks
