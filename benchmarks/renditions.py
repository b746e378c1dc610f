"""What small versions weigh and what they cost, for each hour of lecture.

`python benchmarks/renditions.py FOLDER [--runs N]`: FOLDER is a finished package with a
presenter.mp4 and an audio.m4a of some minutes. Prints medians; the CPU's are of all threads.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from pathlib import Path

from edge_agent.render_messages import RenderJob
from edge_agent.renderer import recipes
from edge_agent.rules.manifest import Manifest
from encoders.renditions import Recipe, make


def cost(recipe: Recipe) -> tuple[float, float]:
    """MB and CPU seconds for each hour of lecture."""
    hours = recipe.length_ns / 3.6e12
    with tempfile.TemporaryDirectory() as work:
        before = os.times()
        path = make(recipe, Path(work), lambda _: None)
        after = os.times()
        spent = after.user + after.system - before.user - before.system
        return path.stat().st_size / 1e6 / hours, spent / hours


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--camera", choices=["h264", "h264-baseline", "av1"], default="h264")
    given = parser.parse_args()
    document = Manifest.model_validate_json((given.folder / "manifest.json").read_bytes())
    job = RenderJob(
        lecture=document.identifier,
        lecture_dir=str(given.folder.parent),
        audio_kbps=24,
        camera=given.camera,
        camera_kbps=105,
    )
    print(f"{document.duration_seconds:.0f} s of lecture, {os.cpu_count()} processors,", end=" ")
    print(f"{given.runs} runs")
    for file in document.encoding:
        print(f"{file.name:<18} {file.content_size * 3.6e-3 / document.duration_seconds:8.1f} MB/h")
    for recipe in recipes(job, given.folder, document):
        sizes, seconds = zip(*(cost(recipe) for _ in range(given.runs)), strict=True)
        print(
            f"{recipe.name:<18} {statistics.median(sizes):8.1f} MB/h"
            f" {statistics.median(seconds):8.0f} CPU s/h"
        )


if __name__ == "__main__":
    main()
