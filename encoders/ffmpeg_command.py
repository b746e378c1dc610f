"""Start the system's FFmpeg, and make sense of what it says when it fails."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from typing import IO

from encoders.encoder import EncoderError

#: What happens after an encoder's error, for people.
NEXT = "The next encoder takes over; see: edge-agent encoders"
_ASK_S = 4.0


def has_encoder(name: str) -> bool:
    """Whether this PC's FFmpeg knows an encoder by name. True when it does not say."""
    command = ["ffmpeg", "-hide_banner", "-h", f"encoder={name}"]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_ASK_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return True
    return b"not recognized by FFmpeg" not in done.stdout + done.stderr


def gist(complaints: bytes) -> str:
    """The first two things that FFmpeg said, without addresses; the first ones are the cause."""
    lines = complaints.decode(errors="replace").splitlines()
    plain = [re.sub(r"\[[^\]]* @ 0x[0-9a-f]+\] *", "", line).strip(" .") for line in lines]
    return "; ".join(list(dict.fromkeys(line for line in plain if line))[:2])[:300]


def start(name: str, words: Sequence[str]) -> subprocess.Popen[bytes]:
    """FFmpeg, which ends with us even if we are killed (where setpriv is there)."""
    tied = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
    if shutil.which("ffmpeg") is None:
        raise EncoderError(f"{name} needs the program ffmpeg, which is not installed", NEXT)
    pipe = subprocess.PIPE
    try:
        return subprocess.Popen(
            [*tied, "ffmpeg", *words], stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0
        )
    except OSError as error:
        raise EncoderError(f"ffmpeg cannot be started: {error.strerror}", NEXT) from error


def arguments(before: Sequence[str], encoder: Sequence[str]) -> list[str]:
    """No frame is doubled, dropped or held back, and packets leave as they are made."""
    colours = ["-color_range", "tv", "-colorspace", "bt709"]
    colours += ["-color_primaries", "bt709", "-color_trc", "bt709"]
    return [
        *("-hide_banner", "-loglevel", "error", "-nostdin", *before),
        *("-probesize", "32", "-analyzeduration", "0", "-f", "nut", "-i", "pipe:0"),
        *("-map", "0:v:0", "-fps_mode", "passthrough", "-enc_time_base", "1/1000"),
        *(*encoder, *colours, "-bf", "0"),
        *("-force_key_frames", "expr:mod(floor(t*1000+0.5),2)"),
        *("-flush_packets", "1", "-f", "nut", "pipe:1"),
    ]


class Stamps:
    """Milliseconds for the child: from 40 on, rising, odd for a key frame."""

    def __init__(self) -> None:
        self._base_ms: int | None = None
        self._last_ms = 0

    def next(self, pts: int, key: bool) -> int:
        """The stamp of the next picture, whose own stamp is `pts` in ticks of 90 kHz."""
        at_ms = round(pts / 90)
        if self._base_ms is None:
            self._base_ms = at_ms - 40
        stamp = max(at_ms - self._base_ms, self._last_ms + 1)
        stamp += stamp % 2 != int(key)
        self._last_ms = stamp
        return stamp


class RawPipe:
    """A pipe for PyAV: hands on what is there, without waiting for more."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._fd = pipe.fileno()

    def read(self, size: int) -> bytes:
        return os.read(self._fd, size)

    def write(self, data: bytes) -> int:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._fd, rest) :]
        return len(data)
