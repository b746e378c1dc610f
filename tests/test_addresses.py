"""Laws of addresses and header values as they go over the wire, whatever letters they are in."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.config_destinations import TusDestination
from tests.servers.raw import OK, Server, ask, head_of
from tests.servers.raw import file as file
from tests.servers.raw import serve as serve
from uploader.addresses import in_ascii, in_bytes
from uploader.exchange import Lost, Request, Response
from uploader.http import Http

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(texts, texts)
def test_an_address_is_ascii_and_stays_the_same_when_it_is_one(path: str, query: str) -> None:
    found = in_ascii(f"https://example.org/{path}?{query}")
    assert found.isascii()
    assert in_ascii(found) == found


@given(texts)
def test_a_value_that_came_over_the_wire_goes_back_byte_for_byte(text: str) -> None:
    assert in_bytes(text.encode().decode("latin-1")) == text.encode()


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("https://h.org/H\u00f6rsaal%201?r=\u1781", "https://h.org/H%C3%B6rsaal%201?r=%E1%9E%81"),
        ("https://h\u00f6r.org:8443/a", "https://xn--hr-fka.org:8443/a"),
        ("https://[::1]:8443/\u00f6", "https://[::1]:8443/%C3%B6"),
    ],
)
def test_people_write_addresses_in_their_own_letters(url: str, plain: str) -> None:
    assert in_ascii(url) == plain


def test_such_an_address_is_asked_with_such_a_header(
    serve: Callable[..., Server], file: Path
) -> None:
    """A calendar in a folder with an umlaut ended the timetable's service at each start."""
    heard: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        heard.append(head_of(connection))
        connection.sendall(OK)

    base = f"http://127.0.0.1:{serve(talk).port}/"
    request = Request("GET", f"{base}H\u00f6rsaal.ics", {"If-None-Match": "\u00fc"})
    assert isinstance(ask(Http(base), request, file), Response)
    assert b"GET /H%C3%B6rsaal.ics HTTP/1.1" in heard[0]
    assert b"If-None-Match: \xfc\r\n" in heard[0]


def test_what_is_no_address_is_told_of(file: Path) -> None:
    answer = ask(Http("https://a.org/"), Request("GET", "https://a.org:99999/", {}), file)
    assert isinstance(answer, Lost)
    assert "is no address" in answer.reason


@pytest.mark.parametrize("port", ["0", "99999", "x"])
def test_a_port_that_is_none_is_refused_in_the_configuration(port: str) -> None:
    with pytest.raises(ValueError, match=r"[Pp]ort"):
        TusDestination(type="tus", url=f"https://a.org:{port}/files/")
