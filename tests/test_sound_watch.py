"""Laws of the watch over a room's microphones: each is told of once, and one speaks for another."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from signal import Signals

import pytest

from edge_agent.children import Recorder
from edge_agent.clock import Now
from edge_agent.ledger import Ledger
from edge_agent.messages import Beat, Message, RecorderSpec, Sound
from edge_agent.pipes import Line
from edge_agent.rules.guards import Guard
from edge_agent.rules.health import Phase
from edge_agent.rules.voices import ADVICE, NOBODY
from edge_agent.sound_watch import SoundWatch

SECOND = 1_000_000_000
QUIET = Sound(
    momentary=-50.0,
    short_term=-50.0,
    integrated=-50.0,
    true_peak=-30.0,
    speaking=False,
    speech_s=0.0,
    heard_s=9.0,
    tonal=False,
    clipped=0.0,
    drift_ppm=None,
)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger.create(tmp_path / "ledger.db")
    yield ledger
    ledger.close()


class Teller:
    """A recorder's process that says what it is given to say."""

    def __init__(self) -> None:
        self.words: list[bytes] = []

    def start(self, first: Line, whole: bool = False) -> None: ...

    def fileno(self) -> int:
        return -1

    def send(self, line: Line) -> None: ...

    def lines(self) -> list[bytes]:
        words, self.words = self.words, []
        return words

    def signal(self, number: Signals) -> None: ...

    def reap(self) -> int | None:
        return None


class Room:
    """A microphone and a camera that record; each second both say a beat, and the watch looks."""

    def __init__(self, ledger: Ledger) -> None:
        self.microphone, self.camera = recorder("microphone", "audio"), recorder("camera", "video")
        everybody = {each.track: each for each in (self.microphone, self.camera)}
        self._watch = SoundWatch(ledger, everybody)
        self._second = 1000

    def seconds(self, count: int, *, moving: bool, muted: bool = False) -> None:
        for _ in range(count):
            self._second += 1
            now = Now(self._second * SECOND, datetime.now(UTC), "boot", "synchronised")
            hear(self.camera, Beat(recording=None, moved=moving), now)
            hear(self.microphone, Beat(recording=None, sound=QUIET), now)
            self.microphone.guard = Guard(heard_ns=now.mono_ns)  # levels come
            for each in (self.microphone, self.camera):
                self._watch.look(each, now, muted)


def recorder(track: str, media: str) -> Recorder:
    spec = RecorderSpec(
        track=track,
        media="audio" if media == "audio" else "video",
        kind="synthetic",
        preview="",
        lock="",
    )
    made = Recorder(spec, lambda *_: Teller())
    made.phase = Phase.RECORDING
    return made


def hear(recorder: Recorder, beat: Message, now: Now) -> None:
    assert isinstance(recorder.process, Teller)
    recorder.process.words.append(beat.line())
    for report in recorder.reports(now.mono_ns):
        assert isinstance(report, Beat)
        recorder.beat(report)


def events(ledger: Ledger) -> list[tuple[str, str]]:
    rows = ledger._db.execute("SELECT kind, text FROM events ORDER BY id")
    return [(row["kind"], row["text"]) for row in rows]


def test_what_moves_in_a_picture_makes_a_silent_microphone_a_warning_told_once(
    ledger: Ledger,
) -> None:
    room = Room(ledger)
    room.seconds(120, moving=True)
    assert room.microphone.warning == NOBODY
    assert events(ledger) == [(NOBODY, ADVICE[NOBODY])]


def test_in_a_room_where_nothing_happens_silence_is_no_warning(ledger: Ledger) -> None:
    room = Room(ledger)
    room.seconds(400, moving=False)
    assert (room.microphone.warning, room.microphone.listener.hint) == ("", NOBODY)
    assert events(ledger) == []


def test_a_room_that_is_muted_or_only_armed_is_left_alone(ledger: Ledger) -> None:
    room = Room(ledger)
    room.seconds(120, moving=True, muted=True)
    assert room.microphone.warning == ""
    room.microphone.phase = Phase.ARMED
    room.seconds(120, moving=True)
    assert room.microphone.warning == ""


def test_a_camera_is_never_warned_of_for_its_silence(ledger: Ledger) -> None:
    room = Room(ledger)
    room.seconds(400, moving=True)
    assert room.camera.warning == ""
