"""One picture of a finished file as a JPEG."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from av.video.reformatter import ColorRange, Colorspace

WIDTH = 640


def thumbnail(path: Path) -> bytes | None:
    """A key frame from the middle, at most 640 pixels wide; None when nothing can be decoded."""
    with av.open(str(path)) as container:
        if not container.streams.video:
            return None
        stream = container.streams.video[0]
        middle = (container.duration or 0) // 2
        container.seek(middle)
        for frame in container.decode(stream):
            # 1 is BT.709 in the frame's own tag.
            matrix = Colorspace.ITU709 if frame.colorspace == 1 else Colorspace.ITU601
            width = min(WIDTH, frame.width) & ~1
            height = max(2, round(frame.height * width / frame.width) & ~1)
            picture = frame.reformat(
                width,
                height,
                "yuvj420p",
                src_color_range=ColorRange.MPEG,
                dst_color_range=ColorRange.JPEG,
                src_colorspace=matrix,
                dst_colorspace=Colorspace.ITU601,
            )
            picture.pts, picture.time_base = 0, Fraction(1, 25)
            picture.pict_type = PictureType.NONE
            encoder = av.CodecContext.create("mjpeg", "w")
            assert isinstance(encoder, VideoCodecContext)
            encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj420p"
            encoder.time_base = Fraction(1, 25)
            encoder.color_range = ColorRange.JPEG
            return b"".join(bytes(p) for p in [*encoder.encode(picture), *encoder.encode(None)])
    return None
