"""What a long lecture and several tracks cost: finishing, recording, and a room that only waits.

A long lecture is ten seconds of camera and sixteen of speech over and over, in time: its packets
are real, and so are their number and size. Recording it takes them as fast as it can, so four hours
need no four hours; what a lecture of an hour costs in real time is in `benchmarks.hour`.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import av

from benchmarks.camera import CLIP
from benchmarks.measure import Cost, Row, cost, python
from benchmarks.passthrough import cpu_s
from capture.source import NS, TIME_BASE
from encoders.disk import Disk
from encoders.passthrough import PassThrough
from encoders.segments import TrackWriter
from tests.lecture_maker import PLENTY_NS, job, seconds
from tests.process.classroom import classroom

FPS, LOOP_S = 30, 10
#: 750 frames of AAC, so that a loop has whole ones.
SOUND_S = 16
SPEECH = Path(__file__).parents[1] / "capture/data/speech.flac"
ARMED_S = 20.0
CAMERA = {"kind": "synthetic", "size": [1280, 720], "fps": 30.0}
MICROPHONE = {"kind": "synthetic", "options": {"stream": "audio"}}


class Forgetful(Disk):
    """Makes the lecture faster: what is measured comes after it."""

    def sync(self, fd: int) -> None:
        pass


def make_camera(out: Path) -> None:
    """Ten seconds of 1280×720 at 1 Mbit/s, a key frame every two seconds."""
    line = ["ffmpeg", "-y", "-loglevel", "error", "-stream_loop", "-1", "-i", str(CLIP), "-an"]
    x264 = ["-preset", "veryfast", "-bf", "0", "-g", "60", "-b:v", "1M", "-maxrate", "1M"]
    size = ["-bufsize", "1M", "-vf", "scale=1280:720", "-frames:v", str(FPS * LOOP_S)]
    subprocess.run([*line, *x264, *size, str(out)], check=True)


def make_sound(out: Path) -> None:
    """749 frames of AAC and the one that the encoder begins with."""
    line = ["ffmpeg", "-y", "-loglevel", "error", "-stream_loop", "-1", "-i", str(SPEECH)]
    form = ["-ac", "1", "-ar", "48000", "-c:a", "aac", "-b:a", "96k", "-frames:a", "749"]
    subprocess.run([*line, *form, str(out)], check=True)


def repeat(clip: Path, folder: Path, minutes: float, loop_s: int = LOOP_S) -> None:
    """A track's segments: the clip's packets, again and again."""
    with av.open(str(clip)) as container:
        stream = container.streams[0]
        packets = [packet for packet in container.demux(stream) if packet.size]
        base, first = packets[0].time_base, packets[0].dts or 0
        starts = [int(((p.dts or 0) - first) * base * NS) for p in packets]
        sizes = [(bytes(packet), packet.is_keyframe) for packet in packets]
        through = PassThrough(stream)
        durable = [seconds(0)]
        writer = TrackWriter(
            folder,
            stream,
            on_fragment=lambda end_ns: durable.__setitem__(0, end_ns),
            disk=Forgetful(),
            queue_ns=PLENTY_NS,
        )
        for turn in range(round(minutes * 60 / loop_s)):
            for at_ns, (data, key) in zip(starts, sizes, strict=True):
                packet: av.Packet[av.stream.Stream] = av.Packet(data)
                packet.pts = packet.dts = seconds(turn * loop_s) + at_ns
                packet.time_base, packet.is_keyframe = TIME_BASE, key
                for each in through.encode(packet) if stream.type == "video" else [packet]:
                    writer.write(each)
            while seconds(turn * loop_s) - durable[0] > 60 * NS:
                time.sleep(0.01)  # what waits for the disk is in memory
        writer.close(seconds(minutes * 60), 600.0)


def finishing(work: Path, camera: Path, minutes: float) -> tuple[Cost, float]:
    """CPU and memory of the finisher's process, and its time on the clock."""
    lecture = work / f"lecture{minutes:g}"
    repeat(camera, lecture / "tracks/camera", minutes)
    repeat(work / "sound.m4a", lecture / "tracks/microphone", minutes, SOUND_S)
    tracks = [
        ("camera", "presenter/source", "video"),
        ("microphone", "presenter/audio", "audio"),
    ]
    task = work / "job.json"
    task.write_bytes(job(lecture, tracks, end_s=minutes * 60).line())
    begin = time.monotonic()
    child = [sys.executable, "-m", "edge_agent.finisher", "--fd", "1"]
    took = cost(child, ["cat", str(task)])
    return took, time.monotonic() - begin


def finishing_rows(short: float, long: float) -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        make_camera(work / "camera.mp4")
        make_sound(work / "sound.m4a")
        few, _ = finishing(work, work / "camera.mp4", short)
        much, lasted = finishing(work, work / "camera.mp4", long)
    linear = (much.cpu_s / long) / (few.cpu_s / short)
    grown = much.peak_mib - few.peak_mib
    hour = f"{much.cpu_s * 60 / long:.1f} s CPU, {lasted * 60 / long:.0f} s on the clock"
    return [
        Row("finishing an hour of camera and sound", "–", hour),
        Row(
            f"finishing {long:g} min against {short:g} min: CPU of a minute",
            "≤ 1.1 × (linear)",
            f"{linear:.2f} ×",
            linear <= 1.1,
        ),
        Row(
            "  and memory",
            "flat (≤ 64 MiB more)",
            f"{grown:+.0f} MiB, {much.peak_mib:.0f} MiB at most",
            grown <= 64,
        ),
    ]


def recording_rows(lengths: Sequence[float], together: float, runs: int = 3) -> list[Row]:
    """A camera's own packets through a recorder's way, in lengths of minutes, in turn; then four of
    them at once of `together` minutes. The start of the program is in neither figure of a growth:
    what the minutes up to a length cost is compared with those after it."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        make_camera(work / "camera.mp4")

        def replay(folder: str, minutes: float) -> Cost:
            films = work / f"{minutes:g}.h264"
            took = cost(python("replay", "h264", str(films), str(work / folder)))
            shutil.rmtree(work / folder)
            return took

        for minutes in {*lengths, together}:
            repeat(work / "camera.mp4", work / f"{minutes:g}", minutes)
            film(work / f"{minutes:g}", work / f"{minutes:g}.h264")
            shutil.rmtree(work / f"{minutes:g}")
        found: dict[float, list[Cost]] = {minutes: [] for minutes in lengths}
        for _ in range(runs):
            for minutes in lengths:
                found[minutes].append(replay("alone", minutes))
        alone = replay("alone", together)
        with ThreadPoolExecutor(4) as four:
            each = list(four.map(lambda n: replay(f"four{n}", together), range(4)))
    per_track = sum(one.cpu_s for one in each) / 4 / alone.cpu_s
    rows = growth(found)
    what = "four tracks at once: CPU of each"
    return [*rows, Row(what, "≤ 1.3 × of one", f"{per_track:.2f} ×", per_track <= 1.3)]


def growth(found: dict[float, list[Cost]]) -> list[Row]:
    """What longer recordings take against the shortest, and each stretch against the one before."""
    cpu_s = {minutes: statistics.median(c.cpu_s for c in each) for minutes, each in found.items()}
    peak = {minutes: max(c.peak_mib for c in each) for minutes, each in found.items()}
    shortest, *longer = found
    rows = []
    for minutes in longer:
        grown = peak[minutes] - peak[shortest]
        what = f"recording {minutes:g} min against {shortest:g} min: memory"
        said = f"{grown:+.0f} MiB, {peak[minutes]:.0f} MiB at most"
        rows.append(Row(what, "flat (≤ 16 MiB more)", said, grown <= 16))
    minute_s = {
        (few, many): (cpu_s[many] - cpu_s[few]) / (many - few) for few, many in pairwise(found)
    }
    for before, after in pairwise(minute_s):
        times = minute_s[after] / minute_s[before]
        what = "CPU of a minute, minutes {:g} to {:g} against {:g} to {:g}".format(*after, *before)
        said = f"{times:.2f} × ({minute_s[after]:.3f} s)"
        rows.append(Row(what, "≤ 1.1 × (linear)", said, times <= 1.1))
    return rows


def film(folder: Path, out: Path) -> None:
    listing = out.with_suffix(".txt")
    listing.write_text("".join(f"file '{file}'\n" for file in sorted(folder.iterdir())))
    merge = ["ffmpeg", "-y", "-loglevel", "error", "-f", "concat", "-safe", "0", "-i", str(listing)]
    subprocess.run([*merge, "-c", "copy", "-bsf:v", "h264_mp4toannexb", str(out)], check=True)


def armed_rows(seconds_long: float = ARMED_S) -> list[Row]:
    """Agent, a 720p camera and a microphone, nothing recorded. The devices are made of arithmetic,
    which is counted: a real one costs less or more, by its format."""
    with tempfile.TemporaryDirectory() as name:
        tracks = {"camera": CAMERA, "microphone": MICROPHONE}
        with classroom(Path(name), tracks) as room:
            room.start_agent()
            room.until_armed()
            time.sleep(5)
            assert room.agent is not None
            camera, microphone = (room.recorder_pid(track) for track in tracks)
            pids = {"agent": room.agent.pid, "camera": camera, "microphone": microphone}
            before = {what: cpu_s(pid) for what, pid in pids.items()}
            begin = time.monotonic()
            time.sleep(seconds_long)
            lasted = time.monotonic() - begin
            share = {what: (cpu_s(pid) - before[what]) / lasted for what, pid in pids.items()}
    words = ", ".join(f"{what} {value:.1%}" for what, value in share.items())
    return [Row("armed room, of a core", "–", words)]
