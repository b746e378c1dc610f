"""A screen of an X server, grabbed as raw pictures. Stamped at arrival, on the monotonic clock."""

from __future__ import annotations

import re
import time

import av

from capture.lavf import LAVF_ERRORS, Input, LavfError, PictureDecoder, stamped
from capture.source import (
    DeviceLost,
    DeviceMissing,
    Frame,
    NotMedia,
    NoUsableMode,
    Sample,
    SourceInfo,
    SourceSpec,
)

DISPLAY = re.compile(r"[\w.-]*:\d+(\.\d+)?(\+\d+,\d+)?")
RATE = 15.0  # slides do not move; unchanged pictures are not encoded again anyway


class ScreenSource:
    """`spec.device` is a display, as ":0". A size grabs that part from the top left corner."""

    def __init__(self, spec: SourceSpec) -> None:
        self._spec = spec
        self._input: Input | None = None
        self._decoder: PictureDecoder | None = None
        self._last = 0

    def open(self) -> SourceInfo:
        display = self._spec.device
        if not DISPLAY.fullmatch(display):
            raise NotMedia(f"{display!r} is not a display", 'write it as ":0"')
        options = {"framerate": f"{self._spec.fps or RATE:g}", "draw_mouse": "1"}
        if self._spec.size:
            options["video_size"] = "{}x{}".format(*self._spec.size)
        self._input = Input(display, "x11grab", options)
        try:
            stream = self._input.open()
        except LAVF_ERRORS as error:
            raise self._explain(error) from error
        self._decoder = PictureDecoder(stream)
        codec = stream.codec_context
        return SourceInfo(
            media="video",
            description=f"screen {display} {codec.width}×{codec.height}",
            identity=f"screen:{display}",
            width=codec.width,
            height=codec.height,
            fps=float(stream.average_rate or RATE),
            pix_fmt=codec.pix_fmt or "",
            codec=codec.name,
            delivers="raw",
            full_range=True,
        )

    def read(self) -> Sample:
        if self._input is None:
            raise DeviceLost("the screen was not opened", "open it before reading")
        try:
            packet = self._input.read()
        except LAVF_ERRORS as error:
            raise self._lost() from error
        if packet is None:
            raise self._lost()
        self._last = max(self._last + 1, time.monotonic_ns())
        return stamped(packet, self._last, self._last)

    def decode(self, sample: Sample) -> list[Frame]:
        if self._decoder is None or not isinstance(sample, av.Packet):
            return []
        return list(self._decoder.decode(sample))

    def close(self) -> None:
        if self._input is not None:
            self._input.close()

    def _lost(self) -> DeviceLost:
        return DeviceLost(f"the screen {self._spec.device} went away", "start the display again")

    def _explain(self, error: LavfError) -> DeviceMissing | NoUsableMode:
        if self._spec.size and error.errno == 22:
            size = "{}×{}".format(*self._spec.size)
            return NoUsableMode(
                f"the screen {self._spec.device} is smaller than {size}", "ask for a smaller size"
            )
        return DeviceMissing(
            f"there is no screen {self._spec.device}",
            "start the X server, and let this user use it (xhost or XAUTHORITY)",
        )
