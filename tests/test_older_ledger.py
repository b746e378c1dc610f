"""Laws of a ledger that is put back from an older copy: at rest, or under a running agent."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from edge_agent import ledger_mark
from edge_agent.ledger import Ledger
from edge_agent.ledger_mark import Water
from edge_agent.recovery import Recovery
from edge_agent.rows import Lecture
from edge_agent.rules.lecture import ACTIVE, State
from edge_agent.storage_check import findings, gather
from edge_agent.verify import SUMS, verify_package
from tests.simulated_room import TRACKS, SimulatedRoom

#: A lecture's life in this order; copies are made, and put back, between its steps.
LIFE = ("nothing", "recording", "paused", "resumed", "stopped", "packaged", "delivered")
STEPS: dict[str, Callable[[Day], None]] = {
    "nothing": lambda day: None,
    "recording": lambda day: day.press("start", title="Heat", seconds=8),
    "paused": lambda day: day.press("pause", seconds=2),
    "resumed": lambda day: day.press("resume", seconds=8),
    "stopped": lambda day: day.stop_unfinished(),
    "packaged": lambda day: day.finish(),
    "delivered": lambda day: day.upload(),
}


class Day:
    """A room, and copies of its ledger."""

    def __init__(self, folder: Path) -> None:
        self.room = SimulatedRoom(folder)
        self.room.run(1)
        self._copy = folder / "copy.db"
        self._presses = 0

    def close(self) -> None:
        self.room.close()
        self.room.room.ledger.close()  # another connection than it began with

    def press(self, verb: str, seconds: float = 1.0, **args: object) -> None:
        self._presses += 1
        self.room.post(verb, args, f"key {self._presses}")
        self.room.run(seconds)

    def stop_unfinished(self) -> None:
        self.room.outside.mood = "crash"
        self.press("stop", seconds=3)

    def finish(self) -> None:
        self.room.outside.mood = "success"
        self.room.run(60)

    def upload(self) -> None:
        self.room.upload(10)
        self.room.run(2)

    def live(self, until: str, since: str = "") -> None:
        first = LIFE.index(since) + 1 if since else 0
        for step in LIFE[first : LIFE.index(until) + 1]:
            STEPS[step](self)

    # ------------------------------------------------------------ the ledger's file

    def copy_ledger(self) -> None:
        copy = sqlite3.connect(self._copy)
        self.room.ledger._db.backup(copy)
        copy.close()

    def put_back(self) -> None:
        """By people, with the agent stopped: the file alone, its log is gone."""
        self.room.ledger.close()
        for path in self.room.spool.root.glob("ledger.db*"):
            path.unlink()
        shutil.copy(self._copy, self.room.spool.ledger)
        self.open_ledger()

    def rename_over(self) -> None:
        fresh = self._copy.with_suffix(".fresh")
        shutil.copy(self._copy, fresh)
        fresh.replace(self.room.spool.ledger)

    def write_over(self) -> None:
        """In place, when nothing of the new is in the log; then somebody else commits."""
        self.room.ledger._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        with self.room.spool.ledger.open("r+b") as file:
            file.write(self._copy.read_bytes())
            file.truncate()

    def open_ledger(self) -> None:
        self.room.ledger.close()
        self.room.ledger = Ledger.write(self.room.spool.ledger)
        self.room.restart_uploader()

    # ------------------------------------------------------------ what is there

    def lectures(self) -> dict[str, State]:
        return {each.title: each.state for each in self.room.ledger.lectures()}

    def events(self) -> list[str]:
        return [each.kind for each in self.room.ledger.last_events(1000)]

    def check_all_is_well(self, *titles: str, again: tuple[str, ...] = ()) -> None:
        """Each lecture was delivered once, whole, with every packet that was on the disk.

        `again`: what had changed, and must have been sent a second time.
        """
        room = self.room
        room.run(60)
        for _ in range(2):
            room.upload(20)
            room.clock.pass_time(600)
        room.run(3)
        assert self.lectures() == dict.fromkeys(titles, State.DELIVERED)
        sent = Counter(room.platform.arrivals)
        assert {name for (_, name), count in sent.items() if count > 1} == set(again)
        for lecture in room.ledger.lectures():
            assert verify_package(room.spool.package(lecture.id)) == []
            self.check_packets(lecture)
        assert findings(gather(room.spool, room.ledger, None, hashes=True)) == []
        assert "lost" not in self.events(), "what lies in the package is told as lost"

    def check_packets(self, lecture: Lecture) -> None:
        written = [n for (one, _), n in self.room.outside.written.items() if one == lecture.id]
        text = (self.room.spool.package(lecture.id) / "manifest.json").read_text()
        assert f'"packets": {sum(written)}' in text


@pytest.fixture
def day(tmp_path: Path) -> Iterator[Day]:
    day = Day(tmp_path)
    yield day
    day.close()


BEFORE = [(old, new) for i, new in enumerate(LIFE) for old in LIFE[:i]]


@pytest.mark.parametrize(("old", "new"), BEFORE)
def test_a_lecture_is_what_it_was_whatever_the_ledger_says(day: Day, old: str, new: str) -> None:
    day.live(old)
    day.copy_ledger()
    day.live(new, since=old)
    truth = day.lectures()["Heat"]
    day.room.kill_supervisor(finisher_ends=False)
    day.room.outside.mood = "success"
    day.put_back()
    day.room.start()
    day.room.settle()
    state = day.lectures()["Heat"]
    assert (state in ACTIVE, state is State.PAUSED) == (truth in ACTIVE, truth is State.PAUSED)
    if state in ACTIVE:
        day.press("stop")
    day.check_all_is_well("Heat")


@pytest.mark.parametrize("harm", [Day.rename_over, Day.write_over])
@pytest.mark.parametrize("old", LIFE)
def test_under_a_running_agent_the_lecture_under_way_goes_on(
    day: Day, harm: Callable[[Day], None], old: str
) -> None:
    day.live(old)
    day.copy_ledger()
    day.live("delivered", since=old)
    day.press("start", title="Light", seconds=8)
    before = [day.room.recorders[track] for track in TRACKS]
    harm(day)
    day.open_ledger()
    day.room.run(3)
    day.open_ledger()
    assert "ledger lost" in day.events(), "it was noticed"
    assert day.lectures()["Light"] is State.RECORDING
    assert [day.room.recorders[track] for track in TRACKS] == before, "recorders do not notice"
    day.press("mark", text="after", seconds=4)
    lecture = day.room.ledger.active()
    assert lecture is not None
    assert [mark.text for mark in day.room.ledger.marks(lecture.id)] == ["after"]
    assert day.room.ledger.gaps(lecture.id) == []
    day.press("stop")
    day.check_all_is_well("Heat", "Light")


@pytest.mark.parametrize("muted", [True, False])
def test_a_room_is_as_muted_as_its_recorders_were_told(day: Day, muted: bool) -> None:
    day.press("unmute" if muted else "mute")
    day.copy_ledger()
    day.press("mute" if muted else "unmute")
    day.press("start", title="Heat", seconds=4)
    day.write_over()
    day.open_ledger()
    day.room.run(3)
    day.open_ledger()
    assert "ledger lost" in day.events()
    assert day.room.ledger.muted() is muted
    assert all(each.muted is muted for each in day.room.recorders.values())


def test_what_was_wrong_with_a_track_when_the_copy_was_made_is_not_so_for_ever(day: Day) -> None:
    day.press("start", title="Heat", seconds=4)
    lecture = day.room.ledger.active()
    assert lecture is not None
    day.room.ledger.open_warning(lecture.id, "microphone", 2_000_000_000, "digital silence")
    day.copy_ledger()
    day.room.ledger.close_warnings(lecture.id, "microphone", 3_000_000_000)
    day.press("mark", text="later", seconds=2)
    day.write_over()
    day.open_ledger()
    day.room.run(3)
    day.open_ledger()
    assert "ledger lost" in day.events()
    [row] = day.room.ledger.warnings(lecture.id)
    assert row.end_ns is not None


def test_a_lecture_that_a_lost_ledger_knew_goes_on_only_if_nobody_has_ended_it(day: Day) -> None:
    day.copy_ledger()
    day.live("recording")
    day.room.cut_power(30, None)
    day.put_back()
    day.room.start()
    day.room.run(5)
    assert day.lectures() == {"Heat": State.RECORDING}
    lecture = day.room.ledger.active()
    assert lecture is not None
    assert {gap.cause for gap in day.room.ledger.gaps(lecture.id)} == {"power lost"}
    day.press("stop")
    day.check_all_is_well("Heat")


def test_a_package_that_has_changed_since_is_handed_over_again(day: Day) -> None:
    """A small version came with a new manifest; the copy has the receipts of the old one."""
    day.live("delivered")
    day.copy_ledger()
    [lecture] = day.room.ledger.lectures()
    package = day.room.spool.package(lecture.id)
    manifest, sums = package / "manifest.json", package / SUMS
    manifest.write_text(manifest.read_text().replace("Heat", "Head"))
    revise(package)
    day.press("start", title="Light", seconds=4)
    day.press("stop", seconds=20)
    day.room.room.watch.note()
    day.room.kill_supervisor()
    day.put_back()
    day.room.start()
    day.check_all_is_well("Heat", "Light", again=(manifest.name, sums.name))
    rows = {row.name: row.sha256 for row in day.room.ledger.outbox(lecture.id)}
    for path in (manifest, sums):
        assert day.room.platform.held[lecture.id, path.name] == rows[path.name] == sha256(path)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def revise(package: Path) -> None:
    """The package's list of checksums, as its files are now."""
    names = sorted(path.name for path in package.iterdir() if path.name != SUMS)
    text = "".join(f"{sha256(package / name)}  {name}\n" for name in names)
    (package / SUMS).write_text(text)


# ---------------------------------------------------------------- the mark


def test_the_mark_is_behind_the_ledger_and_says_how_far_it_had_come(day: Day) -> None:
    day.press("start", title="Heat")
    day.room.run(61)
    early = ledger_mark.read(day.room.spool.mark)
    assert early == day.room.ledger.water()
    day.press("mark", text="one")
    assert ledger_mark.read(day.room.spool.mark) == early, "no sync for each commit"
    day.room.room.watch.note()
    assert early.behind(ledger_mark.read(day.room.spool.mark))


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b'{"inbox": "x", "events": 1}'])
def test_a_mark_that_cannot_be_read_says_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mark").write_bytes(content)
    assert ledger_mark.read(tmp_path / "mark") == Water()
    assert not Water().behind(Water())


def test_storage_check_says_it_and_a_repair_brings_the_ledger_up_to_date(day: Day) -> None:
    day.copy_ledger()
    day.live("delivered")
    day.room.room.watch.note()
    day.room.kill_supervisor()
    room = day.room
    assert findings(gather(room.spool, room.ledger, None, hashes=False)) == []
    day.put_back()
    told = [each.what for each in findings(gather(room.spool, room.ledger, None, hashes=False))]
    assert any("is older than the spool" in each for each in told)
    recovery = Recovery(room.spool, room.ledger, timedelta(0))
    for repair in recovery.repairs(room.clock.now()):
        repair.do()
    assert findings(gather(room.spool, room.ledger, None, hashes=True)) == []
    room.start()
    day.check_all_is_well("Heat")
