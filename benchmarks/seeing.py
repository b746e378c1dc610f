"""What it costs to tell what a preview is like, beside making the preview itself.

CPU time of this process for one picture, in pairs: with and without the looking, in turn.
`python -m benchmarks.seeing [PAIRS]`
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

import av

from capture.source import SourceInfo
from capture.testcard import TestCard
from capture.vision import moved, outline, points, preview_jpeg, sight
from edge_agent.preview import Preview

PICTURES = 20
FORMS = {"yuv420p": "a decoded H.264 picture", "yuyv422": "a raw one", "yuvj422p": "an MJPEG one"}


def with_looking(frames: list[av.VideoFrame], folder: Path) -> None:
    preview = Preview(folder / "it.jpg", SourceInfo("video", "", "", 1920, 1080))
    for frame in frames:
        preview.show(frame)


def without(frames: list[av.VideoFrame], folder: Path) -> None:
    """As previews were made before: a JPEG, and whether something has moved."""
    before = outline(frames[0])
    for frame in frames:
        now = outline(frame)
        moved(before, now)
        before = now
        (folder / "it.jpg").write_bytes(preview_jpeg(frame))


def looking(frames: list[av.VideoFrame]) -> None:
    before = points(frames[0])
    for frame in frames:
        now = points(frame)
        sight(outline(frame), now, before)
        before = now


def cpu_s(work: object, *arguments: object) -> float:
    began = time.process_time()
    work(*arguments)  # type: ignore[operator]
    return (time.process_time() - began) / PICTURES


def main(arguments: list[str]) -> None:
    pairs = int(arguments[0]) if arguments else 9
    card = TestCard(1920, 1080, 30)
    for form, what in FORMS.items():
        frames = [card.make(n, dark=False).reformat(format=form) for n in range(PICTURES)]
        ratios, alone = [], []
        with tempfile.TemporaryDirectory() as folder:
            for number in range(pairs):
                order = (with_looking, without) if number % 2 else (without, with_looking)
                spent = {work: cpu_s(work, frames, Path(folder)) for work in order}
                ratios.append(spent[with_looking] / spent[without])
                alone.append(cpu_s(looking, frames))
        print(
            f"1080p, {what}: {statistics.median(ratios):.3f} of the preview without it; "
            f"alone {statistics.median(alone):.3%} of a core at one picture a second"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
