"""Recorders and a finisher without processes, for the real supervisor in simulated time.

What they leave on the disk is real: segment files of one second's fragments, torn where one died.
The finisher is the real one, run at once in this process when its time has come.
"""

from __future__ import annotations

import os
import signal
import struct
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from edge_agent import messages as say
from edge_agent.finish_messages import FinishFailed, FinishJob, Progress
from edge_agent.finisher import Unfinishable, finish
from edge_agent.pipes import Line
from encoders.boxes import header, read_index, segment_facts
from encoders.remux import JoinError
from encoders.segment import next_sequence, segment_name
from tests.fixed_clock import SECOND, FixedClock
from tests.lecture_maker import record_pictures, record_sound

#: Fragments of a segment: short, so that a short lecture has several.
SEGMENT_FRAGMENTS = 4
FINISHING_S = 2


@dataclass(frozen=True)
class Media:
    """The head of a segment file and one fragment of it, which can be stamped anew."""

    head: bytes
    fragment: bytes
    scale: int
    ticks: int
    packets: int

    def stamped(self, ticks: int) -> bytes:
        at = self.fragment.index(b"tfdt") + 8
        return self.fragment[:at] + struct.pack(">Q", ticks) + self.fragment[at + 8 :]


@cache
def media(kind: str) -> Media:
    with tempfile.TemporaryDirectory() as folder:
        record = record_pictures if kind == "video" else record_sound
        record(Path(folder), 0, 3)
        path = Path(folder) / segment_name(1)
        index = read_index(path)
        piece = index.pieces[0 if kind == "video" else 1]
        data = path.read_bytes()[piece.moof : piece.end]
        ticks = piece.stop - piece.start
        return Media(header(path), data, index.timescale, ticks, piece.packets)


@dataclass
class Outside:
    """What happens around the children."""

    clock: FixedClock
    plugged: set[str]
    #: How the next finishers end: "success", "crash" or "failure".
    mood: str = "success"
    #: (lecture, track) → packets of whole fragments, which must all be in the package.
    written: dict[tuple[str, str], int] = field(default_factory=dict)


class SimulatedChild:
    """What both have in common: words, and an end."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self._said: list[bytes] = []
        self._status: int | None = None
        self.alive = False

    def fileno(self) -> int:
        return -1

    def lines(self) -> list[bytes]:
        said, self._said = self._said, []
        return said

    def say(self, message: say.Message) -> None:
        self._said.append(message.line())

    def reap(self) -> int | None:
        if self._said:
            return None
        status, self._status = self._status, None
        return status

    def end(self, status: int) -> None:
        self.alive, self._status = False, status

    def send(self, line: Line) -> None: ...


class SimulatedRecorder(SimulatedChild):
    """Writes the fragments that are due each time it is told that time has passed."""

    def start(self, first: Line, whole: bool = False) -> None:
        assert isinstance(first, say.RecorderSpec)
        self._track, self._media = first.track, media(first.media)
        self._command: say.Record | None = None
        self._part: Path | None = None
        self.alive, self.muted = True, first.muted
        if self._track in self._outside.plugged:
            self.say(say.Opened(media=first.media, description="", identity=self._track))
        else:
            self.say(say.Gone(cause="device missing", reason="not plugged in"))
            self.end(0)

    def send(self, line: Line) -> None:
        match line:
            case say.Record():
                self._command = line
                self._next = (line.start_mono_ns - line.epoch_ns) * self._media.scale // SECOND
                first_ns = self._next * SECOND // self._media.scale
                self.say(say.Started(lecture=line.lecture, first_ns=first_ns, at_mono_ns=0))
            case say.Finish(at_mono_ns=at_ns):
                self._finish(at_ns)
            case say.Mute(on=on):
                self.muted = on
            case say.Quit():
                self.quit()

    def signal(self, number: signal.Signals) -> None:
        self.die() if number == signal.SIGKILL else self.quit()

    def advance(self) -> None:
        if not self.alive:
            return
        if self._track not in self._outside.plugged:
            self._finish(self._outside.clock.mono)
            self.say(say.Gone(cause="device lost", reason="unplugged"))
            self.end(0)
            return
        self._write_until(self._outside.clock.mono)
        lecture = self._command.lecture if self._command else None
        self.say(say.Beat(recording=lecture))
        self.say(say.Level(peak=-20.0, rms=-30.0))

    def quit(self) -> None:
        """As after the end of stdin: the file is closed, whether somebody listens or not."""
        if self.alive:
            self._finish(self._outside.clock.mono)
            self.say(say.Gone(cause="stopped", reason="asked to stop"))
            self.end(0)

    def die(self) -> None:
        """As by kill -9 or a power cut: the fragment in flight is torn."""
        if self.alive:
            self._write_until(self._outside.clock.mono)
            if self._part is not None:
                self._append(self._part, self._media.fragment[:-100])
            self.end(-9)

    def _write_until(self, mono_ns: int) -> None:
        if self._command is None:
            return
        until = (mono_ns - self._command.epoch_ns) * self._media.scale // SECOND
        while self._next + self._media.ticks <= until:
            if self._part is None:
                folder = Path(self._command.directory)
                folder.mkdir(parents=True, exist_ok=True)
                name = segment_name(next_sequence(p.name for p in folder.iterdir()))
                self._part = folder / f"{name}.part"
                self._append(self._part, self._media.head)
                self._left = SEGMENT_FRAGMENTS
            self._append(self._part, self._media.stamped(self._next))
            self._next += self._media.ticks
            key = (self._command.lecture, self._track)
            written = self._outside.written
            written[key] = written.get(key, 0) + self._media.packets
            self._left -= 1
            if not self._left:
                self._close()

    def _append(self, path: Path, data: bytes) -> None:
        with path.open("ab") as file:
            file.write(data)
        stamp = self._outside.clock.utc.timestamp()
        os.utime(path, (stamp, stamp))

    def _close(self) -> None:
        part, self._part = self._part, None
        if part is not None and self._command is not None:
            facts = segment_facts(part.rename(part.with_suffix("")))
            assert facts is not None
            values = {
                name: getattr(facts, name)
                for name in say.SegmentDone.model_fields.keys() - {"kind", "lecture"}
            }
            self.say(say.SegmentDone(lecture=self._command.lecture, **values))

    def _finish(self, mono_ns: int) -> None:
        self._write_until(mono_ns)
        self._close()
        if self._command is not None:
            self.say(say.Finished(lecture=self._command.lecture, end_ns=None))
        self._command = None


class SimulatedFinisher(SimulatedChild):
    """Ends as the mood is, some seconds after its start."""

    def start(self, first: Line, whole: bool = False) -> None:
        assert isinstance(first, FinishJob)
        self._job, self.alive = first, True
        self._due_ns = self._outside.clock.mono + FINISHING_S * SECOND

    def signal(self, number: signal.Signals) -> None:
        if self.alive:
            self.end(-number)

    def advance(self) -> None:
        if not self.alive:
            return
        self.say(Progress(fraction=0.5))
        if self._outside.clock.mono >= self._due_ns:
            endings: dict[str, Callable[[], None]] = {
                "success": self.finish,
                "crash": self._crash,
                "failure": self._fail,
            }
            endings[self._outside.mood]()

    def finish(self) -> None:
        try:
            self.say(finish(self._job, lambda message: None))
        except (Unfinishable, JoinError) as error:
            self.say(FinishFailed(reason=str(error)))
        self.end(0)

    def _crash(self) -> None:
        """In the middle of building; where a package is whole, nothing is built."""
        lecture = Path(self._job.lecture_dir)
        if not (lecture / "package").exists():
            part = lecture / "package.part"
            part.mkdir(parents=True, exist_ok=True)
            (part / "presenter.mp4").write_bytes(b"half a file")
        self.end(-11)

    def _fail(self) -> None:
        self.say(FinishFailed(reason="the disk is full"))
        self.end(1)
