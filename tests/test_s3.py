"""Sending to an S3 store: whole, once, and no part twice that has arrived."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulated_store import Store, error, lost
from uploader import s3_wire as wire
from uploader.bodies import Source
from uploader.exchange import Answer, Piece, Request, Response, drive
from uploader.s3_destination import S3Destination, Signer
from uploader.s3_doors import SignedDoor, TicketDoor, object_key
from uploader.sender import Artifact, Permanent, Progress, SendError, Transient
from uploader.sigv4 import Key, signed

MIB = 1 << 20
LECTURE = "0193-lecture"
BUCKET = "https://store.example.edu/bucket"
#: Three parts, the last one short.
DATA = random.Random(5).randbytes(10 * MIB + 77)
SMALL = DATA[: MIB + 1]


def artifact_of(data: bytes) -> Artifact:
    return Artifact("camera.mp4", len(data), hashlib.sha256(data).hexdigest(), "video/mp4")


def key_of(lecture: str, artifact: Artifact) -> str:
    return object_key("rooms/", lecture, artifact)


@dataclass
class Notes:
    """A memory that a test can wipe."""

    kept: dict[str, dict[str, Any]] = field(default_factory=dict)

    def get(self, lecture: str, artifact: Artifact) -> dict[str, Any] | None:
        return self.kept.get(lecture + artifact.sha256)

    def put(self, lecture: str, artifact: Artifact, note: Mapping[str, Any]) -> None:
        self.kept[lecture + artifact.sha256] = dict(note)

    def forget(self, lecture: str, artifact: Artifact) -> None:
        self.kept.pop(lecture + artifact.sha256, None)


@dataclass
class Room:
    """A PC with one file, and the store that it sends it to."""

    path: Path
    store: Store
    notes: Notes = field(default_factory=Notes)
    _made: S3Destination | None = None

    def exchange(self, request: Request, source: Source, progress: Progress) -> Answer:
        return self.store(request)

    def close(self) -> None:
        """Nothing is open."""

    def destination(self, utc: str = "a time") -> S3Destination:
        def door(lecture: str, artifact: Artifact) -> SignedDoor:
            return SignedDoor(BUCKET, key_of(lecture, artifact))

        return S3Destination(self, door, key_of, self.notes, "test", lambda: utc)

    def send(self) -> Mapping[str, Any]:
        """One destination for all tries, as in the upload process: it reads the file once."""
        self._made = self._made or self.destination()
        return self._made.send(LECTURE, self._artifact, self.path, lambda _phase, _done: None)

    @cached_property
    def _artifact(self) -> Artifact:
        return artifact_of(self.store.file)

    def keep_trying(self, tries: int = 60) -> int:
        """Send as the upload process does; how many tries it took."""
        for number in range(1, tries + 1):
            try:
                self.send()
            except Transient:
                continue
            return number
        raise AssertionError("never arrived")

    def held(self) -> dict[str, bytes]:
        files = {k: v for k, v in self.store.objects.items() if not k.endswith(".receipt.json")}
        return {key: stored.data for key, stored in files.items()}


MakeRoom = Callable[..., Room]


@pytest.fixture
def make_room(tmp_path: Path) -> MakeRoom:
    def make(data: bytes = DATA, *quirks: str) -> Room:
        path = tmp_path / "camera.mp4"
        path.write_bytes(data)
        return Room(path, Store(data, set(quirks)))

    return make


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


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, "AccessDenied", Permanent),
        (400, "EntityTooLarge", Permanent),
        (503, "SlowDown", Transient),
        (500, "InternalError", Transient),
    ],
)
def test_a_refusal_is_in_the_stores_words(
    make_room: MakeRoom, status: int, code: str, kind: type[SendError]
) -> None:
    room = make_room(SMALL)
    room.store.before = lambda request: error(status, code) if request.method == "PUT" else None
    with pytest.raises(kind, match=f"the store says {code}"):
        room.send()


def test_a_file_that_changed_since_it_was_packaged_is_refused_for_good(
    make_room: MakeRoom,
) -> None:
    room = make_room()
    room.path.write_bytes(DATA[:-1] + b"!")
    with pytest.raises(Permanent, match="no longer the file that was packaged"):
        room.send()
    assert room.held() == {}


def test_an_answer_that_is_no_xml_is_no_crash(make_room: MakeRoom) -> None:
    room = make_room()
    room.store.before = lambda request: (
        Response(200, {}, b"<oh") if "uploads" in request.url else None
    )
    with pytest.raises(Transient, match="check the address"):
        room.send()


# ---------------------------------------------------------------- parts


@given(st.integers(0, 6 << 40))
def test_parts_are_within_the_protocols_limits(size: int) -> None:
    each = wire.part_size(size)
    assert each >= 5 * MIB
    assert -(-size // each) <= 10_000


@given(st.integers(0, 200 * MIB))
def test_pieces_are_the_whole_file_in_order(size: int) -> None:
    pieces = wire.pieces(size)
    assert [p.offset for p in pieces] == [n * wire.part_size(size) for n in range(len(pieces))]
    assert sum(p.length for p in pieces) == size


# ---------------------------------------------------------------- signatures


#: Computed by botocore 1.44.5 for the same request, key and time.
BOTOCORE_SAYS = (
    "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
    "SignedHeaders=host;x-amz-content-sha256;x-amz-date, "
    "Signature=dcd8cb4c3c7209b2d1b59698908714480f96e33aaaab3c8a31d0fe228a42f7b8"
)


def test_a_signature_is_the_one_of_the_reference() -> None:
    """With the key of AWS's own examples (S3 API Reference, "Authenticating Requests")."""
    key = Key("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    request = Request(
        "GET", "https://examplebucket.s3.amazonaws.com/a%20b.txt?uploads=&prefix=a%2Fb"
    )
    got = signed(request, key, datetime(2013, 5, 24, tzinfo=UTC)).headers["Authorization"]
    assert got == BOTOCORE_SAYS


def test_a_key_does_not_show_its_secret() -> None:
    assert "hush" not in repr(Key("me", "hush"))


def test_a_clock_that_is_wrong_by_years_is_set_right_by_the_stores_answers() -> None:
    now = datetime(1970, 1, 1, tzinfo=UTC)
    signer = Signer(lambda: Key("me", "hush"), lambda: now)
    assert signer.heard(Response(403, {"date": "Sun, 22 Nov 2026 04:00:00 GMT"}))
    request = signer.sign(Request("GET", BUCKET))
    assert request.headers["x-amz-date"] == "20261122T040000Z"
    assert not signer.heard(Response(200, {"date": "Sun, 22 Nov 2026 04:00:30 GMT"}))
    assert not signer.heard(Response(200, {"date": "soon"}))
    assert not signer.heard(lost())
    now += timedelta(hours=1)
    assert signer.sign(Request("GET", BUCKET)).headers["x-amz-date"] == "20261122T050000Z"


# ---------------------------------------------------------------- tickets


@dataclass
class Office:
    """Gives tickets for the store, which then stand for its signature; they expire."""

    store: Store
    expired: int = 0
    asked: list[dict[str, Any]] = field(default_factory=list)
    answer: Response | None = None

    def __call__(self, request: Request) -> Answer:
        if not request.url.startswith("https://platform.example.edu/"):
            if self.expired and "partNumber" in request.url:
                self.expired -= 1
                return error(403, "AccessDenied")
            return self.store(replace(request, url=request.url.replace("&ticket=1", "")))
        assert isinstance(request.body, bytes)
        question = json.loads(request.body)
        self.asked.append(question)
        return self.answer or Response(
            200, {}, json.dumps({"tickets": self._all(question)}).encode()
        )

    def _all(self, question: dict[str, Any]) -> list[dict[str, Any]]:
        calls = [
            wire.Call(c["operation"], c["method"], c["query"], suffix=c["suffix"],
                      of_bucket=c["operation"] == "ListMultipartUploads")
            for c in question["calls"]
        ]  # fmt: skip
        requests = drive(SignedDoor(BUCKET, question["key"]).requests(calls), _nobody)
        return [
            {"url": f"{request.url}&ticket=1" if "?" in request.url else request.url}
            for request in requests
        ]


def _nobody(request: Request) -> Answer:
    raise AssertionError(request)


@dataclass
class RoomWithTickets(Room):
    office: Office = field(init=False)

    def __post_init__(self) -> None:
        self.office = Office(self.store)

    def exchange(self, request: Request, source: Source, progress: Progress) -> Answer:
        return self.office(request)

    def destination(self, utc: str = "a time") -> S3Destination:
        def door(lecture: str, artifact: Artifact) -> TicketDoor:
            office = "https://platform.example.edu/tickets"
            return TicketDoor(office, BUCKET, key_of(lecture, artifact), lecture, artifact)

        return S3Destination(self, door, key_of, self.notes, "test", lambda: utc)


@pytest.fixture
def ticket_room(make_room: MakeRoom) -> RoomWithTickets:
    room = make_room()
    return RoomWithTickets(room.path, room.store)


def test_with_tickets_a_room_needs_no_secret(ticket_room: RoomWithTickets) -> None:
    ticket_room.send()
    assert [*ticket_room.held().values()] == [DATA]
    parts = [q for q in ticket_room.office.asked if q["calls"][0]["operation"] == "UploadPart"]
    assert [len(q["calls"]) for q in parts] == [3], "one question for all parts"
    assert "Content-MD5" in parts[0]["calls"][0]["headers"]


def test_an_expired_ticket_is_asked_for_again(ticket_room: RoomWithTickets) -> None:
    ticket_room.office.expired = 2
    ticket_room.send()
    assert [*ticket_room.held().values()] == [DATA]


@pytest.mark.parametrize(
    ("tickets", "word"),
    [
        ([{"url": "https://elsewhere.example/bucket/x"}], "elsewhere.example"),
        ([{"url": "http://store.example.edu/bucket/x"}], "not the store"),
        ([{}], "no address"),
        ([], "1 tickets"),
        ([7], "not an object"),
        ("yes", "1 tickets"),
        (None, "no list"),
    ],
)
def test_a_ticket_that_leads_elsewhere_is_not_used(
    ticket_room: RoomWithTickets, tickets: Any, word: str
) -> None:
    body = {"tickets": tickets} if tickets is not None else {}
    ticket_room.office.answer = Response(200, {}, json.dumps(body).encode())
    with pytest.raises(Transient, match=word):
        ticket_room.send()


def test_what_the_platform_says_no_to_is_said(ticket_room: RoomWithTickets) -> None:
    said = json.dumps({"detail": "room 7 is not enrolled"}).encode()
    ticket_room.office.answer = Response(403, {"content-type": "application/problem+json"}, said)
    with pytest.raises(Permanent, match="room 7 is not enrolled"):
        ticket_room.send()
