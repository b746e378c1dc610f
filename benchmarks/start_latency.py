"""How long after the press of the button is the first frame in the encoder?

Two parts, measured apart and added up: from the command in the inbox to its answer (by then the
lecture is durable and the recorders are told within the same round), by the real agent; and from
the word to an armed recorder to its first encoded sample, by a real recorder process. Synthetic
camera 1280×720 at 30 frames a second, and microphone.

Run: python -m benchmarks.start_latency [REPEATS]
"""

from __future__ import annotations

import signal
import statistics
import sys
import tempfile
import time
import uuid
from pathlib import Path

from benchmarks.measure import Row
from edge_agent.children import Recorder
from edge_agent.clock import SystemClock
from edge_agent.ledger import Ledger
from edge_agent.messages import Finish, Finished, Message, Opened, Record, RecorderSpec, Started
from tests.process.classroom import Classroom, classroom

SECOND = 1_000_000_000
CAMERA = {"kind": "synthetic", "size": [1280, 720], "fps": 30.0}
MICROPHONE = {"kind": "synthetic", "options": {"stream": "audio"}}


def press_to_answer_ms(room: Classroom) -> float:
    """Begin and end one lecture; how long the answer to the beginning took."""
    ledger = Ledger.write(room.spool.ledger)
    pressed = time.monotonic_ns()
    number = ledger.post(
        "start",
        {},
        key=str(uuid.uuid4()),
        origin="benchmark",
        now=SystemClock().now(),
        ttl_ns=30 * SECOND,
    )
    while (command := ledger.command(number)) is None or command.answer is None:
        time.sleep(0.001)
    took_ms = (time.monotonic_ns() - pressed) / 1e6
    ledger.close()
    room.until_durable(0.5)
    room.command("stop")
    room.until_armed()
    return took_ms


def wait_for(recorder: Recorder, kind: type[Message]) -> Message:
    while True:
        for report in recorder.reports(time.monotonic_ns()):
            if isinstance(report, kind):
                return report
        time.sleep(0.002)


def word_to_sample_ms(folder: Path, media: str, repeats: int) -> list[float]:
    """An armed recorder is told to record, again and again."""
    size, fps = ((1280, 720), 30.0) if media == "video" else (None, None)
    spec = RecorderSpec(
        track=media,
        media="video" if media == "video" else "audio",
        kind="synthetic",
        size=size,
        fps=fps,
        options={} if media == "video" else {"stream": "audio"},
        preview=str(folder / "preview.jpg"),
        lock=str(folder / f"{media}.lock"),
    )
    recorder = Recorder(spec)
    recorder.start(time.monotonic_ns(), muted=False)
    wait_for(recorder, Opened)
    time.sleep(1.5)
    found = []
    for number in range(repeats):
        now_ns = time.monotonic_ns()
        recorder.tell(
            Record(
                lecture=str(number),
                directory=str(folder / media / str(number)),
                epoch_ns=now_ns - SECOND,
                start_mono_ns=now_ns,
            )
        )
        started = wait_for(recorder, Started)
        assert isinstance(started, Started)
        found.append((started.at_mono_ns - now_ns) / 1e6)
        recorder.tell(Finish(at_mono_ns=time.monotonic_ns()))
        wait_for(recorder, Finished)
    recorder.process.signal(signal.SIGKILL)
    return found


def rows(repeats: int) -> list[Row]:
    """The slowest answer and the slowest first sample added up, which no start exceeded."""
    found = []
    with tempfile.TemporaryDirectory() as name:
        with classroom(Path(name), {"camera": CAMERA, "microphone": MICROPHONE}) as room:
            room.start_agent()
            room.until_armed()
            answers = [press_to_answer_ms(room) for _ in range(repeats)]
        for media in ("video", "audio"):
            samples = word_to_sample_ms(Path(name), media, repeats)
            usual = statistics.median(answers) + statistics.median(samples)
            most = max(answers) + max(samples)
            said = f"median {usual:.0f} ms, at most {most:.0f} ms"
            found.append(Row(f"press → first {media} sample encoded", "< 300 ms", said, most < 300))
    return found


if __name__ == "__main__":
    print(*rows(int(sys.argv[1]) if sys.argv[1:] else 15), sep="\n")
