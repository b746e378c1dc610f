"""Make lectures on a disk as recorders leave them: real encoders, made-up pictures and sound."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from av.video.frame import PictureType

from edge_agent.finish_messages import FinishJob, FinishTrack, GapCause, LectureFacts, Mark
from edge_agent.rules.timeline import START_NS
from encoders.boxes import trim_and_close
from encoders.encoder import NANO, AudioSpec, VideoSpec, open_audio_encoder
from encoders.ladder import SOFTWARE
from encoders.rungs import open_rung
from encoders.segment import Segment
from encoders.segments import TrackWriter

SECOND = 1_000_000_000
#: Tests write as fast as they can, so a lot of media may wait for the disk.
PLENTY_NS = 24 * 3600 * SECOND


def seconds(value: float) -> int:
    """Lecture time of a moment `value` seconds after the press of the button."""
    return START_NS + round(value * SECOND)


def picture(number: int, width: int = 160, height: int = 120, form: str = "gray") -> av.VideoFrame:
    """A grey ramp with a bar that moves, so that no two neighbours are equal."""
    image = np.tile(np.linspace(40, 200, width, dtype=np.uint8), (height, 1))
    x = number * 4 % (width - 8)
    image[:, x : x + 8] = 235
    frame = av.VideoFrame.from_ndarray(image, format="gray")
    return frame if form == "gray" else frame.reformat(format=form)


def noisy(number: int, width: int, height: int) -> av.VideoFrame:
    """Blocks of noise, others in each picture."""
    blocks = np.random.default_rng(number).integers(0, 90, (height // 8, width // 8))
    image = np.kron(blocks, np.ones((8, 8), np.uint8)).astype(np.uint8) + 60
    return av.VideoFrame.from_ndarray(image, format="gray")


def sound(number: int, samples: int = 480, channels: int = 1, hz: float = 440.0) -> av.AudioFrame:
    """A piece of a tone, s16 packed at 48 kHz; pieces of ascending number join."""
    at = np.arange(number * samples, (number + 1) * samples)
    wave = (8000 * np.sin(2 * np.pi * hz * at / 48_000)).astype(np.int16)
    data = np.repeat(wave, channels).reshape(1, -1)
    layout = "mono" if channels == 1 else "stereo"
    frame = av.AudioFrame.from_ndarray(data, format="s16", layout=layout)
    frame.sample_rate = 48_000
    return frame


def record_pictures(
    folder: Path,
    start_s: float,
    end_s: float,
    *,
    fps: float = 10.0,
    size: tuple[int, int] = (160, 120),
    codec: str = "h264",
    noise: bool = False,
) -> list[Segment]:
    """One run of a camera; with noise, as real ones have it, a small version is worth making."""
    encoder = open_rung(SOFTWARE[codec], VideoSpec(*size, fps, codec))
    segments: list[Segment] = []
    writer = TrackWriter(folder, encoder.template, on_segment=segments.append, queue_ns=PLENTY_NS)
    for number in range(round((end_s - start_s) * fps)):
        frame = noisy(number, *size) if noise else picture(number, *size)
        frame.pts, frame.time_base = seconds(start_s + number / fps), NANO
        if writer.keyframe_due(frame.pts):
            frame.pict_type = PictureType.I
        for packet in encoder.encode(frame):
            writer.write(packet)
    for packet in encoder.flush():
        writer.write(packet)
    writer.close(seconds(end_s))
    return segments


def record_sound(
    folder: Path, start_s: float, end_s: float, *, channels: int = 1, hz: float = 440.0
) -> list[Segment]:
    """One run of a microphone."""
    encoder = open_audio_encoder(AudioSpec(channels))
    segments: list[Segment] = []
    writer = TrackWriter(folder, encoder.template, on_segment=segments.append, queue_ns=PLENTY_NS)
    for number in range(round((end_s - start_s) * 100)):
        frame = sound(number, channels=channels, hz=hz)
        frame.pts, frame.time_base = seconds(start_s + number / 100), NANO
        for packet in encoder.encode(frame):
            writer.write(packet)
    for packet in encoder.flush():
        writer.write(packet)
    writer.close(seconds(end_s))
    return segments


def tear(folder: Path, bytes_lost: int = 100) -> Path:
    """Make the last segment look as after a kill: not named, torn in its last fragment."""
    last = max(folder.glob("*.mp4"))
    part = last.rename(last.with_name(last.name + ".part"))
    with part.open("r+b") as file:
        file.truncate(part.stat().st_size - bytes_lost)
    return part


def kill_and_recover(folder: Path) -> Segment | None:
    return trim_and_close(tear(folder))


def job(
    lecture: Path,
    tracks: list[tuple[str, str, str]],
    *,
    end_s: float | None = None,
    causes: list[GapCause] | None = None,
    marks: list[Mark] | None = None,
    title: str = "Thermodynamics & <Heat>",
) -> FinishJob:
    """A finisher's job; tracks are (name, flavor, media)."""
    return FinishJob(
        lecture_dir=str(lecture),
        lecture=LectureFacts(
            id="0192d3c4-0000-7000-8000-000000000001",
            title=title,
            course="Physics 1",
            lecturer="Dr Ada Example",
            language="en",
            licence="CC-BY-4.0",
            room="Hall 1",
            institution="Example University",
            started_utc="2026-11-22T10:00:00.000Z",
            ended_utc="2026-11-22T11:00:00.000Z",
            clock_trust="synchronised",
            agent_version="0.1.0",
        ),
        tracks=[
            FinishTrack(name=name, flavor=flavor, media=media)  # type: ignore[arg-type]
            for name, flavor, media in tracks
        ],
        start_ns=START_NS,
        end_ns=None if end_s is None else seconds(end_s),
        causes=causes or [],
        marks=marks or [],
    )
