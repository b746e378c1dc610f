"""Bring any picture to the size and colours that the encoder was opened with.

Slow USB cameras change their size after a re-plug and cameras that deliver JPEG use the full
range of values; a track keeps one size and one meaning of colour from its first to its last packet.
"""

from __future__ import annotations

import numpy as np
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import (
    ColorPrimaries,
    ColorRange,
    Colorspace,
    ColorTrc,
    VideoReformatter,
)


def matrix_of(delivers: str, pix_fmt: str) -> Colorspace:
    """What a device's pictures are best kept in: BT.601 for those of USB cameras and grabbers."""
    camera = delivers in ("mjpeg", "raw") and pix_fmt.startswith(("yuv", "yuyv", "uyvy", "nv"))
    return Colorspace.ITU601 if camera else Colorspace.ITU709


class Canvas:
    """Paint any picture, scaled and letter-boxed, as yuv420p, TV range, in the matrix wanted.

    Pictures that do not say their matrix are taken as BT.601: the rule of JPEG and the default
    of USB cameras. RGB pictures have none.
    """

    def __init__(
        self,
        width: int,
        height: int,
        full_range_in: bool,
        matrix: Colorspace = Colorspace.ITU709,
    ) -> None:
        self._width, self._height = width, height
        self._wanted = matrix
        self._full = full_range_in
        self._scaler = VideoReformatter()

    def paint(self, frame: VideoFrame) -> VideoFrame:
        """A new picture of the canvas' size; the one given is left as it was."""
        width, height = self._fit(frame)
        scaled = self._scaler.reformat(
            frame,
            width,
            height,
            "yuv420p",
            src_colorspace=self._matrix(frame),
            dst_colorspace=self._wanted,
            src_color_range=self._range(frame),
            dst_color_range=ColorRange.MPEG,
        )
        if scaled is frame or (width, height) != (self._width, self._height):
            scaled = self._letterbox(scaled)
        scaled.color_range = ColorRange.MPEG
        scaled.colorspace = self._wanted
        scaled.color_primaries = ColorPrimaries.BT709
        scaled.color_trc = ColorTrc.BT709
        return scaled

    def _fit(self, frame: VideoFrame) -> tuple[int, int]:
        scale = min(self._width / frame.width, self._height / frame.height)
        # A pixel or less of border is not worth a border: stretch instead.
        width = self._width if self._width - frame.width * scale < 2 else frame.width * scale
        height = self._height if self._height - frame.height * scale < 2 else frame.height * scale
        return max(2, int(width) & ~1), max(2, int(height) & ~1)

    def _range(self, frame: VideoFrame) -> ColorRange:
        if frame.color_range in (ColorRange.MPEG, ColorRange.JPEG):
            return ColorRange(frame.color_range)
        full = self._full or frame.format.name.startswith("yuvj") or frame.format.is_rgb
        return ColorRange.JPEG if full else ColorRange.MPEG

    @staticmethod
    def _matrix(frame: VideoFrame) -> Colorspace:
        # 1 is BT.709 in the frame's own tag, where 2 means unspecified and 0 RGB.
        if frame.format.is_rgb or frame.colorspace == 1:
            return Colorspace.ITU709
        return Colorspace.ITU601

    def _letterbox(self, picture: VideoFrame) -> VideoFrame:
        out = VideoFrame(self._width, self._height, "yuv420p")
        left = (self._width - picture.width) // 4 * 2
        top = (self._height - picture.height) // 4 * 2
        for plane, (target, source) in enumerate(zip(out.planes, picture.planes, strict=True)):
            shift = 0 if plane == 0 else 1
            pixels = _pixels(target)
            pixels[:] = 16 if plane == 0 else 128
            x, y = left >> shift, top >> shift
            pixels[y : y + source.height, x : x + source.width] = _pixels(source)[:, : source.width]
        return out


def black(width: int, height: int) -> VideoFrame:
    """A black picture of even size."""
    out = VideoFrame(width, height, "yuv420p")
    for number, plane in enumerate(out.planes):
        plane.update(bytes([16 if number == 0 else 128]) * plane.buffer_size)
    return out


def _pixels(plane: VideoPlane) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    flat = np.frombuffer(plane, np.uint8)  # type: ignore[call-overload]
    return flat.reshape(plane.height, plane.line_size)  # type: ignore[no-any-return]
