"""A network camera's own 1080p30 H.264, recorded without decoding, against `ffmpeg -c copy`.

All read the same RTSP stream in real time, at the same time. Ours is the product's real recorder
process: beats, fragments with their fdatasync, segments of 10 s, and previews, once with nobody who
looks at them (one a minute) and once with somebody (one in 4 s). ffmpeg also writes fragments of
0.9 s, each flushed to the kernel, which is as near as it comes to what ours promises.
Counted is the time between two instants of a running recording, so no program's start is in it.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from benchmarks.camera import CLIP
from benchmarks.measure import Row
from benchmarks.start_latency import wait_for
from capture.source import NS
from edge_agent.children import Process, Recorder
from edge_agent.messages import Eased, Finish, Finished, Opened, Record, RecorderSpec, Started

SERVER = Path(__file__).parents[1] / "tests/hardware/rtsp_server.py"
#: Until it is known which key frames are in order, one in four seconds is looked at.
SETTLE_S = 30.0
TICKS = os.sysconf("SC_CLK_TCK")


def make_stream(out: Path, size: str = "1920:1080") -> None:
    """Ten seconds at 4 Mbit/s, a key frame every two seconds."""
    graph = f"scale={size}:flags=bicubic,noise=alls=6:allf=t"
    loop = ["ffmpeg", "-y", "-loglevel", "error", "-stream_loop", "-1", "-i", str(CLIP), "-an"]
    x264 = ["-c:v", "libx264", "-preset", "veryfast", "-bf", "0", "-g", "60", "-b:v", "4M"]
    subprocess.run([*loop, "-vf", graph, "-t", "10", *x264, str(out)], check=True)


def cpu_s(pid: int) -> float:
    """Time of a running process so far, to the nanosecond where the kernel counts it for us."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    exact = sum(int(task.read_text().split()[0]) for task in tasks)
    if exact:
        return exact / NS
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
    return start_recording(spec, folder)


def start_recording(spec: RecorderSpec, folder: Path) -> Recorder:
    """Of this device, into this folder."""
    recorder = Recorder(spec)
    recorder.start(time.monotonic_ns(), muted=False)
    wait_for(recorder, Opened)
    now_ns = time.monotonic_ns()
    command = Record(lecture="x", directory=str(folder), epoch_ns=now_ns - NS, start_mono_ns=now_ns)
    recorder.tell(command)
    wait_for(recorder, Started)
    return recorder


def pid_of(recorder: Recorder) -> int:
    process = recorder.process
    assert isinstance(process, Process)
    assert process.pid is not None
    return process.pid


FRAGMENTS = ["-movflags", "+empty_moov+default_base_moof", "-frag_duration", "900000"]


def start_ffmpeg(out: Path, url: str, *options: str) -> subprocess.Popen[bytes]:
    line = ["ffmpeg", "-nostdin", "-y", "-loglevel", "error", "-rtsp_transport", "tcp", "-i", url]
    return subprocess.Popen([*line, "-c", "copy", *options, str(out)])


def look_after(recorders: Sequence[Recorder], watched: Sequence[Path], seconds: float) -> int:
    """Hear the recorders, look at some previews; how often one gave up its preview."""
    given_up, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        for recorder in recorders:
            said = recorder.reports(time.monotonic_ns())
            given_up += sum(isinstance(one, Eased) and one.more for one in said)
        for preview in watched:
            with suppress(OSError):
                preview.read_bytes()
        time.sleep(0.2)
    return given_up


def used_by(
    recorders: Sequence[Recorder],
    others: Sequence[subprocess.Popen[bytes]],
    watched: Sequence[Path],
    seconds: float,
) -> tuple[list[float], int]:
    """Shares of a core that each takes, in this order, once all have settled; as `look_after`."""
    look_after(recorders, watched, SETTLE_S)
    everybody = [*map(pid_of, recorders), *(other.pid for other in others)]
    before = {pid: cpu_s(pid) for pid in everybody}
    begin = time.monotonic()
    given_up = look_after(recorders, watched, seconds)
    lasted = time.monotonic() - begin
    return [(cpu_s(pid) - before[pid]) / lasted for pid in everybody], given_up


def end(recorders: Sequence[Recorder]) -> None:
    """The recording first, then the process."""
    for recorder in recorders:
        recorder.tell(Finish(at_mono_ns=time.monotonic_ns()))
        wait_for(recorder, Finished)
        recorder.process.signal(signal.SIGKILL)


@contextmanager
def network_camera(work: Path) -> Iterator[str]:
    """Its address, as long as it plays."""
    make_stream(work / "camera.mp4")
    command = [sys.executable, str(SERVER), str(work / "camera.mp4")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        try:
            yield f"rtsp://127.0.0.1:{int(server.stdout.readline())}/camera"
        finally:
            server.kill()


def rows(count: int, seconds: float) -> list[Row]:
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        work = Path(name)
        url = stack.enter_context(network_camera(work))
        recorders = [start_recorder(work / f"ours{n}", url) for n in range(2 * count)]
        plain = [start_ffmpeg(work / f"ffmpeg{n}.mp4", url) for n in range(count)]
        flushing = [*FRAGMENTS, "-flush_packets", "1"]
        safe = [start_ffmpeg(work / f"safe{n}.mp4", url, *flushing) for n in range(count)]
        for child in plain + safe:
            stack.callback(child.wait)
            stack.callback(child.terminate)
        watched = [work / f"ours{n}.jpg" for n in range(count, 2 * count)]
        used, given_up = used_by(recorders, plain + safe, watched, seconds)
        peak = max(peak_mib(pid_of(recorder)) for recorder in recorders)
        end(recorders)
    alone, seen, copy, fragments = (
        statistics.median(used[n * count : (n + 1) * count]) for n in range(4)
    )
    ratio = alone / copy
    return [
        Row("pass-through: CPU", "≤ 1.1 × `-c copy`", f"{ratio:.2f} ×", ratio <= 1.1),
        Row("… of `-c copy` that flushes fragments", "–", f"{alone / fragments:.2f} ×"),
        Row("… while somebody watches the preview", "–", f"{seen / copy:.2f} × `-c copy`"),
        Row("pass-through: of a core, 1080p30", "≤ 2 %", f"{alone:.2%}", alone <= 0.02),
        Row("… while somebody watches the preview", "≤ 2 %", f"{seen:.2%}", seen <= 0.02),
        Row("`-c copy`, plain and with fragments: of a core", "–", f"{copy:.2%}, {fragments:.2%}"),
        Row("previews given up for want of time", "–", f"{given_up}"),
        Row("memory of a pass-through track", "–", f"{peak:.0f} MiB at most"),
    ]
