"""The whole upload process towards a tus server: configuration, credential, notes in the ledger."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.config import Config, Storage, TusDestination
from edge_agent.ledger_memory import LedgerMemory
from tests.delivery_room import BIG, Room, wait_for
from tests.servers.tus import KEY, TOKEN, Receiver
from uploader.sender import Artifact

FILE = Artifact("presenter.mp4", 5, "ab", "video/mp4")


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    made = Receiver("tuspyserver", tmp_path).start()
    yield made
    made.kill()


@pytest.fixture
def room(tmp_path: Path, receiver: Receiver) -> Iterator[Room]:
    made = Room(tmp_path)
    made.config = Config(
        storage=Storage(spool=made.spool.root, runtime=tmp_path / "run"),
        destinations={
            "platform": TusDestination(
                type="tus",
                url=f"{receiver.base}/files/",
                receipts_url=f"{receiver.base}/receipts/{{lecture}}/{{name}}/{{sha256}}",
                receipt_keys=(KEY,),
                credential="room",
            )
        },
    )
    made.secrets.mkdir()
    (made.secrets / "room").write_text(TOKEN)
    (made.secrets / "room").chmod(0o600)
    yield made
    made.ledger.close()


def test_killed_while_sending_the_next_process_goes_on_and_the_receipt_is_the_platforms(
    room: Room, receiver: Receiver
) -> None:
    room.package("L1", {"manifest.json": b"m", "presenter.mp4": BIG})
    with room.upload() as first:
        wait_for(lambda: _arrived(receiver) > 1 << 20, "bytes")
        first.send_signal(signal.SIGKILL)
        first.wait(60)
    row = room.row("presenter.mp4")
    memory = LedgerMemory(room.ledger, "platform")
    artifact = Artifact(row.name, row.bytes, row.sha256, row.media_type)
    assert row.receipt is not None or memory.get("L1", artifact) is not None
    with room.upload() as second:
        wait_for(lambda: room.ledger.waiting() == [], "the delivery", 60)
        second.terminate()
        assert second.wait(60) == 0
    assert receiver.held("L1") == {"manifest.json": b"m", "presenter.mp4": BIG}
    receipt = room.row("presenter.mp4").receipt
    assert receipt is not None
    assert receipt["state"] == "verified"
    assert memory.get("L1", artifact) is None


def test_a_receipt_that_another_key_has_signed_delivers_nothing_until_the_key_is_right(
    room: Room, receiver: Receiver
) -> None:
    place = room.config.destinations["platform"]
    other = place.model_copy(update={"receipt_keys": (f"test:{'A' * 43}",)})
    wrong = room.config.model_copy(update={"destinations": {"platform": other}})
    right, room.config = room.config, wrong
    room.package("L1", {"manifest.json": b"m"})
    words = "sent whole; the platform's receipt has a wrong signature for the key 'test'"
    with room.upload() as first:
        wait_for(lambda: words in room.row("manifest.json").last_error, "the words", 60)
        first.terminate()
        assert first.wait(20) == 0
    assert room.row("manifest.json").receipt is None
    uploads = len(receiver.parts())
    room.config = right
    with room.upload() as second:
        wait_for(lambda: room.ledger.waiting() == [], "the delivery", 60)
        second.terminate()
        assert second.wait(20) == 0
    assert len(receiver.parts()) == uploads  # asked again, not sent again


def _arrived(receiver: Receiver) -> int:
    """Bytes of the largest upload."""
    sizes = [0]
    for file in receiver.parts():
        with contextlib.suppress(FileNotFoundError):  # completed, and moved away
            sizes.append(file.stat().st_size)
    return max(sizes)


def test_a_missing_credential_is_told_and_a_new_one_needs_no_restart(room: Room) -> None:
    (room.secrets / "room").rename(room.secrets / "away")
    room.package("L1", {"manifest.json": b"m"})
    with room.upload() as process:
        wait_for(lambda: "credential" in room.row("manifest.json").last_error, "the reason")
        (room.secrets / "away").rename(room.secrets / "room")
        wait_for(lambda: room.ledger.waiting() == [], "the delivery", 60)
        process.terminate()
        assert process.wait(60) == 0


def test_the_secret_stands_in_no_file_of_the_spool(room: Room) -> None:
    room.package("L1", {"manifest.json": b"m"})
    with room.upload() as process:
        wait_for(lambda: room.ledger.waiting() == [], "the delivery")
        process.terminate()
        assert process.wait(60) == 0
    files = [file for file in room.spool.root.rglob("*") if file.is_file()]
    assert files
    assert not [file for file in files if TOKEN.encode() in file.read_bytes()]


def test_a_note_is_for_one_destination_and_for_exactly_these_bytes(room: Room) -> None:
    memory = LedgerMemory(room.ledger, "a")
    memory.put("L1", FILE, {"url": "x"})
    memory.put("L1", FILE, {"url": "y", "last": True})
    assert memory.get("L1", FILE) == {"url": "y", "last": True}
    assert LedgerMemory(room.ledger, "b").get("L1", FILE) is None
    assert memory.get("L1", Artifact("presenter.mp4", 5, "cd")) is None
    assert memory.get("L2", FILE) is None
    memory.forget("L1", FILE)
    assert memory.get("L1", FILE) is None
