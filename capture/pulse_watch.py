"""Knowing which microphone a sound server really gives us.

PulseAudio (and PipeWire in its place) moves a stream to another source when its own disappears,
and tells nobody who records. But it tells who subscribes to its events: from an event on nothing is
sure until `pactl` has said which source the stream is on. That is asked about once a second as
well, should events be missing. Nothing here waits for an answer: a later call collects it. Without
a sound server there is nothing to watch and every check passes.
"""

from __future__ import annotations

import os
import subprocess
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
AGAIN_S = 0.1  # in doubt
GIVE_UP_S = 5.0  # an answer that takes longer is thrown away


@dataclass(slots=True)
class Question:
    """A `pactl` that runs; its answer lands in a file in memory, so it can never block on us."""

    process: subprocess.Popen[bytes]
    answer: IO[bytes]
    asked: float

    @classmethod
    def ask(cls, now: float) -> Question | None:
        answer = os.fdopen(os.memfd_create("answer"), "w+b")
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
class Subscription:
    """A `pactl subscribe` that runs; ended, it is silent."""

    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls) -> Subscription | None:
        try:
            process = subprocess.Popen(
                ["pactl", "subscribe"],
                env=os.environ | {"LC_ALL": "C"},  # its lines are translated
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except OSError:
            return None
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        return cls(process)

    def has_news(self) -> bool:
        """Whether a source or a recording stream has changed since the last call."""
        assert self.process.stdout is not None
        try:
            text = os.read(self.process.stdout.fileno(), 1 << 16)
        except BlockingIOError:
            return False
        return b"on source" in text

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


@dataclass(slots=True)
class PulseWatch:
    """Which source this process should be connected to, checked now and then."""

    pid: int
    source: PulseSource | None
    _question: Question | None = field(default=None, init=False)
    _next: float = field(default=0.0, init=False)
    _events: Subscription | None = field(default=None, init=False)
    #: Something has happened of which the question that runs may not know.
    _doubt: bool = field(default=False, init=False)
    #: The answer to the question that runs ends the doubt.
    _asked_in_doubt: bool = field(default=False, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    @property
    def identity(self) -> str:
        return self.source.identity if self.source else ""

    @classmethod
    def attach(cls, pid: int, wanted: str) -> PulseWatch:
        """Find the stream of `pid`. Raises DeviceMissing when it got another source than wanted."""
        deadline = time.monotonic() + ATTACH_S
        events = Subscription.start()
        try:
            watch = cls._find(pid, wanted, deadline)
        except DeviceMissing:
            if events is not None:
                events.end()
            raise
        watch._events = events
        return watch

    @classmethod
    def _find(cls, pid: int, wanted: str, deadline: float) -> PulseWatch:
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

    def sure(self, now: float) -> bool:
        """Whether what the stream delivers is from the source that it began with. Never waits.

        Raises DeviceLost when it is on another one.
        """
        with self._lock:
            if self.source is None:
                return True
            if self._events is not None and self._events.has_news():
                self._doubt, self._asked_in_doubt, self._next = True, False, now
            self._step(now)
            return not self._doubt

    def close(self) -> None:
        with self._lock:
            self.source = None
            if self._question is not None:
                self._question.abandon()
                self._question = None
            if self._events is not None:
                self._events.end()
                self._events = None

    def _step(self, now: float) -> None:
        if self._question is None:
            if now >= self._next:
                self._question = Question.ask(now)
                self._asked_in_doubt = self._doubt
                self._next = now + (AGAIN_S if self._doubt else PERIOD_S)
        elif self._question.process.poll() is not None:
            question, self._question = self._question, None
            if self._judge(question.result()) and self._asked_in_doubt:
                self._doubt = False
        elif now - self._question.asked > GIVE_UP_S:
            self._question.abandon()
            self._question = None

    def _judge(self, text: bytes) -> bool:
        """Whether the server has said that the stream is where it was."""
        outputs = parse_answer(text)
        index = source_of_process(outputs, self.pid) if outputs is not None else None
        if index is not None and self.source is not None and index != self.source.index:
            raise DeviceLost(
                f"{self.source.description} went away and the sound server gave another source",
                "plug the microphone in again",
            )
        return index is not None
