"""Mend the start times that a clock which nobody had set has stamped.

A PC without a battery clock boots in 1970 and is set by the network minutes later. Rows keep the
monotonic time and the boot of the press, so one synchronisation mends every lecture of that boot.
What lies beside the segments is mended as well: it speaks when the ledger is lost.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from edge_agent import lecture_file
from edge_agent.clock import Now, rfc3339
from edge_agent.ledger import Ledger
from edge_agent.rows import Lecture
from edge_agent.rules.lecture import UNPACKAGED
from edge_agent.rules.schedule import utc_of
from edge_agent.spool import Spool

SYNCHRONISED = "synchronised"


class ClockRepair:
    """Looks at the ledger only when the clock has become synchronised."""

    def __init__(self, ledger: Ledger, spool: Spool) -> None:
        self._ledger = ledger
        self._spool = spool
        self._trust = ""

    def look(self, now: Now) -> None:
        if now.trust == SYNCHRONISED and self._trust != SYNCHRONISED:
            for lecture in self._ledger.lectures(*UNPACKAGED):
                if lecture.started_boot == now.boot and lecture.clock_trust != SYNCHRONISED:
                    self._mend(lecture, now)
        self._trust = now.trust

    def _mend(self, lecture: Lecture, now: Now) -> None:
        started = rfc3339(utc_of(lecture.started_mono_ns, now.mono_ns, now.utc))
        columns: dict[str, Any] = {"started_utc": started, "start_corrected": 1}
        same_boot = lecture.epoch_boot == now.boot
        if lecture.end_ns is not None and same_boot and lecture.end_trust != SYNCHRONISED:
            ended_mono_ns = lecture.epoch_ns + lecture.end_ns
            columns["ended_utc"] = rfc3339(utc_of(ended_mono_ns, now.mono_ns, now.utc))
            columns["end_trust"] = SYNCHRONISED
        self._mend_file(replace(lecture, **columns))
        with self._ledger.transaction():
            self._ledger.set_lecture(lecture.id, **columns)
            text = f"the clock was set: it began at {started}, not at {lecture.started_utc}"
            self._ledger.add_event(now, "clock set", text, lecture.id)

    def _mend_file(self, lecture: Lecture) -> None:
        """First, so that a kill in between leaves a row that is mended again."""
        path = self._spool.facts(lecture.id)
        if path.exists():
            lecture_file.write(path, lecture, self._ledger.tracks(lecture.id))
