"""Sending to an S3 store: whole, once, and no part twice that has arrived."""

from __future__ import annotations

import contextlib
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.s3_room import DATA, LECTURE, MIB, SMALL, MakeRoom, Room, artifact_of, key_of
from tests.s3_room import make_room as make_room
from tests.simulated_store import Store, error, lost
from uploader.exchange import Answer, Piece, Request, Response
from uploader.sender import SendError, Transient


def holds_it_once(room: Room) -> bool:
    artifact = artifact_of(room.store.file)
    return room.held() == {key_of(LECTURE, artifact): room.store.file} and not room.store.uploads


# ---------------------------------------------------------------- whole, once, with a receipt


@pytest.mark.parametrize("data", [b"", b"x", SMALL, DATA], ids=len)
@pytest.mark.parametrize(
    "quirks",
    [
        (),
        ("no-conditions",),
        ("overwrites",),
        ("no-checksums",),
        ("opaque",),
        ("cannot-list",),
        ("error-in-200",),
        ("echoes",),
        ("echoes", "opaque"),
        ("no-checksums", "opaque", "overwrites", "cannot-list"),
    ],
    ids=lambda quirks: ",".join(quirks) or "none",
)
def test_the_file_arrives_once_and_is_proven(
    make_room: MakeRoom, data: bytes, quirks: tuple[str, ...]
) -> None:
    room = make_room(data, *quirks)
    assert room.destination().receipt(LECTURE, artifact_of(data)) is None
    room.keep_trying(2)
    assert holds_it_once(room)
    receipt = room.destination().receipt(LECTURE, artifact_of(data))
    assert receipt is not None
    assert receipt["state"] == "verified"
    assert receipt["sha256"] == artifact_of(data).sha256
    if "no-conditions" not in quirks:
        assert room.store.sent == len(data)


def test_a_store_without_conditions_is_asked_for_them_only_once(make_room: MakeRoom) -> None:
    room = make_room(SMALL, "no-conditions")
    destination = room.destination()
    destination.send(LECTURE, artifact_of(SMALL), room.path, lambda _phase, _done: None)
    destination.send("another", artifact_of(SMALL), room.path, lambda _phase, _done: None)
    assert room.store.sent == 3 * len(SMALL)


def test_sending_again_gives_the_first_receipt_and_sends_nothing(make_room: MakeRoom) -> None:
    room = make_room()
    first = room.send()
    room.notes.kept.clear()
    again = room.destination("later").send(
        LECTURE, artifact_of(DATA), room.path, lambda _phase, _done: None
    )
    assert again == first
    assert room.store.sent == len(DATA)


def test_a_receipt_is_worth_nothing_without_its_object(make_room: MakeRoom) -> None:
    room = make_room()
    room.send()
    del room.store.objects[key_of(LECTURE, artifact_of(DATA))]
    assert room.destination().receipt(LECTURE, artifact_of(DATA)) is None
    room.send()
    assert holds_it_once(room)


def test_a_forged_receipt_for_other_bytes_is_none(make_room: MakeRoom) -> None:
    room = make_room()
    room.send()
    key = key_of(LECTURE, artifact_of(DATA)) + ".receipt.json"
    for forged in (b"", b"[]", b'{"state": "verified"}', b"\xff"):
        room.store.objects[key] = replace(room.store.objects[key], data=forged)
        assert room.destination().receipt(LECTURE, artifact_of(DATA)) is None


def test_damage_under_our_key_is_replaced(make_room: MakeRoom) -> None:
    for data in (SMALL, DATA):
        room = make_room(data)
        key = key_of(LECTURE, artifact_of(data))
        room.store.objects[key] = Store(b"")._stored(data[:-1] + b"!")
        room.send()
        assert holds_it_once(room)


# ---------------------------------------------------------------- cuts, kills, lost memories


@pytest.mark.parametrize("memory", ["kept", "lost"])
def test_parts_that_arrived_are_not_sent_again(make_room: MakeRoom, memory: str) -> None:
    """Neither the process nor the ledger need to live: the store is asked."""
    room = make_room()
    room.store.before = lambda request: lost() if "partNumber=3" in request.url else None
    with pytest.raises(Transient):
        room.send()
    room.store.before = lambda _request: None
    if memory == "lost":
        room.notes.kept.clear()
    room.send()
    assert holds_it_once(room)
    assert room.store.sent == len(DATA)


def test_a_part_that_arrived_damaged_is_sent_again(make_room: MakeRoom) -> None:
    room = make_room(DATA, "no-checksums")
    room.store.before = lambda request: lost() if "partNumber=2" in request.url else None
    with pytest.raises(Transient):
        room.send()
    [(_, parts)] = room.store.uploads.values()
    parts[1] = room.store._stored(b"!" + DATA[1 : 5 * MIB])
    room.store.before = lambda _request: None
    room.send()
    assert holds_it_once(room)


@pytest.mark.parametrize("data", [SMALL, DATA], ids=["put", "parts"])
@pytest.mark.parametrize("encrypted", [False, True])
def test_a_checksum_that_is_only_what_the_store_was_told_proves_nothing(
    make_room: MakeRoom, data: bytes, encrypted: bool
) -> None:
    """Something on the way changes a bit of each body, once; the store repeats our SHA-256."""
    room = make_room(data, "echoes", *(["opaque"] if encrypted else []))
    spoilt = data[:9] + bytes([data[9] ^ 1]) + data[10:]

    def on_the_way(request: Request) -> None:
        room.store.file = spoilt if room.store.sent < len(data) else data

    room.store.before = on_the_way
    with contextlib.suppress(SendError):
        room.send()
    room.store.before = lambda _request: None
    room.store.file = data
    room.keep_trying(5)
    assert holds_it_once(room)


@pytest.mark.parametrize("quirks", [("opaque",), ("echoes", "opaque")], ids=["checks", "repeats"])
def test_whether_a_store_checks_what_it_tells_is_tried_once_and_only_where_it_matters(
    make_room: MakeRoom, quirks: tuple[str, ...]
) -> None:
    plain = make_room(SMALL)
    plain.send()
    assert plain.store.calls.count("PUT") == 2  # the file and its receipt
    room = make_room(SMALL, *quirks)
    destination = room.destination()
    for lecture in ("one", "two"):
        destination.send(lecture, artifact_of(SMALL), room.path, lambda _phase, _done: None)
    assert room.store.calls.count("PUT") == 5
    assert ("GET" in room.store.calls[-3:]) == ("echoes" in quirks)


def test_a_store_that_says_a_part_is_damaged_gets_it_again_at_once(make_room: MakeRoom) -> None:
    room, bad = make_room(), [error(400, "BadDigest")]
    room.store.before = lambda request: bad.pop() if bad and "partNumber=2" in request.url else None
    room.send()
    assert holds_it_once(room)


def test_an_upload_that_the_store_forgot_begins_again(make_room: MakeRoom) -> None:
    """As by a life-cycle rule that ends unfinished uploads."""
    room = make_room()
    room.store.before = lambda request: lost() if "partNumber=3" in request.url else None
    with pytest.raises(Transient):
        room.send()
    room.store.before = lambda _request: None
    room.store.uploads.clear()
    room.send()
    assert holds_it_once(room)


def test_an_upload_that_vanishes_while_parts_are_sent_begins_again(make_room: MakeRoom) -> None:
    room = make_room()

    def vanish(request: Request) -> None:
        if "partNumber=3" in request.url and room.store.calls.count("PUT?partNumber") == 2:
            room.store.uploads.clear()

    room.store.before = vanish
    room.send()
    assert holds_it_once(room)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1 << 32), quirk=st.sampled_from(["", "overwrites", "cannot-list"]))
def test_whatever_gets_lost_it_arrives_once_and_little_is_sent_twice(
    tmp_path_factory: pytest.TempPathFactory, seed: int, quirk: str
) -> None:
    """Each request may get lost on its way, or its answer; each try may lose our memory."""
    path = tmp_path_factory.mktemp("file") / "camera.mp4"
    path.write_bytes(DATA)
    room, chance = Room(path, Store(DATA, {quirk})), random.Random(seed)
    losses = 0

    def before(_request: Request) -> Answer | None:
        return lost() if chance.random() < 0.15 else None

    def after(request: Request, answer: Response) -> Answer:
        nonlocal losses
        if chance.random() >= 0.15:
            return answer
        losses += isinstance(request.body, Piece)
        return lost()

    room.store.before, room.store.after = before, after
    room.keep_trying(200)
    assert room.held() == {key_of(LECTURE, artifact_of(DATA)): DATA}
    begun_anew = room.store.calls.count("POST?uploads") - 1
    assert room.store.sent <= len(DATA) * (1 + begun_anew) + losses * 5 * MIB
    if quirk != "cannot-list":
        assert not room.store.uploads
