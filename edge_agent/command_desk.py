"""Carry out the commands of people: store the new state and the answer in one transaction.

A client that has its answer can rely on it: a lecture whose stop was answered never resumes, and
one whose start was answered exists on the disk.
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from edge_agent import lecture_file
from edge_agent.clock import Now, rfc3339
from edge_agent.config import Config
from edge_agent.lecture_start import DETAILS, LectureStart
from edge_agent.ledger import Ledger
from edge_agent.rows import Lecture
from edge_agent.rules import actions as do
from edge_agent.rules.health import SECOND
from edge_agent.rules.lecture import Event, advance
from edge_agent.rules.timeline import START_NS
from edge_agent.spool import Spool
from edge_agent.unpackaging import make_way, unwanted


class CommandDesk:
    """The effects of the commands that concern a lecture."""

    def __init__(self, config: Config, spool: Spool, ledger: Ledger, start: LectureStart) -> None:
        self._config = config
        self._spool = spool
        self._ledger = ledger
        self._start = start

    def begin(self, action: do.Begin, now: Now) -> None:
        args = self._args(action.command)
        until = self._planned_end(args.get("until_utc"), now)
        held = int(args.get("withheld") is True)
        lecture = replace(self._start.draft(args, until, now), withheld=held)
        try:
            tracks = self._start.put_down(lecture)
        except OSError as error:
            self.refuse(_disk_refuses(action.command, error), now)
            return
        warning = self._start.warning(until, now)
        answer = {"lecture": lecture.id, "muted": self._ledger.muted(), **warning}
        with self._ledger.transaction():
            self._start.enter(lecture, tracks)
            self._ledger.answer(action.command, answer, now)

    def _planned_end(self, given: object, now: Now) -> datetime | None:
        """As others say it: "never" is 9999 to many, and no clock can reckon beyond that."""
        try:
            until = datetime.fromisoformat(given) if isinstance(given, str) and given else None
        except ValueError:
            return None
        if until is None or until.tzinfo is None:
            return None
        return min(max(until, now.utc), now.utc + timedelta(microseconds=self._longest_ns // 1000))

    def stop(self, action: do.Stop, now: Now) -> None:
        """Who asks for it, and who nobody asked, may take it back for a while."""
        lecture = self._ledger.existing(action.lecture)
        undo = action.command is None or bool(self._args(action.command).get("undo"))
        patience_ns = round(self._config.recording.undo_seconds * 1e9) if undo else 0
        ended = self._noted(
            lecture,
            state=advance(lecture.state, Event.STOP),
            end_ns=self._end_ns(lecture, now),
            ended_utc=now.utc_text,
            end_trust=now.trust,
        )
        with self._ledger.transaction():
            self._ledger.set_state(
                lecture.id,
                **ended,
                stopped_ns=lecture.lecture_ns(now.mono_ns),
                patience_ns=patience_ns,
            )
            if action.command is None:
                self._ledger.add_event(now, "ended", action.why, lecture.id)
            else:
                self._ledger.booking_stopped(lecture.booking)
                self._ledger.answer(action.command, {"lecture": lecture.id}, now)

    def extend(self, action: do.Extend, now: Now) -> None:
        """Later by so many minutes, but not longer from now than any lecture may last."""
        lecture = self._ledger.existing(action.lecture)
        now_ns = lecture.lecture_ns(now.mono_ns)
        old_ns = lecture.until_ns if lecture.until_ns is not None else now_ns
        until_ns = min(old_ns + action.minutes * 60 * SECOND, now_ns + self._longest_ns)
        until = _moment(lecture.until_utc) or now.utc
        moved = until + timedelta(microseconds=(until_ns - old_ns) // 1000)
        end = self._noted(lecture, until_ns=until_ns, until_utc=rfc3339(moved))
        with self._ledger.transaction():
            self._ledger.set_lecture(lecture.id, **end)
            answer = {"lecture": lecture.id, "until_utc": rfc3339(moved)}
            self._ledger.answer(action.command, answer, now)

    def go_on(self, action: do.Continue, now: Now) -> None:
        """The stop is taken back: what was missed meanwhile is a gap like a pause's.

        A planned end that has come is no end any more. The package makes way first: killed in
        between, the lecture has none, and is packaged again or goes on.
        """
        lecture = self._ledger.existing(action.lecture)
        make_way(self._spool.lecture(lecture.id))
        now_ns = lecture.lecture_ns(now.mono_ns)
        over = lecture.until_ns is None or lecture.until_ns <= now_ns
        end = {"until_ns": now_ns + self._longest_ns, "until_utc": None} if over else {}
        paused = any(g.track is None and g.end_ns is None for g in self._ledger.gaps(lecture.id))
        going = self._noted(
            lecture,
            state=advance(lecture.state, Event.CONTINUE),
            **{"end_ns": None, "ended_utc": None, "end_trust": "", "reason": ""},
            **{"stopped_ns": None, "patience_ns": 0, "duration_s": None, "renditions": ""},
            **end,
        )
        with self._ledger.transaction():
            self._ledger.set_state(lecture.id, **going)
            self._ledger.unqueue(lecture.id)
            self._ledger.booking_stopped(lecture.booking, False)
            if not paused:
                self._ledger.open_gap(lecture.id, None, lecture.end_ns or now_ns, "stopped")
            self._ledger.close_gaps(lecture.id, None, now_ns)
            self._mute_again(lecture, now_ns)
            self._ledger.add_event(now, "continued", "its stop was taken back", lecture.id)
            self._ledger.answer(action.command, {"lecture": lecture.id}, now)
        shutil.rmtree(unwanted(self._spool.lecture(lecture.id)), ignore_errors=True)

    def _mute_again(self, lecture: Lecture, now_ns: int) -> None:
        """The room may have been muted or unmuted between the stop and now."""
        open_mutes = [it for it in self._ledger.mutes(lecture.id) if it.end_ns is None]
        if not self._ledger.muted():
            self._ledger.close_mutes(lecture.id, lecture.end_ns or now_ns)
        elif not open_mutes:
            self._ledger.open_mute(lecture.id, now_ns)

    def edit(self, action: do.Edit, now: Now) -> None:
        """What is not given stays. The file first: a ledger that is lost is filled from it.

        A package that is there is told afterwards, by a finisher.
        """
        lecture, args = self._ledger.existing(action.lecture), self._args(action.command)
        given: dict[str, Any] = {
            name: str(args[name]) for name in DETAILS if args.get(name) is not None
        }
        new = any(getattr(lecture, name) != text for name, text in given.items())
        path = self._spool.facts(lecture.id)
        try:
            lecture_file.write(path, replace(lecture, **given), self._ledger.tracks(lecture.id))
        except OSError as error:
            self.refuse(_disk_refuses(action.command, error), now)
            return
        with self._ledger.transaction():
            if new:
                self._ledger.set_lecture(lecture.id, **given, edits=lecture.edits + 1)
            self._ledger.answer(action.command, {"lecture": lecture.id, **given}, now)

    def _noted(self, lecture: Lecture, **columns: Any) -> dict[str, Any]:
        """New columns of a lecture, in its file before the ledger has them. Raises OSError.

        A ledger that is lost, or put back from an older copy, is brought up to date from there.
        """
        tracks = self._ledger.tracks(lecture.id)
        lecture_file.write(self._spool.facts(lecture.id), replace(lecture, **columns), tracks)
        return columns

    @property
    def _longest_ns(self) -> int:
        """From now on no lecture may last longer."""
        return round(self._config.recording.max_hours * 3600 * SECOND)

    def _args(self, number: int) -> Mapping[str, Any]:
        command = self._ledger.command(number)
        return command.args if command else {}

    def _end_ns(self, lecture: Lecture, now: Now) -> int:
        """A paused lecture ended when it was paused."""
        pauses = [g for g in self._ledger.gaps(lecture.id) if g.track is None and g.end_ns is None]
        return pauses[-1].start_ns if pauses else lecture.lecture_ns(now.mono_ns)

    def pause(self, action: do.Pause, now: Now) -> None:
        lecture = self._ledger.existing(action.lecture)
        paused = self._noted(lecture, state=advance(lecture.state, Event.PAUSE))
        with self._ledger.transaction():
            at_ns = lecture.lecture_ns(now.mono_ns)
            self._ledger.set_state(lecture.id, **paused)
            self._ledger.open_gap(lecture.id, None, at_ns, "paused")
            self._ledger.answer(action.command, {"lecture": lecture.id}, now)

    def resume(self, action: do.Resume, now: Now) -> None:
        lecture = self._ledger.existing(action.lecture)
        going = self._noted(lecture, state=advance(lecture.state, Event.RESUME))
        with self._ledger.transaction():
            self._ledger.set_state(lecture.id, **going)
            self._ledger.close_gaps(lecture.id, None, lecture.lecture_ns(now.mono_ns))
            self._ledger.answer(action.command, {"lecture": lecture.id}, now)

    def add_mark(self, action: do.AddMark, now: Now) -> None:
        lecture = self._ledger.existing(action.lecture)
        at_ns = lecture.lecture_ns(now.mono_ns)
        text = str(self._args(action.command).get("text") or "")
        with self._ledger.transaction():
            self._ledger.add_mark(lecture.id, at_ns, text)
            answer = {"lecture": lecture.id, "at_s": (at_ns - START_NS) / 1e9}
            self._ledger.answer(action.command, answer, now)

    def set_mute(self, action: do.SetMute, now: Now) -> None:
        """Durable and answered on return, both or neither: what a client was told has happened."""
        with self._ledger.transaction():
            was = self._ledger.muted()
            self._ledger.set_muted(action.on)
            if action.lecture is not None and was != action.on:
                lecture = self._ledger.existing(action.lecture)
                at_ns = lecture.lecture_ns(now.mono_ns)
                if action.on:
                    self._ledger.open_mute(lecture.id, at_ns)
                else:
                    self._ledger.close_mutes(lecture.id, at_ns)
            self._ledger.answer(action.command, {"muted": action.on}, now)

    def retry(self, action: do.Retry, now: Now) -> None:
        lecture = self._ledger.existing(action.lecture)
        with self._ledger.transaction():
            self._ledger.set_state(lecture.id, advance(lecture.state, Event.RETRY), reason="")
            self._ledger.answer(action.command, {"lecture": lecture.id}, now)

    def refuse(self, action: do.Refuse, now: Now) -> None:
        error = {
            "code": action.code,
            "message": action.message,
            "hint": action.hint,
            "exit": action.exit,
        }
        self._ledger.answer(action.command, {"error": error}, now)


def _disk_refuses(command: int, error: OSError) -> do.Refuse:
    return do.Refuse(
        command,
        "disk",
        f"the lecture cannot be begun on the disk: {error.strerror or error}",
        "check free space and the disk's health: edge-agent storage check",
        10 if error.errno in (errno.ENOSPC, errno.EDQUOT) else 1,
    )


def _moment(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) and text else None
