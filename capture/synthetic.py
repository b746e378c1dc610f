"""A camera and a microphone made of arithmetic: for demos, for trying a room set-up, and for tests.

Both follow the monotonic clock's own grid, so that two processes that know nothing of each other
flash and click at the same instants: at every whole monotonic second. They fail on request.

Options: stream = video (default) | audio; channels = 1 | 2; ppm = clock error of the microphone;
stamps = true (default) | arrival: when the block came, smoothed as a real microphone's are;
sound = tone (default, with a click each second) | speech (a bundled clip, no click); click = 0 | 1;
fault = hang | hang_gil | crash | stutter | gone | silence | missing | busy | resize (as when
another laptop is plugged in) | dim (a third of the pictures, as in the dark) | frozen (the same
picture over and over); after = seconds from
open to the fault; once = path: a fault happens only while that file is absent, and creates it.
A device name that contains "/" is a path that stands for the cable: no file there, no device.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections import deque
from pathlib import Path
from typing import Protocol

from capture.clockfit import Stamper
from capture.source import (
    NS,
    DeviceBusy,
    DeviceLost,
    DeviceMissing,
    Frame,
    NoUsableMode,
    Sample,
    SourceInfo,
    SourceSpec,
)
from capture.testcard import TestCard
from capture.testsound import BLOCK, RATE, TestSound

FAULTS = (
    *("hang", "hang_gil", "crash", "stutter", "gone", "silence", "missing", "busy"),
    *("resize", "dim", "frozen"),
)
STUTTER_S = 0.7  # of every second; what happens meanwhile is lost, as with a starved driver


class Generator(Protocol):
    """Makes the n-th sample of a stream whose n-th sample begins at `start(n)`."""

    def start(self, n: int) -> int: ...
    def due(self, n: int) -> int: ...
    def number(self, at_ns: int) -> int: ...
    def make(self, n: int, dark: bool) -> Frame: ...


class SyntheticSource:
    """A device that needs no hardware; see the module's text for the options."""

    def __init__(self, spec: SourceSpec) -> None:
        self._spec = spec
        self._audio = spec.options.get("stream", "video") == "audio"
        self._fault = spec.options.get("fault", "")
        self._after_ns = int(float(spec.options.get("after", "0")) * NS)
        self._cable = Path(spec.device) if "/" in spec.device else None
        self._closed = threading.Event()
        self._maker: Generator | None = None
        self._resized: Generator | None = None
        by_arrival = spec.options.get("stamps") == "arrival"
        self._stamper: Stamper[Frame] | None = (
            Stamper(RATE, BLOCK) if self._audio and by_arrival else None
        )
        self._stamped: deque[tuple[int, Frame]] = deque()
        self._next = 0
        self._opened_ns = 0

    def open(self) -> SourceInfo:
        self._refuse()
        if self._fault and self._fault not in FAULTS:
            raise NoUsableMode(
                f"no fault called {self._fault!r}", f"use one of {', '.join(FAULTS)}"
            )
        info = self._open_audio() if self._audio else self._open_video()
        self._opened_ns = time.monotonic_ns()
        self._next = self._running().number(self._opened_ns) + 1
        return info

    def read(self) -> Sample:
        if self._stamper is None:
            return self._make()[1]
        while not self._stamped:
            lost, frame = self._make()
            arrived_ns = time.monotonic_ns() - BLOCK * NS // RATE
            self._stamped.extend(self._stamper.push(arrived_ns, frame, lost))
        stamp_ns, frame = self._stamped.popleft()
        frame.pts = stamp_ns
        return frame

    def _make(self) -> tuple[bool, Frame]:
        """The next sample when it is due, and whether some were lost before it."""
        maker = self._running()
        self._fail_if_due()
        now = time.monotonic_ns()
        lost = (
            now - maker.due(self._next) > NS // 4
        )  # a real device has a few buffers, then it drops
        if lost:
            self._next = maker.number(now)
        wait = (maker.due(self._next) - now) / NS
        if self._closed.wait(max(0.0, wait)):
            raise DeviceLost("the synthetic device was closed")
        self._check_cable()
        if self._faulty("resize"):
            maker = self._maker = self._resized or maker
        frame = self._frozen(maker) or maker.make(self._next, dark=self._faulty("silence"))
        self._next += 3 if self._faulty("dim") else 1
        return lost, frame

    def _frozen(self, maker: Generator) -> Frame | None:
        """The picture with which the fault began, at its new time."""
        if not self._faulty("frozen"):
            return None
        frame = maker.make(maker.number(self._opened_ns + self._after_ns), dark=False)
        frame.pts = maker.start(self._next)
        return frame

    def decode(self, sample: Sample) -> list[Frame]:
        return [] if not hasattr(sample, "format") else [sample]  # type: ignore[list-item]

    def close(self) -> None:
        self._closed.set()

    def _open_video(self) -> SourceInfo:
        width, height = self._spec.size or (1280, 720)
        fps = self._spec.fps or 30.0
        if width < 32 or height < 16 or not 0 < fps <= 240:
            raise NoUsableMode(
                f"no test picture of {width}×{height} at {fps:g}/s", "ask for 32×16 or more"
            )
        self._maker = TestCard(width, height, fps)
        self._resized = TestCard(width * 3 // 4, height * 3 // 2, fps)
        return SourceInfo(
            media="video",
            description=f"synthetic camera {width}×{height} {fps:g}/s",
            identity=f"synthetic:{self._spec.device or 'camera'}",
            width=width,
            height=height,
            fps=fps,
            pix_fmt="yuv420p",
            codec="rawvideo",
        )

    def _open_audio(self) -> SourceInfo:
        options = self._spec.options
        sound = options.get("sound", "tone")
        if sound not in ("tone", "speech"):
            raise NoUsableMode(f"no test sound called {sound!r}", "use tone or speech")
        channels = 2 if options.get("channels") == "2" else 1
        self._maker = TestSound(
            channels=channels,
            ppm=float(options.get("ppm", "0")),
            speech=sound == "speech",
            click=options.get("click", "0" if sound == "speech" else "1") == "1",
        )
        return SourceInfo(
            media="audio",
            description=f"synthetic microphone ({sound}), {BLOCK / RATE * 1000:.0f} ms blocks",
            identity=f"synthetic:{self._spec.device or 'microphone'}",
            codec="pcm_s16",
            sample_rate=RATE,
            channels=channels,
        )

    def _running(self) -> Generator:
        if self._maker is None:
            raise DeviceLost("the synthetic device was not opened", "open it before reading")
        return self._maker

    def _refuse(self) -> None:
        if self._cable is not None and not self._cable.exists():
            raise DeviceMissing(
                f"no synthetic device at {self._cable}", "create that file to plug it in"
            )
        if self._fault == "missing" and self._take_once():
            raise DeviceMissing(
                "the synthetic device is not there", "remove the option fault=missing"
            )
        if self._fault == "busy" and self._take_once():
            raise DeviceBusy("the synthetic device is in use", "remove the option fault=busy")

    def _check_cable(self) -> None:
        if self._cable is not None and not self._cable.exists():
            raise DeviceLost("the synthetic device was unplugged", "plug it in again")

    def _faulty(self, name: str) -> bool:
        return self._fault == name and time.monotonic_ns() - self._opened_ns >= self._after_ns

    def _take_once(self) -> bool:
        marker = self._spec.options.get("once")
        if marker is None:
            return True
        try:
            Path(marker).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    def _fail_if_due(self) -> None:
        if self._faulty("stutter"):
            self._closed.wait(STUTTER_S if time.monotonic() % 1.0 < 0.3 else 0.0)
        elif self._faulty(self._fault) and self._fault in _FATAL:
            if self._take_once():
                _FATAL[self._fault]()
            self._fault = ""


def _hang() -> None:
    """As a driver that stops answering: other threads live on, this one never comes back."""
    while True:
        time.sleep(3600)


def _hang_gil() -> None:
    """As a native deadlock under the interpreter lock: every thread stands, no handler runs."""
    libc = ctypes.PyDLL(None)
    mutex = ctypes.create_string_buffer(256)  # all zero = an initialised default mutex
    libc.pthread_mutex_lock(mutex)
    libc.pthread_mutex_lock(mutex)


def _crash() -> None:
    ctypes.string_at(0)


def _gone() -> None:
    raise DeviceLost("the synthetic device went away", "plug it in again")


_FATAL = {"hang": _hang, "hang_gil": _hang_gil, "crash": _crash, "gone": _gone}
