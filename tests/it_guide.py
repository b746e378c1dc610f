"""docs/it-guide.md: a room brought into service, as a terminal has shown it.

    python -m tests.it_guide        runs it all and writes the document: two minutes

The commands, what is typed and what must be seen stand here; the answers are the program's. A room
with a camera and two microphones is played by drivers of the tests. What is not as it stands here
ends the run, so the document cannot be made untrue.
"""

from __future__ import annotations

import os
import pty
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge_agent.rules.lecture import State
from tests.hardware_fixtures import FakeCameras, PulseServer, pulse_server, shim_camera
from tests.process.classroom import Classroom, classroom, until

DOCUMENT = Path(__file__).parents[1] / "docs" / "it-guide.md"
ANSWER_S = 120.0  # a guard against hanging, never a measure of speed
#: Lines that tell only how far something is.
_PROGRESS = re.compile(r"(Recording|Packaging|Listening|Delivering) \d+ %$")


@dataclass(frozen=True)
class Prose:
    text: str


@dataclass(frozen=True)
class Typed:
    """A command, its exit code, and what must be seen. `answers`: what is asked, what is typed.

    An answer that begins with "unseen " is not shown by the terminal.
    """

    command: str
    sees: tuple[str, ...]
    code: int = 0
    answers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Meanwhile:
    """What happens in the room; `name` is a method of Hall."""

    name: str


NO_TEST = ("Test recording", "n")
INTRODUCTION = """
# A room in service, step by step

This is what a terminal has shown: a program has typed it into a room with a camera and two
microphones, and has checked the answers (`make it-guide`). Only the names of folders are those of
a PC with services. [it.md](it.md) explains each command.

## What is plugged in
"""
SET_UP = """
## Set it up

`edge-agent setup` asks; Enter takes what stands in brackets. Until the last question nothing is
changed. It is the same over ssh and without colours, and one line for a script. On a PC with
services run it as root: then it also starts them.
"""
TO_DO = """
The exit code is 3: all of it is done, and the doctor has found what is still to do. Nothing runs
yet, and this PC has no systemd; on one that has, the services would be running now.
"""
BROKEN = """
## Something breaks

Somebody pulls the camera's plug. The lecturer's panel says so, and so does the doctor.
"""
CHANGED = """
## Change something, and take it back

Each change is checked as a whole before it is written, and a recording is never touched.
"""
MORE = """
A profile of a room says what it records. This one needs more than is plugged in, says so, and
changes nothing.
"""
GUIDE: tuple[Prose | Typed | Meanwhile, ...] = (
    Prose(INTRODUCTION),
    Typed("devices list", ("v4l2", "Logi C270", "Mic1")),
    Prose(SET_UP),
    Typed(
        "setup",
        ("written as change 1", "A lecture counts as delivered", "What the doctor finds"),
        code=3,
        answers=(
            ("Name of the room", "B-204"),
            ("Institution", "Royal University of Phnom Penh"),
            ("Time zone", ""),
            ("Language of the panel", "km"),
            ("Number [1]", ""),
            ("Number [0]", ""),
            ("Number", "1"),
            ("Number", "2"),
            ("Add where lectures are sent", "folder"),
            ("Its name", ""),
            ("Its folder", "{platform}"),
            ("PIN for the panel", "unseen 493817"),
            ("Test recording", "y"),
            ("Do it", "y"),
        ),
    ),
    Prose(TO_DO),
    Meanwhile("start"),
    Prose("## Look at it, and record"),
    Typed("status", ("READY", "camera", "microphone", "Queue")),
    Typed('record start --title "Thermodynamics 2" --lecturer "Dr Sok"', ("Recording",)),
    Meanwhile("lecture"),
    Typed("record stop --wait", ("Stopped",)),
    Meanwhile("delivered"),
    Typed("lectures show last", ("Thermodynamics 2", "presenter.mp4", "audio.m4a")),
    Typed("upload status", ("disk",)),
    Prose(BROKEN),
    Meanwhile("unplug"),
    Typed("doctor devices", ("camera", "next:"), code=3),
    Prose("It is plugged in again; nothing has to be restarted."),
    Meanwhile("plug"),
    Typed("doctor devices", ("camera",)),
    Prose(CHANGED),
    Typed("config set recording.max_hours 4", ("(not set) → 4",)),
    Typed("config set recording.max_hours 400", ("less than or equal to 24",), code=6),
    Typed("config history", ("recording.max_hours",)),
    Typed("config rollback", ("4 → (not set)",)),
    Prose(MORE),
    Typed("profile apply hall --dry-run", ("HDMI grabber",), code=9),
    Prose("## Ask for help\n\nOne file for those who help, without secrets."),
    Typed("report -o report.tar.gz", ("report.tar.gz",)),
)


class Hall:
    """The room, and what happens in it."""

    def __init__(self, room: Classroom, cameras: FakeCameras, pulse: PulseServer) -> None:
        self.room, self._cameras = room, cameras
        self.env = {**os.environ, **cameras.env, **pulse.env, "TERM": "dumb", "COLUMNS": "100"}
        self.env["EDGE_AGENT_CONFIG"] = str(room.config)

    def start(self) -> None:
        self.room.start_agent()
        self.room.start_uploader()
        self.room.until_armed("camera", "microphone", "backup")

    def lecture(self) -> None:
        self.room.until_durable(3, "camera", "microphone")

    def delivered(self) -> None:
        with self.room.ledger() as ledger:
            [lecture] = ledger.lectures()
        self.room.until_state(lecture.id, State.DELIVERED)

    def unplug(self) -> None:
        self._cameras.unplug()
        until("the camera is gone", lambda: self.room.track("camera")["phase"] == "absent")

    def plug(self) -> None:
        plugged(self._cameras)
        self.room.until_armed("camera")

    def shown(self, text: str) -> str:
        """With the folders of a service."""
        root = str(self.room.root)
        for own, services in (
            (f"{root}/config.toml", "/etc/edge-agent/config.toml"),
            (f"{root}/credentials", "/etc/edge-agent/credentials"),
            (f"{root}/spool", "/var/lib/edge-agent"),
            (f"{root}/run", "/run/edge-agent"),
            (str(self.room.platform), "/srv/lectures"),
        ):
            text = text.replace(own, services)
        lines = (line.rstrip() for line in text.replace("\r", "").splitlines())
        return "\n".join(line for line in lines if not _PROGRESS.match(line))


def plugged(cameras: FakeCameras) -> None:
    cameras.plug(card="Logi C270", bus="usb-0000:00:14.0-2")


@contextmanager
def hall(folder: Path) -> Iterator[Hall]:
    with ExitStack() as stack:
        cameras = stack.enter_context(shim_camera(folder / "cameras"))
        plugged(cameras)
        pulse = stack.enter_context(pulse_server(folder / "pulse"))
        for place in ("room1", "room2"):
            stack.enter_context(pulse.speak(place))
        root = folder / "room"
        root.mkdir()
        room = stack.enter_context(classroom(root, {}, env={**cameras.env, **pulse.env}))
        places = f'[storage]\nspool = "{root}/spool"\nruntime = "{root}/run"\n'
        room.config.write_text(f"{places}least_free_mib = 0\n")
        yield Hall(room, cameras, pulse)


def performed(here: Hall, guide: Sequence[Prose | Typed | Meanwhile]) -> Iterator[str]:
    """The document's parts. Raises AssertionError where something else is seen."""
    for step in guide:
        if isinstance(step, Prose):
            yield step.text.strip()
        elif isinstance(step, Meanwhile):
            happen: Callable[[], None] = getattr(here, step.name)
            happen()
        else:
            code, said = typed(here, step)
            seen = here.shown(said)
            assert code == step.code, f"{step.command}: {code}\n{seen}"
            for words in step.sees:
                assert words in seen, f"{step.command}: no {words!r} in\n{seen}"
            yield f"```\n$ edge-agent {step.command}\n{seen.strip()}\n```"


def typed(here: Hall, step: Typed) -> tuple[int, str]:
    command = [sys.executable, "-m", "edge_agent.cli", *shlex.split(step.command)]
    if step.answers:
        return answered(here, command, step.answers)
    done = subprocess.run(
        command,
        env=here.env,
        cwd=here.room.root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=ANSWER_S,
        check=False,
    )
    return done.returncode, done.stdout.decode()


def answered(
    here: Hall, command: Sequence[str], answers: Sequence[tuple[str, str]]
) -> tuple[int, str]:
    """At a terminal: each question is waited for, and answered."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        command, env=here.env, cwd=here.room.root, stdin=theirs, stdout=theirs, stderr=theirs,
        start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    said, seen_to = "", 0
    for question, answer in answers:
        said, seen_to = asked(ours, said, seen_to, question)
        text = answer.removeprefix("unseen ").format(platform=here.room.platform)
        os.write(ours, f"{text}\n".encode())
    said += rest(ours)
    os.close(ours)
    return child.wait(ANSWER_S), said


def asked(terminal: int, said: str, after: int, question: str) -> tuple[str, int]:
    """All that was said until this question, and where its line ends."""
    end = time.monotonic() + ANSWER_S
    while True:
        found = said.find(question, after)
        if found >= 0 and said.endswith(": "):
            return said, len(said)
        assert time.monotonic() < end, f"no {question!r} in\n{said}"
        try:
            said += os.read(terminal, 65536).decode(errors="replace")
        except OSError:  # the other side is closed
            raise AssertionError(f"it ended before {question!r}:\n{said}") from None


def rest(terminal: int) -> str:
    said = b""
    try:
        while more := os.read(terminal, 65536):
            said += more
    except OSError:  # the other side is closed
        pass
    return said.decode(errors="replace")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, hall(Path(folder)) as here:
        parts = list(performed(here, GUIDE))
    DOCUMENT.write_text("\n\n".join(parts) + "\n")


if __name__ == "__main__":
    main()
