"""A small RTSP client for what nearly every network camera speaks: H.264, interleaved in TCP.

FFmpeg's own wakes for each of some hundred packets a second and asks the kernel six times for it;
this one takes all that has come a few times a second, which costs a third. It knows no exceptions:
where a camera does anything else than expected it raises `Unusual`, and FFmpeg's client, which has
met them all, has its turn. User names and passwords stand in no text of its errors.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
import time

from capture.rtsp_login import Login
from capture.rtsp_stream import Picture, Pictures, Wire
from capture.rtsp_words import (
    Message,
    Track,
    address,
    base_of,
    channel_of,
    picture_track,
    request,
    session_of,
)

#: What has come is taken so often: each time costs as much as a dozen pictures do. A camera at
#: 8 Mbit/s sends 240 kB meanwhile.
NAP_S = 0.24
#: As often the next packet is waited for: only then it is known when one has come.
SOUND_S = 4.0
#: So long after the start each packet is waited for.
SETTLING_S = 1.0
#: Taken at once; more waits in the kernel, which holds some MB.
MOST = 256 * 1024
#: What a picture cannot be longer than: one of 3840×2160 has 12 MB before it is coded.
MOST_PICTURE = 16 << 20
KEEP_S = 30.0
NOWHERE = -1
BACK = 90_000  # a second of the camera's clock


class Unusual(Exception):
    """The camera does what this client does not know."""


class RtspClient:
    """One connection. Used by one thread, except `close`."""

    def __init__(self, url: str, open_s: float, silent_s: float) -> None:
        """Raises Unusual for what is no rtsp:// address."""
        try:
            self._address = address(url)
        except ValueError as error:
            raise Unusual(str(error)) from None
        self._open_s, self._silent_s = open_s, silent_s
        self._login = Login(self._address.user, self._address.password, secrets.token_hex(8))
        self._wire = Wire()
        self._pictures = Pictures()
        self._socket: socket.socket | None = None
        self._channel = NOWHERE
        self._number = 0
        self._session = ""
        self._alive = "OPTIONS"
        self._keep_s = KEEP_S
        self._keep_at = self._settled_at = self._sound_at = 0.0
        self._drained = False
        self._came = 0
        self._last: int | None = None

    def open(self) -> Track:
        """Connect and let the camera play. Raises Unusual, OSError (TimeoutError: no answer)."""
        deadline = time.monotonic() + self._open_s
        where = (self._address.host, self._address.port)
        try:
            self._socket = socket.create_connection(where, self._open_s)
        except UnicodeError:
            raise Unusual("its name cannot be that of a computer") from None
        uri = self._address.uri
        known = self._ask(deadline, "OPTIONS", uri)
        if "GET_PARAMETER" in known.header("public"):
            self._alive = "GET_PARAMETER"
        described = self._ask(deadline, "DESCRIBE", uri, Accept="application/sdp")
        base = base_of(described, uri)
        track = picture_track(described.body.decode("utf-8", "replace"), base)
        if track is None:
            raise Unusual("it does not give plain H.264")
        asked = "RTP/AVP/TCP;unicast;interleaved=0-1"
        ready = self._ask(deadline, "SETUP", track.control, Transport=asked)
        channel = channel_of(ready)
        if channel is None:
            raise Unusual("it does not send through the connection")
        self._session, limit_s = session_of(ready)
        self._keep_s = min(KEEP_S, limit_s / 2)
        self._channel, self._pictures.payload_type = channel, track.payload_type
        self._ask(deadline, "PLAY", base, Session=self._session, Range="npt=0.000-")
        now = time.monotonic()
        self._keep_at, self._settled_at = now + self._keep_s, now + SETTLING_S
        self._uri = base
        self._socket.settimeout(self._silent_s)
        return track

    def read(self) -> Picture | None:
        """The next picture; None when the camera has ended the stream.

        Raises TimeoutError when it is silent for too long, OSError, and Unusual for pictures that
        are not shown in the order in which they come, or all at once, and for bytes that make none.
        """
        if not self._pictures.ready and not self._take_pictures():
            return None
        picture = self._pictures.ready.popleft()
        if self._last is not None and -BACK < picture.time - self._last <= 0:
            raise Unusual("its pictures are out of order, or of the same time")
        self._last = picture.time
        return picture

    @property
    def more(self) -> bool:
        """Whether the next picture is there already."""
        return bool(self._pictures.ready)

    def close(self) -> None:
        """Idempotent; a `read` under way ends."""
        if self._socket is None:
            return
        with contextlib.suppress(OSError):
            if self._session:
                words = self._request("TEARDOWN", self._address.uri, Session=self._session)
                self._socket.send(words, socket.MSG_DONTWAIT)
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    # ------------------------------------------------------------ while it plays

    def _take_pictures(self) -> bool:
        """At least one. False: the stream has ended."""
        until, most = time.monotonic() + self._silent_s, self._came + MOST_PICTURE
        while not self._pictures.ready:
            if not self._take_what_came():
                return False
            if self._pictures.nested:
                raise Unusual("several of its units come as one")
            late = time.monotonic() > until or self._came > most
            if late and not self._pictures.ready:
                raise Unusual("what it sends makes no pictures")
        return True

    def _take_what_came(self) -> bool:
        """False: the stream has ended."""
        now = time.monotonic()
        if now >= self._keep_at:
            self._keep_at = now + self._keep_s
            self._send(self._request(self._alive, self._uri, Session=self._session))
        if self._drained and now >= self._settled_at:
            if now < self._sound_at:
                time.sleep(NAP_S)
            else:
                self._sound_at = now + SOUND_S
        if not self._receive():
            return False
        while self._wire.messages:
            self._hear(self._wire.messages.popleft())
        return True

    def _hear(self, message: Message) -> None:
        """What the camera says in between: that it wants the password anew, or a request."""
        if message.status == 401 and self._login.challenged(message.all("www-authenticate")):
            self._keep_at = 0.0
        elif not message.status:
            number = message.header("cseq")
            self._send(f"RTSP/1.0 501 Not Implemented\r\nCSeq: {number}\r\n\r\n".encode())

    def _receive(self) -> bool:
        assert self._socket is not None
        data = self._socket.recv(MOST)
        now_ns = time.monotonic_ns()
        self._drained = len(data) < MOST
        self._came += len(data)
        self._wire.feed(data, self._channel, self._pictures, now_ns)
        return bool(data)

    # ------------------------------------------------------------ questions

    def _ask(self, deadline: float, method: str, uri: str, **headers: str) -> Message:
        answer = self._exchange(deadline, method, uri, **headers)
        if answer.status == 401 and self._login.challenged(answer.all("www-authenticate")):
            answer = self._exchange(deadline, method, uri, **headers)
        if answer.status != 200:
            raise Unusual(f"it answered {method} with {answer.status}")
        return answer

    def _exchange(self, deadline: float, method: str, uri: str, **headers: str) -> Message:
        self._send(self._request(method, uri, **headers))
        while True:
            while self._wire.messages:
                message = self._wire.messages.popleft()
                if message.status and message.header("cseq") in ("", str(self._number)):
                    return message
            self._wait_until(deadline)
            if not self._receive() or self._wire.skipped:
                raise Unusual(f"it did not answer {method} as a camera does")

    def _wait_until(self, deadline: float) -> None:
        assert self._socket is not None
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("no answer")
        self._socket.settimeout(left)

    def _request(self, method: str, uri: str, **headers: str) -> bytes:
        self._number += 1
        login = {"Authorization": self._login.answer(method, uri)}
        return request(method, uri, self._number, headers | login)

    def _send(self, words: bytes) -> None:
        assert self._socket is not None
        self._socket.sendall(words)
