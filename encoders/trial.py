"""Try one encoder: `python -m encoders.trial FD`, a request on stdin, the facts on FD.

A process of its own, because trying a driver may crash it, hang it, or hold Python's lock for ever.
It encodes a made-up picture, decodes what comes out and compares. Every picture carries its number
as black and white blocks, so order and loss are seen and not guessed.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import threading
import time
from typing import Any, TypeAlias

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import ColorRange

from encoders.encoder import NANO, AnyPacket, Encoder, EncoderError, VideoSpec
from encoders.ffmpeg_command import has_encoder
from encoders.ladder import TrialFacts, find
from encoders.rungs import open_rung

Plane: TypeAlias = "np.ndarray[Any, np.dtype[np.uint8]]"

#: The quality of the trial: any working encoder is far above the least likeness with it.
TRIAL_CRF = 23
#: Pictures at which a key frame is asked for.
KEYS = (0, 17, 29)
_BITS = 8
#: Packets before this one are warming up, and their latency says nothing.
_WARM = 5


def try_encoder(name: str, spec: VideoSpec, frames: int) -> TrialFacts:
    """Encode `frames` pictures as fast as the encoder takes them; never raises EncoderError."""
    candidate = find(name)
    if candidate.way == "ffmpeg" and not has_encoder(candidate.encoder):
        return TrialFacts(error=f"this PC's FFmpeg has no {candidate.encoder}")
    pictures = [moving_picture(number, spec.width, spec.height) for number in range(8)]
    began = time.monotonic()
    try:
        encoder = open_rung(name, spec)
    except EncoderError as error:
        return TrialFacts(error=error.reason)
    facts = TrialFacts(opened_ms=(time.monotonic() - began) * 1000)
    run = _Run(encoder, pictures, spec, frames)
    try:
        run.encode()
    except EncoderError as error:
        return dataclasses.replace(
            facts, error=error.reason, frames_in=frames, packets_out=len(run.packets)
        )
    return _compare(dataclasses.replace(facts, **run.figures()), run)


class _Run:
    """One encoding, with its clock."""

    def __init__(
        self, encoder: Encoder, pictures: list[VideoFrame], spec: VideoSpec, frames: int
    ) -> None:
        self.encoder = encoder
        self.pictures = pictures
        self.spec = spec
        self.frames = frames
        self.packets: list[AnyPacket] = []
        self._given: dict[int, float] = {}
        self._latencies: list[float] = []
        self._seconds = 0.0

    def encode(self) -> None:
        began = time.monotonic()
        for number in range(self.frames):
            self._take(self.encoder.encode(self._picture(number)))
        self._take(self.encoder.flush())
        self._seconds = time.monotonic() - began

    def figures(self) -> dict[str, Any]:
        length = self.frames / self.spec.fps
        pictures = {round((p.pts or 0) * 1000 * p.time_base) for p in self.packets if p.is_keyframe}
        asked = {round(1000 + 1000 * number / self.spec.fps) for number in KEYS}
        return {
            "frames_in": self.frames,
            "packets_out": len(self.packets),
            "latency_ms": max(self._latencies[_WARM:], default=0.0),
            "keys_missed": len({at for at in asked if not {at - 1, at, at + 1} & pictures}),
            "speed": length / max(self._seconds, 1e-6),
            "bytes_per_s": sum(p.size for p in self.packets) / length,
        }

    def _picture(self, number: int) -> VideoFrame:
        """The test picture of a number: one of a few, with the number stamped in."""
        frame = self.pictures[number % len(self.pictures)]
        luma = np.frombuffer(frame.planes[0], np.uint8)  # type: ignore[call-overload]
        _stamp(luma.reshape(frame.height, -1), number, frame.width)
        frame.pts, frame.time_base = 10**9 + round(number * 10**9 / self.spec.fps), NANO
        frame.pict_type = PictureType.I if number in KEYS else PictureType.NONE
        self._given[round(frame.pts * 9 / 100_000)] = time.monotonic()
        return frame

    def _take(self, packets: list[AnyPacket]) -> None:
        now = time.monotonic()
        for packet in packets:
            self.packets.append(packet)
            given = self._given.get(packet.pts if packet.pts is not None else -1)
            if given is not None:
                self._latencies.append((now - given) * 1000)


def _compare(facts: TrialFacts, run: _Run) -> TrialFacts:
    """Decode what came out and hold it against what went in."""
    try:
        decoded = _decode(run)
    except (av.FFmpegError, ValueError) as error:
        return dataclasses.replace(facts, error=f"cannot be decoded again: {error}")
    if not decoded:
        return facts
    likenesses = []
    for number, frame in enumerate(decoded):
        if number % 7 == 0 and (frame.width, frame.height) == (run.spec.width, run.spec.height):
            sent = run._picture(number)
            likenesses.append(likeness(luma_of(sent), luma_of(frame)) * tints_alike(sent, frame))
    first = decoded[0]
    return dataclasses.replace(
        facts,
        frames_decoded=len(decoded),
        in_order=[_number(luma_of(f), f.width) for f in decoded] == list(range(len(decoded))),
        width=first.width,
        height=first.height,
        full_range=first.color_range == ColorRange.JPEG,
        likeness=float(np.mean(likenesses)) if likenesses else 0.0,
    )


def _decode(run: _Run) -> list[VideoFrame]:
    # FFmpeg's own AV1 decoder needs hardware.
    name = "libdav1d" if run.spec.codec == "av1" else run.spec.codec
    decoder = av.CodecContext.create(name, "r")
    assert isinstance(decoder, VideoCodecContext)
    decoder.extradata = run.encoder.extradata
    frames = [frame for packet in run.packets for frame in decoder.decode(packet)]
    return frames + decoder.decode(None)


# ------------------------------------------------------------ the picture


def moving_picture(number: int, width: int, height: int) -> VideoFrame:
    """Ramps, text-like edges and a little camera noise, moving; TV range."""
    y, x = np.mgrid[0:height, 0:width]
    luma = 60 + 100 * x / width + 40 * np.sin((y + 3 * number) / 37.0)
    luma += 30 * (((x + 2 * number) // 24 + y // 40) % 7 == 0)
    noise = np.random.default_rng(number % 4).normal(0, 1.5, (height, width))
    chroma = 128 + 40 * np.sin((x[::2, ::2] + 2 * number) / 90.0)
    planes = [luma + noise, chroma, 256 - chroma]
    flat = [np.clip(plane, 16, 235).astype(np.uint8).ravel() for plane in planes]
    image = np.concatenate(flat).reshape(height * 3 // 2, width)
    return VideoFrame.from_ndarray(image, format="yuv420p")


def _block(width: int) -> int:
    return max(2, min(32, width // _BITS // 2 * 2))


def _stamp(luma: Plane, number: int, width: int) -> None:
    side = _block(width)
    for bit in range(_BITS):
        luma[:side, bit * side : (bit + 1) * side] = 235 if number >> bit & 1 else 16


def _number(luma: Plane, width: int) -> int:
    side = _block(width)
    blocks = [luma[:side, bit * side : (bit + 1) * side].mean() > 126 for bit in range(_BITS)]
    return sum(1 << bit for bit, white in enumerate(blocks) if white)


def luma_of(frame: VideoFrame) -> Plane:
    """The brightness of a yuv420p picture, without the padding of its rows."""
    plane = frame.planes[0]
    pixels = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)  # type: ignore[call-overload]
    return pixels[: frame.height, : frame.width]  # type: ignore[no-any-return]


def likeness(one: Plane, other: Plane) -> float:
    """Structural similarity over blocks of 8×8 pixels: 1.0 is equal, 0 unlike."""
    rows, columns = one.shape[0] // 8 * 8, one.shape[1] // 8 * 8
    a, b = (
        image[:rows, :columns].reshape(rows // 8, 8, columns // 8, 8).astype(np.float64)
        for image in (one, other)
    )
    axes = (1, 3)
    mean_a, mean_b = a.mean(axes), b.mean(axes)
    var_a, var_b = a.var(axes), b.var(axes)
    both = (a * b).mean(axes) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    top = (2 * mean_a * mean_b + c1) * (2 * both + c2)
    return float((top / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))).mean())


def tints_alike(one: VideoFrame, other: VideoFrame) -> float:
    """1.0 for the same colours, give or take what encoding costs; 0 from 44 steps apart on."""
    apart = 0.0
    for a, b in zip(one.planes[1:], other.planes[1:], strict=True):
        left, right = (
            np.frombuffer(p, np.uint8).reshape(-1, p.line_size)[: p.height, : p.width]  # type: ignore[call-overload]
            for p in (a, b)
        )
        apart = max(apart, float(np.abs(left.astype(np.int16) - right).mean()))
    return max(0.0, 1.0 - max(0.0, apart - 4) / 40)


def main(argv: list[str] | None = None) -> int:
    """One request, one line of facts."""
    fd = int((sys.argv[1:] if argv is None else argv)[0])
    request = json.loads(sys.stdin.readline())
    # Whoever asked holds our stdin open. When it ends, nobody waits for the answer.
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    spec = VideoSpec(
        request["width"], request["height"], request["fps"], request["codec"], crf=TRIAL_CRF
    )
    av.logging.set_level(av.logging.ERROR)  # so that errors carry the library's own words
    facts = try_encoder(request["name"], spec, request["frames"])
    os.write(fd, json.dumps(dataclasses.asdict(facts)).encode() + b"\n")
    # Threads of a driver must not keep the process alive.
    os._exit(0)


def _end_with_stdin() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
