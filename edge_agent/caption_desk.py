"""Carry out what people order about captions: the file first, then the ledger, then the answer.

The files beside a lecture's segments are the truth; the finisher brings the package up to them. A
crash in between leaves a package that differs from them, which is noticed at the agent's start.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

from edge_agent.clock import Now
from edge_agent.disk_words import words
from edge_agent.durable import make_folder_durably, remove_durably, write_durably
from edge_agent.ledger import Ledger
from edge_agent.ledger_queues import MANIFEST
from edge_agent.rules import actions as do
from edge_agent.rules.lecture import WITH_PACKAGE
from edge_agent.rules.webvtt import (
    BadCaptions,
    checked,
    file_name,
    language_of,
    language_tag,
)
from edge_agent.spool import Spool


def sizes(folder: Path) -> dict[str, int]:
    """The captions in a folder: bytes by name. A new content of the same size was not answered."""
    found = folder.iterdir() if folder.is_dir() else ()
    return {path.name: path.stat().st_size for path in found if language_of(path.name)}


class CaptionDesk:
    """The effects. Each may be done again: what is refused by the ledger is tried again."""

    def __init__(self, spool: Spool, ledger: Ledger) -> None:
        self._spool = spool
        self._ledger = ledger

    def catch_up(self) -> None:
        """At the agent's start: where it ended between the file and the ledger."""
        for folder in sorted(self._spool.lectures.glob("*/captions")):
            lecture = self._ledger.lecture(folder.parent.name)
            if lecture is None or lecture.state not in WITH_PACKAGE:
                continue
            if lecture.edits == lecture.edits_done and sizes(folder) != sizes(
                self._spool.package(lecture.id)
            ):
                self._ledger.set_lecture(lecture.id, edits=lecture.edits + 1)

    def set(self, action: do.SetCaptions, now: Now) -> None:
        if action.on:
            self._add(action, now)
        else:
            self._remove(action, now)

    def _add(self, action: do.SetCaptions, now: Now) -> None:
        """In place of those that were there in this language."""
        lecture, args = self._ledger.existing(action.lecture), self._args(action.command)
        try:
            language = language_tag(str(args.get("language", "")))
            captions = checked(str(args.get("text", "")), lecture.duration_s)
            path = self._spool.captions(lecture.id) / file_name(language)
            make_folder_durably(path.parent)
            write_durably(path, captions.text.encode())
        except BadCaptions as error:
            self._refuse(action.command, "bad-captions", error.reason, error.hint, 2, now)
        except OSError as error:
            self._disk_refuses(action.command, error, now)
        else:
            self._changed(action, {"language": language, "captions": captions.count}, now)

    def _remove(self, action: do.SetCaptions, now: Now) -> None:
        try:
            language = language_tag(str(self._args(action.command).get("language", "")))
            name = file_name(language)
            path = self._spool.captions(action.lecture) / name
            there = path.exists() or (self._spool.package(action.lecture) / name).exists()
            if there:
                make_folder_durably(path.parent)
                remove_durably(path)
        except BadCaptions as error:
            self._refuse(action.command, "bad-captions", error.reason, error.hint, 2, now)
        except OSError as error:
            self._disk_refuses(action.command, error, now)
        else:
            if there:
                self._changed(action, {"language": language}, now)
                return
            told = f"lecture {action.lecture} has no captions in {language}"
            hint = f"edge-agent lectures captions list {action.lecture}"
            self._refuse(action.command, "no-captions", told, hint, 4, now)

    def _changed(self, action: do.SetCaptions, more: dict[str, Any], now: Now) -> None:
        lecture = self._ledger.existing(action.lecture)
        answer = {"lecture": lecture.id, **more, "not_sent_to": self._handed_over(lecture.id)}
        with self._ledger.transaction():
            self._ledger.set_lecture(lecture.id, edits=lecture.edits + 1)
            self._ledger.answer(action.command, answer, now)
            self._ledger.shorten_command(action.command, "text")

    def _handed_over(self, lecture: str) -> list[str]:
        """The destinations that have taken it as a whole, once and for all."""
        rows = self._ledger.outbox(lecture)
        revised = {row.destination for row in rows if row.name == MANIFEST}
        taken = {row.destination for row in rows if row.receipt is not None}
        return sorted(taken - revised)

    def _args(self, number: int) -> dict[str, Any]:
        command = self._ledger.command(number)
        return dict(command.args) if command else {}

    def _disk_refuses(self, command: int, error: OSError, now: Now) -> None:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        hint = "free some space, then try again" if full else "edge-agent storage check"
        self._refuse(command, "disk", words(error), hint, 10 if full else 1, now)

    def _refuse(
        self, command: int, code: str, message: str, hint: str, exit_: int, now: Now
    ) -> None:
        error = {"code": code, "message": message, "hint": hint, "exit": exit_}
        with self._ledger.transaction():
            self._ledger.answer(command, {"error": error}, now)
            self._ledger.shorten_command(command, "text")
