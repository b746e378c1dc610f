"""A file played in real time, as if it were a device: for trying out, and for tests of rooms.

options: stream = video (default) | audio; loop = 1 plays it for ever. At the end: DeviceLost.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from pathlib import Path
from typing import Any, Literal

import av

from capture.lavf import LAVF_ERRORS, Input, PictureDecoder, nanoseconds, stamped
from capture.source import (
    NS,
    TIME_BASE,
    Delivers,
    DeviceLost,
    DeviceMissing,
    Frame,
    NotMedia,
    Packet,
    Sample,
    SourceInfo,
    SourceSpec,
)
from capture.units import UnitPacket

RATE = 48_000
FULL_RANGE = 2  # AVCOL_RANGE_JPEG


class FileSource:
    """H.264 and MJPEG files give packets, other pictures and all sound give frames."""

    def __init__(self, spec: SourceSpec) -> None:
        self._spec = spec
        self._media: Literal["video", "audio"] = (
            "audio" if spec.options.get("stream") == "audio" else "video"
        )
        self._loop = spec.options.get("loop") == "1"
        self._closed = threading.Event()
        self._input: Input | None = None
        self._stream: Any = None
        self._delivers: Delivers = "frames"
        self._decoder: PictureDecoder | None = None
        self._as_sent: av.bitstream.BitStreamFilterContext | None = None
        self._resampler: av.AudioResampler | None = None
        self._ready: deque[Sample] = deque()
        self._rate = 25.0
        self._unstamped = 0  # packets so far without a stamp
        self._start = 0  # monotonic ns of file time 0
        self._first: int | None = None  # file ns of the first packet
        self._end = 0  # monotonic ns at which the newest packet ends

    def open(self) -> SourceInfo:
        path = Path(self._spec.device)
        if not path.is_file():
            raise DeviceMissing(f"there is no file {path}", "check the path")
        self._input = Input(str(path), None, {}, self._media)
        try:
            self._stream = self._input.open()
        except LAVF_ERRORS as error:
            raise NotMedia(f"{path.name} cannot be played: {error.strerror}", _TRY) from error
        if self._stream is None or self._stream.codec_context is None:
            raise NotMedia(f"{path.name} has no {self._media}", _TRY)
        self._start = time.monotonic_ns()
        return self._describe_video(path) if self._media == "video" else self._describe_audio(path)

    def read(self) -> Sample:
        while not self._ready:
            self._fill()
        sample = self._ready.popleft()
        stamp = sample.dts if isinstance(sample, av.Packet) else sample.pts
        wait = ((stamp or 0) - time.monotonic_ns()) / NS
        if self._closed.wait(max(0.0, wait)):
            raise DeviceLost("the file was closed")
        return sample

    def decode(self, sample: Sample) -> list[Frame]:
        if isinstance(sample, av.Packet):
            return list(self._decoder.decode(sample)) if self._decoder else []
        return [] if isinstance(sample, UnitPacket) else [sample]

    def close(self) -> None:
        self._closed.set()
        if self._input is not None:
            self._input.close()

    def _describe_video(self, path: Path) -> SourceInfo:
        codec = self._stream.codec_context
        names: dict[str, Delivers] = {"h264": "h264", "mjpeg": "mjpeg"}
        self._delivers = names.get(codec.name, "frames")
        self._decoder = PictureDecoder(self._stream)
        if self._delivers == "h264":  # as cameras send it: start codes, parameters with key frames
            self._as_sent = av.bitstream.BitStreamFilterContext("h264_mp4toannexb", self._stream)
        rate = self._rate = float(self._stream.average_rate or 25)
        return SourceInfo(
            media="video",
            description=f"{path.name} {codec.width}×{codec.height} {rate:g}/s",
            identity=f"file:{path}",
            width=codec.width,
            height=codec.height,
            fps=rate,
            pix_fmt=codec.pix_fmt or "",
            codec=codec.name,
            delivers=self._delivers,
            full_range=(codec.pix_fmt or "").startswith("yuvj") or codec.color_range == FULL_RANGE,
            extradata=bytes(codec.extradata or b""),
        )

    def _describe_audio(self, path: Path) -> SourceInfo:
        channels = min(2, self._stream.codec_context.layout.nb_channels)
        layout = "stereo" if channels == 2 else "mono"
        self._resampler = av.AudioResampler(format="s16", layout=layout, rate=RATE)
        return SourceInfo(
            media="audio",
            description=f"{path.name}, sound",
            identity=f"file:{path}",
            codec="pcm_s16",
            sample_rate=RATE,
            channels=channels,
        )

    def _fill(self) -> None:
        if self._input is None:
            raise DeviceLost("the file was not opened", "open it before reading")
        try:
            packet = self._input.read()
        except LAVF_ERRORS as error:
            raise DeviceLost(f"{self._spec.device} is damaged: {error.strerror}", _TRY) from error
        if packet is None:
            self._at_end()
        else:
            for part in self._as_sent.filter(packet) if self._as_sent else [packet]:
                self._take(part)

    def _take(self, packet: Packet) -> None:
        pts, dts = self._place(packet)
        copy = stamped(packet, pts, dts)
        self._end = max(self._end, pts + (copy.duration or 0))
        if self._delivers != "frames":
            self._ready.append(copy)
        elif self._resampler is None and self._decoder is not None:
            self._ready.extend(self._decoder.decode(copy))
        else:
            self._ready.extend(self._sound(copy))

    def _place(self, packet: Packet) -> tuple[int, int]:
        """pts and dts on the monotonic clock, the first packet's dts at the start."""
        base = packet.time_base
        pts = packet.pts if packet.pts is not None else packet.dts
        dts = packet.dts if packet.dts is not None else packet.pts
        if pts is None or dts is None or base is None:  # a bare stream: it has an order only
            pts_ns = dts_ns = round(self._unstamped * NS / self._rate)
            self._unstamped += 1
        else:
            pts_ns, dts_ns = nanoseconds(pts, base), nanoseconds(dts, base)
        if self._first is None:
            self._first = dts_ns
        return self._start + pts_ns - self._first, self._start + dts_ns - self._first

    def _sound(self, packet: Packet) -> list[av.AudioFrame]:
        out = []
        for frame in self._stream.codec_context.decode(packet):
            frame.pts, frame.time_base = frame.pts or packet.pts, TIME_BASE
            at = frame.pts
            for part in self._resampler.resample(frame) if self._resampler else ():
                part.pts, part.time_base = at, TIME_BASE
                at += part.samples * NS // RATE
                out.append(part)
        return out

    def _at_end(self) -> None:
        if not self._loop or self._input is None or self._first is None:
            raise DeviceLost("end of file", "set the option loop = 1 to play it for ever")
        self._input.rewind()
        self._start = self._end
        self._first = None


_TRY = "try another file, for instance an MP4 with H.264 and AAC"
