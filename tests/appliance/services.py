"""Around the recorders: a full disk, an agent that hangs."""

from __future__ import annotations

import time
from typing import Any

from tests.appliance.report import Row
from tests.appliance.room import (
    TRACKS,
    Room,
    begin,
    check_storage,
    end,
    gaps_of,
    lecture_s,
    until_delivered,
    until_durable,
)

LENGTH_S = 6.0
#: Room that is left on the disk: some seconds of a recording.
LEFT_KIB = 900


def disk_full(room: Room) -> Row:
    """Nothing that was recorded is lost when the disk fills up, and with room again it goes on."""
    row = Row("disk full")
    with room.awake("disk-full") as machine:
        lecture = begin(machine, "Full")
        before = until_durable(machine, LENGTH_S)
        fill = "$(df --output=avail --block-size=1K /var/lib/edge-agent | tail -1)"
        machine.sh(f"fallocate -l $(({fill} - {LEFT_KIB}))K /filler")
        machine.until_status(
            "a track cannot be written",
            lambda s: any(s["tracks"][track]["phase"] != "recording" for track in TRACKS),
        )
        time.sleep(LENGTH_S)
        stuck = machine.until_status("every track says why", lambda s: all(_reasons(s)))
        row.notes.append(f"said: {'; '.join(sorted(set(_reasons(stuck))))}")
        machine.sh("rm /filler")
        freed_s = lecture_s(machine, lecture)
        on = machine.until_status(
            "the lecture goes on",
            lambda s: all(
                s["tracks"][t]["phase"] == "recording"
                and (s["tracks"][t]["durable_s"] or 0) > freed_s
                for t in TRACKS
            ),
        )
        row.expect((on["lecture"] or {}).get("id") == lecture, "another lecture is under way")
        end(machine)
        manifest = until_delivered(machine, lecture, row)
        for track in TRACKS:
            gaps = gaps_of(manifest, track)
            row.expect(gaps, f"{track} has no gap")
            causes = sorted({gap["cause"] for gap in gaps})
            row.expect(causes == ["disk full"], f"{track}: the gap's cause is {causes}")
            first = min((gap["lectureStart"] for gap in gaps), default=0.0)
            said = before["tracks"][track]["durable_s"]
            row.expect(first >= said - 0.15, f"{track}: {said} s were durable, {first} s are there")
            row.lost_s.append(max(0.0, said - first))
            last = max((gap["lectureEnd"] for gap in gaps), default=freed_s)
            row.recovery_s.append(max(0.0, last - freed_s))
        check_storage(machine, row)
        row.runs += 1
    return row


def _reasons(status: dict[str, Any]) -> list[str]:
    return [status["tracks"][track]["reason"] for track in TRACKS]


def watchdog(room: Room) -> Row:
    """The agent hangs: systemd starts it again, and the lecture goes on."""
    row = Row("agent hangs, watchdog")
    with room.awake("watchdog") as machine:
        lecture = begin(machine, "Hanging agent")
        before = until_durable(machine, LENGTH_S)
        machine.sh("kill -STOP $(systemctl show edge-agent --property MainPID --value)")
        hung_s = lecture_s(machine, lecture)
        machine.until_status(
            "another agent records on",
            lambda s: (
                s["pid"] != before["pid"]
                and (s["lecture"] or {}).get("id") == lecture
                and all(s["tracks"][track]["durable_s"] for track in TRACKS)
            ),
        )
        end(machine)
        manifest = until_delivered(machine, lecture, row)
        for track in TRACKS:
            gaps = gaps_of(manifest, track)
            row.expect(gaps, f"{track} has no gap")
            first = min((gap["lectureStart"] for gap in gaps), default=0.0)
            said = before["tracks"][track]["durable_s"]
            row.expect(first >= said - 0.15, f"{track}: {said} s were durable, {first} s are there")
            row.lost_s.append(max(0.0, hung_s - first))
            last = max((gap["lectureEnd"] for gap in gaps), default=hung_s)
            row.recovery_s.append(last - hung_s)
        check_storage(machine, row)
        row.runs += 1
    return row
