"""A finished package without its recording: presenter with sound, sound alone, manifest, sums."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from edge_agent.finish_messages import LectureFacts
from edge_agent.rules.manifest import MediaFile, manifest, manifest_json
from edge_agent.rules.package import media_type
from edge_agent.verify import MANIFEST, SUMS, file_sha256

LECTURE = "0192d3c4-0000-7000-8000-000000000001"
FPS = 5
SIZE = (320, 240)


def make_package(lecture: Path, length_s: int) -> Path:
    """`lecture`/package; the pictures are noisy enough that a small version is worth it."""
    package = lecture / "package"
    package.mkdir(parents=True)
    _write(package / "presenter.mp4", "mp4", length_s, pictures=True)
    _write(package / "audio.m4a", "ipod", length_s, pictures=False)
    sum_up(package, length_s)
    return package


def sum_up(package: Path, length_s: float) -> None:
    """Manifest and sums for the media that are there."""
    media = [_entry(path, length_s) for path in sorted(package.glob("*.m[p4][4a]"))]
    facts = LectureFacts(
        id=LECTURE, started_utc="2026-11-22T10:00:00.000Z", clock_trust="", agent_version="0.1.0"
    )
    (package / MANIFEST).write_bytes(manifest_json(manifest(facts, length_s, media, [], [])))
    names = sorted(path.name for path in package.iterdir() if path.name != SUMS)
    lines = [f"{file_sha256(package / name)}  {name}\n" for name in names]
    (package / SUMS).write_text("".join(lines))


def _write(path: Path, form: str, length_s: int, *, pictures: bool) -> None:
    with av.open(str(path), "w", format=form) as container:
        if pictures:
            options = {"preset": "ultrafast", "crf": "28", "bf": "0", "g": "50"}
            video = container.add_stream("libx264", rate=FPS, options=options)
            video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
        audio = container.add_stream("aac", rate=48_000, layout="mono", bit_rate=96_000)
        if pictures:
            for number in range(length_s * FPS):
                frame = _picture(number)
                frame.pts, frame.time_base = number, Fraction(1, FPS)
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
        for number in range(length_s * 48_000 // 1024):
            at = (np.arange(1024) + number * 1024) / 48_000
            tone = np.sin(2 * np.pi * (300 + 100 * np.sin(at)) * at) * (np.sin(6 * at) > 0)
            block = (0.2 * tone).astype(np.float32).reshape(1, -1)
            sound = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
            sound.sample_rate, sound.pts = 48_000, number * 1024
            container.mux(audio.encode(sound))
        container.mux(audio.encode(None))


def _picture(number: int) -> av.VideoFrame:
    noise = np.random.default_rng(number).integers(0, 90, (SIZE[1] // 8, SIZE[0] // 8))
    image = np.kron(noise, np.ones((8, 8), np.uint8)).astype(np.uint8) + 60
    return av.VideoFrame.from_ndarray(image, format="gray").reformat(format="yuv420p")


def _entry(path: Path, length_s: float) -> MediaFile:
    seen = path.suffix == ".mp4"
    return MediaFile(
        kind="VideoObject" if seen else "AudioObject",
        name=path.name,
        encoding_format=media_type(path.name),
        flavors=["presenter/source"] * (2 if seen else 1),
        tracks=["camera", "microphone"] if seen else ["microphone"],
        content_size=path.stat().st_size,
        sha256=file_sha256(path),
        duration=length_s,
        width=SIZE[0] if seen else None,
        height=SIZE[1] if seen else None,
    )
