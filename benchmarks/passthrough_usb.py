"""A USB camera's own 720p30 H.264 of 4 Mbit/s, recorded without decoding, against `ffmpeg -c copy`.

The camera is the tests' library for LD_PRELOAD: it answers ioctls as uvcvideo does, and counts in
both. Each process has a camera of its own, all with the same stream; nobody looks at the previews.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest.mock import patch

from benchmarks.measure import Row
from benchmarks.passthrough import FRAGMENTS, end, make_stream, start_recording, used_by
from edge_agent.messages import RecorderSpec
from tests.hardware_fixtures import shim_camera


@contextmanager
def usb_cameras(work: Path, count: int) -> Iterator[Mapping[str, str]]:
    """/dev/video0 and so on, for who runs with this environment."""
    make_stream(work / "camera.mp4", "1280:720")
    with shim_camera(work / "cameras") as cameras:
        for number in range(count):
            cameras.plug(number, bus=f"usb-bench-{number}")
        bare = work / "cameras/video0.h264"
        mark = ["-bsf:v", "h264_mp4toannexb,h264_metadata=aud=insert"]
        line = ["ffmpeg", "-loglevel", "error", "-i", str(work / "camera.mp4"), "-c", "copy"]
        subprocess.run([*line, *mark, "-f", "h264", str(bare)], check=True)
        for number in range(1, count):
            bare.with_name(f"video{number}.h264").symlink_to(bare)
        yield cameras.env


def rows(count: int, seconds: float) -> list[Row]:
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        work = Path(name)
        env = stack.enter_context(usb_cameras(work, 2 * count))
        with patch.dict(os.environ, env):  # children inherit it
            recorders = [start_recording(_spec(work, n), work / f"ours{n}") for n in range(count)]
        plain = [_ffmpeg(work, number, env) for number in range(count, 2 * count)]
        for child in plain:
            stack.callback(child.wait)
            stack.callback(child.terminate)
        used, _ = used_by(recorders, plain, [], seconds)
        end(recorders)
    ours, copy = statistics.median(used[:count]), statistics.median(used[count:])
    ratio = ours / copy
    return [
        Row("USB pass-through: CPU", "≤ 1.1 × `-c copy`", f"{ratio:.2f} ×", ratio <= 1.1),
        Row("… of a core, ours and `-c copy`", "≤ 2 %", f"{ours:.2%}, {copy:.2%}", ours <= 0.02),
    ]


def _spec(work: Path, number: int) -> RecorderSpec:
    return RecorderSpec(
        track=f"ours{number}",
        media="video",
        kind="v4l2",
        device=f"/dev/video{number}",
        size=(1280, 720),
        fps=30.0,
        options={"formats": "h264"},
        preview=str(work / f"ours{number}.jpg"),
        lock=str(work / f"ours{number}.lock"),
    )


def _ffmpeg(work: Path, number: int, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    line = ["ffmpeg", "-nostdin", "-y", "-loglevel", "error", "-f", "v4l2", "-input_format", "h264"]
    mode = ["-video_size", "1280x720", "-framerate", "30", "-i", f"/dev/video{number}"]
    out = ["-c", "copy", *FRAGMENTS, str(work / f"ffmpeg{number}.mp4")]
    return subprocess.Popen([*line, *mode, *out], env=os.environ | env)
