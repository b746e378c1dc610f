"""A PC on which the product is installed and nothing else: from there to a lecture at the platform.

By commands alone, as IT staff type them over ssh. The camera and its microphone are one USB webcam.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field

from tests.appliance.central import Central, platform
from tests.appliance.machine import Done, GuestFailed, Machine
from tests.appliance.plugs import UsbWebcam, plugged
from tests.appliance.report import Row
from tests.appliance.room import TRACKS, Room, duration_s, until_armed, until_durable, until_state
from tests.servers.receiver import TOKEN

LENGTH_S = 8.0
#: The emulated PC needs minutes for what takes seconds.
COMMAND_S = 900.0
ANSWERS, SECRETS, CA_FILE = "/root/room.toml", "/root/secrets", "/etc/ssl/campus-ca.pem"
#: Of `edge-agent setup` and `edge-agent doctor`: done, and something is still to do.
FINDINGS = 3
#: Of `edge-agent record` on a PC that is very slow; what comes of it is asked afterwards.
NO_TRACK_YET, TIMED_OUT = 9, 12
_ANSWERS = """
room = "B-204"
institution = "Virtual University"
zone = "Europe/Vienna"
language = "en"
camera = "auto"
microphone = "auto"
units = true
test_seconds = 5

[destination]
name = "campus"
"""
#: What a fresh PC lacks. The devices of the other scenarios go, too.
_FORGET = (
    "systemctl disable --now edge-agent.target edge-agent edge-agent-upload classroom-voice",
    "rm -rf /etc/edge-agent /var/lib/edge-agent /run/edge-agent",
    "modprobe -r vivid snd-aloop",
)
#: What the doctor may find in such a room: nobody sets this PC's clock, no light is plugged in.
_MAY_BE = ("clock", "encoders", "zone", "light", "mqtt", "timetable", "firmware")


@dataclass(slots=True)
class Terminal:
    """What was typed, how long each took, and what came of it."""

    machine: Machine
    took: list[tuple[str, float]] = field(default_factory=list)

    def type(self, command: str, *allowed: int) -> Done:
        began = time.monotonic()
        done = self.machine.sh(command, limit_s=COMMAND_S, check=False)
        self.took.append((command.split(" --")[0], time.monotonic() - began))
        if done.status not in (0, *allowed):
            raise GuestFailed(f"{command!r} gave {done.status}:\n{done.out}")
        return done


def from_nothing(room: Room) -> Row:
    """`edge-agent setup`, `doctor`, a lecture, and it is at the platform."""
    row = Row("from nothing to a delivered lecture")
    folder = room.folder / "setup"
    with platform(room.folder / "campus") as central, room.awake("setup") as machine:
        webcam = UsbWebcam(folder)
        with plugged(webcam):
            for command in _FORGET:
                machine.sh(command)
            webcam.plug_in(machine)
            _without_configuration(machine, row)
            _bring(machine, central)
            _set_up(machine, central, row)
            row.runs += 1
    return row


def _without_configuration(machine: Machine, row: Row) -> None:
    """One webcam with a microphone needs none: both are armed by themselves."""
    began = time.monotonic()
    machine.sh("systemctl start edge-agent edge-agent-upload")
    until_armed(machine)
    tracks = machine.status()["tracks"]
    row.expect(set(TRACKS) <= tracks.keys(), f"without configuration there is only {tracks}")
    row.notes.append(f"without configuration: armed after {time.monotonic() - began:.0f} s")
    machine.sh("systemctl stop edge-agent edge-agent-upload")
    machine.sh(_FORGET[1])


def _bring(machine: Machine, central: Central) -> None:
    """What the staff have with them: answers, the platform's certificate, the room's token."""
    answers = _ANSWERS + central.config(CA_FILE)
    machine.sh(f"cat > {ANSWERS} <<'E'{answers}E")
    machine.sh(f"cat > {CA_FILE} <<'E'\n{central.certificate}\nE")
    machine.sh(f"(umask 077; printf 'campus=%s\n' '{TOKEN}' > {SECRETS})")


def _set_up(machine: Machine, central: Central, row: Row) -> None:
    terminal = Terminal(machine)
    began = time.monotonic()
    setup = f"edge-agent setup --answers {ANSWERS} --secrets-from-stdin < {SECRETS}"
    said = terminal.type(setup, FINDINGS).out
    for wanted in ("camera: pictures arrive", "microphone: loudest"):
        row.expect(wanted in said, f"setup does not say {wanted!r}:\n{said}")
    checked = terminal.type("edge-agent doctor --json", FINDINGS)
    _judge_doctor(checked, row)
    until_armed(machine)
    started = terminal.type("edge-agent record start --title First --json", FINDINGS, NO_TRACK_YET)
    begun = started.json()
    if not begun:
        raise GuestFailed(f"record start: {started.out}")
    lecture = str(begun["lecture"])
    until_durable(machine, LENGTH_S)
    terminal.type("edge-agent record stop --wait", TIMED_OUT)
    until_state(machine, lecture, "delivered")
    shown = terminal.type("edge-agent lectures show last").out
    whole_s = time.monotonic() - began
    row.expect("delivered" in shown, f"lectures show does not say delivered: {shown}")
    manifest = central.manifest(lecture)
    row.expect(duration_s(manifest) >= LENGTH_S, f"only {duration_s(manifest)} s are there")
    row.expect(not manifest["gaps"], f"gaps: {manifest['gaps']}")
    row.lectures_lost += lecture not in central.files()
    row.duplicates += sum(count - 1 for count in central.files()[lecture].values())
    row.recovery_s.append(whole_s)
    row.notes.append(f"{len(terminal.took)} commands, {whole_s:.0f} s until it was delivered")
    row.notes += [f"{command}: {seconds:.0f} s" for command, seconds in terminal.took]


def _judge_doctor(checked: Done, row: Row) -> None:
    found = json.loads(checked.out[checked.out.index("{") :])["data"]
    checks = found["checks"] if isinstance(found, dict) else found
    wrong = [each for each in checks if each["state"] == "wrong"]
    row.notes.append(f"the doctor: {len(checks)} findings, wrong: {_names(wrong)}")
    strange = [each for each in wrong if each["check"] not in _MAY_BE]
    row.expect(not strange, f"the doctor finds: {strange}")


def _names(findings: list[dict[str, str]]) -> str:
    return ", ".join(sorted({each["check"] for each in findings})) or "nothing"
