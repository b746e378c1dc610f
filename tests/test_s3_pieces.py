"""A file as many small objects: laid down once each, told when whole, joined by the platform."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.config import S3Destination as Configured
from tests.s3_room import BUCKET, LECTURE, Office, Room, artifact_of, key_of
from tests.simulated_store import Store, error, lost
from uploader.exchange import Answer, Piece, Request, Response
from uploader.s3_destination import S3Destination
from uploader.s3_doors import SignedDoor, TicketDoor
from uploader.sender import Artifact, Progress, SendError, Transient
from uploader.sizing import LEAST_PIECE_KIB, Sizing, advice, piece_kib, share

EACH = 16 << 10
#: Seven pieces, the last one short.
DATA = random.Random(6).randbytes(6 * EACH + 77)
ARTIFACT = artifact_of(DATA)
KEY = key_of(LECTURE, ARTIFACT)


@dataclass
class Thin(Room):
    """A room whose link needs pieces."""

    def destination(self, utc: str = "a time") -> S3Destination:
        def door(lecture: str, artifact: Artifact) -> SignedDoor:
            return SignedDoor(BUCKET, key_of(lecture, artifact))

        return S3Destination(
            self, door, key_of, self.notes, "test", lambda: utc, pieces=EACH
        )  # fmt: skip


@pytest.fixture
def thin(tmp_path: Path) -> Callable[..., Thin]:
    def make(*quirks: str, data: bytes = DATA) -> Thin:
        path = tmp_path / "camera.mp4"
        path.write_bytes(data)
        return Thin(path, Store(data, set(quirks)))

    return make


def joined(store: Store) -> bytes:
    """What a platform makes of it by the index alone, as docs/platform.md tells it to."""
    index = json.loads(store.objects[f"{KEY}.pieces.json"].data)
    keys = [f"{KEY}.pieces/{n * index['piece_bytes']:015}" for n in range(index["pieces"])]
    whole = b"".join(store.objects[key].data for key in keys)
    assert artifact_of(whole).sha256 == index["sha256"]
    return whole


@pytest.mark.parametrize(
    "quirks",
    [
        (),
        ("no-conditions",),
        ("overwrites",),
        ("no-checksums",),
        ("opaque",),
        ("cannot-list",),
        ("no-checksums", "opaque", "overwrites"),
    ],
    ids=lambda quirks: ",".join(quirks) or "none",
)
def test_the_pieces_arrive_once_and_make_the_file(
    thin: Callable[..., Thin], quirks: tuple[str, ...]
) -> None:
    room = thin(*quirks)
    assert room.send()["pieces"] == 7
    assert joined(room.store) == DATA
    assert not room.store.uploads
    if "no-conditions" not in quirks:
        assert room.store.sent == len(DATA)


def test_a_file_of_one_piece_is_an_object_as_ever(thin: Callable[..., Thin]) -> None:
    room = thin(data=DATA[:EACH])
    assert "pieces" not in room.send()
    assert [*room.held().values()] == [DATA[:EACH]]


def test_the_receipt_holds_while_the_pieces_or_the_joined_file_do(
    thin: Callable[..., Thin],
) -> None:
    room = thin()
    sent = room.send()
    assert room.destination().receipt(LECTURE, ARTIFACT) == sent
    pieces = [key for key in room.store.objects if ".pieces" in key]
    room.store.objects[KEY] = Store(b"")._stored(DATA)
    for key in pieces:
        del room.store.objects[key]
    assert room.destination().receipt(LECTURE, ARTIFACT) == sent
    room.store.objects[KEY] = Store(b"")._stored(DATA[:-1])
    assert room.destination().receipt(LECTURE, ARTIFACT) is None
    del room.store.objects[KEY]
    assert room.destination().receipt(LECTURE, ARTIFACT) is None


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1 << 32), quirk=st.sampled_from(["", "overwrites", "no-conditions"]))
def test_whatever_gets_lost_it_arrives_and_only_what_was_lost_goes_again(
    tmp_path_factory: pytest.TempPathFactory, seed: int, quirk: str
) -> None:
    """Each request may get lost on its way, or its answer; our memory is of no use."""
    path = tmp_path_factory.mktemp("file") / "camera.mp4"
    path.write_bytes(DATA)
    room, chance = Thin(path, Store(DATA, {quirk})), random.Random(seed)
    losses = 0

    def before(_request: Request) -> Answer | None:
        return lost() if chance.random() < 0.2 else None

    def after(request: Request, answer: Response) -> Answer:
        nonlocal losses
        refused = isinstance(request.body, Piece) and not answer.ok
        if chance.random() >= 0.2 and not refused:
            return answer
        losses += isinstance(request.body, Piece)
        return answer if refused else lost()

    room.store.before, room.store.after = before, after
    room.keep_trying(200)
    assert joined(room.store) == DATA
    assert room.store.sent <= len(DATA) + losses * EACH


def test_a_piece_that_lies_there_damaged_is_replaced(thin: Callable[..., Thin]) -> None:
    room = thin()
    key = f"{KEY}.pieces/{2 * EACH:015}"
    room.store.objects[key] = Store(b"")._stored(bytes(EACH))
    room.send()
    assert joined(room.store) == DATA


def test_a_store_that_holds_something_else_each_time_is_named(thin: Callable[..., Thin]) -> None:
    room = thin("no-checksums")

    def spoil(request: Request, answer: Response) -> Response:
        for key, stored in room.store.objects.items():
            if ".pieces/" in key:
                room.store.objects[key] = replace(stored, data=bytes(EACH))
        return Response(answer.status, {}, answer.body) if answer.ok and request.body else answer

    room.store.after = spoil
    with pytest.raises(Transient, match="holds something else; ask those who run the store"):
        room.send()
    assert f"{KEY}.pieces.json" not in room.store.objects


def test_a_refusal_is_in_the_stores_words(thin: Callable[..., Thin]) -> None:
    room = thin()
    room.store.before = lambda request: (
        error(403, "AccessDenied") if request.method == "PUT" else None
    )
    with pytest.raises(SendError, match="the store says AccessDenied"):
        room.send()


def test_what_arrived_before_a_dead_link_counts_as_progress(thin: Callable[..., Thin]) -> None:
    """So the next try comes soon."""
    room = thin()
    room.store.before = lambda request: lost() if f"{3 * EACH:015}" in request.url else None
    with pytest.raises(Transient) as failed:
        room.send()
    assert failed.value.progressed
    assert room.store.sent == 3 * EACH


@dataclass
class ThinWithTickets(Thin):
    """No key of its own: every call is asked for."""

    office: Office | None = None

    def exchange(self, request: Request, source: object, progress: Progress) -> Answer:
        assert self.office is not None
        return self.office(request)

    def destination(self, utc: str = "a time") -> S3Destination:
        def door(lecture: str, artifact: Artifact) -> TicketDoor:
            office = "https://platform.example.edu/tickets"
            return TicketDoor(office, BUCKET, key_of(lecture, artifact), lecture, artifact)

        return S3Destination(self, door, key_of, self.notes, "test", lambda: utc, pieces=EACH)


def test_tickets_name_each_piece(thin: Callable[..., Thin]) -> None:
    made = thin()
    room = ThinWithTickets(made.path, made.store, office=Office(made.store))
    room.send()
    assert joined(room.store) == DATA
    assert room.office is not None
    asked = [
        call for question in room.office.asked for call in question["calls"]
        if call["suffix"].startswith(".pieces/")
    ]  # fmt: skip
    assert [call["suffix"] for call in asked] == [f".pieces/{n * EACH:015}" for n in range(7)]
    assert all("Content-MD5" in call["headers"] for call in asked)


# ---------------------------------------------------------------- when it is worth it

MIB = 1 << 20
THIN = 31_000.0


def test_a_part_as_long_as_the_time_between_cuts_uses_little_of_the_link() -> None:
    assert share(THIN, 120, 5 * MIB) == pytest.approx(0.455, abs=0.02)
    assert share(THIN, 75, 5 * MIB) < 0.3
    assert share(THIN, 120, 256 << 10) > 0.96
    assert share(THIN, 120, 0) == 1.0
    assert share(1.0, 1.0, 1 << 40) == pytest.approx(0.0)


@given(rate=st.floats(1e3, 1e8), between=st.floats(1, 1e6), count=st.integers(1, 1 << 30))
def test_smaller_requests_and_rarer_cuts_never_use_less(
    rate: float, between: float, count: int
) -> None:
    used = share(rate, between, count)
    assert 0 <= used <= 1 + 1e-9
    assert share(rate, between, count // 2 + 1) >= used - 1e-9
    assert share(rate, 2 * between, count) >= used - 1e-9


def test_advice_names_the_time_and_the_way_out_and_is_silent_where_parts_pass() -> None:
    words = advice(THIN, 120, 5 * MIB)
    assert "169 s" in words
    assert "120 s" in words
    assert "pieces_kib = 128" in words
    assert "tus" in words
    assert advice(THIN, 3600, 5 * MIB) == ""
    assert advice(10e6, 120, 5 * MIB) == ""


@given(rate=st.floats(1e2, 1e9), between=st.floats(1, 1e6))
def test_advised_pieces_can_be_configured_and_hardly_any_bytes_go_twice(
    rate: float, between: float
) -> None:
    """A cut loses half a piece on average, and of `between` seconds one ends with a cut."""
    kib = piece_kib(rate, between)
    place = {"type": "s3", "url": "https://a.b/c", "credential": "c", "pieces_kib": kib}
    assert Configured.model_validate(place).pieces == kib << 10
    if kib > LEAST_PIECE_KIB:
        assert (kib << 10) / 2 <= rate * between / 40 * 1.001


def test_a_part_that_is_cut_on_such_a_link_says_so(tmp_path: Path) -> None:
    """In the words that `edge-agent upload status` shows."""
    path, data = tmp_path / "camera.mp4", random.Random(5).randbytes(10 * MIB)
    path.write_bytes(data)
    room = Room(path, Store(data))

    def cut(request: Request) -> Answer | None:
        slow = isinstance(request.body, Piece)
        return replace(lost(), sent=3 * MIB, seconds=3 * MIB / THIN) if slow else None

    room.store.before = cut
    for _ in range(2):
        with pytest.raises(Transient) as failed:
            room.send()
    assert "pieces_kib" in failed.value.reason


def test_cuts_tell_how_long_the_connection_holds() -> None:
    known = Sizing()
    for _ in range(9):
        known = known.cut(0, 120)
    assert known.between_s == pytest.approx((600 + 9 * 120) / 10)
