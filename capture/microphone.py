"""One microphone through PortAudio: 48 kHz, 16 bit, stamped on the monotonic clock.

The call-back thread of PortAudio only copies into a bounded queue. Two silent failures are watched
for: a microphone that was unplugged gives no error, its samples just stop; and a sound server moves
the stream of a vanished microphone to another one without a word. Both end the source: a lecture is
never recorded from a microphone that nobody chose.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections import deque
from typing import Any

import av
import numpy as np

from capture.clockfit import Stamper
from capture.pulse_watch import PulseWatch
from capture.sound_cards import PREFIXES, hardware_of, identity_of_card, usb_cards
from capture.sound_devices import (
    AudioInput,
    card_ids,
    hardware_numbers,
    load_portaudio,
    match_input,
    portaudio_inputs,
    pulse_sources,
    source_called,
)
from capture.source import (
    NS,
    TIME_BASE,
    DeviceBusy,
    DeviceLost,
    DeviceMissing,
    Frame,
    NotMedia,
    NoUsableMode,
    Sample,
    SourceError,
    SourceInfo,
    SourceSpec,
)

RATE = 48_000
BLOCK = 960  # 20 ms
QUEUED = 250  # blocks: five seconds, then the oldest go
FIRST_S = 5.0  # to the first block: devices that slept take their time
SILENT_S = 2.0  # between blocks
DOUBT_S = 0.01  # between looks for the sound server's answer
LATENCY_S = 0.1  # more, and a sound server needs a second to begin; less, and busy machines lose
PULSE, ALSA = "pulse:", "alsa:"
_BUSY, _BAD_RATE, _BAD_CHANNELS = -9985, -9997, -9998

Block = tuple[int, bytes, bool]  # raw stamp, samples, samples were lost before it


class MicrophoneSource:
    """`spec.device`: a PortAudio name, `hw:CARD=…,DEV=0`, `pulse:<source>`, or `default`; or an
    identity from discovery: `pulse:<serial number or socket>`, `alsa:usb:…`, `alsa:port:…` or
    `alsa:hw:CARD=…,DEV=0`. A USB card that was recorded once is followed by what it is, whatever
    word ALSA has for it now.

    options: channels = 1 | 2 (else as many as there are, at most two).
    """

    def __init__(self, spec: SourceSpec) -> None:
        self._spec = spec
        self._queue: queue.Queue[Block] = queue.Queue(QUEUED)
        self._stamper: Stamper[bytes] = Stamper(RATE, BLOCK)
        self._stamped: deque[tuple[int, bytes]] = deque()
        self._watch: PulseWatch | None = None
        self._stream: Any = None
        #: The sound server's source that is wanted; empty where it is not asked.
        self._source = ""
        self._channels = 1
        self._patience = FIRST_S
        self._closed = threading.Event()
        self.dropped = 0  # blocks that nobody read in time

    def open(self) -> SourceInfo:
        # Without it a sound server may deliver in bursts of two seconds.
        os.environ.setdefault("PULSE_LATENCY_MSEC", "40")
        entry = self._find()
        self._channels = self._choose_channels(entry)
        self._start(entry)
        try:
            self._watch = PulseWatch.attach(os.getpid(), self._source)
        except SourceError:
            self.close()
            raise
        card = identity_of_card(*hardware_numbers(entry.name), usb_cards())
        identity = self._watch.identity or card or f"alsa:{entry.name}"
        self._demand_same(identity)
        self._forget_start()
        return SourceInfo(
            media="audio",
            description=f"{self._spec.device}, {RATE} Hz, {self._channels} channel(s)",
            identity=identity,
            codec="pcm_s16",
            sample_rate=RATE,
            channels=self._channels,
        )

    def read(self) -> Sample:
        if self._stream is None:
            raise DeviceLost("the microphone was not opened", "open it before reading")
        deadline = time.monotonic() + self._patience
        while not self._closed.is_set():
            if self._watch is not None and not self._watch.sure(time.monotonic()):
                time.sleep(DOUBT_S)  # whose sound waits in the queue nobody knows
                continue
            if self._stamped:
                return self._frame(*self._stamped.popleft())
            try:
                block = self._queue.get(timeout=0.1)
            except queue.Empty:
                if time.monotonic() > deadline:
                    break
            else:
                self._patience = SILENT_S
                deadline = time.monotonic() + SILENT_S  # blocks in doubt wait, and are no silence
                self._stamped.extend(self._stamper.push(*block))
        self.close()
        raise DeviceLost(
            f"{self._spec.device} gives no more sound", "check the plug of the microphone"
        )

    def decode(self, sample: Sample) -> list[Frame]:
        return [sample] if isinstance(sample, av.AudioFrame) else []

    def close(self) -> None:
        """May take long with a dead card; PortAudio's own thread can hang then."""
        self._closed.set()
        if self._watch is not None:
            self._watch.close()
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close(ignore_errors=True)

    def _demand_same(self, identity: str) -> None:
        """What "default" means changes when a microphone goes: not within a lecture."""
        known = self._spec.identity
        if known.startswith(PULSE) and identity.startswith(PULSE) and identity != known:
            self.close()
            raise DeviceMissing(
                f"{self._spec.device} is another microphone now ({identity})",
                f"plug {known} in again; another one is taken from the next lecture on",
            )

    def _find(self) -> AudioInput:
        device = self._spec.device
        name = "pulse" if device.startswith(PULSE) else self._hardware(device)
        if device.startswith(PULSE):
            self._choose_pulse_source()
        inputs = portaudio_inputs()
        entry = match_input(name, inputs, card_ids())
        if entry is None:
            there = ", ".join(found.name for found in inputs) or "none"
            raise DeviceMissing(
                f"there is no microphone {device}", f"plug it in; inputs here: {there}"
            )
        return entry

    def _hardware(self, device: str) -> str:
        """The name for PortAudio: what is configured, else what it has been so far.

        Raises DeviceMissing.
        """
        for wanted in (device, self._spec.identity):
            if wanted.startswith(PREFIXES):
                return hardware_of(wanted, usb_cards())
        return device.removeprefix(ALSA)

    def _choose_pulse_source(self) -> None:
        """Tell libpulse which source is meant; one process records one microphone."""
        wanted = self._spec.device.removeprefix(PULSE)
        sources = pulse_sources()
        if sources is None:
            raise DeviceMissing("no sound server answers", "start PipeWire or PulseAudio")
        found = source_called(wanted, sources)
        if found is None:
            there = ", ".join(source.name for source in sources) or "none"
            raise DeviceMissing(
                f"there is no microphone {wanted}", f"plug it in; sources here: {there}"
            )
        self._source = os.environ["PULSE_SOURCE"] = found.name

    def _choose_channels(self, entry: AudioInput) -> int:
        asked = int(self._spec.options.get("channels", "0"))
        if asked > min(2, entry.channels):
            raise NoUsableMode(
                f"{entry.name} has {entry.channels} channel(s), not {asked}", "ask for one channel"
            )
        return asked or min(2, entry.channels)

    def _start(self, entry: AudioInput) -> None:
        sounddevice = load_portaudio()
        try:
            self._stream = sounddevice.RawInputStream(
                device=entry.index,
                channels=self._channels,
                samplerate=RATE,
                dtype="int16",
                blocksize=BLOCK,
                latency=LATENCY_S,
                callback=self._take,
            )
            self._stream.start()
        except sounddevice.PortAudioError as error:
            self.close()
            raise explain(error, entry.name) from error

    def _forget_start(self) -> None:
        """A sound server begins with a burst of old or empty blocks; recording begins here."""
        while not self._queue.empty():
            self._queue.get_nowait()
        self._stamper = Stamper(RATE, BLOCK)

    def _take(self, data: Any, frames: int, moment: Any, status: Any) -> None:
        """In PortAudio's thread: nothing here may wait.

        `moment` has an ADC time too, but with a sound server it is off by up to 0.6 s in the first
        seconds, while the call-backs themselves come like clockwork: so arrival counts.
        """
        captured = time.monotonic_ns() - frames * NS // RATE
        block = (captured, bytes(data), bool(status.input_overflow))
        while True:
            try:
                self._queue.put_nowait(block)
            except queue.Full:
                self._drop_oldest()
            else:
                return

    def _drop_oldest(self) -> None:
        try:
            self._queue.get_nowait()
        except queue.Empty:
            return
        self.dropped += 1

    def _frame(self, stamp_ns: int, data: bytes) -> av.AudioFrame:
        samples = np.frombuffer(data, np.int16).reshape(1, -1)
        layout = "stereo" if self._channels == 2 else "mono"
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout=layout)
        frame.sample_rate = RATE
        frame.pts = stamp_ns
        frame.time_base = TIME_BASE
        return frame


def explain(error: Exception, name: str) -> SourceError:
    """What PortAudio's refusal means. Its error number is the second argument, if it gives one."""
    code = error.args[1] if len(error.args) > 1 else 0
    if code == _BUSY:
        return DeviceBusy(f"{name} is in use", "close the program that records from it")
    if code in (_BAD_RATE, _BAD_CHANNELS):
        return NoUsableMode(f"{name} does not record at {RATE} Hz", "choose another input")
    return NotMedia(f"{name} cannot be opened: {error.args[0]}", "unplug it and plug it in again")
