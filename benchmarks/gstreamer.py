"""The product beside `gst-launch-1.0`, with which lecture recorders are built, too.

The camera's pictures are the clip of `benchmarks.camera`, in Matroska for GStreamer, so that it
need not look for each picture's beginning. Twice: with the same x264 options, and with those that
Galicaster has for a webcam unless told otherwise (constant quality 22, preset `faster`, all of
x264's look-ahead). `x264enc` has a ceiling of 2 Mbit/s in that mode, too, which would decide
everything; it is lifted. GStreamer leaves a webcam's pictures in full range, and says so in the
file (1.22 does not convert them even when told to); each film is compared in its own range.
Slides are the raw pictures of `benchmarks.slides` with ffmpeg's usual options. The network
camera's stream is read by both at once, as in `benchmarks.passthrough`.

GStreamer's part ends in one MP4 at the end of the recording; ours is durable each 0.9 s.
"""

from __future__ import annotations

import signal
import statistics
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.camera import make_clip
from benchmarks.measure import Cost, Row, bytes_in, cost, joined, likeness, pairs, python, ratio
from benchmarks.passthrough import SETTLE_S, cpu_s, network_camera, start_recorder
from benchmarks.slides import FPS, HEIGHT, WIDTH
from benchmarks.start_latency import wait_for
from benchmarks.stillness import INPUT
from edge_agent.messages import Finish, Finished

#: `pass=qual` is x264's constant rate factor.
QUALITY = "x264enc bitrate=1000000 pass=qual"
#: As `camera.SAME`.
SAME = f"{QUALITY} quantizer=23 speed-preset=veryfast tune=zerolatency key-int-max=300"
GALICASTER = f"{QUALITY} quantizer=22 speed-preset=faster"
SLIDES = f"{QUALITY} quantizer=23 speed-preset=veryfast key-int-max=60"
#: What browsers play.
PICTURES = "video/x-raw,format=I420"


def launch(*pipeline: str) -> list[str]:
    return ["gst-launch-1.0", "--quiet", *" ! ".join(pipeline).split()]


def filmed(clip: Path, encoder: str, film: Path) -> list[str]:
    """As Galicaster does it: a queue, so a thread, for the decoder and for the encoder."""
    source = [f"filesrc location={clip}", "matroskademux", "jpegdec", "queue"]
    convert = ["videoconvert", PICTURES, "queue"]
    return launch(*source, *convert, encoder, "mp4mux", f"filesink location={film}")


def shown(film: Path) -> list[str]:
    form = f"format=yuy2 width={WIDTH} height={HEIGHT} framerate={FPS}/1"
    size = 2 * WIDTH * HEIGHT
    source = [f"fdsrc fd=0 blocksize={size}", f"rawvideoparse {form}", "queue"]
    convert = ["videoconvert", PICTURES, "queue"]
    return launch(*source, *convert, SLIDES, "mp4mux", f"filesink location={film}")


def compared(name: str, found: list[tuple[Cost, Cost]], size: float, likes: list[float]) -> Row:
    """Ours to theirs; `likes` are the luma SSIMs of both."""
    cpu = ratio(found)
    ours, theirs = (statistics.median(each[n].peak_mib for each in found) for n in (0, 1))
    said = f"CPU {cpu:.2f} ×, bytes {size:.3f} ×, SSIM {likes[0]:.5f} and {likes[1]:.5f}"
    fine = cpu <= 1.0 and round(size, 2) <= 1.0 and round(likes[0], 4) >= round(likes[1], 4)
    memory = f"memory {ours:.0f} and {theirs:.0f} MiB"
    return Row(name, "≤ 1.0 ×, ≤ 1.0 ×, not lower", f"{said}, {memory}", fine)


def camera_rows(count: int, frames: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        clip, wrapped, film = work / "camera.mjpeg", work / "camera.mkv", work / "gstreamer.mp4"
        make_clip(clip, frames)
        source = ["-f", "mjpeg", "-framerate", str(FPS), "-i", str(clip)]
        wrap = ["ffmpeg", "-loglevel", "error", *source, "-c", "copy", str(wrapped)]
        subprocess.run(wrap, check=True)
        folders = iter(work / f"ours{number}" for number in range(2 * count))

        def ours() -> Cost:
            return cost(python("replay", "mjpeg", str(clip), str(next(folders))))

        rows = []
        for options, said in ((SAME, "the same options"), (GALICASTER, "Galicaster's own")):
            found = pairs(ours, lambda it=options: cost(filmed(wrapped, it, film)), count)  # type: ignore[misc]
            folder = work / "ours0"
            size = bytes_in(folder) / film.stat().st_size
            likes = [likeness(joined(folder), source), likeness(film, source, full=True)]
            rows.append(compared(f"camera against GStreamer, {said}", found, size, likes))
    return rows


def slides_rows(count: int, seconds: int) -> list[Row]:
    feed = python("slides", str(seconds))
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        film = work / "gstreamer.mp4"
        folders = iter(work / f"ours{number}" for number in range(count))

        def ours() -> Cost:
            return cost(python("replay", "raw", "pipe:0", str(next(folders))), feed)

        found = pairs(ours, lambda: cost(shown(film), feed), count)
        folder = work / "ours0"
        size = bytes_in(folder) / film.stat().st_size
        likes = [likeness(path, INPUT, feed) for path in (joined(folder), film)]
    return [compared("slides against GStreamer", found, size, likes)]


def start_copy(out: Path, url: str) -> subprocess.Popen[bytes]:
    source = [f"rtspsrc location={url} protocols=tcp latency=0", "rtph264depay", "h264parse"]
    line = launch(*source, "mp4mux", f"filesink location={out}")
    return subprocess.Popen([line[0], "-e", *line[1:]])


def passthrough_rows(count: int, seconds: float) -> list[Row]:
    """All of them read one stream at the same time; counted is a stretch in the middle."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        work = Path(name)
        url = stack.enter_context(network_camera(work))
        recorders = [start_recorder(work / f"ours{n}", url) for n in range(count)]
        children = [start_copy(work / f"gstreamer{n}.mp4", url) for n in range(count)]
        for child in children:
            stack.callback(child.wait)
            stack.callback(child.send_signal, signal.SIGINT)
        time.sleep(SETTLE_S)
        mine = [recorder.process.pid for recorder in recorders]
        theirs = [child.pid for child in children]
        before = {pid: cpu_s(pid) for pid in mine + theirs}
        begin = time.monotonic()
        while time.monotonic() < begin + seconds:
            for recorder in recorders:
                recorder.reports(time.monotonic_ns())
            time.sleep(0.2)
        lasted = time.monotonic() - begin
        used = {pid: (cpu_s(pid) - before[pid]) / lasted for pid in before}
        for recorder in recorders:
            recorder.tell(Finish(at_mono_ns=time.monotonic_ns()))
            wait_for(recorder, Finished)
            recorder.process.signal(signal.SIGKILL)
    times = statistics.median(used[a] / used[b] for a, b in zip(mine, theirs, strict=True))
    shares = [statistics.median(used[pid] for pid in pids) for pids in (mine, theirs)]
    said = f"{times:.2f} × ({shares[0]:.1%} and {shares[1]:.1%} of a core)"
    return [Row("pass-through against GStreamer: CPU", "≤ 1.1 ×", said, times <= 1.1)]


def rows(count: int, frames: int, slides_s: int, stream_s: float) -> list[Row]:
    return [
        *camera_rows(count, frames),
        *slides_rows(count, slides_s),
        *passthrough_rows(count, stream_s),
    ]
