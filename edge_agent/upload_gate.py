"""What may be sent at this moment: the pure decision, fed with what the room knows.

Looks at most twice a second, so that what people order, and each change of the hour, holds within
a second in the middle of a file too.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from edge_agent.clock import Clock, Now
from edge_agent.ledger import Ledger
from edge_agent.rows import OutboxRow
from edge_agent.rules.package import FIRST_STAGES
from edge_agent.upload_orders import Control, control
from edge_agent.upload_traffic import Meter
from uploader.limits import UNLIMITED, Limit
from uploader.policy import Kind, Policy, Situation, Verdict, decide, words

#: These hold whatever a broken-off file costs.
STRICT = ("paused", "hours", "clock")
LOOK_S = 0.5
#: Power and the price of the link are asked for so often: while a file is on its way, and else.
SENSE_S, REST_S = 1.0, 10.0
_NS = 1_000_000_000

log = logging.getLogger("upload")


@dataclass(frozen=True, slots=True)
class Senses:
    """What tells about the room."""

    metered: Callable[[], bool | None]
    on_battery: Callable[[], bool]
    agent_lives: Callable[[], bool]


class Gate:
    """For the one thread of the upload process. Call `look` often; it is cheap."""

    def __init__(
        self,
        policy: Policy,
        ledger: Ledger,
        clock: Clock,
        senses: Senses,
        meter: Meter,
        networks: frozenset[str],
        whole: frozenset[str] = frozenset(),
    ) -> None:
        """`networks`: the destinations that are reached over a link.

        `whole`: those at which a file that is broken off begins anew.
        """
        self.policy = policy
        self.control = Control()
        self.situation = Situation(None)
        self._ledger = ledger
        self._clock = clock
        self._senses = senses
        self._meter = meter
        self._networks = networks
        self._whole = whole
        self._metered: bool | None = None
        self._on_battery = False
        self._look_ns = self._sense_ns = 0
        self._binned: frozenset[str] = frozenset()
        self._on_way: OutboxRow | None = None
        #: Lectures of which nothing may leave, whatever is under way.
        self._held: frozenset[str] = frozenset()
        self._told: tuple[str, ...] = ()
        #: Of this look: asked for with each block that leaves.
        self._verdicts: dict[Kind, Verdict] = {}

    def look(self) -> None:
        """See anew what holds, if it is time."""
        mono_ns = self._clock.mono_ns()
        if mono_ns < self._look_ns:
            return
        self._look_ns = mono_ns + round(LOOK_S * _NS)
        now = self._clock.now()
        self._sense(mono_ns)
        recording, until = self._recording()
        self._held = frozenset(self._ledger.staying())
        day_used, month_used = self._meter.used()
        self._binned = self._ledger.binned()
        self.control = control(self._ledger.upload_orders(), now)
        self.situation = Situation(
            local=None if now.trust == "unset" else now.utc.astimezone(),
            pause=self.control.pause,
            limit=self.control.limit,
            metered=self._metered,
            on_battery=self._on_battery,
            recording=recording,
            recording_until=_later(until, now),
            day_used=day_used,
            month_used=month_used,
        )
        self._verdicts = {}
        self._tell()

    def verdict(self, row: OutboxRow) -> Verdict:
        kind = self.kind(row)
        if kind not in self._verdicts:
            self._verdicts[kind] = decide(self.policy, self.situation, kind)
        return self._verdicts[kind]

    def kind(self, row: OutboxRow) -> Kind:
        return Kind(
            first=row.priority <= FIRST_STAGES,
            network=self.reaches(row.destination),
            asked=self.asked(row.lecture),
        )

    def reaches(self, destination: str) -> bool:
        """Whether it is reached over a link."""
        return destination in self._networks

    def open_for(self, row: OutboxRow) -> bool:
        return row.lecture not in self._held and not self.verdict(row).waits

    def breaks_off(self, row: OutboxRow) -> bool:
        """What would have to begin anew stops only for people, and for the hours they have set.

        Else a file that takes longer than a break between two lectures would never arrive.
        """
        if row.lecture in self._binned:  # people have thrown it away
            return True
        verdict = self.verdict(row)
        if row.lecture in self._held:
            return True
        return verdict.waits and (row.destination not in self._whole or verdict.why in STRICT)

    def asked(self, lecture: str) -> bool:
        """Whether people want this lecture to go now."""
        return lecture in self.control.asked

    def on_way(self, row: OutboxRow | None) -> None:
        """The file that is being sent: `limit` is its own."""
        self._on_way = row

    def limit(self) -> Limit:
        """Bytes per second for what is being sent."""
        return self.verdict(self._on_way).limit if self._on_way else UNLIMITED

    def document(self) -> dict[str, Any]:
        """What holds and why, for those who show it."""
        local = self.situation.local
        return {
            "first_stages": _document(self._of(first=True), local),
            "full_quality": _document(self._of(first=False), local),
            "metered": self.situation.metered,
            "on_battery": self.situation.on_battery,
            "recording": self.situation.recording,
            "bytes_today": self.situation.day_used,
            "bytes_this_month": self.situation.month_used,
            "budget_per_day": self.policy.day_bytes,
            "budget_per_month": self.policy.month_bytes,
            "asked": sorted(self.control.asked),
            "orders": self.control.newest,
        }

    def _of(self, *, first: bool) -> Verdict:
        """What holds for files that go over a link, if there is any."""
        return decide(self.policy, self.situation, Kind(first, bool(self._networks)))

    def _sense(self, mono_ns: int) -> None:
        if mono_ns < self._sense_ns:
            return
        self._sense_ns = mono_ns + round((SENSE_S if self._on_way else REST_S) * _NS)
        self._metered = self._senses.metered() if self._networks else None
        self._on_battery = self._senses.on_battery()

    def _recording(self) -> tuple[bool, str | None]:
        """Whether a lecture is under way, and its planned end. What a dead agent left is none."""
        lecture = self._ledger.active()
        if lecture is None or not self._senses.agent_lives():
            return False, None
        return True, lecture.until_utc

    def _tell(self) -> None:
        """One line in the log for each change, not for each look."""
        verdicts = {"first stages": self._of(first=True), "full quality": self._of(first=False)}
        state = tuple(verdict.why for verdict in verdicts.values())
        if state == self._told:
            return
        self._told = state
        for stage, verdict in verdicts.items():
            log.info("%s: %s", stage, words(verdict, self.situation.local))


def _later(until: str | None, now: Now) -> datetime | None:
    """A planned end that is still to come."""
    end = datetime.fromisoformat(until).astimezone() if until else None
    return end if end is not None and end > now.utc else None


def _document(verdict: Verdict, local: datetime | None) -> dict[str, Any]:
    return {
        "waits": verdict.waits,
        "why": verdict.why,
        "words": words(verdict, local),
        "bytes_per_second": verdict.limit.rate,
        "until": verdict.until and verdict.until.isoformat(timespec="seconds"),
    }
