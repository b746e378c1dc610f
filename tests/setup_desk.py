"""A room that is set up in a folder, by a person or a file of answers."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer
from typer.testing import CliRunner

from capture.discover import Device
from device_profiles.profile import load_profiles
from edge_agent.accounts import Account
from edge_agent.cli import app
from edge_agent.commands import setup_room
from edge_agent.commands.finding import Command
from edge_agent.commands.output import Report
from edge_agent.commands.setup_answers import Answers
from edge_agent.commands.setup_asking import Asker
from edge_agent.commands.setup_room import RoomSetup
from edge_agent.commands.setup_steps import Pc
from edge_agent.config_change import ConfigDesk
from edge_agent.discovery import Candidates, candidates, profile_of
from tests.fixed_clock import FixedClock

SCHEMA = json.loads((Path(__file__).parents[1] / "edge_agent/schemas/setup-1.json").read_text())
SECRET = "t0ken-of-the-campus"
WEBCAM = Device("v4l2", "/dev/video0", "Logi C270", "usb 1-2", "usb:046d:0825:A", usb="046d:0825")
GRABBER = Device("v4l2", "/dev/video2", "AV TO USB", "usb 1-8", "port:usb-1-8", usb="534d:2109")
LECTERN = Device("microphone", "pulse:lectern", "Lectern", "usb 1-5", "pulse:1-5", usb="1111:2222")
ITS_OWN = Device("microphone", "pulse:c270", "C270", "usb 1-2", "pulse:1-2", usb="046d:0825")
EVERYTHING = (WEBCAM, GRABBER, LECTERN, ITS_OWN)


def plugged(*devices: Device) -> Candidates:
    profiles = load_profiles()
    return candidates((each, profile_of(each, profiles)) for each in devices)


class Desk:
    """A room in a folder, what is plugged in, and a PC that only notes what is asked of it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.file = folder, folder / "config.toml"
        self.file.write_text(
            f'# Of the hall.\n[storage]\nspool = "{folder}/spool"\nruntime = "{folder}/run"\n'
            "least_free_mib = 0\n"
        )
        self.first = self.file.read_text()
        self.found = plugged(*EVERYTHING)
        self.ran: list[Command] = []
        self.systemd: str | None = None
        self.account = Account("somebody", 4321, 4321, frozenset({4321}))
        monkeypatch.setattr(setup_room, "listed", lambda _: [])
        monkeypatch.setattr(setup_room, "candidates_of", lambda *_: self.found)
        monkeypatch.setattr(setup_room, "CHECKS", ("secrets",))

    def __call__(self, *words: str, stdin: str = "") -> tuple[int, Any]:
        """Exit code and document, which keeps to its schema; without a test recording."""
        done = CliRunner().invoke(
            app,
            ["--config", str(self.file), "setup", "--test-seconds", "0", *words, "--json"],
            input=stdin,
        )
        assert SECRET not in done.output
        document = json.loads(done.stdout)
        jsonschema.validate(document, SCHEMA)
        return done.exit_code, document

    @property
    def values(self) -> dict[str, Any]:
        return tomllib.loads(self.file.read_text())

    def by(self, asker: Asker) -> tuple[RoomSetup, Report]:
        def run(command: Command) -> str:
            self.ran.append(command)
            return ""

        report = Report("setup", True)
        place = ConfigDesk(self.file, os.environ, FixedClock(), begins=True)
        pc = Pc(lambda _: self.systemd, run, self.folder / "root", self.account)
        return RoomSetup(place, report, False, pc, asker), report


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path, monkeypatch)


class Script:
    """Answers in their order; Enter for all after them, or an end by Ctrl-C."""

    def __init__(self, answers: Sequence[str], ends: bool = False) -> None:
        self._answers, self._ends = list(answers), ends
        self.questions: list[str] = []
        self.said: list[str] = []

    def text(self, question: str, default: str) -> str:
        return self._next(question, default)

    def secret(self, question: str) -> str:
        return self._next(question, "")

    def say(self, *lines: str) -> None:
        self.said += lines

    def _next(self, question: str, default: str) -> str:
        self.questions.append(question)
        if self._answers:
            return self._answers.pop(0) or default
        if self._ends:
            raise typer.Abort
        return default


NO_TEST = Answers(test_seconds=0.0)
