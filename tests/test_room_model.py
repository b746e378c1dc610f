"""What holds whatever happens to a room: random days against a model of what people were told.

The supervisor with plan, performer, command desk, recovery and ledger is real, and so are delivery
and finisher; recorders, clock and boots are simulated. `make model N=2000` runs more days.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from edge_agent.rules.lecture import State
from tests.fixed_clock import FixedClock
from tests.simulated_room import NO_LINK, TRACKS, UNSET, Died, SimulatedRoom
from tests.watched_room import WatchedRoom

DAYS = int(os.environ.get("MODEL_DAYS", "40"))
HOUR = timedelta(hours=1)
VERBS = ["stop", "pause", "resume", "mark", "mark", "retry", "mute", "unmute", "extend", "edit"]
tracks = st.sampled_from(sorted(TRACKS))


class Day(WatchedRoom):
    """What people and faults may do to it, in any order."""

    # ------------------------------------------------------------ people

    @rule(until_s=st.sampled_from([None, None, 12, 3600]))
    def start(self, until_s: float | None) -> None:
        if until_s is None:
            self.post("start")
        else:
            until = self.here.clock.utc + timedelta(seconds=until_s)
            self.post("start", until_utc=until.isoformat())

    @rule(verb=st.sampled_from(VERBS))
    def press(self, verb: str) -> None:
        failed = self.here.ledger.lectures(State.FAILED)
        lecture = failed[0].id if failed and verb == "retry" else ""
        self.post(verb, lecture=lecture, minutes=1, title="Another title")

    @rule(meanwhile_s=st.sampled_from([0, 1, 2]))
    def stop_and_take_it_back(self, meanwhile_s: float) -> None:
        self.post("stop", undo=True)
        self.here.run(meanwhile_s)
        ended = self.here.ledger.lectures(State.FINISHING, State.HELD)
        if ended:
            self.post("continue", lecture=ended[-1].id)

    @precondition(lambda self: self.here.ledger.lectures())
    @rule(data=st.data(), verb=st.sampled_from(["withhold", "publish", "edit", "edit"]))
    def change_any(self, data: st.DataObject, verb: str) -> None:
        lecture = data.draw(st.sampled_from([each.id for each in self.here.ledger.lectures()]))
        self.post(verb, lecture=lecture, title=f"Title {len(self.keys)}")

    @rule(verb=st.sampled_from(["start", "stop", "pause"]), reboot=st.booleans())
    def press_too_late(self, verb: str, reboot: bool) -> None:
        self.post(verb, ttl_s=30 if reboot else -1, boot="another boot" if reboot else "")

    @precondition(lambda self: self.keys)
    @rule(data=st.data())
    def ask_again(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.keys)))
        verb = self.posted[self.keys[key]][0]
        assert self.here.post(verb, {}, key) == self.keys[key]
        self.here.run(0.5)

    @rule(seconds=st.sampled_from([1, 3, 7, 20]))
    def wait(self, seconds: float) -> None:
        self.here.run(seconds)

    @precondition(lambda self: self.here.ledger.lectures())
    @rule(
        data=st.data(),
        verb=st.sampled_from(["delete", "delete", "restore", "purge"]),
        word=st.booleans(),
    )
    def throw_away_or_back(self, data: st.DataObject, verb: str, word: bool) -> None:
        known = sorted(each.id for each in self.here.ledger.lectures())
        lecture = data.draw(st.sampled_from(known))
        if word and verb == "delete":
            self.given_up.add(lecture)
        self.post(verb, lecture=lecture, undelivered=word, bin=word)

    # ------------------------------------------------------------ faults

    @rule(track=tracks)
    def unplug_or_plug(self, track: str) -> None:
        self.here.outside.plugged ^= {track}
        self.here.run(1)

    @rule(track=tracks)
    def crash_recorder(self, track: str) -> None:
        if track in self.here.recorders:
            self.here.recorders[track].die()
        self.here.run(1)

    @precondition(lambda self: self.here.supervisor)
    @rule(finisher_ends=st.booleans())
    def kill_supervisor(self, finisher_ends: bool) -> None:
        self.here.kill_supervisor(finisher_ends)

    @precondition(lambda self: self.here.supervisor)
    @rule(writes=st.integers(1, 12), after=st.booleans())
    def kill_supervisor_at_a_write(self, writes: int, after: bool) -> None:
        self.here.die_soon(writes, after)

    @precondition(lambda self: not self.here.supervisor)
    @rule(down_s=st.sampled_from([1, 5, 1200]), dies_at=st.sampled_from([None, None, 1, 2, 4]))
    def restart(self, down_s: float, dies_at: int | None) -> None:
        self.here.run(down_s)
        self.here.start(dies_at)
        self.here.run(2)

    @rule(
        off_s=st.sampled_from([2, 90, 1200, 80_000]),
        clock=st.sampled_from(["true", "true", "unset", "early", "late"]),
    )
    def cut_power(self, off_s: float, clock: str) -> None:
        utc = self.here.true_utc + timedelta(seconds=off_s)
        readings = {"unset": UNSET, "early": utc - HOUR, "late": utc + HOUR}
        self.here.cut_power(off_s, readings.get(clock))
        self.here.start()
        self.here.run(2)

    @rule(step=st.sampled_from([HOUR, -HOUR, None]))
    def set_clock(self, step: timedelta | None) -> None:
        self.here.set_clock(step and self.here.clock.utc + step)
        self.here.run(1)

    @rule(mood=st.sampled_from(["success", "success", "crash", "failure"]))
    def finisher_mood(self, mood: str) -> None:
        self.here.outside.mood = mood

    @rule(steps=st.integers(1, 12))
    def upload(self, steps: int) -> None:
        self.here.upload(steps)
        self.here.run(1)

    @rule(killed=st.booleans(), after=st.booleans())
    def trouble_with_the_platform(self, killed: bool, after: bool) -> None:
        self.here.platform.trouble = Died() if killed else NO_LINK
        self.here.platform.trouble_after = after
        self.here.upload(2)


Day.TestCase.settings = settings(
    max_examples=DAYS,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestAnyDay = Day.TestCase


# ---------------------------------------------------------------- days that have gone wrong


def day(folder: Path, *happenings: Callable[[SimulatedRoom], object]) -> SimulatedRoom:
    room = SimulatedRoom(folder)
    room.run(1)
    for happening in happenings:
        happening(room)
    return room


def post(verb: str, **args: Any) -> Callable[[SimulatedRoom], object]:
    def happening(room: SimulatedRoom) -> None:
        room.post(verb, args, f"{verb} {len(room.ledger.new_commands())} {room.clock.mono}")
        room.run(0.5)

    return happening


def test_a_stop_in_the_instant_of_the_planned_end(tmp_path: Path) -> None:
    """It ended the lecture twice, which ended the agent."""
    until = FixedClock().utc + timedelta(seconds=12)
    room = day(
        tmp_path,
        post("start", until_utc=until.isoformat()),
        lambda room: room.run(10),
        lambda room: room.clock.pass_time(3),
        post("stop"),
    )
    try:
        assert room.supervisor is not None
        assert room.ledger.lectures()[0].state is State.FINISHING
        assert room.ledger.new_commands() == []
    finally:
        room.close()


@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize("writes", range(1, 8))
def test_a_kill_while_the_room_is_muted_or_unmuted(tmp_path: Path, on: bool, writes: int) -> None:
    """Killed between the two, the room was unmuted, and the answer after the reboot: not run."""
    verb = "mute" if on else "unmute"
    room = day(
        tmp_path,
        post("unmute" if on else "mute"),
        lambda room: room.die_soon(writes),
        post(verb),
        lambda room: room.cut_power(90, None),
        lambda room: room.start(),
        lambda room: room.run(1),
    )
    try:
        command = room.ledger.command(2)
        assert command is not None
        assert command.verb == verb
        answer = dict(command.answer or {})
        assert room.ledger.muted() is (on if "muted" in answer else not on), answer
    finally:
        room.close()


def test_many_commands_that_have_waited_for_the_agent(tmp_path: Path) -> None:
    """Each takes a round: a day of nothing else once looked as if the plan went in circles."""
    room = day(tmp_path, lambda room: room.kill_supervisor())
    try:
        for number in range(100):
            verb = ("start", "mark", "pause", "resume", "stop")[number % 5]
            room.post(verb, {}, f"{number}")
        room.start()
        room.run(5)
        assert room.ledger.new_commands() == []
        assert len(room.ledger.lectures()) == 20
    finally:
        room.close()
