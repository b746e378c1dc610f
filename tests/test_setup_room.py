"""Laws of `edge-agent setup`: whole or not at all, twice is once, and never a secret in sight."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import pytest

from edge_agent.accounts import Account
from edge_agent.commands import setup_room
from edge_agent.commands.output import Exit
from edge_agent.commands.setup_steps import Units
from edge_agent.config_change import ConfigDesk
from edge_agent.locks import only_one
from edge_agent.spool import Runtime
from tests.fixed_clock import FixedClock
from tests.setup_desk import GRABBER, ITS_OWN, LECTERN, NO_TEST, WEBCAM, Desk, Script, plugged
from tests.setup_desk import desk as desk

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


# ---------------------------------------------------------------- what is in the way


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
