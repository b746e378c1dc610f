"""What a recorder tells of its preview: of the latest one, once, and how new that picture is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from capture.source import NS, SourceSpec
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
