"""The upload process: order, patience, exactly once through any kill, receipts in the ledger."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edge_agent.clock import Now, SystemClock
from edge_agent.config import Config, FolderDestination, Storage
from edge_agent.delivery import IDLE_S, Delivery
from edge_agent.finish_messages import Artifact as PackagedFile
from edge_agent.ledger import Ledger
from edge_agent.rows import Lecture, OutboxRow
from edge_agent.rules.lecture import State
from edge_agent.spool import Runtime, Spool
from edge_agent.upload_queue import LOOK_S
from tests.fixed_clock import FixedClock
from uploader.folder import FolderDestination as FolderPlace
from uploader.pacing import FIRST_S
from uploader.sender import Artifact, Destination, Pending, Permanent, Progress, Receipt, Transient

ROOT = Path(__file__).parents[1]
CLOCK = SystemClock()
RUN = """
import sys; from pathlib import Path
from edge_agent.config import Config; from edge_agent.delivery import run
from edge_agent.secrets import Secrets
sys.exit(run(Config.model_validate_json(sys.argv[1]), Secrets(None, Path(sys.argv[2]))))
"""


class Room:
    """A spool with packaged lectures, and a folder that plays the platform."""

    def __init__(self, home: Path) -> None:
        self.place = home / "platform"
        self.place.mkdir()
        self.spool = Spool(home / "spool")
        self.spool.root.mkdir()
        self.ledger = Ledger.create(self.spool.ledger)
        self.secrets = home / "credentials"
        self.config = Config(
            storage=Storage(spool=self.spool.root, runtime=home / "run"),
            destinations={"platform": FolderDestination(type="folder", path=self.place)},
        )

    def package(
        self, lecture: str, files: dict[str, bytes], destinations: tuple[str, ...] = ("platform",)
    ) -> None:
        """A finished lecture; the first file is the most valuable."""
        folder = self.spool.package(lecture)
        folder.mkdir(parents=True)
        for name, data in files.items():
            (folder / name).write_bytes(data)
        now = CLOCK.now()
        self.ledger.add_lecture(
            Lecture(lecture, State.FINISHING, now.utc_text, now.trust, now.boot, now.mono_ns), []
        )
        listed = [
            PackagedFile(
                name=name,
                bytes=len(data),
                sha256=hashlib.sha256(data).hexdigest(),
                media_type="video/mp4",
                priority=place,
            )
            for place, (name, data) in enumerate(files.items())
        ]
        self.ledger.package(lecture, State.PACKAGED, 1.0, listed, destinations)

    def row(self, name: str) -> OutboxRow:
        return next(row for row in self.ledger.outbox() if row.name == name)

    def upload(self) -> subprocess.Popen[bytes]:
        """The real upload process."""
        return subprocess.Popen(
            [sys.executable, "-c", RUN, self.config.model_dump_json(), str(self.secrets)],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path)
    yield made
    made.ledger.close()


def wait_for(condition: Callable[[], bool], what: str, within_s: float = 30) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"waited {within_s} s for {what}"
        time.sleep(0.005)


@dataclass
class Place:
    """A destination whose answers a test gives, and that says what it was asked."""

    answers: list[Exception] = field(default_factory=list)
    held: dict[str, Receipt] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)

    def receipt(self, lecture: str, artifact: Artifact) -> Receipt | None:
        return self.held.get(artifact.name)

    def send(self, lecture: str, artifact: Artifact, path: Path, progress: Progress) -> Receipt:
        self.sent.append(artifact.name)
        if self.answers:
            raise self.answers.pop(0)
        return {"state": "verified", "bytes": path.stat().st_size}


def delivery(room: Room, **places: Place) -> Delivery:
    return Delivery(room.ledger, room.spool, places, CLOCK, chance=lambda: 0.0)


# ---------------------------------------------------------------- one step


def test_an_empty_outbox_is_looked_at_again_after_a_while(room: Room) -> None:
    assert delivery(room).step() == IDLE_S


def test_files_go_in_order_of_value_and_each_receipt_is_stored(room: Room) -> None:
    room.package("L1", {"manifest.json": b"m", "audio.m4a": b"aa", "presenter.mp4": b"vvv"})
    place = Place()
    process = delivery(room, platform=place)
    assert [process.step() for _ in range(4)] == [0.0, 0.0, 0.0, IDLE_S]
    assert place.sent == ["manifest.json", "audio.m4a", "presenter.mp4"]
    assert room.row("audio.m4a").receipt == {"state": "verified", "bytes": 2}
    assert room.row("audio.m4a").delivered_utc is not None


def test_a_destination_that_has_the_file_already_is_not_sent_it_again(room: Room) -> None:
    room.package("L1", {"manifest.json": b"m"})
    place = Place(held={"manifest.json": {"state": "verified", "utc": "before"}})
    delivery(room, platform=place).step()
    assert place.sent == []
    assert room.row("manifest.json").receipt == {"state": "verified", "utc": "before"}


def test_after_a_transient_fault_the_same_file_waits_and_the_reason_is_stored(room: Room) -> None:
    room.package("L1", {"manifest.json": b"m", "audio.m4a": b"a"})
    place = Place(answers=[Transient("the share is away")])
    process = delivery(room, platform=place)
    assert process.step() == 0.0
    assert process.step() == IDLE_S  # the whole destination waits, in order
    assert place.sent == ["manifest.json"]
    assert room.row("manifest.json").last_error == "the share is away"
    assert room.row("manifest.json").attempts == 1


def test_one_destination_that_is_away_does_not_hold_up_another(room: Room) -> None:
    room.package("L1", {"manifest.json": b"m"}, ("away", "platform"))
    away, place = Place(answers=[Transient("away")]), Place()
    process = delivery(room, away=away, platform=place)
    assert [process.step() for _ in range(3)] == [0.0, 0.0, IDLE_S]
    assert place.sent == ["manifest.json"]
    assert [row.destination for row in room.ledger.waiting()] == ["away"]


def test_a_file_that_is_refused_for_good_is_skipped_and_the_queue_goes_on(room: Room) -> None:
    room.package("L1", {"manifest.json": b"m", "audio.m4a": b"a"})
    place = Place(answers=[Permanent("it changed")])
    process = delivery(room, platform=place)
    assert [process.step() for _ in range(3)] == [0.0, 0.0, IDLE_S]
    assert place.sent == ["manifest.json", "audio.m4a"]
    assert room.row("manifest.json").last_error == "it changed"


@dataclass
class Wait:
    """A clock that a test moves."""

    seconds: float = 1000.0

    def mono_ns(self) -> int:
        return int(self.seconds * 1e9)

    def now(self) -> Now:
        return CLOCK.now()


def test_a_receipt_that_is_late_holds_up_its_own_file_only(room: Room) -> None:
    room.package("L1", {"manifest.json": b"m", "audio.m4a": b"a"})
    place, clock = Place(answers=[Pending("not there yet")]), Wait()
    process = Delivery(room.ledger, room.spool, {"platform": place}, clock, chance=lambda: 0.0)
    assert [process.step() for _ in range(3)] == [0.0, 0.0, IDLE_S]
    assert place.sent == ["manifest.json", "audio.m4a"]
    assert room.row("manifest.json").last_error == "not there yet"
    clock.seconds += 10
    place.held["manifest.json"] = {"state": "verified"}
    assert [process.step() for _ in range(2)] == [0.0, IDLE_S]
    assert room.ledger.waiting() == []


def test_where_a_lecture_is_taken_as_a_whole_its_last_file_proves_the_others(room: Room) -> None:
    room.package("L1", {"dublincore.xml": b"m", "presenter.mp4": b"v"})
    place = Place(answers=[Pending("the other has not come")])
    process = Delivery(room.ledger, room.spool, {"platform": place}, Wait(), whole={"platform"})
    assert [process.step() for _ in range(4)] == [0.0, 0.0, 0.0, IDLE_S]
    assert place.sent == ["dublincore.xml", "presenter.mp4", "dublincore.xml"]


@dataclass
class Hours:
    """When sending is allowed; over as soon as the named file is on its way."""

    open: bool = False
    closes_at: str = ""

    def open_for(self, _row: OutboxRow) -> bool:
        return self.open

    def breaks_off(self, _row: OutboxRow) -> bool:
        return not self.open

    def asked(self, _lecture: str) -> bool:
        return False


class Telling(Destination):
    """A real folder; the hours end when a certain file is on its way."""

    def __init__(self, folder: FolderPlace, hours: Hours) -> None:
        self._folder = folder
        self._hours = hours

    def receipt(self, lecture: str, artifact: Artifact) -> Receipt | None:
        return self._folder.receipt(lecture, artifact)

    def send(self, lecture: str, artifact: Artifact, path: Path, progress: Progress) -> Receipt:
        if artifact.name == self._hours.closes_at:
            self._hours.open = False
        return self._folder.send(lecture, artifact, path, progress)


@pytest.mark.parametrize("boot", ["of the package", "another"])
def test_the_full_quality_waits_for_small_versions_only_so_long(room: Room, boot: str) -> None:
    room.package("L1", {"manifest.json": b"m", "slides.mp4": b"s", "b": b"b", "c": b"c", "d": b"d"})
    wanted = {"renditions": "wanted", "packaged_boot": CLOCK.now().boot, "packaged_ns": 0}
    if boot == "another":  # then all that counts is the time since this one began
        wanted |= {"packaged_boot": "another", "packaged_ns": 10**18}
    room.ledger.set_lecture("L1", **wanted)
    place, clock = Place(), FixedClock(mono=100 * 10**9, boot=CLOCK.now().boot)
    places = {"platform": place}
    process = Delivery(room.ledger, room.spool, places, clock, patience_s=1000)
    while process.step() == 0.0:
        clock.pass_time(1)
    assert place.sent == ["manifest.json", "slides.mp4", "b", "c"]
    clock.pass_time(1000)
    assert process.step() == 0.0
    assert room.ledger.waiting() == []


def test_outside_its_hours_nothing_is_sent_and_a_file_on_its_way_waits(room: Room) -> None:
    room.package("L1", {"manifest.json": b"m", "camera.mp4": b"c" * 100})
    hours = Hours()
    place = Telling(FolderPlace(room.place, "test", lambda: "now"), hours)
    process = Delivery(room.ledger, room.spool, {"platform": place}, SystemClock(), leave=hours)
    assert process.step() == IDLE_S
    hours.open = True
    hours.closes_at = "camera.mp4"
    assert [process.step() for _ in range(3)] == [0.0, 0.0, IDLE_S]
    assert [row.name for row in room.ledger.waiting()] == ["camera.mp4"]
    assert room.row("camera.mp4").last_error == ""
    hours.open, hours.closes_at = True, ""
    assert process.step() == 0.0
    assert room.ledger.waiting() == []


def test_the_full_quality_follows_at_once_when_the_small_versions_are_made(room: Room) -> None:
    room.package("L1", {str(place): b"x" for place in range(5)})
    room.ledger.set_lecture("L1", renditions="wanted", packaged_boot=CLOCK.now().boot)
    clock, place = FixedClock(boot=CLOCK.now().boot), Place()
    process = Delivery(room.ledger, room.spool, {"platform": place}, clock, patience_s=10**6)
    while process.step() == 0.0:
        pass
    assert place.sent == ["0", "1", "2", "3"]
    room.ledger.set_lecture("L1", renditions="made")
    process.step()
    assert place.sent[-1] == "4"


@dataclass
class LongWay(Place):
    """Sends in ten steps; in the fifth something happens once."""

    happens: Callable[[], None] = lambda: None
    steps: list[str] = field(default_factory=list)

    def send(self, lecture: str, artifact: Artifact, path: Path, progress: Progress) -> Receipt:
        for step in range(10):
            progress("copying", step)
            self.steps.append(artifact.name)
            if step == 5:
                happens, self.happens = self.happens, lambda: None
                happens()
        return super().send(lecture, artifact, path, progress)


def test_what_is_worth_more_overtakes_a_long_file_on_its_way(room: Room) -> None:
    room.package("L1", {"manifest.json": b"m", "presenter.mp4": b"v"})
    clock = FixedClock()

    def another_lecture() -> None:
        room.package("L2", {"manifest-2": b"m", "presenter-2": b"v"})
        clock.pass_time(LOOK_S)

    place = LongWay()
    process = Delivery(room.ledger, room.spool, {"platform": place}, clock)
    process.step()
    place.happens = another_lecture
    while process.step() == 0.0:
        pass
    assert place.sent == ["manifest.json", "manifest-2", "presenter-2", "presenter.mp4"]
    assert place.steps.count("presenter.mp4") == 16
    assert {row.last_error for row in room.ledger.outbox()} == {""}


def test_what_would_have_to_begin_anew_is_let_through(room: Room) -> None:
    room.package("L1", {"manifest.json": b"m", "presenter.mp4": b"v"})
    clock = FixedClock()

    def another_lecture() -> None:
        room.package("L2", {"manifest-2": b"m"})
        clock.pass_time(LOOK_S)

    place = LongWay()
    process = Delivery(room.ledger, room.spool, {"platform": place}, clock, whole={"platform"})
    process.step()
    place.happens = another_lecture
    while process.step() == 0.0:
        pass
    assert place.sent == ["manifest.json", "presenter.mp4", "manifest-2"]
    assert place.steps.count("presenter.mp4") == 10


def test_a_server_that_asks_for_time_gets_it(room: Room) -> None:
    room.package("L1", {"manifest.json": b"m"})
    place, clock = Place(answers=[Transient("busy", retry_after_s=900)]), Wait()
    process = Delivery(room.ledger, room.spool, {"platform": place}, clock, chance=lambda: 0.0)
    process.step()
    clock.seconds += 890
    assert process.step() == IDLE_S
    clock.seconds += 11
    assert process.step() == 0.0
    assert room.ledger.waiting() == []


def test_cuts_with_progress_between_them_are_no_row_of_failures(room: Room) -> None:
    """A link that is cut every minute must not be given the pauses of one that is dead."""
    room.package("L1", {"presenter.mp4": b"m"})
    cuts = [Transient("cut", progressed=True) for _ in range(20)]
    place, clock = Place(answers=list(cuts)), Wait()
    process = Delivery(room.ledger, room.spool, {"platform": place}, clock, chance=lambda: 1.0)
    for _ in range(21):
        assert process.step() == 0.0
        clock.seconds += FIRST_S
    assert room.ledger.waiting() == []


def test_a_restart_tries_again_what_was_refused(room: Room) -> None:
    room.package("L1", {"manifest.json": b"m"})
    delivery(room, platform=Place(answers=[Permanent("it changed")])).step()
    delivery(room, platform=Place()).step()
    assert room.row("manifest.json").receipt is not None
    assert room.row("manifest.json").last_error == ""


def test_a_destination_that_left_the_configuration_is_told_and_holds_up_nothing(
    room: Room,
) -> None:
    room.package("L1", {"manifest.json": b"m"}, ("old", "platform"))
    process = delivery(room, platform=Place())
    while process.step() == 0.0:
        pass
    (left,) = room.ledger.waiting()
    assert "no longer has a destination 'old'" in left.last_error


# ---------------------------------------------------------------- the process


BIG = random.Random(3).randbytes(24 << 20)


@pytest.mark.parametrize("after_bytes", [0, 1 << 20, 12 << 20, len(BIG)])
def test_killed_while_sending_the_next_process_completes_one_verified_copy(
    room: Room, after_bytes: int
) -> None:
    room.package("L1", {"presenter.mp4": BIG})
    part = room.place / "L1/presenter.mp4.part"
    with room.upload() as first:
        wait_for(lambda: part.exists() and part.stat().st_size >= after_bytes, "bytes to arrive")
        first.send_signal(signal.SIGKILL)
        first.wait(60)
    with room.upload() as second:
        wait_for(lambda: room.ledger.waiting() == [], "the delivery")
        second.terminate()
        assert second.wait(60) == 0
    assert sorted(p.name for p in (room.place / "L1").iterdir()) == ["presenter.mp4", "receipts"]
    assert (room.place / "L1/presenter.mp4").read_bytes() == BIG


def test_asked_to_stop_in_the_middle_it_stops_at_once_and_the_next_one_resumes(
    room: Room,
) -> None:
    room.package("L1", {"presenter.mp4": BIG})
    part = room.place / "L1/presenter.mp4.part"
    with room.upload() as first:
        wait_for(lambda: part.exists() and part.stat().st_size > 0, "bytes to arrive")
        first.terminate()
        assert first.wait(60) == 0
    with room.upload() as second:
        wait_for(lambda: room.ledger.waiting() == [], "the delivery")
        second.terminate()
        assert second.wait(60) == 0
    assert (room.place / "L1/presenter.mp4").read_bytes() == BIG


def test_a_package_that_appears_while_it_idles_is_delivered(room: Room) -> None:
    with room.upload() as process:
        lock = Runtime(room.config.storage.runtime).upload_lock
        wait_for(lock.exists, "the process")
        room.package("L1", {"manifest.json": b"m"})
        wait_for(lambda: room.ledger.waiting() == [], "the delivery")
        process.terminate()
        assert process.wait(60) == 0
    assert (room.place / "L1/manifest.json").read_bytes() == b"m"
