"""Knowing which microphone a sound server really gives us.

PulseAudio (and PipeWire in its place) moves a stream to another source when its own disappears,
and tells nobody. This asks `pactl` about once a second, never waiting for the answer: a later call
collects it. Without a sound server there is nothing to watch and every check passes.
"""

from __future__ import annotations

import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass, field
from typing import IO

from capture.sound_devices import (
    PulseSource,
    pactl,
    pactl_command,
    parse_answer,
    pulse_sources,
    source_of_process,
)
from capture.source import DeviceLost, DeviceMissing

PERIOD_S = 1.0
ATTACH_S = 2.0  # the server lists a new stream only after a moment
GIVE_UP_S = 5.0  # an answer that takes longer is thrown away


@dataclass(slots=True)
class Question:
    """A `pactl` that runs; its answer lands in an unnamed file, so it can never block on us."""

    process: subprocess.Popen[bytes]
    answer: IO[bytes]
    asked: float

    @classmethod
    def ask(cls, now: float) -> Question | None:
        answer = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the answer
        try:
            process = subprocess.Popen(
                pactl_command("source-outputs"),
                stdin=subprocess.DEVNULL,
                stdout=answer,
                stderr=subprocess.DEVNULL,
            )
        except OSError:
            answer.close()
            return None
        return cls(process, answer, now)

    def result(self) -> bytes:
        self.answer.seek(0)
        text = self.answer.read()
        self.answer.close()
        return text

    def abandon(self) -> None:
        self.process.kill()
        self.process.wait()
        self.answer.close()


@dataclass(slots=True)
class PulseWatch:
    """Which source this process should be connected to, checked now and then."""

    pid: int
    source: PulseSource | None
    _question: Question | None = field(default=None, init=False)
    _next: float = field(default=0.0, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    @property
    def identity(self) -> str:
        return self.source.identity if self.source else ""

    @classmethod
    def attach(cls, pid: int, wanted: str) -> PulseWatch:
        """Find the stream of `pid`. Raises DeviceMissing when it got another source than wanted."""
        deadline = time.monotonic() + ATTACH_S
        while True:
            outputs = pactl("source-outputs")
            if outputs is None:
                return cls(pid, None)
            index = source_of_process(outputs, pid)
            if index is not None or time.monotonic() > deadline:
                break
            time.sleep(0.05)
        found = {source.index: source for source in pulse_sources() or []}
        source = found.get(index) if index is not None else None
        if wanted and (source is None or source.name != wanted):
            given = source.name if source else "nothing"
            raise DeviceMissing(
                f"the sound server gave {given} in place of {wanted}", "check that it is plugged in"
            )
        return cls(pid, source)

    def check(self, now: float) -> None:
        """Raises DeviceLost when the stream is on another source. Never waits."""
        with self._lock:
            if self.source is not None:
                self._step(now)

    def close(self) -> None:
        with self._lock:
            self.source = None
            if self._question is not None:
                self._question.abandon()
                self._question = None

    def _step(self, now: float) -> None:
        if self._question is None:
            if now >= self._next:
                self._question = Question.ask(now)
                self._next = now + PERIOD_S
        elif self._question.process.poll() is not None:
            question, self._question = self._question, None
            self._judge(question.result())
        elif now - self._question.asked > GIVE_UP_S:
            self._question.abandon()
            self._question = None

    def _judge(self, text: bytes) -> None:
        outputs = parse_answer(text)
        index = source_of_process(outputs, self.pid) if outputs is not None else None
        if index is not None and self.source is not None and index != self.source.index:
            raise DeviceLost(
                f"{self.source.description} went away and the sound server gave another source",
                "plug the microphone in again",
            )
