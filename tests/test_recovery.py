"""Laws of what the agent does with a spool that was left in any state."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from edge_agent import lecture_file
from edge_agent.ledger import Ledger
from edge_agent.recovery import Recovery
from edge_agent.rows import Lecture, Track
from edge_agent.rules.lecture import State
from edge_agent.rules.timeline import START_NS
from edge_agent.spool import Spool
from tests.fixed_clock import SECOND, FixedClock
from tests.lecture_maker import record_sound, tear

TRACK = Track("L1", "microphone", "presenter/source", "audio")


class Place:
    """A spool with its ledger and a clock."""

    def __init__(self, root: Path) -> None:
        self.spool = Spool(root)
        self.spool.lectures.mkdir()
        self.clock = FixedClock()
        self.ledger = Ledger.create(self.spool.ledger)

    def begin(self, name: str = "L1", until_s: float | None = None) -> Lecture:
        now = self.clock.now()
        until = None if until_s is None else now.utc + timedelta(seconds=until_s)
        lecture = Lecture(
            name,
            State.RECORDING,
            now.utc_text,
            now.trust,
            now.boot,
            now.mono_ns - START_NS,
            title="Heat",
            until_utc=until.isoformat() if until else None,
        )
        track = replace(TRACK, lecture=name)
        lecture_file.write(self.spool.facts(name), lecture, [track])
        self.ledger.add_lecture(lecture, [track])
        return lecture

    def turn(self, name: str, state: State) -> None:
        """As a press does it: the file first."""
        lecture = replace(self.ledger.existing(name), state=state)
        lecture_file.write(self.spool.facts(name), lecture, self.ledger.tracks(name))
        self.ledger.set_state(name, state)

    def record(self, start_s: float, end_s: float, name: str = "L1") -> Path:
        """Segments on the disk, stamped with this clock's time; no rows."""
        folder = self.spool.track(name, "microphone")
        record_sound(folder, start_s, end_s)
        return folder

    def recover(self) -> None:
        recovery = Recovery(self.spool, self.ledger, timedelta(minutes=15))
        recovery.run(self.clock.now())

    def write_times(self) -> None:
        """Files were last written now, by this clock."""

        stamp = self.clock.utc.timestamp()
        for path in self.spool.lectures.rglob("*.mp4"):
            os.utime(path, (stamp, stamp))

    def events(self, name: str = "L1") -> list[str]:
        return [event.kind for event in self.ledger.events(name)]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    place.ledger.close()


def test_segments_that_nobody_told_of_are_adopted(place: Place) -> None:
    place.begin()
    folder = place.record(0, 25)
    place.recover()
    rows = place.ledger.segments("L1")
    assert [row.name for row in rows] == sorted(path.name for path in folder.iterdir())
    assert all(row.bytes == (folder / row.name).stat().st_size for row in rows)


def test_a_torn_file_is_cut_at_its_last_whole_fragment_and_adopted(place: Place) -> None:
    place.begin()
    folder = place.record(0, 9.5)
    whole = folder / "000001.mp4"
    data = whole.read_bytes()
    whole.unlink()
    (folder / "000001.mp4.part").write_bytes(data[:-700])
    place.recover()
    [row] = place.ledger.segments("L1")
    assert row.recovered
    assert row.end_ns < START_NS + 9.5 * SECOND
    assert [path.name for path in folder.iterdir()] == ["000001.mp4"]


def test_what_holds_nothing_is_set_aside_not_deleted(place: Place) -> None:
    place.begin()
    folder = place.record(0, 5)
    (folder / "000002.mp4.part").write_bytes(b"garbage" * 100)
    (folder / "notes.txt").write_text("foreign")
    (folder / "000003.mp4.part").touch()
    place.recover()
    kept = sorted(path.name for path in place.spool.aside.iterdir())
    assert kept == ["L1-microphone-000002.mp4.part", "L1-microphone-notes.txt"]
    assert place.events().count("set aside") == 2
    assert len(place.ledger.segments("L1")) == 1


def test_a_row_whose_file_is_gone_is_dropped_and_told(place: Place) -> None:
    place.begin()
    folder = place.record(0, 5)
    place.recover()
    (folder / "000001.mp4").unlink()
    place.recover()
    assert place.ledger.segments("L1") == []
    assert "lost" in place.events()


def test_recovery_done_twice_changes_nothing_more(place: Place) -> None:
    place.begin()
    place.record(0, 5)
    place.write_times()
    place.recover()
    before = place.ledger.segments("L1"), place.ledger.gaps("L1")
    place.recover()
    assert (place.ledger.segments("L1"), place.ledger.gaps("L1")) == before


def test_a_lecture_interrupted_just_now_goes_on_with_its_gap_explained(place: Place) -> None:
    began = place.begin()
    place.record(0, 5)
    place.write_times()
    place.clock.pass_time(30)
    place.recover()
    lecture = place.ledger.existing("L1")
    assert lecture.state is State.RECORDING
    assert lecture.epoch_ns == began.epoch_ns, "the same boot: the same lecture time"
    [gap] = place.ledger.gaps("L1")
    assert (gap.cause, gap.track, gap.end_ns) == ("agent restarted", "microphone", None)
    assert gap.start_ns == place.ledger.segments("L1")[-1].end_ns


def test_after_a_power_cut_lecture_time_goes_on_in_the_new_boot(place: Place) -> None:
    place.begin()
    place.record(0, 5)
    place.write_times()
    now = place.clock.reboot(off_seconds=90)
    place.recover()
    lecture = place.ledger.existing("L1")
    last_ns = place.ledger.segments("L1")[-1].end_ns
    assert lecture.epoch_boot == "boot-2"
    assert lecture.lecture_ns(now.mono_ns) == last_ns + 90 * SECOND
    assert place.ledger.gaps("L1")[0].cause == "power lost"


def test_a_lecture_whose_time_has_passed_is_finished_with_what_there_is(place: Place) -> None:
    place.begin(until_s=60)
    place.record(0, 5)
    place.write_times()
    place.clock.pass_time(61)
    place.recover()
    lecture = place.ledger.existing("L1")
    assert lecture.state is State.FINISHING
    assert lecture.end_ns == place.ledger.segments("L1")[-1].end_ns


def test_a_lecture_interrupted_long_ago_is_finished(place: Place) -> None:
    place.begin()
    place.record(0, 5)
    place.write_times()
    place.clock.pass_time(16 * 60)
    place.recover()
    assert place.ledger.existing("L1").state is State.FINISHING


def test_a_lecture_torn_by_yesterdays_power_cut_does_not_go_on_today(place: Place) -> None:
    """Cutting the torn file must not make it look as if it had been written just now."""
    place.begin()
    folder = place.record(0, 5)
    part = tear(folder)
    stamp = place.clock.utc.timestamp()
    os.utime(part, (stamp, stamp))
    place.clock.reboot(off_seconds=20 * 3600)
    place.recover()
    lecture = place.ledger.existing("L1")
    assert lecture.state is State.FINISHING
    assert lecture.ended_utc == "2026-11-22T10:00:00.000Z"
    assert len(place.ledger.segments("L1")) == 1


def test_a_paused_lecture_stays_paused(place: Place) -> None:
    place.begin()
    place.record(0, 5)
    place.write_times()
    place.turn("L1", State.PAUSED)
    place.ledger.open_gap("L1", None, START_NS + 5 * SECOND, "paused")
    place.recover()
    assert place.ledger.existing("L1").state is State.PAUSED
    assert len(place.ledger.gaps("L1")) == 1


@pytest.mark.parametrize("state", [State.FINISHING, State.FAILED])
def test_a_stopped_lecture_never_resumes(place: Place, state: State) -> None:
    place.begin(until_s=3600)
    place.record(0, 5)
    place.write_times()
    place.ledger.set_state("L1", state)
    place.recover()
    assert place.ledger.existing("L1").state is state
    assert len(place.ledger.segments("L1")) == 1


@pytest.mark.parametrize("state", [State.RECORDING, State.PAUSED, State.FINISHING])
def test_a_lost_ledger_is_rebuilt_from_the_spool(
    place: Place, tmp_path: Path, state: State
) -> None:
    place.begin()
    place.record(0, 5)
    place.write_times()
    place.turn("L1", state)
    place.ledger.close()
    for path in tmp_path.glob("ledger.db*"):
        path.unlink()
    place.ledger = Ledger.create(place.spool.ledger)
    place.recover()
    lecture = place.ledger.existing("L1")
    assert (lecture.title, lecture.state) == ("Heat", state)
    assert place.ledger.tracks("L1") == [TRACK]
    assert len(place.ledger.segments("L1")) == 1


def test_a_folder_that_is_no_lecture_is_set_aside_and_an_empty_one_goes(place: Place) -> None:
    (place.spool.lectures / "holiday").mkdir()
    (place.spool.lectures / "holiday" / "beach.jpg").write_bytes(b"x")
    (place.spool.lectures / "begun").mkdir()
    place.recover()
    assert (place.spool.aside / "holiday" / "beach.jpg").exists()
    assert list(place.spool.lectures.iterdir()) == []


def test_a_second_thing_of_the_same_name_set_aside_does_not_replace_the_first(
    place: Place,
) -> None:
    for content in (b"one", b"two"):
        (place.spool.lectures / "stray").write_bytes(content)
        place.recover()
    assert sorted(p.read_bytes() for p in place.spool.aside.iterdir()) == [b"one", b"two"]


def test_a_lecture_without_one_frame_ends_in_the_finisher_not_in_limbo(place: Place) -> None:
    place.begin()
    place.clock.pass_time(3600)
    place.recover()
    assert place.ledger.existing("L1").state is State.FINISHING
    shutil.rmtree(place.spool.lecture("L1"))
    place.recover()
