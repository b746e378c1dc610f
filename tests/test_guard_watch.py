"""Laws of the watch over a room's tracks: each is told of once, and one speaks for another."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from signal import Signals

import pytest

from edge_agent.children import Recorder
from edge_agent.clock import Now
from edge_agent.guard_watch import OVER, GuardWatch
from edge_agent.ledger import Ledger
from edge_agent.messages import Beat, Message, RecorderSpec, Sight, Sound
from edge_agent.pipes import Line
from edge_agent.rows import Lecture
from edge_agent.rules.guards import NO_SAMPLES, Guard
from edge_agent.rules.health import Phase
from edge_agent.rules.lecture import State
from edge_agent.rules.pictures import COVERED, DARK
from edge_agent.rules.voices import ADVICE, NOBODY, TOO_LOUD, USUAL, Hearing

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
VOICE = QUIET.model_copy(update={"speaking": True, "short_term": -20.0})
LIT = Sight(luma=120.0, spread=30.0, plain=0.3, change=1.0)
CAPPED = Sight(luma=8.0, spread=1.0, plain=1.0, change=0.3)
LECTURE = "018f0000-0000-7000-8000-000000000001"
#: Monotonic second of lecture time zero.
EPOCH_S = 1000


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger.create(tmp_path / "ledger.db")
    ledger.add_lecture(
        Lecture(LECTURE, State.RECORDING, "2026-01-01T00:00:00Z", "set", "boot", EPOCH_S * SECOND),
        [],
    )
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

    def __init__(self, ledger: Ledger, hearing: Hearing = USUAL, dark: float = DARK) -> None:
        self.microphone, self.camera = recorder("microphone", "audio"), recorder("camera", "video")
        everybody = {each.track: each for each in (self.microphone, self.camera)}
        self._watch = GuardWatch(ledger, everybody, hearing, dark)
        self._second = EPOCH_S

    def seconds(
        self,
        count: int,
        *,
        moving: bool,
        muted: bool = False,
        sound: Sound = QUIET,
        sight: Sight = LIT,
    ) -> None:
        for _ in range(count):
            self._second += 1
            now = Now(self._second * SECOND, datetime.now(UTC), "boot", "synchronised")
            hear(self.camera, Beat(recording=None, moved=moving, sight=sight), now)
            hear(self.microphone, Beat(recording=None, sound=sound), now)
            self.microphone.senses.guard = Guard(heard_ns=now.mono_ns)  # levels come
            for each in (self.microphone, self.camera):
                self._watch.look(each, now, muted)


def recorder(track: str, media: str, flavor: str = "presenter/source") -> Recorder:
    spec = RecorderSpec(
        track=track,
        media="audio" if media == "audio" else "video",
        kind="synthetic",
        preview="",
        lock="",
        flavor=flavor,
    )
    made = Recorder(spec, lambda *_: Teller())
    made.phase, made.lecture = Phase.RECORDING, LECTURE
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
    assert room.microphone.senses.warning == NOBODY
    assert events(ledger) == [(NOBODY, ADVICE[NOBODY])]


def test_a_room_that_has_set_its_own_limits_is_warned_by_them(ledger: Ledger) -> None:
    room = Room(ledger, Hearing(never_ns=300 * SECOND), dark=5.0)
    room.seconds(120, moving=True, sight=CAPPED)
    assert events(ledger) == []
    room.seconds(240, moving=True, sight=CAPPED)
    assert [kind for kind, _ in events(ledger)] == [NOBODY]


def test_in_a_room_where_nothing_happens_silence_is_no_warning(ledger: Ledger) -> None:
    room = Room(ledger)
    room.seconds(400, moving=False)
    assert (room.microphone.senses.warning, room.microphone.senses.listener.hint) == ("", NOBODY)
    assert events(ledger) == []


def test_a_room_that_is_muted_or_only_armed_is_left_alone(ledger: Ledger) -> None:
    room = Room(ledger)
    room.seconds(120, moving=True, muted=True)
    assert room.microphone.senses.warning == ""
    room.microphone.phase = Phase.ARMED
    room.seconds(120, moving=True)
    assert room.microphone.senses.warning == ""


def test_a_backup_is_warned_of_when_it_is_dead_and_never_for_its_silence(ledger: Ledger) -> None:
    backup = recorder("backup", "audio", "backup/source")
    watch = GuardWatch(ledger, {"backup": backup})
    for second in range(400):
        now = Now((EPOCH_S + second) * SECOND, datetime.now(UTC), "boot", "synchronised")
        hear(backup, Beat(recording=None, sound=QUIET), now)
        backup.senses.guard = Guard(heard_ns=now.mono_ns)
        watch.look(backup, now, muted=False)
        assert backup.senses.warning == ""
        assert backup.senses.listener.hint == ""
    later = Now((EPOCH_S + 410) * SECOND, datetime.now(UTC), "boot", "synchronised")
    watch.look(backup, later, muted=False)
    assert backup.senses.warning == NO_SAMPLES


def test_a_camera_is_never_warned_of_for_its_silence(ledger: Ledger) -> None:
    room = Room(ledger)
    room.seconds(400, moving=True)
    assert room.camera.senses.warning == ""


def test_what_is_wrong_and_its_end_are_told_once_each_and_stand_in_the_lecture(
    ledger: Ledger,
) -> None:
    room = Room(ledger)
    room.seconds(20, moving=False, sound=VOICE)
    room.seconds(60, moving=False, sound=VOICE, sight=CAPPED)
    assert room.camera.senses.warning == COVERED
    room.seconds(60, moving=False, sound=VOICE)
    assert [kind for kind, _ in events(ledger)] == [COVERED, OVER]
    (row,) = ledger.warnings(LECTURE)
    assert (row.track, row.what, row.start_ns) == ("camera", COVERED, 21 * SECOND)
    assert row.end_ns is not None
    assert 81 <= row.end_ns / SECOND <= 90


LOUD = VOICE.model_copy(update={"clipped": 0.02})


def test_what_comes_and_goes_is_one_story(ledger: Ledger) -> None:
    """Too loud for three seconds, not for twelve, and again: warned of each time, told of once."""
    room = Room(ledger)
    seen = set()
    for _ in range(20):
        room.seconds(3, moving=False, sound=LOUD)
        seen.add(room.microphone.senses.warning)
        room.seconds(12, moving=False, sound=VOICE)
        seen.add(room.microphone.senses.warning)
    assert seen == {TOO_LOUD, ""}
    room.seconds(60, moving=False, sound=VOICE)
    assert [kind for kind, _ in events(ledger)] == [TOO_LOUD, OVER]
    (row,) = ledger.warnings(LECTURE)
    assert (row.start_ns, row.end_ns) == (1 * SECOND, 294 * SECOND)


def test_a_warning_that_outlives_its_lecture_ends_there_and_begins_anew_in_the_next(
    ledger: Ledger,
) -> None:
    room = Room(ledger)
    room.seconds(60, moving=False, sound=VOICE, sight=CAPPED)
    room.camera.phase, room.camera.lecture = Phase.ARMED, None
    room.seconds(5, moving=False, sound=VOICE, sight=CAPPED)
    assert [row.end_ns for row in ledger.warnings(LECTURE)] == [61 * SECOND]
    assert room.camera.senses.warning == COVERED, "somebody is there"
    room.camera.phase, room.camera.lecture = Phase.RECORDING, LECTURE
    room.seconds(5, moving=False, sound=VOICE, sight=CAPPED)
    assert [row.end_ns for row in ledger.warnings(LECTURE)] == [61 * SECOND, None]
    assert [kind for kind, _ in events(ledger)] == [COVERED, COVERED]


def test_a_dark_room_where_nobody_speaks_is_no_covered_camera_before_a_lecture(
    ledger: Ledger,
) -> None:
    room = Room(ledger)
    room.camera.phase, room.camera.lecture = Phase.ARMED, None
    room.seconds(600, moving=False, sight=CAPPED)
    assert room.camera.senses.warning == ""


def test_a_muted_room_has_no_covered_camera(ledger: Ledger) -> None:
    room = Room(ledger)
    room.seconds(60, moving=False, sound=VOICE, sight=CAPPED, muted=True)
    assert room.camera.senses.warning == ""
    assert ledger.warnings(LECTURE) == []


def test_in_a_ledger_that_is_built_anew_what_stands_is_told_again(
    ledger: Ledger,
) -> None:
    room = Room(ledger)
    room.seconds(60, moving=False, sound=VOICE, sight=CAPPED)
    with ledger.transaction():
        ledger._db.execute("DELETE FROM warnings")  # as far as the new one knows
    room.camera.senses.tell_again()
    room.seconds(1, moving=False, sound=VOICE, sight=CAPPED)
    assert [(row.what, row.end_ns) for row in ledger.warnings(LECTURE)] == [(COVERED, None)]


def test_a_warning_that_a_dead_agent_left_open_ends_with_what_was_recorded(ledger: Ledger) -> None:
    ledger.open_warning(LECTURE, "camera", 5 * SECOND, COVERED)
    ledger.open_warning(LECTURE, "microphone", 40 * SECOND, NOBODY)
    ledger.close_warnings(LECTURE, None, 30 * SECOND)
    assert [row.end_ns for row in ledger.warnings(LECTURE)] == [30 * SECOND, 40 * SECOND]
