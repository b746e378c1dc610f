"""The supervisor's children: recorders and finishers as processes with a private pipe back.

Thin: a child knows how to be started, told, heard and ended. When to do which is decided in
`edge_agent.rules`. Nothing here waits for a child: one in uninterruptible sleep must not stop
the others.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Protocol, TypeAlias

from edge_agent.messages import BadMessage, Beat, Gone, Message, RecorderSpec, Sound, parse_report
from edge_agent.messages import Opened as OpenedReport
from edge_agent.pipes import Inlet, Line
from edge_agent.rules.endings import WEDGED, words_for
from edge_agent.rules.guards import Guard
from edge_agent.rules.health import GONE, WEDGED_NS, Phase, Pressure, Retries
from edge_agent.rules.plan import RecorderFacts
from edge_agent.senses import Senses

#: A recorder that stayed armed this long has not failed: its next failure is its first.
PROVEN_NS = 10_000_000_000


class Child(Protocol):
    """What the supervisor needs of a child process. Nothing here blocks."""

    def start(self, first: Line, whole: bool = False) -> None:
        """Start the child and give it its first line; `whole`: that is all it will ever get."""

    def fileno(self) -> int:
        """The pipe's descriptor, for `select`; -1 when there is none."""

    def send(self, line: Line) -> None:
        """Tell the child. One that does not read, or is gone, is found out by its silence."""

    def lines(self) -> list[bytes]:
        """What it has said since the last time."""

    def signal(self, number: signal.Signals) -> None: ...

    def reap(self) -> int | None:
        """The exit status once the child has ended (and all it said was read), else None."""


class Process:
    """A Python child with JSON lines on stdin and a pipe back, in a process group of its own."""

    def __init__(self, module: str, arguments: Sequence[str] = ()) -> None:
        self._module = module
        self._arguments = list(arguments)
        self._popen: subprocess.Popen[bytes] | None = None
        self._inlet: Inlet | None = None

    def start(self, first: Line, whole: bool = False) -> None:
        """Raises OSError: the system has no process, no memory or no descriptor to give now."""
        reading, writing = os.pipe()
        command = [sys.executable, "-m", self._module, *self._arguments, str(writing)]
        try:
            # stdout goes to stderr: native libraries print, and our stdout is for results.
            with _as_file(first) if whole else contextlib.nullcontext(subprocess.PIPE) as stdin:
                self._popen = subprocess.Popen(
                    command, stdin=stdin, stdout=2, pass_fds=[writing], process_group=0
                )
        except OSError:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        os.set_blocking(reading, False)
        self._inlet = Inlet(reading)
        if self._popen.stdin is not None:
            os.set_blocking(self._popen.stdin.fileno(), False)
            self.send(first)

    @property
    def pid(self) -> int | None:
        return self._popen.pid if self._popen else None

    def fileno(self) -> int:
        return self._inlet.fd if self._inlet is not None and not self._inlet.ended else -1

    def send(self, line: Line) -> None:
        if self._popen is None or self._popen.stdin is None or self._popen.stdin.closed:
            return
        try:
            os.write(self._popen.stdin.fileno(), line.line())
        except (BlockingIOError, BrokenPipeError):
            return

    def lines(self) -> list[bytes]:
        return self._inlet.lines() if self._inlet is not None else []

    def signal(self, number: signal.Signals) -> None:
        if self._popen is not None and self._popen.returncode is None:
            self._popen.send_signal(number)

    def reap(self) -> int | None:
        """The exit status once the child has ended and all it said was read, else None.

        Its last words may arrive between two looks: only the end of the pipe is their end.
        """
        if self._popen is None or self._popen.poll() is None:
            return None
        if self._inlet is not None and not self._inlet.ended:
            return None
        status = self._popen.returncode
        if self._popen.stdin is not None:
            self._popen.stdin.close()
        if self._inlet is not None:
            os.close(self._inlet.fd)
        self._popen = self._inlet = None
        return status


#: How children are made, from module and arguments; tests bring their own.
Launch: TypeAlias = Callable[[str, Sequence[str]], Child]


@contextlib.contextmanager
def _as_file(line: Line) -> Iterator[IO[bytes]]:
    """A file in memory to read from: unlike a pipe it takes a line of any length at once."""
    with os.fdopen(os.memfd_create("first line"), "w+b") as file:
        file.write(line.line())
        file.seek(0)
        yield file


class Recorder:
    """A configured track and, when it lives, its recorder process."""

    def __init__(self, spec: RecorderSpec, launch: Launch = Process) -> None:
        self.spec = spec
        self.process = launch("edge_agent.recorder", ())
        self.phase = Phase.ABSENT
        self.opened: OpenedReport | None = None
        self.lecture: str | None = None
        #: Lecture time up to which the current recording is on the disk.
        self.durable_ns: int | None = None
        self.dropped = 0
        self.backlog = 0.0
        self.peak: float | None = None
        self.rms: float | None = None
        #: What a microphone hears, as its last beat said.
        self.sound: Sound | None = None
        #: What encodes its pictures while it records, if that is not the recorder's own choice.
        self.encoder = ""
        #: What its recording gives up because the PC is too slow, in words.
        self.given_up = ""
        self.senses = Senses()
        self.restarts = 0
        #: Why the process before this one ended; None once this one is armed.
        self.last_words: Gone | None = None
        self._said: Gone | None = None
        self._heard_ns = 0
        self._armed_ns: int | None = None
        self._pressure = Pressure.NONE
        self._pressed_ns = 0
        self._retries = Retries()
        #: Starts in a row that were ended for their silence.
        self._slow_starts = 0

    @property
    def track(self) -> str:
        return self.spec.track

    def facts(self) -> RecorderFacts:
        return RecorderFacts(
            track=self.track,
            phase=self.phase,
            heard_ns=self._heard_ns,
            lecture=self.lecture,
            pressure=self._pressure,
            pressed_ns=self._pressed_ns,
            retry_ns=self._retries.due_ns,
            failure=self.failure,
            slow_starts=self._slow_starts,
        )

    @property
    def failure(self) -> str:
        """Why the last process ended, until the next one is armed."""
        return self.last_words.reason if self.last_words else ""

    def start(self, now_ns: int, muted: bool, identity: str = "") -> None:
        """`identity`: the device that it must be, where its name could mean another one now."""
        self._said = None
        self.senses.guard = Guard(heard_ns=now_ns)
        self._retries = self._retries.started(now_ns)
        self.process.start(self.spec.model_copy(update={"muted": muted, "identity": identity}))
        self.enter(Phase.STARTING, now_ns)

    def device_came(self, now_ns: int) -> None:
        """A device of its kind was plugged in: it may be the one that is missing."""
        self._retries = self._retries.device_came(now_ns)

    def enter(self, phase: Phase, now_ns: int) -> None:
        """A new phase; its deadline runs from now. Words stored late do not raise the dead."""
        if self.phase in GONE and phase is not Phase.STARTING:
            return
        self.phase = phase
        self._heard_ns = now_ns
        if phase is Phase.ARMED:
            self.lecture, self.durable_ns, self.encoder = None, None, ""
            self.given_up = ""
            self._armed_ns = self._armed_ns or now_ns
            self._slow_starts = 0
        if phase is not Phase.ABSENT and phase is not Phase.STARTING:
            self.last_words = None

    def enter_finishing(self, now_ns: int) -> None:
        """It was told to finish; `lecture` stays until it says that it has."""
        self.phase = Phase.FINISHING
        self._heard_ns = now_ns

    def beat(self, beat: Beat) -> None:
        self.dropped, self.backlog, self.sound = beat.dropped, beat.backlog, beat.sound
        self.senses.take(beat, self._heard_ns)
        if beat.recording is not None and beat.recording == self.lecture:
            self.durable_ns = beat.durable_ns

    @property
    def drift_ppm(self) -> float | None:
        """How fast the microphone's clock is, as far as it is known."""
        return self.sound.drift_ppm if self.sound else None

    @property
    def failure_is_news(self) -> bool:
        """A device that stays away is told once, not at each try."""
        return self._retries.failures == 1

    def tell(self, message: Message) -> None:
        self.process.send(message)

    def reports(self, now_ns: int) -> list[Message]:
        """What the recorder has said since the last time."""
        found: list[Message] = []
        for line in self.process.lines():
            self._heard_ns = now_ns
            try:
                report = parse_report(line)
            except BadMessage as error:
                print(f"recorder {self.track}: {error}", file=sys.stderr)
                continue
            if isinstance(report, Gone):
                self._said = report
            found.append(report)
        return found

    def press(self, pressure: Pressure, now_ns: int) -> None:
        self._pressure = pressure
        self._pressed_ns = now_ns
        number = {Pressure.INSISTED: signal.SIGTERM, Pressure.KILLED: signal.SIGKILL}.get(pressure)
        if number is not None:
            self.process.signal(number)

    def reap(self, now_ns: int) -> Gone | None:
        """If the process has ended, or is wedged: note it, and return why, once."""
        status, told = self.process.reap(), self.phase is Phase.WEDGED
        if status is None:
            return None if told else self._wedged(now_ns)
        proven = self._armed_ns is not None and now_ns - self._armed_ns > PROVEN_NS
        self._retries = self._retries.failed(now_ns, proven)
        gone = self._said or words_for(status, self._pressure)
        if self.phase is Phase.STARTING and self._pressure is not Pressure.NONE:
            self._slow_starts += 1
        self._pressure, self._armed_ns = Pressure.NONE, None
        self.restarts += 1
        self._leave(Phase.ABSENT, gone)
        return None if told else gone

    def _wedged(self, now_ns: int) -> Gone | None:
        if self._pressure is not Pressure.KILLED or now_ns - self._pressed_ns < WEDGED_NS:
            return None
        self._leave(Phase.WEDGED, WEDGED)
        return WEDGED

    def _leave(self, phase: Phase, gone: Gone) -> None:
        self.phase, self.last_words = phase, gone
        self.peak = self.rms = self.sound = None
        self.given_up = ""
        self.senses.guard = Guard()
