"""What is said over RTSP: addresses, descriptions, sessions, and how a password is shown."""

from __future__ import annotations

import pytest

from capture.rtsp_login import Login
from capture.rtsp_words import (
    Address,
    Message,
    Track,
    address,
    base_of,
    channel_of,
    head_of,
    number,
    picture_track,
    request,
    session_of,
)

SDP = (
    "v=0\r\no=- 0 0 IN IP4 10.0.0.2\r\ns=x\r\na=control:*\r\n"
    "m=audio 0 RTP/AVP 8\r\na=control:trackID=2\r\n"
    "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=framerate:25.0\r\n"
    "a=fmtp:96 packetization-mode=1; sprop-parameter-sets=Z0IAKg==,aM48gA==;profile=1\r\n"
    "a=control:trackID=1\r\n"
)
SETS = b"\0\0\0\4\x67\x42\0\x2a" + b"\0\0\0\4\x68\xce\x3c\x80"


@pytest.mark.parametrize(
    ("url", "known"),
    [
        ("rtsp://cam/a/b", Address("cam", 554, "rtsp://cam:554/a/b")),
        ("rtsp://cam:8554", Address("cam", 8554, "rtsp://cam:8554")),
        ("rtsp://bob:p%40ss@cam/x?y=1", Address("cam", 554, "rtsp://cam:554/x?y=1", "bob", "p@ss")),
        ("rtsp://bob:p@ss:w@cam/x", Address("cam", 554, "rtsp://cam:554/x", "bob", "p@ss:w")),
        ("rtsp://[fe80::2]:99/x", Address("fe80::2", 99, "rtsp://[fe80::2]:99/x")),
        ("rtsp://cam?a@b", Address("cam", 554, "rtsp://cam:554?a@b")),
    ],
)
def test_an_address_is_told_to_the_camera_without_the_credentials(url: str, known: Address) -> None:
    assert address(url) == known


@pytest.mark.parametrize("url", ["rtsps://cam/1", "http://cam/1", "rtsp://", "rtsp://cam:no/1", ""])
def test_what_is_no_plain_rtsp_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        address(url)


def test_a_request_has_only_the_headers_that_say_something() -> None:
    said = request("PLAY", "rtsp://cam/1", 4, {"Session": "7", "Authorization": ""})
    assert said == b"PLAY rtsp://cam/1 RTSP/1.0\r\nCSeq: 4\r\nSession: 7\r\n\r\n"


def test_a_head_is_read_whatever_its_letters() -> None:
    head = head_of(b"RTSP/1.0 401 No\r\nCSEQ: 3\r\nWWW-Authenticate: a\r\nWww-authenticate:b")
    assert (head.status, head.header("cseq"), head.all("www-authenticate")) == (
        401,
        "3",
        ["a", "b"],
    )
    assert head_of(b"OPTIONS * RTSP/1.0\r\nCSeq: 1").status == 0


def test_the_picture_is_found_among_other_tracks() -> None:
    assert picture_track(SDP, "rtsp://cam/1") == Track("rtsp://cam/1/trackID=1", 96, SETS, 25.0)


@pytest.mark.parametrize(
    ("word", "address"),
    [
        ("trackID=1", "rtsp://cam/1/trackID=1"),
        ("rtsp://10.0.0.2/t", "rtsp://10.0.0.2/t"),
        ("*", "rtsp://cam/1"),
    ],
)
def test_a_track_has_an_address_of_its_own(word: str, address: str) -> None:
    track = picture_track(SDP.replace("trackID=1", word), "rtsp://cam/1")
    assert track is not None
    assert track.control == address


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("H264/90000", "H265/90000"),
        ("m=video 0 RTP/AVP 96", "m=video 0 RTP/AVP 26"),
        ("m=video 0 RTP/AVP", "m=video 0 RTP/SAVP"),
        ("packetization-mode=1", "packetization-mode=2"),
        ("m=video", "m=application"),
    ],
)
def test_what_is_no_plain_h264_is_not_taken(old: str, new: str) -> None:
    assert picture_track(SDP.replace(old, new), "rtsp://cam/1") is None


@pytest.mark.parametrize("rubbish", ["Z0IAKg=,x", "!!!", ""])
def test_parameter_sets_that_cannot_be_read_are_waited_for(rubbish: str) -> None:
    track = picture_track(SDP.replace("Z0IAKg==,aM48gA==", rubbish), "rtsp://cam/1")
    assert track is not None
    assert track.sets == b""


@pytest.mark.parametrize(
    ("header", "known"),
    [("12;timeout=30", ("12", 30)), ("12 ; timeout = 9", ("12", 9)), ("12", ("12", 60))],
)
def test_a_session_says_how_long_it_is_kept(header: str, known: tuple[str, float]) -> None:
    assert session_of(Message("RTSP/1.0 200 OK", (("session", header),))) == known


def test_the_camera_chooses_the_channel() -> None:
    way = "RTP/AVP/TCP;unicast;interleaved=2-3;ssrc=1"
    assert channel_of(Message("", (("transport", way),))) == 2
    assert channel_of(Message("", (("transport", "RTP/AVP;unicast;server_port=1-2"),))) is None


def test_addresses_are_relative_to_what_the_camera_says() -> None:
    assert base_of(Message("", (("content-base", "rtsp://b/"),)), "rtsp://a") == "rtsp://b/"
    assert base_of(Message(""), "rtsp://a") == "rtsp://a"


# ---- passwords -----------------------------------------------------------------------------------

#: RFC 2617, 3.5, and RFC 7616, 3.9.1: the same question, and the answers that stand there.
RFC_2617 = (
    'Digest realm="testrealm@host.com", qop="auth,auth-int", '
    'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"'
)
RFC_7616 = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"'
)


@pytest.mark.parametrize(
    ("asked", "user", "password", "salt", "path", "proof"),
    [
        (RFC_2617, "Mufasa", "Circle Of Life", "0a4f113b", "/dir/index.html",
         "6629fae49393a05397450978507c4ef1"),
        (RFC_7616.format("MD5"), "Mufasa", "Circle of Life",
         "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "/dir/index.html",
         "8ca523f5e9506fed4657c9700eebdbec"),
        (RFC_7616.format("SHA-256"), "Mufasa", "Circle of Life",
         "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", "/dir/index.html",
         "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)  # fmt: skip
def test_digests_are_those_of_the_standard(
    asked: str, user: str, password: str, salt: str, path: str, proof: str
) -> None:
    login = Login(user, password, salt)
    assert login.challenged([asked])
    assert f'response="{proof}"' in login.answer("GET", path)


def test_nobody_shows_a_password_unasked() -> None:
    assert Login("bob", "x", "").answer("OPTIONS", "rtsp://cam") == ""


def test_a_digest_is_preferred_to_the_bare_password() -> None:
    login = Login("bob", "s3cret", "salt")
    assert login.challenged(['Basic realm="a"', 'Digest realm="a", nonce="n"'])
    assert login.answer("PLAY", "rtsp://cam").startswith("Digest ")
    assert "s3cret" not in login.answer("PLAY", "rtsp://cam")


def test_the_bare_password_is_shown_where_nothing_else_is_asked() -> None:
    login = Login("bob", "s3cret", "")
    assert login.challenged(['Basic realm="a"'])
    assert login.answer("PLAY", "rtsp://cam") == "Basic Ym9iOnMzY3JldA=="


@pytest.mark.parametrize(
    "offers",
    [[], ["NTLM"], ['Digest realm="a", nonce="n", algorithm=SHA-512-256'],
     ['Digest realm="a", nonce="n", qop="auth-int"']],
)  # fmt: skip
def test_what_cannot_be_answered_is_left_to_others(offers: list[str]) -> None:
    assert not Login("bob", "x", "").challenged(offers)


def test_without_a_user_there_is_nothing_to_answer() -> None:
    assert not Login("", "", "").challenged(['Basic realm="a"'])


@pytest.mark.parametrize("digits", ["1" * 5000, "²", "١" * 5000])
def test_no_number_is_an_error(digits: str) -> None:
    """Python refuses to read thousands of digits, and some of its digits."""
    session = Message("RTSP/1.0 200 OK", (("session", f"a;timeout={digits}"),))
    assert session_of(session) == ("a", 60.0)
    assert channel_of(Message("", (("transport", f"interleaved={digits}"),))) is None
    assert picture_track(SDP.replace("RTP/AVP 96", f"RTP/AVP {digits}"), "rtsp://cam") is None
    head = head_of(f"RTSP/1.0 200 OK\r\nContent-Length: {digits}".encode())
    assert number(head.header("content-length")) == 0


def test_a_description_full_of_spaces_is_read_at_once() -> None:
    """It was tried again from each space on: a million of them took hours."""
    described = SDP.replace("a=framerate:25.0", "a=tool:" + " " * 500_000 + "x")
    found = picture_track(described, "rtsp://cam")
    assert found is not None
    assert found.fps is None
