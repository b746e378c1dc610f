"""A network camera's H.264 stream over RTSP.

The stream is interleaved in the TCP connection: packets lost on a busy network would be lost
pictures. RTP time is anchored to arrival on the monotonic clock; the camera's own idea of the time
of day is never used. User names and passwords never leave this module in a text.
"""

from __future__ import annotations

import re
import time
from typing import Any

import av

from capture.clockfit import Anchor
from capture.lavf import LAVF_ERRORS, Input, LavfError, PictureDecoder, nanoseconds, stamped
from capture.source import (
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

OPEN_S = 10.0
SILENT_S = 5.0
OPTIONS = {
    "rtsp_transport": "tcp",
    "timeout": str(int(OPEN_S * 1_000_000)),  # µs, of one socket operation
    "fflags": "nobuffer",
    "analyzeduration": "2000000",
    "allowed_media_types": "video",
}
_USERINFO = re.compile(r"(\w+://)[^/@\s]*@")


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
        where = redact(self._url)
        try:
            packet = self._input.read()
        except av.error.ExitError:
            text = f"{where} sent nothing for {self._silent_s:g} s"
            raise DeviceLost(text, "check the camera and its network") from None
        except LAVF_ERRORS as error:
            raise DeviceLost(f"{where} broke off: {error.strerror}", "check the network") from None
        if packet is None:
            raise DeviceLost(f"{where} ended the stream", "check the camera")
        now = time.monotonic_ns()
        own = packet.dts if packet.dts is not None else packet.pts
        if own is None or packet.time_base is None:
            return stamped(packet, *[self._anchor.stamp(self._anchor.media, now)] * 2)
        dts = self._anchor.stamp(nanoseconds(own, packet.time_base), now)
        later = nanoseconds((packet.pts if packet.pts is not None else own) - own, packet.time_base)
        return stamped(packet, dts + later, dts)

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
        return SourceInfo(
            media="video",
            description=f"{where} {codec.name} {codec.width}×{codec.height} {rate:g}/s",
            identity=where,
            width=codec.width,
            height=codec.height,
            fps=rate,
            pix_fmt=codec.pix_fmt or "",
            codec=codec.name,
            delivers=names[codec.name],
            full_range=(codec.pix_fmt or "").startswith("yuvj"),
            extradata=bytes(codec.extradata or b""),
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
