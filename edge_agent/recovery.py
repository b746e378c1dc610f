"""What the agent does with the spool at its start, and with a track whose recorder died.

Nothing is deleted: what is whole is adopted into the ledger, what is not is set aside with a
report. Everything here may be interrupted and run again.
"""

from __future__ import annotations

import sys
from collections.abc import Container, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from edge_agent import disk_words, lecture_file
from edge_agent.aside import readable, set_aside
from edge_agent.clock import Now, rfc3339
from edge_agent.lecture_file import Kept
from edge_agent.ledger import Ledger
from edge_agent.older_ledger import OlderLedger, UnderWay
from edge_agent.repair import Repair
from edge_agent.rows import Lecture, Segment
from edge_agent.rules.lecture import ACTIVE, BUILDING, UNPACKAGED, Event, State, advance
from edge_agent.rules.schedule import goes_on, goes_on_in_this_boot, rebased_ns
from edge_agent.rules.timeline import START_NS
from edge_agent.segment_files import NOTHING_WHOLE, fault, last_write, row_of
from edge_agent.spool import KNOWN_AT_TOP, KNOWN_IN_LECTURE, Spool
from encoders.boxes import segment_facts, trim_and_close


class Recovery:
    """Brings ledger and spool together. Used by the supervisor, and by people when it is down."""

    def __init__(self, spool: Spool, ledger: Ledger, patience: timedelta) -> None:
        self._spool = spool
        self._ledger = ledger
        self._patience = patience
        self._older = OlderLedger(spool, ledger)

    def run(self, now: Now) -> None:
        """At the agent's start, before any recorder."""
        for repair in self._recoveries(now):
            try:
                repair.do()
            except OSError as error:  # it is tried again; the room records whatever that one is
                self._could_not(repair.where, error, now)
        for lecture in self._ledger.lectures(*ACTIVE):
            with self._ledger.transaction():  # each commit waits for the disk, and people wait too
                self._continue_or_finish(lecture, now)

    def refill(
        self, now: Now, under_way: UnderWay | None, writing: Container[tuple[str, str]]
    ) -> None:
        """Fill a new ledger, or an older one, while recorders run.

        `writing`: lecture and track of theirs.
        """
        if under_way is not None:
            self._older.put_back(under_way)
        for repair in self._recoveries(now, writing):
            repair.do()

    def repairs(self, now: Now) -> Iterator[Repair]:
        """What makes ledger and spool agree, step by step; nothing is done by looking.

        Only for when no agent runs. Do each before you ask for the next, or none. Files that are
        not of our making are set aside only here, when people ask for it.
        """
        yield from self._strays(now)
        yield from self._recoveries(now)

    def _recoveries(
        self, now: Now, writing: Container[tuple[str, str]] = frozenset()
    ) -> Iterator[Repair]:
        older = self._older.noticed()
        for lecture in self._ledger.lectures(*ACTIVE):
            yield from self._older.state_of(lecture, now)
        yield from self._strangers(now)
        for lecture in self._ledger.lectures(*UNPACKAGED):
            where = f"lectures/{lecture.id}"
            try:
                yield from self.tracks(lecture.id, None, now, writing)
            except OSError as error:
                say = partial(self._could_not, where, error, now)
                yield Repair(where, f"cannot be read ({error.strerror}): left as it is", say)
        if older:
            yield from self._older.all_of_it(now)

    def adopt_tracks(self, lecture: str, now: Now, only: str | None = None) -> None:
        """Make ledger rows and segment files of one lecture (of one track with `only`) agree.

        No recorder may be writing there.
        """
        for repair in self.tracks(lecture, only, now):
            repair.do()

    def tracks(
        self,
        lecture: str,
        only: str | None,
        now: Now,
        writing: Container[tuple[str, str]] = frozenset(),
    ) -> Iterator[Repair]:
        """The same as steps; nothing is done by looking."""
        rows = self._ledger.segments(lecture)
        known = {(s.track, s.name): s for s in rows if only in (None, s.track)}
        found = set()
        for track, path in self._files(lecture, only):
            if path.suffix == ".part" and (lecture, track) in writing:
                continue
            if (track, path.name) in known:
                found.add((track, path.name))
                continue
            final = path.with_suffix("") if path.suffix == ".part" else path
            if final == path or not final.exists():
                found.add((track, final.name))  # a power cut may take a name back: .part again
            yield self._file(lecture, track, path, now)
        gone = [row for key, row in known.items() if key not in found]
        if gone and self._older.is_packaged(lecture):
            yield self._older.dropped(gone)
            return
        for row in gone:
            where = f"lectures/{lecture}/tracks/{row.track}/{row.name}"
            yield Repair(where, "gone: its row is dropped", partial(self._forget, row, now))

    # ------------------------------------------------------------ one file

    def _files(self, lecture: str, only: str | None) -> Iterator[tuple[str, Path]]:
        tracks = self._spool.tracks(lecture)
        if tracks.is_dir():
            folders = (path for path in tracks.iterdir() if path.is_dir())
            for folder in sorted(path for path in folders if only in (None, path.name)):
                for path in sorted(folder.iterdir()):
                    yield folder.name, path

    def _file(self, lecture: str, track: str, path: Path, now: Now) -> Repair:
        """Adopt it, set it aside, or let it go when it is empty."""
        torn = path.suffix == ".part"
        where = readable(f"lectures/{lecture}/tracks/{track}/{path.name}")
        why = fault(path) or ("" if track == readable(track) else NOTHING_WHOLE)
        if not why:
            what = "cut at its last whole fragment and adopted" if torn else "adopted"
            return Repair(where, what, partial(self._adopt, lecture, track, path, what, now))
        if why == NOTHING_WHOLE and path.is_file() and path.stat().st_size == 0:
            return Repair(where, "empty: removed", path.unlink)
        aside = partial(self._set_aside, lecture, track, path, why, now)
        return Repair(where, f"{why}: set aside", aside)

    def _adopt(self, lecture: str, track: str, path: Path, what: str, now: Now) -> None:
        file = (
            trim_and_close(path) if path.suffix == ".part" else segment_facts(path, recovered=True)
        )
        if file is None:
            raise FileNotFoundError(f"{path} has changed while it was adopted")
        text = f"segment {file.name} {what}"
        with self._ledger.transaction():
            self._ledger.add_segment(row_of(lecture, track, file))
            self._ledger.add_event(now, "recovered", text, lecture, track)

    def _set_aside(self, lecture: str, track: str, path: Path, why: str, now: Now) -> None:
        kept = set_aside(self._spool.aside, path, f"{lecture}-{track}-{path.name}")
        text = readable(f"{path.name} {why}; kept as {kept}")
        self._ledger.add_event(now, "set aside", text, lecture, readable(track))

    def _could_not(self, where: str, error: OSError, now: Now) -> None:
        text = f"{where}: {disk_words.words(error)}"
        print(f"not recovered: {text}", file=sys.stderr)
        self._ledger.add_event(now, "not recovered", readable(text))

    def _forget(self, row: Segment, now: Now) -> None:
        text = f"segment {row.name} is gone from the disk: {row.end_ns - row.start_ns} ns lost"
        with self._ledger.transaction():
            self._ledger.drop_segment(row.lecture, row.track, row.seq)
            self._ledger.add_event(now, "lost", text, row.lecture, row.track)

    # ------------------------------------------------------------ lectures

    def _strays(self, now: Now) -> Iterator[Repair]:
        """What nobody knows, in the spool's root and in the folders of lectures."""
        for path in _entries(self._spool.root):
            if path.name not in KNOWN_AT_TOP:
                yield self._stray(path, path.name, None, now)
        for lecture in self._ledger.lectures():
            building = {"package.part"} if lecture.state in BUILDING else set()
            for path in _entries(self._spool.lecture(lecture.id)):
                if path.name not in KNOWN_IN_LECTURE | building:
                    yield self._stray(path, f"{lecture.id}-{path.name}", lecture.id, now)

    def _stray(self, path: Path, name: str, lecture: str | None, now: Now) -> Repair:
        def do() -> None:
            kept = set_aside(self._spool.aside, path, name)
            text = readable(f"{path.name} is unknown: {kept}")
            self._ledger.add_event(now, "set aside", text, lecture)

        where = readable(str(path.relative_to(self._spool.root)))
        return Repair(where, "known to nobody: set aside", do)

    def _strangers(self, now: Now) -> Iterator[Repair]:
        """Lectures on the disk that the ledger does not know."""
        known = frozenset(self._ledger.ids())
        for folder in _entries(self._spool.lectures):
            if folder.name in known:
                continue
            where = readable(f"lectures/{folder.name}")
            kept = lecture_file.read(folder / "lecture.json")
            if kept is not None and kept.lecture.id == folder.name:
                what = "adopted from the disk, with its segments"
                yield Repair(where, what, partial(self._adopt_lecture, kept, now))
            elif folder.is_dir() and not any(folder.iterdir()):
                # begun at the instant of a power cut: nothing was in it
                yield Repair(where, "empty: removed", folder.rmdir)
            else:
                what = "no lecture: set aside"
                yield Repair(where, what, self._stray(folder, folder.name, None, now).do)

    def _adopt_lecture(self, kept: Kept, now: Now) -> None:
        """Under way as its file says, or ended; a file that tells nothing may be an old one's."""
        lecture = kept.lecture
        state = kept.state or State.FINISHING
        with self._ledger.transaction():
            before = self._ledger.active()
            if state in ACTIVE and before is not None:  # only the later one can be under way
                self._ledger.set_state(before.id, State.FINISHING)
            self._ledger.add_lecture(replace(lecture, state=state), kept.tracks)
            self._ledger.add_event(now, "recovered", "adopted from the disk", lecture.id)

    def _continue_or_finish(self, lecture: Lecture, now: Now) -> None:
        segments = self._ledger.segments(lecture.id)
        last_ns = max((s.end_ns for s in segments), default=START_NS)
        last_write = self._last_write(lecture, segments)
        until = _moment(lecture.until_utc)
        trusted = now.trust != "unset"
        self._explain(lecture, segments, now)
        self._ledger.close_warnings(lecture.id, None, last_ns)
        same_boot = lecture.epoch_boot == now.boot
        if not same_boot:
            lecture_now = rebased_ns(last_ns, last_write, now.utc)
            lecture = replace(lecture, epoch_boot=now.boot, epoch_ns=now.mono_ns - lecture_now)
        if same_boot and lecture.until_ns is not None:
            lecture_now = lecture.lecture_ns(now.mono_ns)
            on = goes_on_in_this_boot(
                lecture_now, last_ns, lecture.until_ns, until is not None, self._patience
            )
        else:
            on = goes_on(now.utc, until, last_write, self._patience, trusted)
        if on:
            self._ledger.set_lecture(
                lecture.id, epoch_boot=lecture.epoch_boot, epoch_ns=lecture.epoch_ns
            )
            self._ledger.add_event(now, "resumed", "goes on after an interruption", lecture.id)
            return
        ended: dict[str, Any] = {
            "state": advance(lecture.state, Event.STOP),
            "end_ns": last_ns,
            "ended_utc": rfc3339(last_write),
            "end_trust": now.trust,
        }
        path, tracks = self._spool.facts(lecture.id), self._ledger.tracks(lecture.id)
        if path.exists():
            lecture_file.write(path, replace(lecture, **ended), tracks)
        self._ledger.set_state(lecture.id, **ended)
        self._ledger.add_event(now, "ended", "interrupted, and its time has passed", lecture.id)

    def _explain(self, lecture: Lecture, segments: list[Segment], now: Now) -> None:
        """Open a gap for each track that was recording, with the cause."""
        if lecture.state is not State.RECORDING:
            return
        cause = "agent restarted" if lecture.epoch_boot == now.boot else "power lost"
        with_gap = {g.track for g in self._ledger.gaps(lecture.id) if g.end_ns is None}
        for track in self._ledger.tracks(lecture.id):
            if track.name not in with_gap:
                ends = [s.end_ns for s in segments if s.track == track.name]
                start_ns = max(ends, default=START_NS)
                self._ledger.open_gap(lecture.id, track.name, start_ns, cause)

    def _last_write(self, lecture: Lecture, segments: list[Segment]) -> datetime:
        """UTC of the last write, by the files' own times; the start when there is no file."""
        paths = (self._spool.track(s.lecture, s.track) / s.name for s in segments)
        return last_write(paths) or _moment(lecture.started_utc) or datetime.now(UTC)


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
