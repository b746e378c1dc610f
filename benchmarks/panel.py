"""What the panel costs and how fast it is, with the real agent and the real panel process.

Processor time of the panel (server and reading, not the browser) with no, one and three viewers
that take every level and every picture, while a lecture is recorded; and from the press over HTTP
to the answer, to the first sample that is in the recording, and to the word "recording".

Run: python -m benchmarks.panel [SECONDS] [PRESSES]
"""

from __future__ import annotations

import json
import os
import statistics
import struct
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from websockets.sync.client import connect

from benchmarks.measure import Row
from tests.panel.test_process import Browser, Panel
from tests.process.classroom import Classroom, classroom
from tests.servers.running import free_port

CAMERA = {"kind": "synthetic", "size": [1280, 720], "fps": 25.0}
SLIDES = {**CAMERA, "flavor": "presentation/source", "fps": 5.0}
VOICE = {"kind": "synthetic", "options": {"stream": "audio", "sound": "speech"}}
TICKS = os.sysconf("SC_CLK_TCK")


def used_s(pid: int) -> float:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


@contextmanager
def viewer(port: int) -> Iterator[list[int]]:
    """Takes everything, and says so; counts levels and pictures."""
    counts, ended = [0, 0, 0], threading.Event()

    def watch() -> None:
        with connect(f"ws://127.0.0.1:{port}/api/v1/live", compression=None) as live:
            live.send(json.dumps({"type": "previews", "fps": 5}))
            while not ended.is_set():
                message = live.recv()
                if isinstance(message, bytes):
                    kind, source, _ = struct.unpack("!BBI", message[:6])
                    counts[kind] += 1
                    if kind == 1:
                        live.send(json.dumps({"type": "seen", "source": source}))
                elif '"beat"' in message:
                    live.send(json.dumps({"type": "beat"}))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield counts
    finally:
        ended.set()
        thread.join()


def cost_rows(panel: Panel, seconds: float) -> list[Row]:
    assert panel.process is not None
    found = []
    for viewers in (0, 1, 3):
        with ExitStack() as stack:
            counts = [stack.enter_context(viewer(panel.browser.port)) for _ in range(viewers)]
            time.sleep(2)
            before, began = used_s(panel.process.pid), time.monotonic()
            at = [list(each) for each in counts]
            time.sleep(seconds)
            share = (used_s(panel.process.pid) - before) / (time.monotonic() - began)
            rates = [(each[2] - old[2]) / seconds for each, old in zip(counts, at, strict=True)]
        said = f"{100 * share:.1f} % of a core"
        if rates:
            said += f", {statistics.mean(rates):.0f} levels a second for each"
        met = share < 0.05 if viewers else None
        found.append(Row(f"panel, {viewers} viewers", "< 5 %" if viewers else "", said, met))
    return found


def press_rows(room: Classroom, page: Browser, presses: int) -> list[Row]:
    answers, firsts, words = [], [], []
    for _ in range(presses):
        body = {"key": uuid.uuid4().hex, "base": page.state()["rev"]}
        pressed_ns = time.monotonic_ns()
        status, text = page.ask("POST", "commands/start", body)
        answers.append((time.monotonic_ns() - pressed_ns) / 1e6)
        assert status == 200, text
        page.until("recording")
        words.append((time.monotonic_ns() - pressed_ns) / 1e6)
        lecture = json.loads(text)["lecture"]
        time.sleep(1)
        room.command("stop")
        room.package(lecture)
        gaps = room.manifest(lecture)["gaps"]
        late_s = max((gap["duration"] for gap in gaps if gap["at"] == 0), default=0.0)
        row = room.lecture(lecture)
        firsts.append((row.started_mono_ns - pressed_ns) / 1e6 + late_s * 1000)
        room.until_armed()

    def said(found: list[float]) -> str:
        return f"median {statistics.median(found):.0f} ms, at most {max(found):.0f} ms"

    return [
        Row("press → answer over HTTP", "< 300 ms", said(answers), max(answers) < 300),
        Row("press → first sample in the package", "< 300 ms", said(firsts), max(firsts) < 300),
        Row("press → the word “recording”", "< 3 s", said(words), max(words) < 3000),
    ]


def rows(seconds: float, presses: int) -> list[Row]:
    port = free_port()
    tracks = {"camera": CAMERA, "slides": SLIDES, "microphone": VOICE}
    with (
        tempfile.TemporaryDirectory() as name,
        classroom(
            Path(name), tracks, panel={"port": port}, recording={"undo_seconds": 0.0}
        ) as room,
    ):
        room.start_agent()
        room.until_armed()
        panel = Panel(room, port)
        try:
            panel.start()
            found = press_rows(room, panel.browser, presses)
            panel.browser.press("start")
            panel.browser.until("recording")
            found += cost_rows(panel, seconds)
            panel.browser.press("stop")
        finally:
            panel.close()
    return found


if __name__ == "__main__":
    asked = sys.argv[1:]
    print(*rows(float(asked[0]) if asked else 20, int(asked[1]) if asked[1:] else 10), sep="\n")
