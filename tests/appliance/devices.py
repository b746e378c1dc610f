"""A device that goes in the middle of a lecture."""

from __future__ import annotations

from typing import Any

from tests.appliance.report import Row
from tests.appliance.room import (
    Room,
    begin,
    check_storage,
    end,
    gaps_of,
    lecture_s,
    until_delivered,
    until_durable,
)

BEFORE_S = 5.0


def camera_driver_fails(room: Room) -> Row:
    """The driver says that its camera is gone, in the middle; it is there when asked again."""
    row = Row("camera lost (vivid)")
    with room.awake("vivid") as machine:
        lecture = begin(machine, "Disconnected")
        until_durable(machine, BEFORE_S)
        pulled_s = lecture_s(machine, lecture)
        machine.sh("v4l2-ctl -d /dev/video0 -c disconnect=1")
        machine.until_status(
            "the camera records again",
            lambda s: s["tracks"]["camera"]["restarts"] and _records(s, "camera"),
        )
        end(machine)
        manifest = until_delivered(machine, lecture, row)
        _judge_track(row, manifest, "camera", pulled_s, pulled_s)
        gaps = gaps_of(manifest, "microphone")
        row.expect(not gaps, f"the microphone has gaps: {gaps}")
        check_storage(machine, row)
        row.runs += 1
    return row


def _records(status: dict[str, Any], track: str) -> bool:
    it = status["tracks"][track]
    return it["phase"] == "recording" and it["durable_s"] is not None


def _judge_track(
    row: Row, manifest: dict[str, Any], track: str, pulled_s: float, back_s: float
) -> None:
    gaps = [gap for gap in gaps_of(manifest, track) if gap["lectureEnd"] > pulled_s - 5]
    row.expect(gaps, f"{track} has no gap")
    row.expect(all(gap["cause"] for gap in gaps), f"{track}: a gap without a cause: {gaps}")
    if gaps:
        row.lost_s.append(max(0.0, pulled_s - min(gap["lectureStart"] for gap in gaps)))
        row.recovery_s.append(max(0.0, max(gap["lectureEnd"] for gap in gaps) - back_s))
        causes = sorted({gap["cause"] for gap in gaps})
        row.notes.append(f"{track}: {', '.join(causes)}")
