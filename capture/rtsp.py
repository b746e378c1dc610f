"""A network camera's H.264 stream over RTSP.

The stream is interleaved in the TCP connection: packets lost on a busy network would be lost
pictures. RTP time is anchored to arrival on the monotonic clock; the camera's own idea of the time
of day is never used. User names and passwords never leave this module in a text.
"""

from __future__ import annotations

import re
import time
from collections import deque
from typing import Any

import av

from capture.clockfit import Anchor
from capture.lavf import LAVF_ERRORS, Input, LavfError, PictureDecoder, nanoseconds, stamped
from capture.source import (
    NS,
    Delivers,
    DeviceBusy,
    DeviceLost,
    DeviceMissing,
    Frame,
    NotMedia,
    Packet,
    Sample,
    SourceError,
    SourceInfo,
    SourceSpec,
)

OPEN_S = 10.0
SILENT_S = 5.0
MOST_WAITING = 300  # packets
SETTLING_NS = 200_000_000
LIVE_NS = 3_000_000  # a packet that had to be waited for this long has just arrived
OPTIONS = {
    "rtsp_transport": "tcp",
    "timeout": str(int(OPEN_S * 1_000_000)),  # µs, of one socket operation
    "fpsprobesize": "0",  # else opening waits for some twenty pictures
    "allowed_media_types": "video",
}
_USERINFO = re.compile(r"(\w+://)[^/\s]*@")


def redact(url: str) -> str:
    """The URL without user name and password."""
    return _USERINFO.sub(r"\1***@", url)


class RtspSource:
    """`spec.device` is the URL. options: open_s, silent_s = other limits in seconds."""

    def __init__(self, spec: SourceSpec) -> None:
        self._url = spec.device
        self._open_s = float(spec.options.get("open_s", OPEN_S))
        self._silent_s = float(spec.options.get("silent_s", SILENT_S))
        self._input: Input | None = None
        self._decoder: PictureDecoder | None = None
        self._anchor = Anchor()
        self._frame_ns = NS // 25
        self._backlog: deque[Packet] = deque()

    def open(self) -> SourceInfo:
        if not self._url.startswith(("rtsp://", "rtsps://")):
            raise NotMedia(f"{redact(self._url)} is not an RTSP address", "it begins with rtsp://")
        patience = (self._open_s, self._silent_s)
        self._input = Input(self._url, "rtsp", OPTIONS, "video", patience)
        try:
            stream = self._input.open()
        except LAVF_ERRORS as error:
            raise explain(error, redact(self._url)) from None  # its text holds the whole URL
        return self._describe(stream)

    def read(self) -> Sample:
        if self._input is None:
            raise DeviceLost("the stream was not opened", "open it before reading")
        if self._anchor.offset is None:
            self._take_backlog(self._input)
        packet = self._backlog.popleft() if self._backlog else self._take(self._input)
        now = time.monotonic_ns()
        base = packet.time_base  # PyAV makes a new Fraction each time
        own = _media_ns(packet, base)
        if own is None:  # the library's parser eats the first stamp
            own = self._anchor.media + (self._frame_ns if self._anchor.last else -self._frame_ns)
        dts = self._anchor.stamp(own, now)
        pts = packet.pts
        ahead = nanoseconds(pts, base) - own if pts is not None and base is not None else 0
        return stamped(packet, dts + max(0, ahead), dts, base)

    def _take_backlog(self, camera: Input) -> None:
        """Packets that waited while the stream was opened are older than they seem.

        They are read ahead, up to those that had to be waited for: theirs is the true delay.
        """
        settled = time.monotonic_ns() + SETTLING_NS
        while len(self._backlog) < MOST_WAITING:
            asked = time.monotonic_ns()
            packet = self._take(camera)
            now = time.monotonic_ns()
            self._backlog.append(packet)
            media = _media_ns(packet, packet.time_base)
            if media is not None:
                self._anchor.prime(media, now)
            if now - asked > LIVE_NS and now > settled:
                return

    def _take(self, camera: Input) -> Packet:
        try:
            packet = camera.read()
        except av.error.ExitError:
            text = f"{redact(self._url)} sent nothing for {self._silent_s:g} s"
            raise DeviceLost(text, "check the camera and its network") from None
        except LAVF_ERRORS as error:
            text = f"{redact(self._url)} broke off: {error.strerror}"
            raise DeviceLost(text, "check the network") from None
        if packet is None:
            raise DeviceLost(f"{redact(self._url)} ended the stream", "check the camera")
        return packet

    def decode(self, sample: Sample) -> list[Frame]:
        if self._decoder is None or not isinstance(sample, av.Packet):
            return []
        return list(self._decoder.decode(sample))

    def close(self) -> None:
        if self._input is not None:
            self._input.close()

    def _describe(self, stream: Any) -> SourceInfo:
        where = redact(self._url)
        names: dict[str, Delivers] = {"h264": "h264", "mjpeg": "mjpeg"}
        codec = stream.codec_context if stream is not None else None
        if codec is None or codec.name not in names or not codec.width:
            found = codec.name if codec is not None else "no video"
            raise NotMedia(f"{where} gives {found}", "set the camera to H.264")
        self._decoder = PictureDecoder(stream)
        rate = float(stream.average_rate or stream.guessed_rate or 25)
        self._frame_ns = int(NS / rate)
        return SourceInfo(
            media="video",
            description=f"{where} {codec.name} {codec.width}×{codec.height} {rate:g}/s",
            identity=_USERINFO.sub(r"\1", self._url),
            width=codec.width,
            height=codec.height,
            fps=rate,
            pix_fmt=codec.pix_fmt or "",
            codec=codec.name,
            delivers=names[codec.name],
            full_range=(codec.pix_fmt or "").startswith("yuvj"),
            extradata=bytes(codec.extradata or b""),
        )


def _media_ns(packet: Packet, base: Any) -> int | None:
    own = packet.dts if packet.dts is not None else packet.pts
    return None if own is None or base is None else nanoseconds(own, base)


def explain(error: LavfError, where: str) -> SourceError:
    """What a failed connection means. `where` is already without credentials."""
    name = type(error).__name__
    if name in ("HTTPUnauthorizedError", "HTTPForbiddenError"):
        return SourceError(f"{where} refused the password", "check user name and password")
    if name == "HTTPNotFoundError":
        return DeviceMissing(f"{where} has no such stream", "check the path after the host name")
    if name in ("InvalidDataError", "ProtocolNotFoundError", "HTTPBadRequestError"):
        return NotMedia(f"{where} does not answer as an RTSP camera", "check address and port")
    if name == "HTTPServerError":
        return DeviceBusy(f"{where} is out of connections", "close another viewer of this camera")
    if name in ("ExitError", "TimeoutError"):
        return DeviceMissing(f"{where} does not answer", "check the camera and its network")
    return DeviceMissing(f"{where} cannot be reached: {error.strerror}", "check the address")
