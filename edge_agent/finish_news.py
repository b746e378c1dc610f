"""What becomes of a lecture when its finisher has ended."""

from __future__ import annotations

from edge_agent.aside import readable, set_aside
from edge_agent.clock import Now
from edge_agent.config import Config
from edge_agent.config_destinations import left_out
from edge_agent.facts import Observer
from edge_agent.finish_messages import DamagedSegment, FinishFailed, Packaged
from edge_agent.finishing import Result
from edge_agent.ledger import Ledger
from edge_agent.rows import Lecture
from edge_agent.rules.lecture import WITH_PACKAGE, Event, State, advance
from edge_agent.small_versions import SmallVersions
from edge_agent.spool import Spool
from encoders.segment import sequence


class FinishNews:
    """OSError and OperationalError are the caller's to retry: all may be done again."""

    def __init__(
        self, config: Config, spool: Spool, ledger: Ledger, observer: Observer, small: SmallVersions
    ) -> None:
        self._config = config
        self._spool = spool
        self._ledger = ledger
        self._observer = observer
        self._small = small

    def ended(self, result: Result, now: Now) -> None:
        lecture = self._ledger.lecture(result.lecture)
        if lecture is not None and lecture.state in WITH_PACKAGE:
            self._reworded(lecture, result.report, now)
        if lecture is None or lecture.state is not State.FINISHING:
            return
        match result.report:
            case Packaged() as report:
                self._packaged(lecture, report, now)
            case FinishFailed(reason=reason, hint=hint, passing=True):
                text = f"not packaged yet: {reason}. {hint}".strip()
                if not lecture.reason:  # told once: it is tried again until it passes
                    self._ledger.set_lecture(lecture.id, reason=text)
                    self._ledger.add_event(now, "not packaged yet", text, lecture.id)
            case FinishFailed(reason=reason, hint=hint):
                text = f"{reason}. {hint}".strip()
                self._ledger.set_state(lecture.id, advance(lecture.state, Event.FAIL), reason=text)
                self._ledger.add_event(now, "failed", text, lecture.id)
            case None:
                self._ledger.add_event(now, "finisher died", "it is started again", lecture.id)

    def _packaged(self, lecture: Lecture, report: Packaged, now: Now) -> None:
        for segment in report.damaged:
            self._keep(lecture.id, segment, now)
        held = lecture.withheld or lecture.waits(now.mono_ns, now.boot)
        state = advance(lecture.state, Event.HOLD if held else Event.PACKAGE)
        places = self._config.destinations
        small = self._small.packaged(lecture.id, now)
        self._ledger.package(
            lecture.id,
            state,
            report.duration_s,
            report.artifacts,
            places,
            report.sound,
            left_out=left_out(places, [artifact.name for artifact in report.artifacts]),
            edits_done=report.edits,
            **small,
        )
        self._observer.look_again()

    def _reworded(self, lecture: Lecture, report: Packaged | FinishFailed | None, now: Now) -> None:
        """What it says about itself is in the package, and goes wherever the lecture went."""
        if report is None or (isinstance(report, FinishFailed) and report.passing):
            return  # it is tried again
        with self._ledger.transaction():
            if isinstance(report, FinishFailed):
                done = lecture.edits
                self._ledger.add_event(now, "not changed", report.reason, lecture.id)
            else:
                done = report.edits
                self._send_anew(lecture, report, now)
            self._ledger.set_lecture(lecture.id, edits_done=done)
        self._observer.look_again()

    def _send_anew(self, lecture: Lecture, report: Packaged, now: Now) -> None:
        names = [artifact.name for artifact in report.artifacts]
        gone = {row.name for row in self._ledger.outbox(lecture.id)}.difference(names)
        self._ledger.drop_outbox(lecture.id, gone)
        aside = left_out(self._config.destinations, names)
        self._ledger.enqueue_changed(lecture.id, report.artifacts, aside)
        rows = self._ledger.outbox(lecture.id)
        if lecture.state is State.DELIVERED and any(row.receipt is None for row in rows):
            self._ledger.set_state(lecture.id, advance(lecture.state, Event.REVISE))
        text = "its details or captions were changed in the package"
        self._ledger.add_event(now, "changed", text, lecture.id)

    def _keep(self, lecture: str, segment: DamagedSegment, now: Now) -> None:
        """Set it aside: the segments of a packaged lecture are dropped, and it is not all in there.

        Killed after the move, the next finisher finds the package whole and no damage.
        """
        path = self._spool.track(lecture, segment.track) / segment.name
        if not path.exists():
            return
        kept = set_aside(self._spool.aside, path, f"{lecture}-{segment.track}-{segment.name}")
        text = readable(f"{segment.name}: {segment.what}; kept as {kept}")
        number = sequence(segment.name)
        with self._ledger.transaction():
            if number is not None:
                self._ledger.drop_segment(lecture, segment.track, number)
            self._ledger.add_event(now, "set aside", text, lecture, readable(segment.track))
