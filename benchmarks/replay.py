"""A recorder's whole way from the device's packet to the synced segment, as fast as it goes.

Read and copied as from a camera, veil, decoding, decision, encoder, fragments, each with its
fdatasync before the next but one is begun. Not in it: waiting for a device, and the preview.

Run: python -m benchmarks.replay raw|mjpeg|h264 FILE FOLDER   (FILE may be pipe:0)
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Literal, cast

from benchmarks.slides import FPS, HEIGHT, WIDTH
from capture.lavf import Input, PictureDecoder, stamped
from capture.source import NS, Frame, Sample, SourceInfo
from edge_agent.memory import keep_picture_memory
from edge_agent.messages import Record, RecorderSpec
from edge_agent.recent import Recent
from edge_agent.recording import open_recording
from edge_agent.veil import Veil

Form = Literal["raw", "mjpeg", "h264"]
#: What raw pictures do not say of themselves.
RAW = {"pixel_format": "yuyv422", "video_size": f"{WIDTH}x{HEIGHT}", "framerate": str(FPS)}
DEMUXER = {"raw": "rawvideo", "mjpeg": "mjpeg", "h264": "h264"}


class Replay:
    """A source like those of `capture`, without their clock."""

    def __init__(self, form: Form, url: str) -> None:
        self._form = form
        self._input = Input(url, DEMUXER[form], RAW if form == "raw" else {})
        self._decoder: PictureDecoder | None = None
        self._count = 0

    def open(self) -> SourceInfo:
        stream = self._input.open()
        self._decoder = PictureDecoder(stream)
        codec = stream.codec_context
        return SourceInfo(
            media="video",
            description="",
            identity="",
            width=codec.width,
            height=codec.height,
            fps=float(FPS),
            pix_fmt=codec.pix_fmt or "",
            delivers=self._form,
            full_range=self._form == "mjpeg",
        )

    def read(self) -> Sample:
        """Raises EOFError at the end."""
        packet = self._input.read()
        if packet is None:
            raise EOFError
        at_ns = self._count * NS // FPS
        self._count += 1
        return stamped(packet, at_ns, at_ns)

    def decode(self, sample: Sample) -> list[Frame]:
        assert self._decoder is not None
        return list(self._decoder.decode(sample))  # type: ignore[arg-type]

    def close(self) -> None:
        self._input.close()


def record(form: Form, url: str, folder: Path) -> None:
    source = Replay(form, url)
    info = source.open()
    veil, recent = Veil(source, info, False), Recent()
    spec = RecorderSpec(
        track="x", media="video", kind="file", still=form == "raw", preview="", lock=""
    )
    command = Record(lecture="x", directory=str(folder), epoch_ns=0, start_mono_ns=0)
    durable = [0]
    recording = open_recording(
        command, spec, info, veil, lambda end_ns: durable.__setitem__(0, end_ns), lambda _: None
    )
    at_ns = 0
    while True:
        try:
            sample = veil.over(source.read())
        except EOFError:
            break
        assert sample is not None
        at_ns = sample.pts or 0
        recording.take(sample)
        recent.add(sample)
        while at_ns - durable[0] > 2 * NS:
            time.sleep(0.0002)
    recording.window.finish_at(at_ns + NS // FPS)
    recording.close()


if __name__ == "__main__":
    keep_picture_memory()
    record(cast(Form, sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
