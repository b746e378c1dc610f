"""Laws of the plan. Times in seconds for the reader; the rules take nanoseconds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.rules import actions as do
from edge_agent.rules.health import GONE, SECOND, Phase, Pressure
from edge_agent.rules.lecture import State
from edge_agent.rules.plan import (
    ActiveFacts,
    CommandFacts,
    Facts,
    FinisherFacts,
    RecorderFacts,
    plan,
)

NOW = 1000 * SECOND
CAM = RecorderFacts("camera", Phase.ARMED, heard_ns=NOW)
RECORDING = ActiveFacts("L1", State.RECORDING, frozenset({"camera"}), frozenset(), 10 * SECOND)
PAUSED = replace(RECORDING, state=State.PAUSED)
IDLE = Facts(NOW, (CAM,))


def command(verb: str, expired: bool = False, **args: object) -> CommandFacts:
    return CommandFacts(1, verb, expired, args)


def refusal(actions: list[do.Action]) -> do.Refuse:
    found = [action for action in actions if isinstance(action, do.Refuse)]
    assert len(found) == 1, actions
    assert found[0].hint
    return found[0]


def test_an_idle_room_needs_nothing() -> None:
    assert plan(IDLE) == []


# ---------------------------------------------------------------- recorders


def test_an_absent_recorder_is_started() -> None:
    facts = replace(IDLE, recorders=(RecorderFacts("camera"),))
    assert plan(facts) == [do.StartRecorder("camera")]


def test_a_failed_recorder_waits_for_its_time() -> None:
    facts = replace(IDLE, recorders=(RecorderFacts("camera", retry_ns=NOW + 1),))
    assert plan(facts) == []


def test_an_armed_recorder_records_the_lecture_under_way() -> None:
    assert plan(replace(IDLE, active=RECORDING)) == [do.RecordTrack("camera", "L1")]


def test_a_recorder_that_records_it_is_left_alone() -> None:
    busy = replace(CAM, phase=Phase.RECORDING, lecture="L1")
    assert plan(replace(IDLE, active=RECORDING, recorders=(busy,))) == []


@pytest.mark.parametrize("phase", [Phase.ABSENT, Phase.STARTING, Phase.QUITTING])
def test_a_track_that_cannot_record_gets_an_open_gap_once(phase: Phase) -> None:
    facts = replace(
        IDLE, active=RECORDING, recorders=(replace(CAM, phase=phase, retry_ns=NOW + 1),)
    )
    assert do.OpenGap("L1", "camera") in plan(facts)
    with_gap = replace(RECORDING, open_gaps=frozenset({"camera"}))
    assert do.OpenGap("L1", "camera") not in plan(replace(facts, active=with_gap))


def test_a_track_that_is_not_of_this_lecture_does_not_join_it() -> None:
    other = replace(CAM, track="late-camera")
    assert plan(replace(IDLE, active=RECORDING, recorders=(other,))) == []


@pytest.mark.parametrize("active", [None, PAUSED, replace(RECORDING, id="L2")])
def test_a_recorder_stops_when_its_lecture_is_not_recording(active: ActiveFacts | None) -> None:
    busy = replace(CAM, phase=Phase.RECORDING, lecture="L1")
    assert do.FinishTrack("camera", "L1") in plan(replace(IDLE, active=active, recorders=(busy,)))


@pytest.mark.parametrize(
    ("phase", "limit_s"),
    [(Phase.STARTING, 20), (Phase.ARMED, 5), (Phase.RECORDING, 5), (Phase.FINISHING, 15)],
)
def test_a_silent_recorder_is_asked_after_the_grace_of_its_phase(
    phase: Phase, limit_s: int
) -> None:
    at_limit = replace(CAM, phase=phase, lecture="L1", heard_ns=NOW - limit_s * SECOND)
    active = RECORDING if phase is Phase.RECORDING else None
    assert plan(Facts(NOW, (at_limit,), active)) == []
    [press] = plan(Facts(NOW + 1, (at_limit,), active))
    assert isinstance(press, do.Press)
    assert press.pressure is Pressure.ASKED


def test_asking_is_followed_by_insisting_and_killing_each_in_its_time() -> None:
    wedged = replace(CAM, heard_ns=NOW - 10 * SECOND, pressed_ns=NOW)
    expected = {
        Pressure.ASKED: Pressure.INSISTED,
        Pressure.INSISTED: Pressure.KILLED,
    }
    for pressure, following in expected.items():
        it = replace(wedged, pressure=pressure)
        assert plan(Facts(NOW + SECOND // 2, (it,))) == []
        [press] = plan(Facts(NOW + SECOND, (it,)))
        assert isinstance(press, do.Press)
        assert press.pressure is following


def test_a_process_that_even_kill_does_not_end_blocks_nobody() -> None:
    dead = replace(CAM, track="slides", pressure=Pressure.KILLED, pressed_ns=0, heard_ns=0)
    facts = Facts(NOW, (dead, CAM), replace(RECORDING, tracks=frozenset({"camera", "slides"})))
    actions = plan(facts)
    assert do.RecordTrack("camera", "L1") in actions
    assert do.OpenGap("L1", "slides", "device hung") in actions


def test_a_lecture_is_finished_although_a_driver_holds_its_killed_recorder() -> None:
    wedged = replace(CAM, phase=Phase.WEDGED, pressure=Pressure.KILLED, lecture="L1")
    actions = plan(Facts(NOW, (wedged,), finishing=("L1",)))
    assert actions == [do.StartFinisher("L1")], "and no other recorder opens that device"
    assert plan(Facts(NOW, (wedged,), stopping=True)) == [], "nor does the agent wait for it"


def test_a_recorder_under_pressure_is_not_given_a_lecture() -> None:
    pressed = replace(CAM, pressure=Pressure.ASKED, pressed_ns=NOW)
    actions = plan(replace(IDLE, active=RECORDING, recorders=(pressed,)))
    assert not any(isinstance(action, do.RecordTrack) for action in actions)


# ---------------------------------------------------------------- the end


def test_at_the_agents_end_every_recorder_is_asked_at_once() -> None:
    busy = replace(CAM, phase=Phase.RECORDING, lecture="L1")
    [press] = plan(Facts(NOW, (busy,), RECORDING, stopping=True))
    assert isinstance(press, do.Press)
    assert press.pressure is Pressure.ASKED


def test_at_the_agents_end_an_asked_recorder_has_its_time_and_is_then_killed() -> None:
    asked = replace(CAM, pressure=Pressure.ASKED, pressed_ns=NOW)
    assert plan(Facts(NOW + 7 * SECOND, (asked,), stopping=True)) == []
    [press] = plan(Facts(NOW + 9 * SECOND, (asked,), stopping=True))
    assert isinstance(press, do.Press)
    assert press.pressure is Pressure.INSISTED


def test_nothing_is_started_while_the_agent_ends() -> None:
    facts = Facts(NOW, (RecorderFacts("camera"),), finishing=("L0",), stopping=True)
    assert plan(facts) == []


# ---------------------------------------------------------------- finishing


def test_an_ended_lecture_is_finished_once_nobody_records_it() -> None:
    writing = replace(CAM, phase=Phase.FINISHING, lecture="L1")
    assert plan(replace(IDLE, finishing=("L1",), recorders=(writing,))) == []
    assert plan(replace(IDLE, finishing=("L1",))) == [do.StartFinisher("L1")]


def test_one_finisher_at_a_time_oldest_first() -> None:
    assert plan(replace(IDLE, finishing=("L1", "L2"))) == [do.StartFinisher("L1")]
    busy = FinisherFacts("L1", NOW)
    assert plan(replace(IDLE, finishing=("L1", "L2"), finisher=busy)) == []


def test_a_finisher_without_progress_is_killed() -> None:
    stuck = FinisherFacts("L1", NOW - 121 * SECOND)
    assert plan(replace(IDLE, finisher=stuck)) == [do.KillFinisher("L1")]


def test_a_killed_finisher_that_a_disk_holds_is_waited_for_without_a_rush() -> None:
    """A plan that does something is followed by another at once, without a rest."""
    held = FinisherFacts("L1", NOW - 121 * SECOND, pressed=True)
    assert plan(replace(IDLE, finisher=held, finishing=("L1", "L2"))) == []


def test_receipts_make_a_lecture_delivered_and_leftovers_go() -> None:
    facts = replace(IDLE, received=("L1",), leftovers=("L2",))
    assert plan(facts) == [do.MarkDelivered("L1"), do.DropSegments("L2")]


def test_a_stop_in_the_very_round_of_the_planned_end_ends_the_lecture_once() -> None:
    due = replace(RECORDING, until_ns=10 * SECOND)
    commands = (CommandFacts(7, "stop", expired=False),)
    stops = [each for each in plan(Facts(NOW, (), due, commands=commands)) if type(each) is do.Stop]
    assert stops == [do.Stop(7, due.id)]


def test_the_planned_end_stops_the_lecture() -> None:
    due = replace(RECORDING, until_ns=10 * SECOND)
    busy = replace(CAM, phase=Phase.RECORDING, lecture="L1")
    assert plan(Facts(NOW, (busy,), due)) == [do.Stop(None, "L1")]
    assert plan(Facts(NOW, (busy,), replace(due, until_ns=11 * SECOND))) == []


# ---------------------------------------------------------------- commands


def test_start_begins_a_lecture() -> None:
    assert plan(replace(IDLE, commands=(command("start"),))) == [do.Begin(1)]


def test_start_does_not_wait_for_slow_devices() -> None:
    starting = replace(CAM, phase=Phase.STARTING)
    assert do.Begin(1) in plan(replace(IDLE, commands=(command("start"),), recorders=(starting,)))


def test_a_second_start_is_refused_and_names_the_first() -> None:
    for active in (RECORDING, PAUSED):
        answer = refusal(plan(replace(IDLE, active=active, commands=(command("start"),))))
        assert (answer.code, answer.exit) == ("already-recording", 5)
        assert "L1" in answer.message


def test_start_without_any_device_is_refused_with_the_reasons() -> None:
    gone = RecorderFacts("camera", retry_ns=NOW + 1, failure="/dev/video0 is not there")
    answer = refusal(plan(Facts(NOW, (gone,), commands=(command("start"),))))
    assert (answer.code, answer.exit) == ("no-device", 9)
    assert "/dev/video0 is not there" in answer.message
    nothing = refusal(plan(Facts(NOW, (), commands=(command("start"),))))
    assert (nothing.code, nothing.exit) == ("no-tracks", 9)


def test_start_with_one_device_of_two_begins() -> None:
    gone = RecorderFacts("slides", retry_ns=NOW + 1, failure="/dev/video2 is not there")
    assert do.Begin(1) in plan(Facts(NOW, (gone, CAM), commands=(command("start"),)))


def test_start_on_a_full_disk_is_refused() -> None:
    answer = refusal(plan(replace(IDLE, enough_space=False, commands=(command("start"),))))
    assert (answer.code, answer.exit) == ("no-space", 10)


@pytest.mark.parametrize("verb", ["start", "stop", "pause", "resume", "mark", "retry"])
def test_a_late_command_is_refused_not_run(verb: str) -> None:
    for active in (None, RECORDING, PAUSED):
        busy = replace(CAM, phase=Phase.RECORDING, lecture="L1") if active is RECORDING else CAM
        actions = plan(Facts(NOW, (busy,), active, commands=(command(verb, expired=True),)))
        assert refusal(actions).code == "expired"
        assert len(actions) == 1


@pytest.mark.parametrize("verb", ["stop", "pause", "resume", "mark"])
def test_commands_to_a_lecture_need_one(verb: str) -> None:
    answer = refusal(plan(replace(IDLE, commands=(command(verb),))))
    assert (answer.code, answer.exit) == ("not-recording", 5)


@pytest.mark.parametrize(
    ("state", "verb", "expected"),
    [
        (State.RECORDING, "stop", do.Stop(1, "L1")),
        (State.PAUSED, "stop", do.Stop(1, "L1")),
        (State.RECORDING, "pause", do.Pause(1, "L1")),
        (State.PAUSED, "resume", do.Resume(1, "L1")),
        (State.RECORDING, "mark", do.AddMark(1, "L1")),
        (State.PAUSED, "mark", do.AddMark(1, "L1")),
    ],
)
def test_a_command_that_fits_the_state_is_done(
    state: State, verb: str, expected: do.Action
) -> None:
    active = replace(RECORDING, state=state)
    assert expected in plan(replace(IDLE, active=active, commands=(command(verb),)))


@pytest.mark.parametrize(("state", "verb"), [(State.PAUSED, "pause"), (State.RECORDING, "resume")])
def test_a_command_that_does_not_fit_the_state_is_refused(state: State, verb: str) -> None:
    active = replace(RECORDING, state=state)
    answer = refusal(plan(replace(IDLE, active=active, commands=(command(verb),))))
    assert (answer.code, answer.exit) == ("wrong-state", 5)


def test_retry_is_for_failed_lectures_only() -> None:
    again = command("retry", lecture="L0")
    assert plan(replace(IDLE, failed=frozenset({"L0"}), commands=(again,))) == [do.Retry(1, "L0")]
    assert refusal(plan(replace(IDLE, commands=(again,)))).code == "wrong-state"


def test_an_unknown_command_is_refused_with_the_known_ones() -> None:
    answer = refusal(plan(replace(IDLE, commands=(command("explode"),))))
    assert answer.code == "unknown-command"
    assert "start" in answer.hint


def test_commands_are_taken_one_a_round() -> None:
    two = (command("start"), CommandFacts(2, "stop", False))
    assert plan(replace(IDLE, commands=two)) == [do.Begin(1)]


# ---------------------------------------------------------------- for any facts at all

recorders = st.builds(
    RecorderFacts,
    track=st.sampled_from(["camera", "slides"]),
    phase=st.sampled_from(Phase),
    heard_ns=st.integers(0, NOW),
    lecture=st.sampled_from([None, "L1", "L2"]),
    pressure=st.sampled_from(Pressure),
    pressed_ns=st.integers(0, NOW),
    retry_ns=st.integers(0, 2 * NOW),
    failure=st.sampled_from(["", "gone"]),
)
actives = st.builds(
    ActiveFacts,
    id=st.just("L1"),
    state=st.sampled_from([State.RECORDING, State.PAUSED]),
    tracks=st.frozensets(st.sampled_from(["camera", "slides"])),
    open_gaps=st.frozensets(st.sampled_from(["camera", "slides"])),
    now_ns=st.integers(0, NOW),
    until_ns=st.none() | st.integers(0, NOW),
)
any_facts = st.builds(
    Facts,
    now_ns=st.just(NOW),
    recorders=st.lists(recorders, max_size=2, unique_by=lambda r: r.track).map(tuple),
    active=st.none() | actives,
    finishing=st.sampled_from([(), ("L2",)]),
    commands=st.lists(
        st.builds(
            CommandFacts,
            id=st.integers(1, 3),
            verb=st.sampled_from(["start", "stop", "pause", "resume", "mark", "retry", "x"]),
            expired=st.booleans(),
        ),
        max_size=2,
    ).map(tuple),
    enough_space=st.booleans(),
    stopping=st.booleans(),
)


@given(any_facts)
def test_the_same_facts_give_the_same_plan(facts: Facts) -> None:
    assert plan(facts) == plan(facts)


@given(any_facts)
def test_a_recording_lecture_has_a_live_recorder_or_a_gap_for_each_track(facts: Facts) -> None:
    """Invariant I3, after the plan has been performed."""
    lecture = facts.active
    if facts.stopping or lecture is None or lecture.state is not State.RECORDING:
        return
    actions = plan(facts)
    for it in facts.recorders:
        if it.track in lecture.tracks:
            assert (
                (it.phase is Phase.RECORDING and it.lecture == lecture.id)
                or it.track in lecture.open_gaps
                or do.RecordTrack(it.track, lecture.id) in actions
                or any(isinstance(a, do.OpenGap) and a.track == it.track for a in actions)
                or it.phase is Phase.ARMED
            )


@given(any_facts)
def test_a_lecture_is_never_finished_while_somebody_writes_it(facts: Facts) -> None:
    held = {it.lecture for it in facts.recorders if it.phase not in GONE}
    for action in plan(facts):
        if isinstance(action, do.StartFinisher):
            assert action.lecture not in held
