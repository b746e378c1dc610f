"""Laws of what servers say: whatever it is, nothing that reads it dies of it."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploader import opencast_wire, s3_wire
from uploader.exchange import Response, retry_after_s, within, words_of
from uploader.heard import count, document, tree
from uploader.receipts import stored
from uploader.s3_doors import _tickets
from uploader.sender import Artifact, SendError
from uploader.tus_words import Offer, number

DEEP = b"[" * 100_000
LONG = "9" * 5000
FILE = Artifact("manifest.json", 9, "ab" * 32, "application/json")

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters())
values = st.recursive(
    scalars, lambda it: st.lists(it, max_size=3) | st.dictionaries(st.text(), it, max_size=3)
)
bodies = st.binary() | values.map(lambda value: json.dumps(value).encode())
LETTERS = ("gb2312", "big5", "shift_jis", "utf-7", "idna", "hex", "none", "utf-16")
pages = st.sampled_from(LETTERS).map(
    lambda it: f'<?xml version="1.0" encoding="{it}"?><a/>'.encode()
)
ODD = [DEEP, b"<a>" * 100_000, LONG.encode(), b'{"detail":"\\ud83d"}', b"\xff\xfe{", b"\0", b""]
LETTER = f"&#{LONG}".encode()
odd = st.sampled_from([*ODD, LETTER, b"<p>" + LETTER + b";"])


@given(bodies | odd | pages)
def test_what_is_read_of_an_answer_can_be_stored_and_shown(body: bytes) -> None:
    json.dumps(document(body), ensure_ascii=False).encode()
    tree(body)
    for kind in ("application/json", "text/html", "text/plain"):
        words_of(Response(500, {"content-type": kind}, body)).encode()
    answer = Response(200, {}, body)
    assert stored(body, FILE) is None
    assert not opencast_wire.is_workflow(answer)
    assert not opencast_wire.has_begun(answer)
    assert not opencast_wire.shows(answer, "presenter/source", 9, "ab" * 16)
    assert opencast_wire.package_of(body.decode("utf-8", "replace")) is None
    with contextlib.suppress(SendError):
        opencast_wire.service_address(answer, "https://opencast.example")
    with contextlib.suppress(SendError):
        s3_wire.parts_of(answer)


@given(values)
def test_json_of_whole_letters_stays_as_it_is(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode()
    assert repr(document(text)) == repr(document(text.encode())) == repr(json.loads(text))


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("042", 42), ("9" * 18, 10**18 - 1)]
    + [(odd, None) for odd in ("", "-1", "1.5", "²", "٣", " 1", "9" * 19, LONG)],
)
def test_a_whole_number_is_one_that_can_be_reckoned_with(text: str, number: int | None) -> None:
    assert count(text) == number


def test_numbers_of_thousands_of_digits_are_none() -> None:
    assert number({"upload-offset": LONG}, "upload-offset") is None
    assert Offer.of({"tus-max-size": LONG}).max_size is None
    assert Offer.of({"tus-max-size": "0"}).max_size is None
    assert retry_after_s(Response(503, {"retry-after": LONG}, b"")) is not None
    part = f"<Part><PartNumber>{LONG}</PartNumber><Size>x</Size></Part>"
    parts = f"<L><IsTruncated>true</IsTruncated><NextPartNumberMarker>{LONG}</NextPartNumberMarker>"
    found, marker = s3_wire.parts_of(Response(200, {}, f"{parts}{part}</L>".encode()))
    assert (set(found.values()), marker) == ({(0, "")}, 0)
    key = f"key{s3_wire.STRETCHES}"
    contents = f"<Contents><Key>{key}{LONG}</Key></Contents>"
    contents += f"<Contents><Key>{key}7</Key><Size>{LONG}</Size></Contents>"
    found, _ = s3_wire.stretches_of(Response(200, {}, f"<L>{contents}</L>".encode()), "key")
    assert found == {7: (-1, "")}


@pytest.mark.parametrize("location", ["http://[::1", "//[", "http://a]b/", "\0", "http://x:y/"])
def test_an_address_that_is_none_is_not_followed(location: str) -> None:
    base = "https://platform.example/files/"
    assert (within(base, base, location) or base).startswith("https://platform.example")


def test_a_ticket_office_that_says_anything_is_told_of() -> None:
    for body in (DEEP, b"5", b"[]", b'{"tickets": 5}', b'{"tickets": [1]}'):
        with pytest.raises(SendError, match="ticket"):
            _tickets(Response(200, {}, body), 1)
