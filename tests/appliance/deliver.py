"""Record and deliver, with everything as on a real PC."""

from __future__ import annotations

from tests.appliance.report import Row
from tests.appliance.room import (
    Room,
    begin,
    check_storage,
    duration_s,
    end,
    until_armed,
    until_delivered,
    until_durable,
)

LENGTH_S = 12.0


def record_and_deliver(room: Room) -> Row:
    """Two lectures one after the other: both arrive whole, with both tracks."""
    row = Row("record and deliver")
    with room.awake("deliver") as machine:
        for number in range(2):
            lecture = begin(machine, f"Lecture {number}")
            until_durable(machine, LENGTH_S)
            end(machine)
            manifest = until_delivered(machine, lecture, row)
            until_armed(machine)
            row.runs += 1
            row.expect(duration_s(manifest) >= LENGTH_S, "the package is too short")
            row.expect(not manifest["gaps"], f"gaps without a fault: {manifest['gaps']}")
            files = {entry["name"] for entry in manifest["encoding"]}
            wanted = {"presenter.mp4", "audio.m4a"}
            row.expect(wanted <= files, f"the package has only {sorted(files)}")
        check_storage(machine, row)
    return row
