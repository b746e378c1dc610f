"""The upload process: outbox rows in, receipts out. Writes the outbox's columns and the transfers.

Remembers only how long to wait and which files were refused for good; a restart forgets both and
asks the destinations again. Never touches a lecture's state: the supervisor reads the receipts.
"""

from __future__ import annotations

import contextlib
import logging
import random
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType

from edge_agent.ballast import Ballast, is_full
from edge_agent.clock import Clock, SystemClock
from edge_agent.config import Config
from edge_agent.destinations import destinations
from edge_agent.ledger import Ledger, LedgerMissing
from edge_agent.locks import only_one
from edge_agent.rows import OutboxRow
from edge_agent.rules.package import FULL_QUALITY
from edge_agent.rules.renditions import waited_ns
from edge_agent.secrets import Secrets
from edge_agent.spool import Runtime, Spool
from edge_agent.systemd import notify
from edge_agent.upload_window import Window
from uploader.pacing import Pace
from uploader.sender import Artifact, Destination, Pending, Permanent, Receipt, Transient

#: A new package is noticed within this time.
IDLE_S = 1.0
#: A ledger that refuses is tried again after this.
REFUSED_S = 5.0
#: While a file is on its way, one that is worth more is looked for this often.
LOOK_S = 10.0
_NS = 1_000_000_000

log = logging.getLogger("upload")


class Stopping(Exception):
    """Raised out of a running send when the process is told to stop; the next one resumes it."""


class Overtaken(Exception):
    """Raised out of a running send for a file that is worth more; this one goes on after it."""


class Closed(Exception):
    """Raised out of a running send when the time for sending is over; it goes on in the next."""


class Delivery:
    """One pass over the outbox at a time; see the module's text."""

    def __init__(
        self,
        ledger: Ledger,
        spool: Spool,
        destinations: Mapping[str, Destination],
        clock: Clock,
        *,
        chance: Callable[[], float] = random.random,
        beat: Callable[[], None] = lambda: None,
        patience_s: float = 0.0,
        open_now: Callable[[], bool] = lambda: True,
    ) -> None:
        """`patience_s`: how long the full quality waits for the small versions.

        `open_now`: whether this is a time for sending.
        """
        self._ledger = ledger
        self._patience_ns = round(patience_s * _NS)
        self._spool = spool
        self._destinations = destinations
        self._clock = clock
        self._chance = chance
        self._beat = beat
        self._open_now = open_now
        self._paces: dict[str, Pace] = {}
        self._refused: set[OutboxKey] = set()
        self._pending: dict[OutboxKey, Pace] = {}
        self._look_s = 0.0

    def step(self) -> float:
        """Send the most valuable file that is due; seconds to wait before the next step."""
        row = self._next(self._seconds()) if self._open_now() else None
        if row is None:
            return IDLE_S
        try:
            receipt = self._deliver(row)
        except Overtaken:
            log.info("waits for what is worth more: %s", _words(row))
        except Closed:
            log.info("waits for the time to send: %s", _words(row))
        except Permanent as error:
            self._refused.add(_key(row))
            self._note_failure(row, error.reason)
        except Pending as error:
            pace = self._pending.get(_key(row), Pace())
            self._pending[_key(row)] = pace.after_failure(self._seconds(), self._chance())
            self._paces.pop(row.destination, None)
            self._note_failure(row, error.reason)
        except Transient as error:
            pace = Pace() if error.progressed else self._paces.get(row.destination, Pace())
            self._paces[row.destination] = pace.after_failure(
                self._seconds(), self._chance(), error.retry_after_s
            )
            self._note_failure(row, error.reason)
        else:
            self._paces.pop(row.destination, None)
            self._pending.pop(_key(row), None)
            self._ledger.delivered(row, receipt, self._clock.now())
            log.info("delivered %s bytes=%d", _words(row), row.bytes)
        return 0.0

    def _next(self, now: float) -> OutboxRow | None:
        """The first in order of value that is not refused, and that is due with its destination."""
        held = self._held()
        for row in self._ledger.waiting():
            if row.priority >= FULL_QUALITY and row.lecture in held:
                continue
            paces = self._paces.get(row.destination), self._pending.get(_key(row))
            due = all(pace is None or pace.wait_s(now) == 0 for pace in paces)
            if due and _key(row) not in self._refused:
                return row
        return None

    def _held(self) -> frozenset[str]:
        """The lectures whose full quality still waits for their small versions."""
        now = self._clock.now()
        waited = {
            lecture.id: waited_ns(lecture.packaged_boot, lecture.packaged_ns, now.boot, now.mono_ns)
            for lecture in self._ledger.wanting_renditions()
        }
        return frozenset(each for each, ns in waited.items() if ns < self._patience_ns)

    def _deliver(self, row: OutboxRow) -> Receipt:
        """Ask first: the last try may have succeeded without our hearing of it."""
        destination = self._destinations.get(row.destination)
        if destination is None:
            raise Permanent(
                f"the configuration no longer has a destination {row.destination!r}; "
                "put it back and restart the upload service"
            )
        artifact = Artifact(row.name, row.bytes, row.sha256, row.media_type)
        path = self._spool.package(row.lecture) / row.name
        return destination.receipt(row.lecture, artifact) or destination.send(
            row.lecture, artifact, path, lambda _phase, _done: self._on_its_way(row)
        )

    def _on_its_way(self, row: OutboxRow) -> None:
        """A new lecture's first files do not wait for hours behind an older one's last."""
        self._beat()
        if not self._open_now():
            raise Closed
        now = self._seconds()
        if now < self._look_s:
            return
        self._look_s = now + LOOK_S
        first = self._next(now)
        if first is not None and first.priority < row.priority:
            raise Overtaken

    def _note_failure(self, row: OutboxRow, reason: str) -> None:
        """A fault that goes on is one row in the log, not one for each try."""
        if reason != row.last_error:
            log.warning("not delivered %s: %s", _words(row), reason)
        self._ledger.delivery_failed(row, reason)

    def _seconds(self) -> float:
        return self._clock.mono_ns() / _NS


OutboxKey = tuple[str, str, str, str]


def _words(row: OutboxRow) -> str:
    return f"lecture={row.lecture} name={row.name} destination={row.destination}"


def _key(row: OutboxRow) -> OutboxKey:
    return (row.lecture, row.destination, row.name, row.sha256)


def run(config: Config, secrets: Secrets) -> int:
    """Deliver until SIGTERM or SIGINT. Raises AlreadyRunning."""
    stop = threading.Event()

    def asked(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, asked)
    with only_one(Runtime(config.storage.runtime).upload_lock, "upload"):
        notify("READY=1")
        with contextlib.suppress(Stopping):
            _loop(config, secrets, stop)
        notify("STOPPING=1")
    return 0


def _loop(config: Config, secrets: Secrets, stop: threading.Event) -> None:
    """The watchdog is fed after each step, and by the work itself within a long one.

    A supervisor that finds the ledger lost or damaged puts a new file in its place.
    """
    clock, spool = SystemClock(), Spool(config.storage.spool)

    def beat() -> None:
        notify("WATCHDOG=1")
        if stop.is_set():
            raise Stopping

    while True:
        opened, ledger = _await_ledger(spool, beat)
        try:
            window = Window(config.upload.limits, clock)
            places = destinations(config, clock, ledger, secrets, window)
            delivery = Delivery(
                ledger,
                spool,
                places,
                clock,
                beat=beat,
                patience_s=60 * config.renditions.wait_minutes,
                open_now=window.open,
            )
            while _file(spool.ledger) == opened:
                beat()
                stop.wait(_step(delivery, Ballast(spool.ledger)))
        finally:
            ledger.close()


def _step(delivery: Delivery, ballast: Ballast) -> float:
    """What arrived although the ledger could not note it is asked for again."""
    try:
        return delivery.step()
    except sqlite3.DatabaseError as error:
        log.warning("the ledger cannot be used: %s", error)
        return IDLE_S if is_full(error) and ballast.give_up() else REFUSED_S


def _file(path: Path) -> tuple[int, int] | None:
    """Which file bears this name now; None: none does."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino


def _await_ledger(spool: Spool, beat: Callable[[], None]) -> tuple[tuple[int, int] | None, Ledger]:
    """The supervisor makes the ledger; before its first start there is nothing to deliver."""
    while True:
        beat()
        try:
            return _file(spool.ledger), Ledger.write(spool.ledger)
        except LedgerMissing:
            time.sleep(IDLE_S)
