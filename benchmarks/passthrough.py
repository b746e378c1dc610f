"""A network camera's own 1080p30 H.264, recorded without decoding, against `ffmpeg -c copy`.

Both read the same RTSP stream in real time, at the same time. Ours is the product's real recorder
process: beats, a preview of every other second, fragments with their fdatasync, segments of 10 s.
Counted is the time between two instants of a running recording, so no program's start is in it.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from benchmarks.camera import CLIP
from benchmarks.measure import Row
from benchmarks.start_latency import wait_for
from capture.source import NS
from edge_agent.children import Recorder
from edge_agent.messages import Finish, Finished, Opened, Record, RecorderSpec, Started

SERVER = Path(__file__).parents[1] / "tests/hardware/rtsp_server.py"
SETTLE_S = 6.0
TICKS = os.sysconf("SC_CLK_TCK")


def make_stream(out: Path) -> None:
    """Ten seconds at 4 Mbit/s, a key frame every two seconds."""
    graph = "scale=1920:1080:flags=bicubic,noise=alls=6:allf=t"
    loop = ["ffmpeg", "-y", "-loglevel", "error", "-stream_loop", "-1", "-i", str(CLIP), "-an"]
    x264 = ["-c:v", "libx264", "-preset", "veryfast", "-bf", "0", "-g", "60", "-b:v", "4M"]
    subprocess.run([*loop, "-vf", graph, "-t", "10", *x264, str(out)], check=True)


def cpu_s(pid: int) -> float:
    """User and system time of a running process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def peak_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def start_recorder(folder: Path, url: str) -> Recorder:
    """A recorder that records the stream."""
    spec = RecorderSpec(
        track=folder.name,
        media="video",
        kind="rtsp",
        device=url,
        preview=str(folder.with_suffix(".jpg")),
        lock=str(folder.with_suffix(".lock")),
    )
    recorder = Recorder(spec)
    recorder.start(time.monotonic_ns(), muted=False)
    wait_for(recorder, Opened)
    now_ns = time.monotonic_ns()
    command = Record(lecture="x", directory=str(folder), epoch_ns=now_ns - NS, start_mono_ns=now_ns)
    recorder.tell(command)
    wait_for(recorder, Started)
    return recorder


def start_ffmpeg(out: Path, url: str) -> subprocess.Popen[bytes]:
    line = ["ffmpeg", "-nostdin", "-y", "-loglevel", "error", "-rtsp_transport", "tcp", "-i", url]
    return subprocess.Popen([*line, "-c", "copy", str(out)])


def rows(count: int, seconds: float) -> list[Row]:
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        work = Path(name)
        make_stream(work / "camera.mp4")
        command = [sys.executable, str(SERVER), str(work / "camera.mp4")]
        server = stack.enter_context(
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        )
        stack.callback(server.kill)
        assert server.stdout is not None
        url = f"rtsp://127.0.0.1:{int(server.stdout.readline())}/camera"
        recorders = [start_recorder(work / f"ours{n}", url) for n in range(count)]
        children = [start_ffmpeg(work / f"ffmpeg{n}.mp4", url) for n in range(count)]
        for child in children:
            stack.callback(child.wait)
            stack.callback(child.terminate)
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
        used = {pid: cpu_s(pid) - before[pid] for pid in before}
        peak = max(peak_mib(pid) for pid in mine)
        for recorder in recorders:
            recorder.tell(Finish(at_mono_ns=time.monotonic_ns()))
            wait_for(recorder, Finished)
            recorder.process.signal(9)
    share = statistics.median(used[pid] for pid in mine) / lasted
    ratio = statistics.median(used[a] / used[b] for a, b in zip(mine, theirs, strict=True))
    return [
        Row("pass-through: CPU", "≤ 1.1 × `-c copy`", f"{ratio:.2f} ×", ratio <= 1.1),
        Row("pass-through: of a core, 1080p30", "≤ 2 %", f"{share:.1%}", share <= 0.02),
        Row("memory of a pass-through track", "–", f"{peak:.0f} MiB at most"),
    ]
