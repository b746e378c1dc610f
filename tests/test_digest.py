"""Digest authentication: the RFC's own examples, what servers write, and what is not answered."""

from __future__ import annotations

import pytest

from uploader.digest import Challenge, authorization, challenge
from uploader.exchange import Response

NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
OPAQUE = "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


def answer(status: int, header: str) -> Response:
    return Response(status, {"www-authenticate": header})


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_rfc_7616(algorithm: str, response: str) -> None:
    asked = Challenge("http-auth@example.org", NONCE, algorithm, OPAQUE, "auth")
    said = authorization(
        asked,
        "Mufasa",
        "Circle of Life",
        method="GET",
        url="http://www.example.org/dir/index.html",
        cnonce=CNONCE,
        count=1,
    )
    assert f'response="{response}"' in said
    assert f'opaque="{OPAQUE}"' in said
    assert "qop=auth, nc=00000001" in said


def test_the_example_of_rfc_2069_that_servers_without_qop_still_speak() -> None:
    asked = Challenge("testrealm@host.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093")
    said = authorization(
        asked,
        "Mufasa",
        "CircleOfLife",
        method="GET",
        url="http://h/dir/index.html",
        cnonce="x",
        count=1,
    )
    assert 'response="1949323746fe6a43ef61f9606e7febea"' in said
    assert "cnonce" not in said
    assert "qop" not in said


def test_a_question_mark_belongs_to_what_is_signed() -> None:
    asked = Challenge("r", "n")
    with_query, without = (
        authorization(asked, "u", "p", method="GET", url=url, cnonce="", count=1)
        for url in ("http://h/a?b=1", "http://h/a")
    )
    assert 'uri="/a?b=1"' in with_query
    assert with_query.partition("response=")[2] != without.partition("response=")[2]


def test_what_opencast_asks_for_is_understood() -> None:
    header = 'Digest realm="Opencast", qop="auth", nonce="MTc2Mzo=", stale="true"'
    assert challenge(answer(401, header)) == Challenge(
        "Opencast", "MTc2Mzo=", "MD5", None, "auth", stale=True
    )


def test_the_stronger_of_two_challenges_is_met_also_behind_another_scheme() -> None:
    header = (
        'Basic realm="a, \\"b\\"", Digest realm="x", nonce="one", algorithm=MD5, '
        'Digest realm="x", nonce="two", qop="auth-int, auth", algorithm=SHA-256'
    )
    found = challenge(answer(401, header))
    assert found == Challenge("x", "two", "SHA-256", None, "auth")


@pytest.mark.parametrize(
    "header",
    [
        "",
        'Basic realm="x"',
        'Digest realm="x"',
        'Digest realm="x", nonce="n", qop="auth-int"',
        'Digest realm="x", nonce="n", algorithm=SHA-512-256',
    ],
)
def test_what_cannot_be_met_is_no_challenge(header: str) -> None:
    assert challenge(answer(401, header)) is None


def test_only_a_401_asks() -> None:
    assert challenge(answer(200, 'Digest realm="x", nonce="n"')) is None


def test_names_with_quotes_cannot_break_out_of_the_header() -> None:
    said = authorization(
        Challenge("r", "n"), 'a" , uri="/', "p", method="GET", url="http://h/", cnonce="", count=1
    )
    assert 'username="a\\" , uri=\\"/"' in said
