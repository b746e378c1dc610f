"""What it costs to encode some tracks at once: each in a child of its own, all at the same time.

`python -m encoders.load FD` is the child: a request on stdin, the figures on FD. It encodes as
fast as it can; what counts is the processor time that this takes, which other programs do not
change much.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange

from encoders.encoder import NANO, EncoderError, VideoSpec
from encoders.headroom import Effort, Load, Track
from encoders.ladder import SOFTWARE
from encoders.rungs import codec_of, open_rung
from encoders.trial import moving_picture

#: Seconds of pictures: enough for a rate control to settle.
LENGTH_S = 3.0
DEADLINE_S = 60.0
_PICTURES = 6


@dataclass(frozen=True, slots=True)
class Request:
    """One track to encode."""

    encoder: str
    width: int
    height: int
    fps: float
    preset: str
    jpeg: bool


class Crowd:
    """Several tracks at once; `end` may be called from a signal handler."""

    def __init__(self, deadline_s: float = DEADLINE_S) -> None:
        self._deadline_s = deadline_s
        self._children: list[subprocess.Popen[bytes]] = []

    def measure(self, requests: Sequence[tuple[str, Request]]) -> list[Load]:
        """The cost of each named track while all of them run."""
        pipes = [self._start(request) for _, request in requests]
        deadline = time.monotonic() + self._deadline_s
        try:
            return [
                self._load(name, request, child, pipe, deadline)
                for (name, request), child, pipe in zip(
                    requests, self._children, pipes, strict=True
                )
            ]
        finally:
            self.end()
            for child, pipe in zip(self._children, pipes, strict=True):
                child.wait()
                os.close(pipe)
            self._children = []

    def end(self) -> None:
        """Kill what runs, and all that it has started."""
        for child in self._children:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)

    def _start(self, request: Request) -> int:
        reading, writing = os.pipe()
        child = subprocess.Popen(
            [sys.executable, "-m", "encoders.load", str(writing)],
            stdin=subprocess.PIPE,
            stdout=2,  # native libraries print, and stdout is for results
            pass_fds=[writing],
            process_group=0,
        )
        os.close(writing)
        assert child.stdin is not None
        with contextlib.suppress(BrokenPipeError), child.stdin:
            child.stdin.write(json.dumps(asdict(request)).encode() + b"\n")
        self._children.append(child)
        return reading

    def _load(
        self,
        name: str,
        request: Request,
        child: subprocess.Popen[bytes],
        pipe: int,
        deadline: float,
    ) -> Load:
        software = request.encoder in SOFTWARE.values()
        try:
            status = child.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return Load(name, error=f"took more than {self._deadline_s:.0f} s to measure")
        line = os.read(pipe, 65536)
        if status != 0 or not line:
            return Load(name, error=f"could not be measured (status {status})")
        return Load(name, software=software, **json.loads(line))


def request_for(track: Track, effort: Effort, size: tuple[int, int]) -> Request:
    """A track at an effort; `size`: of its pictures then."""
    fps = (track.fps or 30.0) / (2 if effort.sparse else 1)
    return Request(track.encoder, *size, fps, effort.preset, track.jpeg)


def cost(request: Request) -> dict[str, Any]:
    """Encode, and say what it took. Never raises EncoderError."""
    spec = VideoSpec(
        request.width & ~1,
        request.height & ~1,
        request.fps,
        codec_of(request.encoder),
        preset=request.preset,
    )
    pictures = [moving_picture(number, spec.width, spec.height) for number in range(_PICTURES)]
    packets = [_jpeg(picture) for picture in pictures] if request.jpeg else []
    decoder = av.CodecContext.create("mjpeg", "r")
    assert isinstance(decoder, VideoCodecContext)
    frames = max(_PICTURES, round(LENGTH_S * request.fps))
    try:
        encoder = open_rung(request.encoder, spec)
        began, spent = time.monotonic(), _spent()
        for number in range(frames):
            at = number % _PICTURES
            frame = decoder.decode(packets[at])[0] if packets else pictures[at]
            frame.pts, frame.time_base = 10**9 + round(number * 10**9 / request.fps), NANO
            encoder.encode(frame)
        encoder.flush()
    except EncoderError as error:
        return {"error": f"cannot be encoded: {error.reason}"}
    length = frames / request.fps
    return {
        "cpu": round((_spent() - spent) / length, 4),
        "speed": round(length / max(1e-6, time.monotonic() - began), 3),
    }


def _jpeg(picture: VideoFrame) -> av.Packet[Any]:
    context = av.CodecContext.create("mjpeg", "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height, context.pix_fmt = picture.width, picture.height, "yuvj420p"
    context.time_base, context.color_range = Fraction(1, 30), ColorRange.JPEG
    full = picture.reformat(format="yuvj420p", dst_color_range=ColorRange.JPEG)
    full.pts, full.time_base = 0, Fraction(1, 30)
    (packet,) = [*context.encode(full), *context.encode(None)]
    return av.Packet(bytes(packet))


def _spent() -> float:
    """Processor time of this process and of the children that it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def main(argv: list[str] | None = None) -> int:
    """One request, one line of figures."""
    fd = int((sys.argv[1:] if argv is None else argv)[0])
    request = Request(**json.loads(sys.stdin.readline()))
    os.write(fd, json.dumps(cost(request)).encode() + b"\n")
    # Threads of a driver must not keep the process alive.
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
