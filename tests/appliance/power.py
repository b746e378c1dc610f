"""Pull the plug of the whole PC: kill -9 of QEMU and of its disk with everything unflushed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.appliance.image import Image
from tests.appliance.machine import Machine
from tests.appliance.report import Row
from tests.appliance.room import (
    PLATFORM,
    TRACKS,
    HonestDisk,
    Room,
    agent_started_s,
    begin,
    check_storage,
    duration_s,
    end,
    gaps_of,
    state,
    until_armed,
    until_delivered,
    until_durable,
)

#: A fragment that was called durable is whole; the manifest rounds to a picture or a packet.
ROUNDING_S = 0.15
POWER_LOST = "power lost"
LENGTH_S = 8.0


class Pc:
    """A PC whose disk is honest: booted again and again, with a power cut in between."""

    def __init__(self, image: Image, folder: Path) -> None:
        self._image, self._folder = image, folder
        self._disk = HonestDisk(image, self._folder)
        self._machine: Machine | None = None

    def boot(self) -> Machine:
        self._machine = Machine(self._image, self._folder, self._disk.plug_in())
        self._machine.start()
        return self._machine

    def cut(self) -> None:
        """QEMU first: what it sends in between is not flushed either."""
        if self._machine is not None:
            self._machine.close()
        self._disk.cut()

    def close(self) -> None:
        self.cut()
        self._disk.close()


@contextmanager
def honest_pc(room: Room, name: str) -> Iterator[Pc]:
    pc = Pc(room.image, room.folder / name)
    try:
        yield pc
    finally:
        pc.close()


def pull_the_plug(room: Room) -> Row:
    """While recording, finishing and uploading; the lecture goes on, or is delivered, once."""
    row = Row("pull the plug")
    with honest_pc(room, "power") as pc:
        machine = pc.boot()
        until_armed(machine)
        for cut in (_while_recording, _while_finishing, _while_uploading):
            machine = cut(pc, machine, row)
            row.runs += 1
    return row


def _while_recording(pc: Pc, machine: Machine, row: Row) -> Machine:
    """Cut, boot: the same lecture records on by itself, and ends as one package."""
    lecture = begin(machine, "While recording")
    promised = until_durable(machine, LENGTH_S)
    pc.cut()
    machine = pc.boot()
    goes_on(machine, lecture, row)
    end(machine)
    judge_interrupted(row, promised, until_delivered(machine, lecture, row))
    check_storage(machine, row)
    until_armed(machine)
    return machine


def goes_on(machine: Machine, lecture: str, row: Row) -> None:
    """After a boot, by itself."""
    status = machine.until_status(
        "the lecture goes on",
        lambda s: (
            (s["lecture"] or {}).get("id") == lecture
            and all(s["tracks"][track]["durable_s"] for track in TRACKS)
        ),
    )
    row.recovery_s.append(status["mono_ns"] / 1e9 - agent_started_s(machine))


def judge_interrupted(row: Row, promised: dict[str, Any], manifest: dict[str, Any]) -> None:
    """The gap has its cause, and nothing is missing that the last status called durable.

    A gap before it is one that nobody here has made: its place and cause are told.
    """
    elapsed = promised["lecture"]["elapsed_s"]
    for track in TRACKS:
        said = promised["tracks"][track]["durable_s"]
        gaps = gaps_of(manifest, track)
        cut = [gap["lectureStart"] for gap in gaps if gap["cause"] == POWER_LOST]
        row.expect(bool(cut), f"{track}: no gap says that power was lost: {gaps}")
        others = [gap for gap in gaps if gap["lectureStart"] < min(cut, default=elapsed)]
        row.expect(not others, f"{track}: gaps that the power did not make: {others}")
        lost_from = min(cut, default=elapsed)
        row.expect(
            lost_from >= said - ROUNDING_S,
            f"{track}: {said:.2f} s were called durable, the gap begins at {lost_from:.2f} s",
        )
        row.lost_s.append(max(0.0, elapsed - lost_from))


def _while_finishing(pc: Pc, machine: Machine, row: Row) -> Machine:
    def finisher_runs(it: Machine) -> None:
        it.until_status("it is packaged", lambda s: s["finishing"])

    return _cut_after_stop(pc, machine, row, "While finishing", finisher_runs)


def _while_uploading(pc: Pc, machine: Machine, row: Row) -> Machine:
    def upload_runs(it: Machine) -> None:
        it.until("a file arrives", f"ls {PLATFORM}/*/* | grep -q -F .part || ls {NEWEST} | grep .")

    return _cut_after_stop(pc, machine, row, "While uploading", upload_runs)


#: The folder at the platform that came last.
NEWEST = f'"$(ls -td {PLATFORM}/*/ | head -1)"'


def _cut_after_stop(
    pc: Pc, machine: Machine, row: Row, title: str, moment: Callable[[Machine], None]
) -> Machine:
    """Cut when the stop has been acknowledged and `moment` has come: delivered once, never on."""
    lecture = begin(machine, title)
    promised = until_durable(machine, LENGTH_S)
    end(machine)
    moment(machine)
    pc.cut()
    machine = pc.boot()
    until_armed(machine)
    found = state(machine, lecture)
    row.expect(found in ("finishing", "packaged", "delivered"), f"{title}: is {found or 'gone'}")
    row.lectures_lost += not found
    manifest = until_delivered(machine, lecture, row)
    said = max(track["durable_s"] for track in promised["tracks"].values())
    there = duration_s(manifest)
    row.expect(there >= said - ROUNDING_S, f"{title}: {said:.2f} s durable, {there:.2f} s there")
    row.lost_s.append(max(0.0, said - there))
    check_storage(machine, row)
    return machine
