"""A USB webcam (UVC, MJPEG) with a microphone (UAC1), served by USB/IP to the guest's real drivers.

    python -m tests.appliance.usb_webcam PORT FRAMES.mjpg WIDTH HEIGHT FPS SERIAL CONTROLS.json

Ending this process pulls the cable. SIGUSR1 makes its microphone deliver nothing any more, SIGUSR2
makes it go on; SIGHUP makes it forget its controls. What they are set to stands in CONTROLS.json.
Pictures go over a bulk endpoint (many webcams use an isochronous one), sound over an isochronous
one. See `usb_descriptors` for what it says of itself.
"""

from __future__ import annotations

import math
import signal
import struct
import sys
import threading
import time
from pathlib import Path

from tests.appliance.usb_controls import Controls
from tests.appliance.usb_descriptors import PAYLOAD, Webcam
from tests.appliance.usbip import Cable, Queue, serve

#: Samples and bytes in a packet of sound: 1 ms of 48 kHz mono.
AUDIO_SAMPLES, AUDIO_BYTES = 48, 96


class Pictures:
    """One JPEG after the other, at the pace of the camera.

    A guest that asks late loses pictures, not time.
    """

    def __init__(self, frames: list[bytes], fps: int) -> None:
        self._frames, self._pace = frames, 1 / fps

    def feed(self, cable: Cable, queue: Queue) -> None:
        number, due = 0, time.monotonic()
        while not queue.ended.is_set():
            time.sleep(max(0.0, due - time.monotonic()))
            due = max(due + self._pace, time.monotonic() - self._pace)
            self._send(cable, queue, self._frames[number % len(self._frames)], number & 1)
            number += 1

    def _send(self, cable: Cable, queue: Queue, jpeg: bytes, toggle: int) -> None:
        sent = 0
        while sent < len(jpeg):
            request = queue.first()
            if request is None:
                return
            part = jpeg[sent : sent + PAYLOAD - 2]
            last = sent + len(part) >= len(jpeg)
            head = bytes([2, 0x80 | toggle | (2 if last else 0)])
            if cable.answer(queue, request, head + part):
                sent += len(part)


class Sound:
    """A tone of 440 Hz, 1 ms a packet."""

    def __init__(self) -> None:
        self.alive = threading.Event()
        self.alive.set()

    def feed(self, cable: Cable, queue: Queue) -> None:
        phase, due = 0, 0.0
        while (request := queue.first()) is not None:
            if not self.alive.wait(0.1):
                continue
            now = time.monotonic()
            due = (now if now - due > 0.5 else due) + request.packets / 1000
            time.sleep(max(0.0, due - now))
            data, places = b"", b""
            for number in range(request.packets):
                offset, length = struct.unpack_from(">II", request.descriptors, 16 * number)
                data += _tone(phase)
                places += struct.pack(">IIIi", offset, length, AUDIO_BYTES, 0)
                phase += AUDIO_SAMPLES
            cable.answer(queue, request, data + places, len(data), request.packets)


def _tone(first: int) -> bytes:
    angles = (2 * math.pi * 440 * (first + n) / 48_000 for n in range(AUDIO_SAMPLES))
    return struct.pack(f"<{AUDIO_SAMPLES}h", *(int(8000 * math.sin(angle)) for angle in angles))


def pictures(mjpeg: bytes) -> list[bytes]:
    """The single JPEGs of a stream."""
    found, end = [], 0
    while (start := mjpeg.find(b"\xff\xd8", end)) >= 0:
        end = mjpeg.find(b"\xff\xd9", start) + 2
        found.append(mjpeg[start:end])
    return found


def main(port: str, frames: str, width: str, height: str, fps: str, serial: str, said: str) -> None:
    controls, sound = Controls(Path(said)), Sound()
    webcam = Webcam(int(width), int(height), int(fps), serial, controls)
    shown = Pictures(pictures(Path(frames).read_bytes()), webcam.fps)
    signal.signal(signal.SIGUSR1, lambda *_: sound.alive.clear())
    signal.signal(signal.SIGUSR2, lambda *_: sound.alive.set())
    signal.signal(signal.SIGHUP, lambda *_: controls.forget())
    serve(int(port), webcam, {1: shown.feed, 2: sound.feed})


if __name__ == "__main__":
    main(*sys.argv[1:])
