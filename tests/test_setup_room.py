"""Laws of `edge-agent setup`: whole or not at all, twice is once, and never a secret in sight."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import tomlkit
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from capture.discover import Device
from device_profiles.profile import load_profiles
from edge_agent.accounts import Account
from edge_agent.cli import app
from edge_agent.commands import setup_asking, setup_room
from edge_agent.commands.finding import Command
from edge_agent.commands.output import Exit, Failure, Report
from edge_agent.commands.setup_answers import Answers, from_file, over, secrets_of
from edge_agent.commands.setup_asking import Asker
from edge_agent.commands.setup_room import RoomSetup
from edge_agent.commands.setup_steps import Pc, Step, Units, as_services, walk
from edge_agent.config_change import ConfigDesk
from edge_agent.discovery import Candidates, candidates, profile_of
from edge_agent.locks import only_one
from edge_agent.spool import Runtime
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


# ---------------------------------------------------------------- without questions


def test_a_room_without_a_word_gets_the_best_that_is_plugged_in(desk: Desk) -> None:
    code, document = desk("--room", "B-204")
    assert (code, document["ok"]) == (0, True)
    assert desk.values["room"] == {"name": "B-204"}
    tracks = desk.values["tracks"]
    assert {name: track["device"] for name, track in tracks.items()} == {
        "camera": WEBCAM.identity,
        "slides": GRABBER.identity,
        "microphone": LECTERN.id,
        "backup": ITS_OWN.id,
    }
    assert tracks["slides"]["flavor"] == "presentation/source"
    assert tracks["backup"]["flavor"] == "backup/source"
    assert desk.file.read_text().startswith("# Of the hall.\n")


def test_twice_is_once(desk: Desk) -> None:
    answers = desk.folder / "answers.toml"
    answers.write_text(
        f'room = "B-204"\nbackup = "auto"\nlanguage = "km"\n[destination]\nname = "disk"\n'
        f'type = "folder"\npath = "{desk.folder}/out"\n'
    )
    (desk.folder / "out").mkdir()
    assert desk("--answers", str(answers))[0] == 0
    text = desk.file.read_text()
    code, document = desk("--answers", str(answers))
    assert (code, desk.file.read_text()) == (0, text)
    assert [step["step"] for step in document["data"]["steps"]] == ["destination"]


def test_what_people_have_chosen_is_left_alone_until_they_choose_again(desk: Desk) -> None:
    desk("--camera", "Logi C270", "--slides", "none")
    text = desk.file.read_text().replace("[tracks.camera]", "[tracks.camera]\ncrf = 20")
    desk.file.write_text(text)
    desk.found = plugged(GRABBER, WEBCAM)
    assert desk("--room", "Hall")[0] == 0
    assert desk.values["tracks"]["camera"]["crf"] == 20
    assert "slides" not in desk.values["tracks"]
    assert desk("--camera", "none", "--slides", "auto")[0] == 0
    assert set(desk.values["tracks"]) == {"slides", "microphone", "backup"}


def test_another_camera_keeps_the_tracks_words_but_not_the_former_cameras_modes(
    desk: Desk,
) -> None:
    desk("--camera", "auto")
    text = desk.file.read_text()
    desk.file.write_text(
        text.replace("[tracks.camera]", '[tracks.camera]\nformat = "h264"\ncrf = 20')
    )
    assert desk("--camera", GRABBER.identity, "--slides", "none")[0] == 0
    camera = desk.values["tracks"]["camera"]
    assert (camera["device"], camera["crf"], "format" in camera) == (GRABBER.identity, 20, False)
    assert camera["flavor"] == "presenter/source"


def test_a_device_that_stands_there_by_another_of_its_names_is_no_other_one(desk: Desk) -> None:
    desk("--camera", "auto")
    named = desk.file.read_text().replace(f'"{WEBCAM.identity}"', '"/dev/video0"')
    desk.file.write_text(named)
    assert desk("--camera", "auto")[0] == 0
    assert desk.file.read_text() == named


def test_what_is_not_plugged_in_is_told_and_what_holds_stays(desk: Desk) -> None:
    desk("--camera", "auto")
    desk.found = plugged()
    code, document = desk("--camera", "auto", "--microphone", "auto")
    assert (code, document["warnings"][:-1]) == (0, [])
    assert desk.values["tracks"]["camera"]["device"] == WEBCAM.identity
    code, document = desk("--camera", "Logi C920")
    assert (code, document["error"]["code"]) == (Exit.DEVICE, "device-missing")


def test_a_room_in_which_nothing_is_plugged_in_is_told_so(desk: Desk) -> None:
    desk.found = plugged()
    _, document = desk()
    assert [text.split(":")[0] for text in document["warnings"]][:2] == [
        "no camera is plugged in",
        "no microphone is plugged in",
    ]
    assert "tracks" not in desk.values


def test_a_profile_of_a_room_says_what_stands_where(desk: Desk) -> None:
    assert desk("--profile", "hall", "--room", "Hall")[0] == 0
    tracks = desk.values["tracks"]
    assert list(tracks) == ["camera", "slides", "microphone", "backup"]
    assert (tracks["camera"]["max_kbps"], tracks["backup"]["audio_kbps"]) == (6000, 64)
    desk.found = plugged(WEBCAM, ITS_OWN)
    code, document = desk("--profile", "hall")
    assert (code, document["error"]["code"]) == (Exit.DEVICE, "device-missing")
    assert "an HDMI grabber (slides), a second microphone (backup)" in document["error"]["message"]


def test_a_dry_run_says_what_it_would_do_and_does_nothing(desk: Desk) -> None:
    code, document = desk(
        "--room", "B-204", "--destination", "disk", "--type", "folder",
        "--path", str(desk.folder), "--secrets-from-stdin", "--dry-run",
        stdin="panel-pin=493817\n",
    )  # fmt: skip
    assert code == 0
    steps = [(step["step"], step["state"]) for step in document["data"]["steps"]]
    assert steps == [("secrets", "would"), ("configuration", "would"), ("destination", "would")]
    assert desk.file.read_text() == desk.first
    assert sorted(each.name for each in desk.folder.iterdir()) == ["config.toml"]


def test_a_configuration_that_is_not_there_yet_is_begun(desk: Desk) -> None:
    desk.file.unlink()
    assert desk("--room", "B-204")[0] == 0
    assert desk.values["room"]["name"] == "B-204"


def test_secrets_come_through_the_pipe_and_are_kept_for_the_services_alone(desk: Desk) -> None:
    words = ["--destination", "campus", "--type", "tus", "--credential", "campus"]
    words += ["--url", "https://127.0.0.1:9/files", "--secrets-from-stdin"]
    code, document = desk(*words, stdin=f"campus={SECRET}\npanel-pin=493817\n")
    assert code == Exit.FINDINGS  # nobody answers at that address
    kept = desk.folder / "credentials"
    assert (kept / "campus").read_text() == f"{SECRET}\n"
    assert {each.stat().st_mode & 0o777 for each in kept.iterdir()} == {0o600}
    assert "493817" not in (kept / "panel-pin").read_text()
    assert desk.values["panel"]["pin"] == "panel-pin"
    assert document["data"]["destination"] is not None
    again = desk(*words, stdin=f"campus={SECRET}\n")[1]
    assert "secrets" not in [step["step"] for step in again["data"]["steps"]]


@pytest.mark.parametrize(
    ("words", "stdin", "code"),
    [
        (["--pin", "493817"], "", "secret-in-arguments"),
        (["--token", SECRET], "", "secret-in-arguments"),
        (["--secrets-from-stdin"], SECRET, "bad-answers"),
        (["--secrets-from-stdin"], f"nobody={SECRET}", "bad-answers"),
        (["--secrets-from-stdin"], "panel-pin=1", "bad-pin"),
        (["--zone", "Asia/Phnom_Pen"], "", "bad-answers"),
        (["--language", "xx"], "", "config-invalid"),
        (["--type", "tus"], "", "bad-answers"),
        (["--destination", "x", "--type", "tus"], "", "config-invalid"),
        (["--test-seconds", "9999"], "", "bad-answers"),
    ],
)
def test_a_wrong_answer_changes_nothing(
    desk: Desk, words: list[str], stdin: str, code: str
) -> None:
    exit_code, document = desk(*words, stdin=stdin)
    assert (document["error"]["code"], document["ok"]) == (code, False)
    assert exit_code in (Exit.USAGE, Exit.CONFIG)
    assert document["error"]["hint"]
    assert desk.file.read_text() == desk.first


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rom = 1", "did you mean 'room'"),
        ("room = 1", "must be a text in quotes"),
        ("units = 1", "must be true or false"),
        ("test_seconds = true", "must be a number"),
        ("destination = 1", "must be a table"),
        ("[destination]\ntype = 'tus'", "needs a name"),
        ("[destination]\nname = 'x'\ntoken = 'y'", "secret may not stand there"),
        ("password = 'x'", "secret may not stand there"),
        ("room = ", "not valid TOML"),
    ],
)
def test_a_file_of_answers_with_a_mistake_says_which(text: str, words: str) -> None:
    with pytest.raises(Failure, match=words):
        from_file(text, "answers.toml")


_KEYS = st.sampled_from(["room", "zone", "units", "test_seconds", "destination", "name", "token"])
_VALUES = st.one_of(
    st.text(max_size=4), st.integers(-9, 999), st.booleans(), st.floats(), st.lists(st.integers())
)
_TABLES = st.dictionaries(_KEYS, st.one_of(_VALUES, st.dictionaries(_KEYS, _VALUES)))


@given(_TABLES)
def test_whatever_a_file_of_answers_says_it_is_taken_or_refused(table: dict[str, Any]) -> None:
    with suppress(Failure):  # no other exception
        found = from_file(tomlkit.dumps(table), "answers.toml")
        assert "token" not in table
        assert found.test_seconds is None or 0 <= found.test_seconds <= 120


def test_an_option_goes_before_the_file() -> None:
    file = Answers(room="A", zone="Asia/Phnom_Penh", destination={"name": "one"}, test_seconds=5)
    merged = over(Answers(room="B", destination={"name": "two"}, test_seconds=0.0), file)
    assert (merged.room, merged.zone, merged.destination) == ("B", file.zone, {"name": "two"})
    assert merged.test_seconds == 0.0


def test_lines_of_secrets() -> None:
    assert secrets_of("a=b=c\n\n d = e \n") == {"a": "b=c", "d": "e"}


def test_a_device_that_may_not_be_opened_is_not_taken_for_one_that_is_not_there(desk: Desk) -> None:
    node = desk.folder / "root/dev/video0"
    node.parent.mkdir(parents=True)
    node.touch(mode=0o600)
    room, report = desk.by(Script([]))
    room.go(NO_TEST, {}, asks=False)
    assert report.warnings[0].startswith("somebody may not open /dev/video0; next: ")


def test_a_lecture_under_way_is_neither_tested_nor_restarted(desk: Desk) -> None:
    runtime = Runtime(desk.folder / "run")
    runtime.root.mkdir()
    runtime.status.write_text(json.dumps({"lecture": {"id": "x"}, "tracks": {}}))
    with only_one(runtime.agent_lock, "agent"):
        code, document = desk("--room", "B-204", "--test-seconds", "9")
    assert code == 0
    assert [step["step"] for step in document["data"]["steps"]] == ["configuration"]
    assert any("a lecture is being recorded: no test" in text for text in document["warnings"])


def test_two_at_once_are_one_after_the_other(desk: Desk) -> None:
    with ConfigDesk(desk.file, os.environ, FixedClock()).alone():
        code, document = desk("--room", "B-204")
    assert (code, document["error"]["code"]) == (Exit.WRONG_STATE, "being-changed")
    assert desk.file.read_text() == desk.first
    assert desk("--room", "B-204")[0] == 0


# ---------------------------------------------------------------- systemd

UNIT = {"Id": "edge-agent.service", "LoadState": "loaded"}
IDLE = UNIT | {"ActiveState": "inactive", "UnitFileState": "disabled"}
RUNS = UNIT | {"ActiveState": "active", "UnitFileState": "enabled"}


@pytest.mark.parametrize(
    ("unit", "changed", "verbs"),
    [(IDLE, [UNIT["Id"]], ["enable"]), (RUNS, [], []), (RUNS, [UNIT["Id"]], ["restart"])],
)
def test_services_are_started_once_and_begun_anew_only_for_a_change(
    unit: dict[str, str], changed: list[str], verbs: list[str]
) -> None:
    assert [command[1] for command in Units([unit], True).commands(changed)] == verbs


@pytest.mark.parametrize(
    ("units", "words"),
    [
        (Units(None, True), "systemd is not there"),
        (Units([IDLE | {"LoadState": "not-found"}], True), "not installed: edge-agent.service"),
        (Units([IDLE], False), "only root"),
        (Units([IDLE], True, "elsewhere"), "elsewhere"),
    ],
)
def test_services_that_cannot_be_started_say_why(units: Units, words: str) -> None:
    assert words in units.obstacle


def test_root_on_a_pc_with_services_sets_the_zone_and_starts_them_last(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup_room, "SERVICE_FOLDER", desk.folder)
    monkeypatch.setattr(setup_room, "STARTED_S", 0.0)
    (desk.folder / "root/run/systemd/system").mkdir(parents=True)
    desk.account = Account("root", 0, 0, frozenset({0}))
    desk.systemd = "\n".join(f"{key}={value}" for key, value in IDLE.items())
    room, report = desk.by(Script([]))
    room.go(replace(NO_TEST, zone="Asia/Phnom_Penh"), {}, asks=False)
    assert [command[:3] for command in desk.ran] == [
        ("timedatectl", "set-timezone", "Asia/Phnom_Penh"),
        ("systemctl", "enable", "--now"),
    ]
    names = [step["step"] for step in report.data["steps"]]
    assert names == ["zone", "configuration", "services"]


# ---------------------------------------------------------------- by questions


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


def test_enter_at_every_question_is_a_room_as_it_was_found(desk: Desk) -> None:
    script = Script([])
    room, report = desk.by(script)
    room.go(NO_TEST, {}, asks=True)
    assert set(desk.values["tracks"]) == {"camera", "slides", "microphone", "backup"}
    assert report.data["configuration"]["written"]
    assert desk.ran == []  # no systemd, so neither zone nor services


def test_wrong_answers_are_asked_again_with_what_would_be_right(desk: Desk) -> None:
    script = Script(["Hall", "", "phnom penh", "Asia/Phnom_Penh", "xx", "km", "9", "0", "1"])
    room, _ = desk.by(script)
    room.go(NO_TEST, {}, asks=True)
    assert "there are: Asia/Phnom_Penh" in script.said
    assert "a number from 0 to 2 is needed" in script.said
    assert desk.values["room"]["name"] == "Hall"
    assert desk.values["panel"]["language"] == "km"
    assert "camera" not in desk.values["tracks"]
    assert desk.values["tracks"]["slides"]["device"] == GRABBER.identity


def test_a_destination_is_asked_with_all_that_it_needs(desk: Desk) -> None:
    answers = [""] * 8 + ["tus", "campus", "https://127.0.0.1:9/files", "", SECRET, "12", "493817"]
    script = Script(answers)
    room, _ = desk.by(script)
    room.go(NO_TEST, {}, asks=True)
    assert desk.values["destinations"]["campus"] == {
        "type": "tus",
        "url": "https://127.0.0.1:9/files",
        "credential": "campus",
    }
    assert (desk.folder / "credentials/campus").read_text() == f"{SECRET}\n"
    assert (desk.folder / "credentials/panel-pin").exists()
    assert not [line for line in script.said if SECRET in line or "493817" in line]


def test_ctrl_c_at_any_question_changes_nothing(desk: Desk) -> None:
    questions = Script([])
    desk.by(questions)[0].go(NO_TEST, {}, asks=True)
    desk.file.write_text(desk.first)
    for number in range(len(questions.questions)):
        script = Script([""] * number, ends=True)
        with pytest.raises(Failure, match="nothing was changed") as ended:
            desk.by(script)[0].go(NO_TEST, {}, asks=True)
        assert ended.value.exit == Exit.INTERRUPTED
        assert desk.file.read_text() == desk.first


def test_a_no_at_the_end_changes_nothing(desk: Desk) -> None:
    questions = Script([])
    desk.by(questions)[0].go(NO_TEST, {}, asks=True)
    desk.file.write_text(desk.first)
    script = Script([""] * (len(questions.questions) - 1) + ["n"])
    desk.by(script)[0].go(NO_TEST, {}, asks=True)
    assert desk.file.read_text() == desk.first


def test_ctrl_c_in_a_step_says_what_is_done_already() -> None:
    done: list[str] = []

    def interrupt() -> None:
        raise KeyboardInterrupt

    steps = [
        Step("zone", "set the zone", lambda: done.append("zone")),
        Step("test", "record", interrupt),
        Step("services", "start", lambda: done.append("services")),
    ]
    report = Report("setup", True)
    report.data = {"steps": []}
    with pytest.raises(Failure, match="during: test; done are: zone") as ended:
        walk(steps, report, dry_run=False)
    assert (done, ended.value.exit) == (["zone"], Exit.INTERRUPTED)


def test_an_account_that_may_not_run_the_program_is_told_where_it_belongs() -> None:
    who = Account("somebody", 4321, 4321, frozenset())
    with pytest.raises(Failure, match="who is to record, may not") as error, as_services(who):
        raise PermissionError
    assert error.value.exit == Exit.NOT_PERMITTED


def test_the_kinds_that_are_asked_for_exist() -> None:
    from edge_agent.config_destinations import KINDS

    assert set(setup_asking.KINDS) < set(KINDS)
