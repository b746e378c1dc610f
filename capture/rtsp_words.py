"""What is said over RTSP: requests, answers, descriptions of streams (RFC 2326, 4566). Pure."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from capture.units import with_length

PORT = 554
SESSION_S = 60  # RFC 2326, 12.37: if the camera does not say


@dataclass(frozen=True, slots=True)
class Address:
    """Where a camera is. `uri` is the address as it is told to it: without the credentials."""

    host: str
    port: int
    uri: str
    user: str = ""
    password: str = ""


def address(url: str) -> Address:
    """Raises ValueError for what is no rtsp:// address."""
    scheme, _, rest = url.partition("://")
    end = min((at for sign in "/?#" if (at := rest.find(sign)) >= 0), default=len(rest))
    login, _, where = rest[:end].rpartition("@")
    parts = urlsplit(f"//{where}")
    if scheme != "rtsp" or not parts.hostname:
        raise ValueError("not an rtsp:// address")
    port = parts.port or PORT
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    user, _, password = unquote(login).partition(":")
    return Address(parts.hostname, port, f"rtsp://{host}:{port}{rest[end:]}", user, password)


@dataclass(frozen=True, slots=True)
class Message:
    """An answer of the camera, or a request of its own. Names of headers are in small letters."""

    first: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    @property
    def status(self) -> int:
        """0 of a request."""
        found = re.match(r"RTSP/1\.\d (\d{3})", self.first)
        return int(found[1]) if found else 0

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def header(self, name: str) -> str:
        return next(iter(self.all(name)), "")


def head_of(text: bytes) -> Message:
    first, *lines = text.decode("utf-8", "replace").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return Message(first, tuple((key.strip().lower(), value.strip()) for key, _, value in pairs))


def request(method: str, uri: str, number: int, headers: Mapping[str, str]) -> bytes:
    """`headers` with an empty value are left out."""
    lines = [f"{method} {uri} RTSP/1.0", f"CSeq: {number}"]
    lines += [f"{name}: {value}" for name, value in headers.items() if value]
    return "\r\n".join([*lines, "", ""]).encode()


@dataclass(frozen=True, slots=True)
class Track:
    """The picture of a described stream, if it is H.264 in plain RTP."""

    control: str  # the address to set it up with
    payload_type: int
    sets: bytes = b""  # its parameter sets behind their lengths, if they are in the description
    fps: float | None = None


def base_of(described: Message, uri: str) -> str:
    """What the addresses of a description are relative to."""
    return described.header("content-base") or uri


def picture_track(description: str, base: str) -> Track | None:
    """The first picture. None for what is not H.264, encrypted, or sent in another order."""
    _, *sections = re.split(r"(?m)^m=", description.replace("\r", ""))
    section = next((text for text in sections if text.startswith("video ")), "")
    found = re.match(r"video \d+(?:/\d+)? RTP/AVP(?:/TCP)? (\d{1,3})\b", section)
    if found is None:
        return None
    kind = int(found[1])
    names = {key: text.rstrip(" ") for key, text in re.findall(r"(?m)^a=([a-z]+):(.*)$", section)}
    if not re.search(rf"(?mi)^a=rtpmap:{kind} +H264/90000", section):
        return None
    words = re.search(rf"(?m)^a=fmtp:{kind} (.*)$", section)
    parameters = _parameters(words[1] if words else "")
    if parameters.get("packetization-mode", "0") not in ("0", "1"):
        return None
    sets = _sets(parameters.get("sprop-parameter-sets", ""))
    return Track(_control(names.get("control", ""), base), kind, sets, _rate(names))


def session_of(answer: Message) -> tuple[str, float]:
    """The session's name, and after how many seconds of silence the camera forgets it."""
    name, *words = (word.strip() for word in answer.header("session").split(";"))
    limit = number(_parameters(";".join(words)).get("timeout", ""))
    return name, float(limit or SESSION_S)


def channel_of(answer: Message) -> int | None:
    """The channel that the camera has chosen for the picture, None if it will not interleave."""
    found = re.search(r"interleaved=(\d{1,3})\b", answer.header("transport"))
    return int(found[1]) if found else None


def number(text: str) -> int:
    """0 for what is none. Python refuses to read thousands of digits, and "²" is a digit to it."""
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def _control(word: str, base: str) -> str:
    if word in ("", "*"):
        return base
    if "://" in word:
        return word
    return base + ("" if base.endswith("/") else "/") + word


def _parameters(text: str) -> dict[str, str]:
    pairs = (word.partition("=") for word in text.split(";"))
    return {key.strip().lower(): value.strip() for key, _, value in pairs}


def _sets(text: str) -> bytes:
    try:
        units = [base64.b64decode(word) for word in text.split(",")]
    except binascii.Error:  # then those that come with the pictures must do
        return b""
    return b"".join(with_length(unit) for unit in units if unit)


def _rate(names: Mapping[str, str]) -> float | None:
    try:
        rate = float(names.get("framerate", ""))
    except ValueError:
        return None
    return rate if 0 < rate < 1000 else None
