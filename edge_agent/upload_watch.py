"""What the upload process counts and tells while it works: data, speed, what it does and why."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from edge_agent.clock import Clock
from edge_agent.rows import OutboxRow
from edge_agent.upload_gate import Gate
from edge_agent.upload_traffic import Meter
from uploader.sender import Phase

#: The shown rate is that of so many seconds.
RATE_S = 10.0
#: The state is written anew so often at most.
TELL_S = 1.0
_NS = 1_000_000_000


class Watch(Protocol):
    """Is told what the process does. Any of it may raise what the process is stopped with."""

    def look(self) -> list[str]:
        """See what holds now; the lectures that people want tried again ("": all)."""
        ...

    def begins(self, row: OutboxRow) -> None: ...
    def moves(self, row: OutboxRow, phase: Phase, done: int) -> None: ...
    def ends(self, row: OutboxRow) -> None: ...

    def refuses(self, row: OutboxRow) -> None:
        """It will not be tried again before people say so."""
        ...

    def idles(self, held_up: OutboxRow | None) -> None:
        """Nothing is sent; `held_up` would be, if its destination were ready."""
        ...


class Unwatched:
    """Nobody is told."""

    def look(self) -> list[str]:
        return []

    def begins(self, row: OutboxRow) -> None: ...
    def moves(self, row: OutboxRow, phase: Phase, done: int) -> None: ...
    def ends(self, row: OutboxRow) -> None: ...
    def refuses(self, row: OutboxRow) -> None: ...
    def idles(self, held_up: OutboxRow | None) -> None: ...


UNWATCHED = Unwatched()


class Transit:
    """The file on its way: how much of it has left, how fast, and how long it was tried."""

    def __init__(self, meter: Meter, clock: Clock) -> None:
        self.row: OutboxRow | None = None
        self.phase: Phase = "asking"
        self.done = 0
        #: How often a file's way has ended, whether it arrived or not.
        self.ended = 0
        #: Refused for good, by its version.
        self.refused: list[dict[str, str]] = []
        self._meter = meter
        self._clock = clock
        self._wanted = ""
        self._since_s = 0.0
        self._recent: deque[tuple[float, int]] = deque()
        self._known = False

    def begin(self, row: OutboxRow) -> None:
        self.row, self.phase, self.done, self._known = row, "asking", 0, False
        self._recent.clear()
        self._pass(row.destination)

    def moved(self, phase: Phase, done: int) -> None:
        """What was there already when this try began has not been sent by it."""
        if self.row is None:
            return
        self.phase = phase
        self._pass(self.row.destination)
        if phase != "copying":
            return
        fresh = max(0, done - self.done) if self._known else 0
        self.done, self._known = done, True
        self._recent.append((self._since_s, fresh))
        self._meter.add(self.row.destination, fresh)

    def end(self) -> None:
        self.row = None
        self.ended += 1
        self._meter.flush()

    def idle(self, destination: str) -> None:
        """Nothing is sent, though it might be to this destination; "": nothing could be."""
        self._pass(destination)

    def rate(self) -> float | None:
        """Bytes per second of late; None before there is anything to tell."""
        now = self._clock.mono_ns() / _NS
        while len(self._recent) > 1 and self._recent[0][0] < now - RATE_S:
            self._recent.popleft()
        span = now - self._recent[0][0] if self._recent else 0.0
        return sum(count for _, count in self._recent) / span if span >= 1.0 else None

    def _pass(self, wanted: str) -> None:
        """The time since the last call belongs to what was wanted then."""
        now = self._clock.mono_ns() / _NS
        if self._wanted:
            self._meter.add(self._wanted, 0, now - self._since_s)
        self._wanted, self._since_s = wanted, now


class UploadWatch:
    """The watch of the real process. Its state is volatile: `upload.json` in the runtime folder."""

    def __init__(
        self,
        gate: Gate,
        transit: Transit,
        clock: Clock,
        file: Path,
        arrivals: Callable[[], Mapping[str, Any]],
    ) -> None:
        self._gate = gate
        self._transit = transit
        self._clock = clock
        self._file = file
        self._arrivals = arrivals
        self._again: int | None = None
        self._tell_ns = 0

    def look(self) -> list[str]:
        self._gate.look()
        control = self._gate.control
        seen = control.newest if self._again is None else self._again
        self._again = control.newest
        self._tell()
        again = [lecture for number, lecture in control.again if number > seen]
        for lecture in again:
            refused = self._transit.refused
            self._transit.refused = [r for r in refused if lecture not in ("", r["lecture"])]
        return again

    def begins(self, row: OutboxRow) -> None:
        self._gate.on_way(row)
        self._transit.begin(row)

    def moves(self, row: OutboxRow, phase: Phase, done: int) -> None:
        self._transit.moved(phase, done)
        self._gate.look()
        self._tell()

    def ends(self, row: OutboxRow) -> None:
        self._gate.on_way(None)
        self._transit.end()

    def refuses(self, row: OutboxRow) -> None:
        self._transit.refused.append(row.version())

    def idles(self, held_up: OutboxRow | None) -> None:
        self._transit.idle(held_up.destination if held_up else "")

    def _tell(self) -> None:
        """Replace the file. A runtime folder that is full or gone costs the news, no more."""
        mono_ns = self._clock.mono_ns()
        if mono_ns < self._tell_ns:
            return
        self._tell_ns = mono_ns + round(TELL_S * _NS)
        fresh = self._file.with_suffix(".new")
        try:
            fresh.write_text(json.dumps(self._document()))
            fresh.replace(self._file)
        except OSError:
            return

    def _document(self) -> dict[str, Any]:
        now = self._clock.now()
        return {
            "pid": os.getpid(),
            "boot": now.boot,
            "mono_ns": now.mono_ns,
            "utc": now.utc_text,
            "sending": self._sending(),
            "leave": self._gate.document(),
            **self._arrivals(),
        }

    def _sending(self) -> dict[str, Any] | None:
        row, transit = self._transit.row, self._transit
        if row is None:
            return None
        rate = transit.rate()
        return {
            "lecture": row.lecture,
            "name": row.name,
            "destination": row.destination,
            "bytes": row.bytes,
            "done": transit.done,
            "phase": transit.phase,
            "bytes_per_second": rate and round(rate),
        }
