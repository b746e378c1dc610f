"""Slides from an HDMI grabber against the usual ffmpeg line: bytes, CPU time, sharpness."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.measure import Cost, Row, bytes_in, cost, joined, likeness, pairs, python, ratio
from benchmarks.slides import FPS, HEIGHT, WIDTH

RAW = ["-f", "rawvideo", "-pix_fmt", "yuyv422", "-video_size", f"{WIDTH}x{HEIGHT}"]
INPUT = [*RAW, "-framerate", str(FPS), "-i", "pipe:"]
USUAL = ["-r", "30", "-g", "60", "-preset", "veryfast", "-crf", "23", "-pix_fmt", "yuv420p"]


def rows(count: int, seconds: int) -> list[Row]:
    """Raw pictures through a pipe; what makes them is not counted."""
    feed = python("slides", str(seconds))
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        film = work / "ffmpeg.mp4"
        folders = iter(work / f"ours{number}" for number in range(count))

        def ours() -> Cost:
            return cost(python("replay", "raw", "pipe:0", str(next(folders))), feed)

        def theirs() -> Cost:
            return cost(["ffmpeg", "-y", "-loglevel", "error", *INPUT, *USUAL, str(film)], feed)

        found = pairs(ours, theirs, count)
        folder = work / "ours0"
        fewer = film.stat().st_size / bytes_in(folder)
        sharp, other = (likeness(path, INPUT, feed) for path in (joined(folder), film))
    less = 1 / ratio(found)
    return [
        Row("slides: bytes", "≥ 20 × fewer", f"{fewer:.1f} × fewer", fewer >= 20),
        Row("slides: CPU", "≥ 4 × less", f"{less:.1f} × less", less >= 4),
        Row("slides: SSIM (luma)", "not lower", f"{sharp:.5f}, theirs {other:.5f}", sharp >= other),
    ]
