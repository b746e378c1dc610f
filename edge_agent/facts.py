"""Gather the facts of one round: what ledger, children and disk say now. Changes nothing."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from edge_agent.children import Recorder
from edge_agent.clock import Now
from edge_agent.ledger import Ledger
from edge_agent.older_ledger import UnderWay
from edge_agent.rows import Command, Lecture
from edge_agent.rules.bin import VERBS as THROWING_AWAY
from edge_agent.rules.bin import Kept, spent, undated
from edge_agent.rules.captions import VERBS as CAPTIONS
from edge_agent.rules.health import may_try_again
from edge_agent.rules.lecture import WITH_PACKAGE, Event, State, events
from edge_agent.rules.plan import DISK_FULL, ActiveFacts, CommandFacts, Facts, FinisherFacts
from edge_agent.rules.space import room_to_record
from edge_agent.spool import Spool

#: What changes slowly (receipts, free space) is looked up this often, not each round.
SLOW_NS = 1_000_000_000


class Observer:
    """Reads the facts. Keeps only what it saved itself from looking up again."""

    def __init__(
        self, spool: Spool, ledger: Ledger, least_free_bytes: int, bin_days: int = 14
    ) -> None:
        self._bin_days = bin_days
        self._spent: tuple[str, ...] = ()
        self._undated: tuple[str, ...] = ()
        self._purged: tuple[str, ...] = ()
        self._spool = spool
        self._ledger = ledger
        self._least_free = least_free_bytes
        self._slow_due_ns = 0
        self._received: tuple[str, ...] = ()
        self._leftovers: tuple[str, ...] = ()
        #: Lectures that are known to have no segments any more.
        self._bare: set[str] = set()
        #: Purged lectures that are known to have no files any more.
        self._gone: set[str] = set()
        #: The full disk has ended a track of the lecture under way.
        self._was_full = False
        self.free_bytes = 0
        #: The lecture under way as the ledger had it in the last round.
        self.under_way: UnderWay | None = None

    def facts(
        self,
        now: Now,
        recorders: Iterable[Recorder],
        finisher: FinisherFacts | None,
        finisher_failures: dict[str, tuple[int, int]],
        stopping: bool,
    ) -> Facts:
        """`finisher_failures`: lecture → (failures in a row, monotonic ns of the last one)."""
        if now.mono_ns >= self._slow_due_ns:
            self._look_slowly(now)
        commands, held = self._ledger.new_commands(), self._ledger.releasable()
        return Facts(
            now_ns=now.mono_ns,
            recorders=tuple(recorder.facts() for recorder in recorders),
            active=self._active(now),
            finishing=self._finishing(now, finisher_failures),
            edited=self._edited(now, finisher_failures),
            releasable=tuple(it.id for it in held if self._complete(it, now)),
            bereft=tuple(it.id for it in held if _there(self._spool.package(it.id)) is False),
            finisher=finisher,
            received=self._received,
            leftovers=self._leftovers,
            failed=self._failed(commands),
            resumable=self._stopped(commands, now),
            undoable=self._undoable(commands, now),
            present=self._present(commands),
            unsent=self._unsent(commands),
            commands=tuple(_command(command, now) for command in commands),
            enough_space=self.free_bytes >= self._least_free,
            room_to_record=room_to_record(self.free_bytes, self._was_full),
            stopping=stopping,
            kept=self._kept(commands),
            spent=self._spent,
            undated=self._undated,
            purged=self._purged,
        )

    def look_again(self) -> None:
        """After an action that changes slow facts: look them up in the next round."""
        self._slow_due_ns = 0

    def _active(self, now: Now) -> ActiveFacts | None:
        lecture = self._ledger.active()
        if lecture is None:
            self._was_full, self.under_way = False, None
            return None
        all_gaps = self._ledger.gaps(lecture.id)
        gaps = [g for g in all_gaps if g.end_ns is None and g.track]
        tracks = self._ledger.tracks(lecture.id)
        self.under_way = UnderWay(lecture, tuple(tracks), tuple(all_gaps))
        self._was_full = any(gap.cause == DISK_FULL for gap in gaps)
        return ActiveFacts(
            id=lecture.id,
            state=lecture.state,
            tracks=frozenset(track.name for track in tracks),
            open_gaps=frozenset(gap.track for gap in gaps if gap.track),
            now_ns=lecture.lecture_ns(now.mono_ns),
            until_ns=lecture.until_ns,
            planned=lecture.until_utc is not None,
        )

    def _finishing(self, now: Now, failures: dict[str, tuple[int, int]]) -> tuple[str, ...]:
        found = (each.id for each in self._ledger.lectures(State.FINISHING))
        return _due(found, failures, now)

    def _complete(self, lecture: Lecture, now: Now) -> bool:
        """It has its package, and can go on no more."""
        there = _there(self._spool.package(lecture.id))
        return bool(there) and not lecture.waits(now.mono_ns, now.boot)

    def _edited(self, now: Now, failures: dict[str, tuple[int, int]]) -> tuple[str, ...]:
        return _due(self._ledger.edited(), failures, now)

    def _failed(self, commands: list[Command]) -> frozenset[str]:
        if not any(command.verb == "retry" for command in commands):
            return frozenset()
        found = self._ledger.lectures(State.FAILED)
        return frozenset(lecture.id for lecture in found) - self._ledger.binned()

    def _kept(self, commands: list[Command]) -> dict[str, Kept]:
        """The lectures that somebody throws away, takes back or captions; for who asks only."""
        verbs = THROWING_AWAY.keys() | CAPTIONS.keys()
        wanted = {str(it.args.get("lecture", "")) for it in commands if it.verb in verbs}
        found = (self._ledger.lecture(lecture) for lecture in sorted(wanted))
        binned = self._ledger.binned() if wanted else frozenset()
        return {
            lecture.id: Kept(
                lecture.state,
                lecture.id in binned,
                sum(row.receipt is None for row in self._ledger.outbox(lecture.id)),
                lecture.renditions == "wanted",
                lecture.edits > lecture.edits_done,
            )
            for lecture in found
            if lecture is not None
        }

    def _stopped(self, commands: list[Command], now: Now) -> frozenset[str]:
        """Looked up for who asks only. To go on, a lecture's time must be that of this boot.

        One that is handed over again, since its package is newer than the ledger, has no segments
        any more: its package is all there is, and must not make way.
        """
        if not any(command.verb == "continue" for command in commands):
            return frozenset()
        found = (it for it in self._ledger.lectures(State.FINISHING) if it.epoch_boot == now.boot)
        return frozenset(it.id for it in found if not self._only_packaged(it.id))

    def _only_packaged(self, lecture: str) -> bool:
        package, tracks = self._spool.package(lecture), self._spool.tracks(lecture)
        return _there(package) is not False and not _there(tracks)

    def _undoable(self, commands: list[Command], now: Now) -> frozenset[str]:
        if not any(command.verb == "continue" for command in commands):
            return frozenset()
        found = self._ledger.lectures(State.FINISHING, State.HELD)
        waiting = frozenset(it.id for it in found if it.waits(now.mono_ns, now.boot))
        return waiting - self._ledger.binned()

    def _present(self, commands: list[Command]) -> frozenset[str]:
        if not any(command.verb in ("edit", "withhold", "publish") for command in commands):
            return frozenset()
        ended = frozenset(self._ledger.ids(State.FINISHING, State.FAILED, *WITH_PACKAGE))
        return ended - self._ledger.binned()

    def _unsent(self, commands: list[Command]) -> frozenset[str]:
        if not any(command.verb == "withhold" for command in commands):
            return frozenset()
        return frozenset(self._ledger.unsent())

    def _look_slowly(self, now: Now) -> None:
        self._slow_due_ns = now.mono_ns + SLOW_NS
        self.free_bytes = shutil.disk_usage(self._spool.root).free
        self._received = tuple(self._ledger.received())
        self._leftovers = tuple(self._with_segments(now))
        self._purged = tuple(self._with_files())
        self._look_into_bin(now)

    def _look_into_bin(self, now: Now) -> None:
        rows = self._ledger.bin()
        self._undated = tuple(row.lecture for row in rows if undated(row.trust, now.trust))
        self._spent = tuple(
            row.lecture
            for row in rows
            if spent(row.deleted, row.trust, now.utc, now.trust, self._bin_days)
            and Event.PURGE in events(self._ledger.existing(row.lecture).state)
        )

    def _with_files(self) -> Iterator[str]:
        """What a lecture that was purged has left; one whose files are gone is asked once."""
        for lecture in self._ledger.ids(State.PURGED):
            if lecture in self._gone:
                continue
            there = _there(self._spool.lecture(lecture))
            if there:
                yield lecture
            elif there is False:
                self._gone.add(lecture)

    def _with_segments(self, now: Now) -> Iterator[str]:
        """A packaged lecture whose segments are gone gets no new ones, so it is asked once."""
        held = [it.id for it in self._ledger.lectures(State.HELD) if self._complete(it, now)]
        for lecture in [*held, *self._ledger.ids(State.PACKAGED, State.DELIVERED)]:
            if lecture in self._bare:
                continue
            there = _there(self._spool.tracks(lecture))
            if there:
                yield lecture
            elif there is False:
                self._bare.add(lecture)


def _there(path: Path) -> bool | None:
    """None: the disk does not say. One lecture's bad folder must not stop the whole room."""
    try:
        path.stat()
    except OSError as error:
        return False if error.errno in (errno.ENOENT, errno.ENOTDIR) else None
    return True


def _due(
    lectures: Iterable[str], failures: dict[str, tuple[int, int]], now: Now
) -> tuple[str, ...]:
    """A finisher that fails is started again later and later."""
    return tuple(
        each for each in lectures if may_try_again(failures.get(each, (0, 0)), now.mono_ns)
    )


def _command(command: Command, now: Now) -> CommandFacts:
    """A command of another boot is expired: nobody can say how long it has waited."""
    expired = command.boot != now.boot or now.mono_ns > command.expires_ns
    return CommandFacts(command.id, command.verb, expired, command.args)
