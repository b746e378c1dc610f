"""Two minutes of slides: the bytes and the CPU time of a recording against ffmpeg's, in pairs.

Both read the same raw pictures from a pipe; the generator's time is not counted. Ours is what a
recorder does from the sample on: copy, decide, encode, fragments, fdatasync. ffmpeg's line is the
usual one: -r 30 -g 60 -preset veryfast -crf 23.

Run: python -m benchmarks.stillness [PAIRS] [SECONDS]
"""

from __future__ import annotations

import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.slides import FPS, HEIGHT, WIDTH

RAW = ["-f", "rawvideo", "-pix_fmt", "yuyv422", "-video_size", f"{WIDTH}x{HEIGHT}"]
FFMPEG = ["ffmpeg", "-y", "-loglevel", "error", *RAW, "-framerate", str(FPS), "-i", "pipe:"]
USUAL = ["-r", "30", "-g", "60", "-preset", "veryfast", "-crf", "23", "-pix_fmt", "yuv420p"]


def record(folder: Path, crf: int) -> None:
    """The child: raw pictures on stdin, segments in `folder`."""
    import av

    from capture.lavf import PictureDecoder, stamped
    from capture.source import NS, SourceInfo
    from edge_agent.messages import Record, RecorderSpec
    from edge_agent.recording import open_recording

    options = {"pixel_format": "yuyv422", "video_size": f"{WIDTH}x{HEIGHT}", "framerate": str(FPS)}
    container = av.open("pipe:0", format="rawvideo", options=options)
    decoder = PictureDecoder(container.streams.video[0])
    spec = RecorderSpec(
        track="slides", media="video", kind="file", still=True, crf=crf, preview="", lock=""
    )
    info = SourceInfo("video", "", "", WIDTH, HEIGHT, FPS)
    command = Record(lecture="x", directory=str(folder), epoch_ns=0, start_mono_ns=0)
    recording = open_recording(command, spec, info, decoder, lambda _: None, lambda _: None)
    count = 0
    for packet in container.demux(video=0):
        if packet.size:
            at_ns = count * NS // FPS
            recording.take(stamped(packet, at_ns, at_ns))
            count += 1
    recording.window.finish_at(count * NS // FPS)
    recording.close()


def cpu_s(command: list[str], seconds: int) -> float:
    """User and system time of a program that reads the slides."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.slides", str(seconds)], stdout=subprocess.PIPE
    ) as slides:
        child = subprocess.Popen(command, stdin=slides.stdout)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        assert slides.stdout is not None
        slides.stdout.close()
    if child.returncode:
        raise SystemExit(f"{command[0]} failed with {child.returncode}")
    return _sum(usage)


def _sum(usage: resource.struct_rusage) -> float:
    return usage.ru_utime + usage.ru_stime


def pair(seconds: int, crf: int) -> tuple[float, float, int, int]:
    """CPU seconds of ours and of ffmpeg, bytes of ours and of ffmpeg."""
    with tempfile.TemporaryDirectory() as name:
        folder, file = Path(name) / "slides", Path(name) / "ffmpeg.mp4"
        child = [sys.executable, "-m", "benchmarks.stillness", "record", str(folder), str(crf)]
        ours = cpu_s(child, seconds)
        theirs = cpu_s([*FFMPEG, *USUAL, str(file)], seconds)
        size = sum(segment.stat().st_size for segment in folder.iterdir())
        return ours, theirs, size, file.stat().st_size


def main(argv: list[str]) -> None:
    if argv[:1] == ["record"]:
        record(Path(argv[1]), int(argv[2]))
        return
    pairs = int(argv[0]) if argv else 5
    seconds = int(argv[1]) if len(argv) > 1 else 120
    print(f"{platform.machine()}, {os.cpu_count()} cores, {seconds} s of slides, {pairs} pairs")
    found = [pair(seconds, 23) for _ in range(pairs)]
    for ours, theirs, size, other in found:
        print(f"  CPU {ours:5.1f} s / {theirs:5.1f} s   bytes {size} / {other}")
    fewer = statistics.median(other / size for _, _, size, other in found)
    less = statistics.median(theirs / ours for ours, theirs, _, _ in found)
    print(f"bytes: {fewer:.1f} × fewer (target 20), CPU: {less:.1f} × less (target 4)")


if __name__ == "__main__":
    main(sys.argv[1:])
