"""What is said to an S3 store and heard from it: refusals, parts and signatures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.s3_room import BUCKET, DATA, MIB, SMALL, MakeRoom
from tests.s3_room import make_room as make_room
from tests.simulated_store import error, lost
from uploader import s3_wire as wire
from uploader.exchange import Request, Response
from uploader.s3_destination import Signer
from uploader.sender import Permanent, SendError, Transient
from uploader.sigv4 import Key, signed

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
