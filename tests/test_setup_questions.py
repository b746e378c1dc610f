"""`edge-agent setup` by questions: each answer can be wrong, and Ctrl-C changes nothing."""

from __future__ import annotations

import pytest

from edge_agent.accounts import Account
from edge_agent.commands import setup_asking
from edge_agent.commands.output import Exit, Failure, Report
from edge_agent.commands.setup_steps import Step, as_services, walk
from tests.setup_desk import GRABBER, NO_TEST, SECRET, Desk, Script
from tests.setup_desk import desk as desk


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
