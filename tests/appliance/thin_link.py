"""A thin link to a real server: a lecture crawls there, the next is recorded, the power fails."""

from __future__ import annotations

import time
from typing import Any

from tests.appliance.central import Central, platform
from tests.appliance.machine import Machine
from tests.appliance.power import LENGTH_S, goes_on, honest_pc, judge_interrupted
from tests.appliance.report import Row
from tests.appliance.room import (
    CONFIG,
    SPOOL,
    Room,
    begin,
    duration_s,
    end,
    until_armed,
    until_durable,
    until_state,
)

#: The guest's own kernel shapes what leaves it; the delay is of both directions together.
LINK = "delay 100ms rate 1mbit limit 200"
#: Of pictures that are nothing but noise, so that a short lecture is minutes on the way.
FIRST_S, CRF, MOST_KBPS = 40.0, 16, 2500
BLACKOUT_S = 15.0
#: Of the first lecture, before the second begins, and before the power fails.
BEGUN, MORE = 400_000, 200_000
#: The cable, the power, and the second lecture's first files, which overtake the rest of the
#: first's. Each may cost a request: this server keeps nothing of one that did not come whole.
CUTS = 3
#: Waits for bytes: hang guards.
PATIENCE_S = 600.0
#: Of vivid's test patterns.
NOISE = 21
_CONFIG = f"""
[storage]
least_free_mib = 0
[tracks.camera]
kind = "v4l2"
device = "/dev/video0"
size = [320, 180]
fps = 10.0
crf = {CRF}
max_kbps = {MOST_KBPS}
[tracks.microphone]
kind = "microphone"
device = "hw:Loopback,1"
[upload]
recording = "send"
[renditions]
audio = false
camera = "off"
"""
_RULE = (
    'ACTION=="add|move", SUBSYSTEM=="net", KERNEL=="eth0",'
    f' RUN+="/sbin/tc qdisc replace dev eth0 root netem {LINK}"'
)


def thin_link(room: Room) -> Row:
    """Cable pulled, then power cut while one is sent and one recorded: each arrives once, whole."""
    row = Row("thin link, power cut")
    with platform(room.folder / "central") as central, honest_pc(room, "thin") as pc:
        machine = pc.boot()
        _connect(machine, central)
        first = begin(machine, "On its way")
        until_durable(machine, FIRST_S)
        end(machine)
        central.until_came(BEGUN, PATIENCE_S)
        machine.sh("v4l2-ctl -d /dev/video0 -c test_pattern=0")
        second = begin(machine, "Meanwhile")
        until_durable(machine, LENGTH_S)
        _pull_cable(machine, central, row)
        central.until_came(central.came() + MORE, PATIENCE_S)
        whole = _package_bytes(machine, first)
        promised = machine.status()
        before = central.came()
        central.line.power_cut()
        pc.cut()
        row.expect(before < whole, f"no cut in the middle: {before} of {whole} bytes had come")
        row.notes.append(f"cut while recording, when {before} of {whole} bytes had come")
        machine = pc.boot()
        _is_thin(machine)
        goes_on(machine, second, row)
        end(machine)
        for lecture in (first, second):
            until_state(machine, lecture, "delivered")
        judge_interrupted(row, promised, central.manifest(second))
        there = duration_s(central.manifest(first))
        row.expect(there >= FIRST_S, f"the first has {there} s of {FIRST_S}")
        _judge_arrival(machine, central, (first, second), row)
        row.runs += 1
    return row


def _connect(machine: Machine, central: Central) -> None:
    """The link becomes thin, now and after every boot; the destination is configured."""
    until_armed(machine)
    machine.sh(f"cat > /etc/udev/rules.d/90-thin.rules <<'E'\n{_RULE}\nE")
    machine.sh(f"tc qdisc replace dev eth0 root netem {LINK}")
    machine.sh(f"v4l2-ctl -d /dev/video0 -c test_pattern={NOISE}")
    machine.sh(f"cat > {CONFIG} <<'E'{_CONFIG}[destinations.campus]{central.config()}E")
    for command in central.credentials():
        machine.sh(command)
    machine.sh("systemctl restart edge-agent edge-agent-upload && sync")
    until_armed(machine)
    _is_thin(machine)


def _is_thin(machine: Machine) -> None:
    machine.until("the link is thin", "tc qdisc show dev eth0 | grep netem")


def _pull_cable(machine: Machine, central: Central, row: Row) -> None:
    machine.qmp("set_link", name="net", up=False)
    time.sleep(BLACKOUT_S)
    came = central.came()
    machine.qmp("set_link", name="net", up=True)
    began = time.monotonic()
    central.until_came(came + 1, PATIENCE_S)
    row.notes.append(f"bytes again {time.monotonic() - began:.0f} s after the cable was back")


def _package_bytes(machine: Machine, lecture: str) -> int:
    sizes = machine.sh(f"stat -c %s {SPOOL}/lectures/{lecture}/package/*").out
    return sum(map(int, sizes.split()))


def _judge_arrival(machine: Machine, central: Central, lectures: Any, row: Row) -> None:
    """Every file of every package is there once, the same to the byte, and little came twice."""
    here = central.files()
    strangers = here.keys() - set(lectures)
    row.expect(not strangers, f"nobody knows {strangers} at the platform")
    for lecture in lectures:
        sums = machine.sh(f"cd {SPOOL}/lectures/{lecture}/package && sha256sum *").out
        wanted = {" ".join(reversed(line.split())) for line in sums.splitlines()}
        found = here[lecture]
        row.expect(wanted == found.keys(), f"{lecture}: {set(found) ^ wanted} differ")
        row.duplicates += sum(found.values()) - len(found)
        row.lectures_lost += not found
    cut = central.cut_requests()
    again = central.came() - central.held()
    row.expect(len(cut) <= CUTS, f"{len(cut)} requests were cut: {cut}")
    row.expect(again <= sum(cut), f"{again} bytes came twice, {sum(cut)} in requests that were cut")
    row.notes.append(
        f"{again} bytes of {central.held()} came twice; of requests that were cut had come {cut}"
    )
    done = machine.edge_agent("storage", "check", check=False)
    row.expect(done.status == 0, f"storage check: {done.out}")
