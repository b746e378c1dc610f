"""An hour of lecture as recorders leave it, and what the room makes of it after the stop.

The pictures are a minute of 1080p with noise, encoded as recorders do, again and again in time; the
sound is recorded speech. So packets, sizes and the work of finishing are real. What is made
small beside the recording is made of the first loop: of the same packets it is the same later.

As the room does it: the finisher's and the renderer's own code, each in a process of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.camera import CLIP, SAME
from benchmarks.growth import repeat
from edge_agent.finish_messages import Packaged, parse_finisher
from edge_agent.render_messages import Rendered, RenderJob, parse_render_report
from encoders.encoder import VIDEO_SCALE
from encoders.live_picture import Run, closed, live_folder, live_piece, runs
from encoders.live_pieces import LivePiece, path_of, write_live
from encoders.small_picture import PictureSpec
from tests.lecture_maker import SECOND, job, seconds

LOOP_S, SOUND_LOOP_S = 60, 16
CAMERA_KBPS, AUDIO_KBPS = 105, 24
SPEECH = Path(__file__).parents[1] / "capture/data/speech.flac"
TRACKS = [("camera", "presenter/source", "video"), ("microphone", "presenter/source", "audio")]
#: The room's work goes before all other on this machine, as the emulated link does, and has a
#: single processor, so that something is left.
FIRST = ["chrt", "--rr", "1", "taskset", "--cpu-list", "0"]
_FINISH = """
import sys; from edge_agent.finisher import finish
from edge_agent.finish_messages import FinishJob
say = lambda message: print(message.model_dump_json(), flush=True)
say(finish(FinishJob.model_validate_json(sys.argv[1]), lambda _: None))
"""
_RENDER = """
import sys; from edge_agent.renderer import render
from edge_agent.render_messages import RenderJob
say = lambda message: print(message.model_dump_json(), flush=True)
render(RenderJob.model_validate_json(sys.argv[1]), say)
"""


class HourLecture:
    """`folder`: the lecture's, in a spool."""

    def __init__(self, folder: Path, minutes: float) -> None:
        self.folder = folder
        self._minutes = minutes

    def record(self, work: Path, film: Path | None) -> None:
        """`film`: of a speaker; None: the one of the tests."""
        graph = "scale=1920:1080:flags=bicubic,noise=alls=2:allf=t,format=yuv420p,fps=30"
        x264 = ["-an", "-vf", graph, "-c:v", "libx264", *SAME, "-sc_threshold", "0"]
        frames = SOUND_LOOP_S * 48_000 // 1024 - 1  # and the one that the encoder begins with
        aac = ["-ac", "1", "-ar", "48000", "-c:a", "aac", "-b:a", "96k", "-frames:a", str(frames)]
        self._repeat(film or CLIP, [*x264, "-t", str(LOOP_S)], work / "camera.mp4", LOOP_S)
        self._repeat(SPEECH, aac, work / "microphone.m4a", SOUND_LOOP_S)

    def _repeat(self, source: Path, how: list[str], loop: Path, loop_s: int) -> None:
        line = ["ffmpeg", "-y", "-loglevel", "error", "-stream_loop", "-1", "-i", str(source)]
        subprocess.run([*line, *how, str(loop)], check=True)
        repeat(loop, self.folder / "tracks" / loop.stem, self._minutes, loop_s)

    def render_beside(self, left_s: float) -> int:
        """Make what is there at the stop, but for the last `left_s` seconds; how many pieces."""
        segments = [closed(path) for path in sorted((self.folder / "tracks/camera").iterdir())]
        spec = PictureSpec("h264", CAMERA_KBPS, 640, 360)
        folder = live_folder(self.folder / "renditions", spec)
        folder.mkdir(parents=True)
        made: dict[int, tuple[int, LivePiece]] = {}
        end = (self._minutes * 60 - left_s) * VIDEO_SCALE
        found = [run for run in runs(each for each in segments if each) if _end(run) <= end]
        for run in found:
            within, start = run.segments[0].start % (LOOP_S * VIDEO_SCALE), run.segments[0].start
            if within not in made:
                made[within] = start, live_piece(run.segments, spec)
            first, piece = made[within]
            write_live(path_of(folder, run.first, run.last), _later(piece, start - first))
        return len(found)

    def finish(self) -> Packaged:
        (line,) = _said(_FINISH, job(self.folder, TRACKS).model_dump_json())
        report = parse_finisher(line)
        assert isinstance(report, Packaged), report
        return report

    def render(self) -> Iterator[Rendered]:
        wishes = RenderJob(
            lecture=self.folder.name,
            lecture_dir=str(self.folder),
            audio_kbps=AUDIO_KBPS,
            camera="h264",
            camera_kbps=CAMERA_KBPS,
        )
        for line in _said(_RENDER, wishes.model_dump_json()):
            report = parse_render_report(line)
            if isinstance(report, Rendered):
                yield report


def _end(run: Run) -> int:
    return run.segments[-1].stop - seconds(0) * VIDEO_SCALE // SECOND


def _later(piece: LivePiece, by: int) -> LivePiece:
    units = [replace(unit, pts=unit.pts + by, dts=unit.dts + by) for unit in piece.units]
    return replace(piece, units=units, sources=[replace(s, pts=s.pts + by) for s in piece.sources])


def _said(program: str, argument: str) -> Iterator[bytes]:
    """What a process says, line by line. Raises SystemExit when it fails."""
    child = subprocess.Popen(
        [*FIRST, sys.executable, "-c", program, argument],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert child.stdout is not None
    with child.stdout:
        yield from child.stdout
    if child.wait() != 0:
        raise SystemExit(f"a process of the room ended with {child.returncode}")
