"""Laws of cutting sound at the sample."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.source import NS, TIME_BASE, Frame, Sample, SourceInfo
from edge_agent.messages import Record, RecorderSpec
from edge_agent.recording import Recording, cut_sound, open_recording
from edge_agent.rules.overload import Step

RATE = 48_000


def block(samples: int, channels: int = 1) -> av.AudioFrame:
    """Samples numbered 0, 1, 2 … on each channel."""
    data = np.repeat(np.arange(samples, dtype=np.int16), channels).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(data, "s16", "mono" if channels == 1 else "stereo")
    frame.sample_rate, frame.pts, frame.time_base = RATE, 77, TIME_BASE
    return frame


def numbers(frame: av.AudioFrame | None) -> list[int]:
    if frame is None:
        return []
    return [int(n) for n in frame.to_ndarray().reshape(-1, frame.layout.nb_channels)[:, 0]]


def test_a_block_inside_is_taken_whole_and_the_original_stays_as_it_was() -> None:
    frame = block(960)
    cut = cut_sound(frame, 5 * NS, NS, None)
    assert numbers(cut) == list(range(960))
    assert cut is not None
    assert (cut.pts, frame.pts) == (5 * NS, 77)


def test_the_first_sample_is_the_first_at_or_after_the_start() -> None:
    cut = cut_sound(block(480), 0, 5 * NS // 1000, None)  # 5 ms are 240 samples
    assert numbers(cut) == list(range(240, 480))
    assert cut is not None
    assert cut.pts == 5 * NS // 1000


def test_sound_before_the_start_or_after_the_end_is_not_taken() -> None:
    assert cut_sound(block(480), 0, NS, None) is None
    assert cut_sound(block(480), NS, 0, NS) is None


@given(
    st.integers(1, 2000),
    st.integers(1, 2),
    st.integers(-NS // 10, NS // 10),
    st.integers(-NS // 10, NS // 10),
)
def test_two_cuts_at_one_instant_share_no_sample_and_lose_none(
    samples: int, channels: int, at_ns: int, border_ns: int
) -> None:
    before = cut_sound(block(samples, channels), at_ns, -NS, border_ns)
    after = cut_sound(block(samples, channels), at_ns, border_ns, NS)
    both = numbers(before) + numbers(after)
    missing = set(range(samples)) - set(both)
    assert both == sorted(set(both))
    assert len(missing) <= 1  # the sample that the border lies in belongs to neither side


class Handed:
    """A source whose samples are pictures already."""

    def decode(self, sample: Sample) -> list[Frame]:
        return [sample] if isinstance(sample, av.VideoFrame) else []


def page(tone: int, at_ns: int) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(np.full((96, 64), tone, np.uint8), "yuv420p")
    frame.pts, frame.time_base = at_ns, TIME_BASE
    return frame


def opened_recording(
    folder: Path,
    still: bool = False,
    size: tuple[int, int] = (64, 64),
    fps: float = 30.0,
    **effort: Any,
) -> Recording:
    """Of a camera, from the monotonic time zero on."""
    spec = RecorderSpec(track="t", media="video", kind="file", still=still, preview="p", lock="l")
    info = SourceInfo("video", "", "", *size, fps)
    command = Record(lecture="x", directory=str(folder), epoch_ns=0, start_mono_ns=0, **effort)
    return open_recording(command, spec, info, Handed(), lambda _: None, lambda _: None)


def recorded(folder: Path, still: bool, tones: list[int]) -> list[float]:
    """Seconds at which pictures stand in the files."""
    recording = opened_recording(folder, still)
    for number, tone in enumerate(tones):
        recording.take(page(tone, number * NS // 30))
    recording.window.finish_at(len(tones) * NS // 30)
    recording.close()
    return stamps(folder)


def stamps(folder: Path) -> list[float]:
    found = []
    for file in sorted(folder.glob("*.mp4")):
        with av.open(str(file)) as container:
            found += [float(frame.time or 0) for frame in container.decode(video=0)]
    return found


def test_a_still_track_holds_changes_at_once_and_else_a_picture_for_each_fragment(
    tmp_path: Path,
) -> None:
    tones = [100] * 50 + [200] * 400
    found = recorded(tmp_path, True, tones)
    assert 50 / 30 in [pytest.approx(at, abs=1e-4) for at in found]
    assert len(found) < 20
    assert max(np.diff(found)) < 1.0
    assert [file.name for file in sorted(tmp_path.iterdir())] == ["000001.mp4"]


def test_a_pc_without_headroom_records_less_from_the_beginning(tmp_path: Path) -> None:
    sparing = {"preset": "ultrafast", "sparse": True, "small": True}
    recording = opened_recording(tmp_path, size=(720, 480), **sparing)
    recording.ease(Step.NONE)
    for number in range(30):
        recording.take(page(100, number * NS // 30))
    recording.window.finish_at(NS)
    recording.close()
    assert len(stamps(tmp_path)) == 15
    with av.open(str(tmp_path / "000001.mp4")) as file:
        assert (file.streams.video[0].width, file.streams.video[0].height) == (480, 320)


@pytest.mark.parametrize("fps", [29.97, 25.0, 15.0, 7.5, 0.0])
@pytest.mark.parametrize("size", [(321, 243), (320, 240), (161, 91)])
def test_odd_sizes_and_rates_are_recorded_picture_by_picture_with_their_own_stamps(
    tmp_path: Path, size: tuple[int, int], fps: float
) -> None:
    recording = opened_recording(tmp_path, size=size, fps=fps)
    times = [round(number * NS / (fps or 10.0)) for number in range(25)]
    for at_ns in times:
        image = np.full((size[1], size[0], 3), at_ns % 200, np.uint8)
        frame = av.VideoFrame.from_ndarray(image, "rgb24")
        frame.pts, frame.time_base = at_ns, TIME_BASE
        recording.take(frame)
    recording.window.finish_at(times[-1] + NS // 30)
    recording.close()
    assert stamps(tmp_path) == [pytest.approx(at_ns / NS, abs=1e-4) for at_ns in times]
    with av.open(str(tmp_path / "000001.mp4")) as file:
        assert (file.streams.video[0].width, file.streams.video[0].height) == (
            size[0] & ~1,
            size[1] & ~1,
        )


def test_a_camera_track_holds_every_picture(tmp_path: Path) -> None:
    assert len(recorded(tmp_path, False, [100] * 60)) == 60


@pytest.mark.parametrize(("step", "share"), [(Step.PREVIEW, 1.0), (Step.RATE, 0.5)])
def test_a_recorder_that_is_behind_leaves_every_second_picture_out(
    tmp_path: Path, step: Step, share: float
) -> None:
    recording = opened_recording(tmp_path)
    recording.ease(step)
    for number in range(60):
        assert not recording.take(page(100, number * NS // 30))
    recording.window.finish_at(2 * NS)
    assert recording.take(page(100, 2 * NS))
    recording.close()
    assert len(stamps(tmp_path)) == 60 * share
