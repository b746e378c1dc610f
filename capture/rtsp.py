"""A network camera's H.264 stream over RTSP.

The stream is interleaved in the TCP connection: packets lost on a busy network would be lost
pictures. It is read by our own client where the camera is an ordinary one, else by FFmpeg's. RTP
time is anchored to arrival on the monotonic clock; the camera's own idea of the time of day is
never used. User names and passwords never leave this module in a text.
"""

from __future__ import annotations

import re
import time
from collections import deque
from typing import Any

import av

from capture.clockfit import Anchor
from capture.lavf import LAVF_ERRORS, LavfError, PictureDecoder
from capture.rtsp_client import Unusual
from capture.rtsp_readers import DirectReader, LibraryReader, Reader, Taken
from capture.source import (
    NS,
    TIME_BASE,
    Delivers,
    DeviceBusy,
    DeviceLost,
    DeviceMissing,
    Frame,
    NotMedia,
    Sample,
    SourceError,
    SourceInfo,
    SourceSpec,
)
from capture.units import UnitPacket

OPEN_S = 10.0
SILENT_S = 5.0
MOST_WAITING = 300  # pictures
SETTLING_NS = 200_000_000
LIVE_NS = 3_000_000  # a picture that had to be waited for this long has just arrived
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
    """`spec.device` is the URL. options: open_s, silent_s = other limits in seconds;
    client = ffmpeg, to read it by FFmpeg's client in any case."""

    def __init__(self, spec: SourceSpec) -> None:
        self._url = spec.device
        self._open_s = float(spec.options.get("open_s", OPEN_S))
        self._silent_s = float(spec.options.get("silent_s", SILENT_S))
        self._plain = spec.options.get("client", "") != "ffmpeg"
        self._reader: Reader | None = None
        self._decoder: PictureDecoder | None = None
        self._anchor = Anchor()
        self._frame_ns = NS // 25
        self._backlog: deque[Taken] = deque()

    def open(self) -> SourceInfo:
        if not self._url.startswith(("rtsp://", "rtsps://")):
            raise NotMedia(f"{redact(self._url)} is not an RTSP address", "it begins with rtsp://")
        try:
            stream, rate = self._connect()
        except (TimeoutError, *LAVF_ERRORS) as error:
            raise explain(error, redact(self._url)) from None  # its text holds the whole URL
        return self._describe(stream, rate)

    def _connect(self) -> tuple[Any, float]:
        """Our own client first: it costs a third. What it does not know is left to FFmpeg's."""
        if self._plain:
            self._plain = False
            try:
                self._reader = DirectReader(self._url, self._open_s, self._silent_s)
                return self._reader.open()
            except Unusual:
                self.close()
        self._reader = LibraryReader(self._url, OPTIONS, self._open_s, self._silent_s)
        return self._reader.open()

    def read(self) -> Sample:
        if self._reader is None:
            raise DeviceLost("the stream was not opened", "open it before reading")
        if self._anchor.offset is None:
            self._take_backlog()
        taken = self._backlog.popleft() if self._backlog else self._take()
        own = taken.at_ns
        if own is None:  # the library's parser eats the first stamp
            own = self._anchor.media + (self._frame_ns if self._anchor.last else -self._frame_ns)
        dts = self._anchor.stamp(own, taken.arrived_ns)
        pts = dts + taken.ahead_ns
        if taken.of_units:
            return UnitPacket(taken.data, pts, dts, taken.key, taken.more)
        packet = av.Packet(taken.data)
        packet.pts, packet.dts, packet.time_base = pts, dts, TIME_BASE
        packet.is_keyframe = taken.key
        return packet

    def _take_backlog(self) -> None:
        """Packets that waited while the stream was opened are older than they seem.

        They are read ahead, up to those that had to be waited for: theirs is the true delay.
        """
        settled = time.monotonic_ns() + SETTLING_NS
        while len(self._backlog) < MOST_WAITING:
            asked = time.monotonic_ns()
            taken = self._take()
            self._backlog.append(taken)
            if taken.at_ns is not None:
                self._anchor.prime(taken.at_ns, taken.arrived_ns)
            now = time.monotonic_ns()
            if now - asked > LIVE_NS and now > settled:
                return

    def _take(self) -> Taken:
        assert self._reader is not None
        try:
            taken = self._reader.read()
        except Unusual:
            return self._take_otherwise()
        except (av.error.ExitError, TimeoutError):
            text = f"{redact(self._url)} sent nothing for {self._silent_s:g} s"
            raise DeviceLost(text, "check the camera and its network") from None
        except LAVF_ERRORS as error:
            text = f"{redact(self._url)} broke off: {error.strerror}"
            raise DeviceLost(text, "check the network") from None
        if taken is None:
            raise DeviceLost(f"{redact(self._url)} ended the stream", "check the camera")
        return taken

    def _take_otherwise(self) -> Taken:
        """Go on with FFmpeg's client: the camera does what ours does not know."""
        self.close()
        self._anchor, self._backlog = Anchor(last=self._anchor.last), deque()
        self.open()
        self._take_backlog()
        return self._backlog.popleft()

    def decode(self, sample: Sample) -> list[Frame]:
        packet = sample.packet() if isinstance(sample, UnitPacket) else sample
        if self._decoder is None or not isinstance(packet, av.Packet):
            return []
        return list(self._decoder.decode(packet))

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()

    def _describe(self, stream: Any, rate: float) -> SourceInfo:
        where = redact(self._url)
        names: dict[str, Delivers] = {"h264": "h264", "mjpeg": "mjpeg"}
        codec = stream.codec_context if stream is not None else None
        if codec is None or codec.name not in names or not codec.width:
            found = codec.name if codec is not None else "no video"
            raise NotMedia(f"{where} gives {found}", "set the camera to H.264")
        self._decoder = PictureDecoder(stream)
        rate = rate or 25.0
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
            bursts=self._reader is not None and self._reader.bursts,
        )


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
