"""The upload process: order, patience, exactly once through any kill, receipts in the ledger."""

from __future__ import annotations

import signal
from dataclasses import dataclass

import pytest

from edge_agent.clock import Now
from edge_agent.delivery import IDLE_S, Delivery
from edge_agent.spool import Runtime
from tests.delivery_room import BIG, CLOCK, Place, Room, delivery, wait_for
from tests.delivery_room import room as room
from uploader.pacing import FIRST_S
from uploader.sender import Pending, Permanent, Transient

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


# ---------------------------------------------------------------- patience


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
