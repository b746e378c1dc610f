"""Why somebody must be called: what the panel would show, as causes of the three alerts.

Stands with the commands because it joins programs that know nothing of each other: MQTT, the
figures for Prometheus and the webhooks tell the same alerts.
"""

from __future__ import annotations

from collections.abc import Iterator

from edge_agent.commands.missed_bookings import Missed
from edge_agent.panel import state as panel
from edge_agent.panel.reading import Reading
from edge_agent.rows import BookingRow, Lecture
from edge_agent.rules.alerts import ALERTS, Alert, Cause

_UNHEARD = frozenset({"mic.none", "mic.silent", "mic.unheard"})
_OFFLINE = frozenset({"agent.down", "room.empty"})
_NOTHING_MISSED = Missed()


def causes(
    it: Reading, shown: panel.PanelState, missed: Missed = _NOTHING_MISSED
) -> Iterator[Cause]:
    """Of one moment; each with another key."""
    yield from _offline(shown)
    yield from _unheard(it, shown)
    yield from _unrecorded(it, shown)
    yield from _missed(it, missed)


def alerts(it: Reading, shown: panel.PanelState, missed: Missed = _NOTHING_MISSED) -> list[Alert]:
    """Which of the three stand."""
    found = {cause.alert for cause in causes(it, shown, missed)}
    return [name for name in ALERTS if name in found]


def _offline(shown: panel.PanelState) -> Iterator[Cause]:
    keys = {each.key for each in shown.problems}
    lost = [source.state == "lost" for source in shown.sources]
    if "agent.down" in keys:
        yield Cause("device_offline", text="the recording agent does not run, or does not answer")
    elif "room.empty" in keys:
        yield Cause("device_offline", text="there is no camera and no microphone to record from")
    elif shown.word == "not_ready" and lost and all(lost):
        names = ", ".join(source.track for source in shown.sources)
        yield Cause("device_offline", text=f"no device can be recorded: {names}")


def _unheard(it: Reading, shown: panel.PanelState) -> Iterator[Cause]:
    keys = {each.key for each in shown.problems}
    if shown.word in ("recording", "start_failed") and keys & _UNHEARD and not shown.muted:
        words = "a lecture is recorded in which nobody can be heard; look at the microphone"
        yield _of_lecture("missing_audio", words, it.active)


def _unrecorded(it: Reading, shown: panel.PanelState) -> Iterator[Cause]:
    found = {lecture.id for lecture in it.failed}
    if shown.word == "start_failed" and (it.active is None or it.active.id not in found):
        words = "a recording was started, and nothing of it is on the disk"
        yield _of_lecture("missed_capture", words, it.active)
    for lecture in it.failed:
        words = f"a lecture could not be saved: {lecture.reason or 'see edge-agent lectures show'}"
        yield _of_lecture("missed_capture", words, lecture)


def _missed(it: Reading, missed: Missed) -> Iterator[Cause]:
    """Until a lecture is begun after it: then the room records again."""
    latest = it.active or it.last
    for row in missed.recent:
        if latest is None or latest.started_utc < row.ends_utc:
            yield _of_booking(row)


def _of_lecture(alert: Alert, text: str, lecture: Lecture | None) -> Cause:
    if lecture is None:
        return Cause(alert, text=text)
    return Cause(
        alert,
        lecture.id,
        text,
        lecture.title,
        lecture.course,
        lecture.lecturer,
        lecture.started_utc,
        lecture.id,
    )


def _of_booking(row: BookingRow) -> Cause:
    text = f"a booked lecture was missed: {row.reason}"
    subject = f"{row.key} {row.starts_utc}"
    return Cause("missed_capture", subject, text, row.title, started_utc=row.starts_utc)
