"""The upload process: outbox rows in, receipts out. Writes the outbox's columns and the transfers.

Remembers only how long to wait and which files were refused for good; a restart forgets both and
asks the destinations again. Never touches a lecture's state: the supervisor reads the receipts.
"""

from __future__ import annotations

import contextlib
import logging
import random
import sqlite3
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from edge_agent.ballast import Ballast, is_full
from edge_agent.clock import Clock, SystemClock
from edge_agent.config import Config
from edge_agent.destinations import destinations, whole
from edge_agent.ledger import Ledger, LedgerMissing
from edge_agent.locks import alone_in, only_one
from edge_agent.rows import OutboxRow
from edge_agent.secrets import Secrets
from edge_agent.spool import Runtime, Spool
from edge_agent.stopping import Stop, told_by_signals
from edge_agent.systemd import notify
from edge_agent.upload_queue import ALWAYS, Leave, Queue
from edge_agent.upload_room import watched
from edge_agent.upload_watch import UNWATCHED, Watch
from uploader.sender import (
    Artifact,
    Carried,
    Destination,
    MakesWay,
    Pending,
    Permanent,
    Phase,
    Receipt,
    Transient,
)

#: A new package is noticed within this time.
IDLE_S = 1.0
#: A ledger that refuses is tried again after this.
REFUSED_S = 5.0

log = logging.getLogger("upload")


class Stopping(Exception):
    """Raised out of a running send when the process is told to stop; the next one resumes it."""


class Overtaken(MakesWay):
    """Raised out of a running send for a file that is worth more; this one goes on after it."""


class Closed(Exception):
    """Raised out of a running send that must wait from now on; it goes on when it may."""


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
        leave: Leave = ALWAYS,
        watch: Watch = UNWATCHED,
        whole: Collection[str] = (),
    ) -> None:
        """`patience_s`: how long the full quality waits for the small versions.

        `leave` says what may be sent now, `watch` is told what happens, `whole` names the
        destinations at which a file that is broken off begins anew.
        """
        self.queue = Queue(ledger, clock, leave, patience_s=patience_s, chance=chance, whole=whole)
        self._ledger = ledger
        self._spool = spool
        self._destinations = destinations
        self._carried = {n: it for n, it in destinations.items() if isinstance(it, Carried)}
        self._news: dict[str, object] = {}
        self._clock = clock
        self._beat = beat
        self._leave = leave
        self._watch = watch

    def step(self) -> float:
        """Send the most valuable file that is due; seconds to wait before the next step."""
        for lecture in self._watch.look():
            self.queue.forget(lecture)
        for name, place in self._carried.items():
            if (news := place.news()) != self._news.get(name):
                self._news[name] = news
                self.queue.heard(name)
        row = self.queue.next()
        if row is None:
            self._watch.idles(self.queue.held_up)
            return IDLE_S
        self._watch.begins(row)
        try:
            self._try(row)
        finally:
            self._watch.ends(row)
        return 0.0

    def _try(self, row: OutboxRow) -> None:
        try:
            receipt = self._deliver(row)
        except Overtaken:
            log.info("waits for what is worth more: %s", _words(row))
        except Closed:
            log.info("has to wait: %s", _words(row))
        except Permanent as error:
            self.queue.refused(row)
            self._watch.refuses(row)
            self._note_failure(row, error.reason)
        except Pending as error:
            self.queue.pending(row)
            self._note_failure(row, error.reason)
        except Transient as error:
            self.queue.failed(row, error)
            self._note_failure(row, error.reason)
        else:
            self.queue.delivered(row)
            self._ledger.delivered(row, receipt, self._clock.now())
            log.info("delivered %s bytes=%d", _words(row), row.bytes)

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
            row.lecture, artifact, path, lambda phase, done: self._on_its_way(row, phase, done)
        )

    def _on_its_way(self, row: OutboxRow, phase: Phase, done: int) -> None:
        """A new lecture's first files do not wait for hours behind an older one's last."""
        self._beat()
        self._watch.moves(row, phase, done)
        if self._leave.breaks_off(row):
            raise Closed
        if self.queue.overtaken(row):
            raise Overtaken

    def _note_failure(self, row: OutboxRow, reason: str) -> None:
        """A fault that goes on is one row in the log, not one for each try."""
        if reason != row.last_error:
            log.warning("not delivered %s: %s", _words(row), reason)
        self._ledger.delivery_failed(row, reason)


def _words(row: OutboxRow) -> str:
    return f"lecture={row.lecture} name={row.name} destination={row.destination}"


def run(config: Config, secrets: Secrets) -> int:
    """Deliver until SIGTERM or SIGINT. Raises AlreadyRunning, OSError."""
    lock = Runtime(config.storage.runtime).upload_lock
    with told_by_signals() as stop, only_one(lock, "upload"):
        notify("READY=1")
        with contextlib.suppress(Stopping):
            _loop(config, secrets, stop)
        notify("STOPPING=1")
    return 0


def _loop(config: Config, secrets: Secrets, stop: Stop) -> None:
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
        spool.lectures.mkdir(exist_ok=True)
        with contextlib.closing(ledger), alone_in(spool.lectures, "upload"):
            gate, watch = watched(config, clock, ledger)
            places = destinations(config, clock, ledger, secrets, gate)
            delivery = Delivery(
                ledger,
                spool,
                places,
                clock,
                beat=beat,
                patience_s=60 * config.renditions.wait_minutes,
                leave=gate,
                watch=watch,
                whole=whole(config),
            )
            while _file(spool.ledger) == opened:
                beat()
                stop.wait(_step(delivery, Ballast(spool.ledger)))


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
