"""A camera's 1080p MJPEG against ffmpeg with the same encoder and the same options.

What a webcam sends: 4:2:2, full range, with the noise of a sensor. x264 with the options that the
product records with (nothing is held back), so the same work; and, for who asks, the usual line.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from benchmarks.measure import Cost, Row, bytes_in, cost, joined, likeness, pairs, python, ratio

CLIP = Path(__file__).parents[1] / "tests/media/presenter_3s.mp4"
SAME = ["-preset", "veryfast", "-tune", "zerolatency", "-crf", "23", "-g", "300"]
USUAL = ["-preset", "veryfast", "-crf", "23"]


def make_clip(out: Path, frames: int) -> None:
    graph = "scale=1920:1080:flags=bicubic,noise=alls=6:allf=t,format=yuvj422p"
    loop = ["ffmpeg", "-y", "-loglevel", "error", "-stream_loop", "-1", "-i", str(CLIP), "-an"]
    subprocess.run(
        [*loop, "-vf", graph, "-frames:v", str(frames), "-c:v", "mjpeg", "-q:v", "4", str(out)],
        check=True,
    )


def rows(count: int, frames: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        clip, film = work / "camera.mjpeg", work / "ffmpeg.mp4"
        make_clip(clip, frames)
        source = ["-f", "mjpeg", "-framerate", "30", "-i", str(clip)]
        folders = iter(work / f"ours{number}" for number in range(2 * count))

        def ours() -> Cost:
            return cost(python("replay", "mjpeg", str(clip), str(next(folders))))

        def theirs(options: list[str]) -> Cost:
            line = ["ffmpeg", "-nostdin", "-y", "-loglevel", "error", *source, *options]
            return cost([*line, "-pix_fmt", "yuv420p", str(film)])

        usual = pairs(ours, lambda: theirs(USUAL), count)
        found = pairs(ours, lambda: theirs(SAME), count)
        folder = work / "ours0"
        size = bytes_in(folder) / film.stat().st_size
        sharp, other = (likeness(path, source) for path in (joined(folder), film))
    same = ratio(found)
    peak = max(mine.peak_mib for mine, _ in found)
    return [
        Row("camera: CPU, same options", "≤ 1.0 ×", f"{same:.2f} ×", same <= 1.0),
        Row("camera: bytes, same options", "≤ 1.0 ×", f"{size:.3f} ×", round(size, 2) <= 1.0),
        Row(
            "camera: SSIM (luma)",
            "not lower",
            f"{sharp:.4f}, theirs {other:.4f}",
            round(sharp, 4) >= round(other, 4),
        ),
        Row("camera: CPU against the usual line", "–", f"{ratio(usual):.2f} ×"),
        Row("memory of a recording 1080p camera", "–", f"{peak:.0f} MiB at most"),
    ]
