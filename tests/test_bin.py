"""Laws of throwing lectures away: nothing goes unsaid, and all can be taken back in time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edge_agent import bin_desk
from edge_agent.panel.queue import queue_of
from edge_agent.panel.reading import Journey, Reading
from edge_agent.rows import Lecture
from edge_agent.rules import actions as do
from edge_agent.rules.bin import Kept, spent, undated
from edge_agent.rules.lecture import ACTIVE, State
from edge_agent.rules.plan import ActiveFacts, CommandFacts, Facts, plan
from edge_agent.storage_check import findings, gather
from edge_agent.verify import verify_package
from tests.fixed_clock import SECOND
from tests.simulated_room import UNSET, Died, SimulatedRoom

DAY = 86_400
NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
ARRIVED, WAITING = Kept(State.DELIVERED), Kept(State.PACKAGED, waiting=3)
BINNED = Kept(State.PACKAGED, binned=True, waiting=3)


def answer(verb: str, kept: Kept | None, **args: Any) -> do.Action:
    """The one action that a command leads to."""
    known = {"L1": kept} if kept else {}
    command = CommandFacts(1, verb, False, {"lecture": "L1", **args})
    [action] = plan(Facts(0, commands=(command,), kept=known))
    return action


# ---------------------------------------------------------------- what is allowed


@pytest.mark.parametrize(
    ("verb", "kept", "args", "action"),
    [
        ("delete", ARRIVED, {}, do.Delete(1, "L1")),
        ("delete", WAITING, {"undelivered": True}, do.Delete(1, "L1")),
        ("delete", Kept(State.FAILED), {"undelivered": True}, do.Delete(1, "L1")),
        ("delete", Kept(State.HELD), {"undelivered": True}, do.Delete(1, "L1")),
        ("restore", BINNED, {}, do.Restore(1, "L1")),
        ("purge", ARRIVED, {}, do.Purge(1, "L1")),
        ("purge", BINNED, {"bin": True}, do.Purge(1, "L1")),
    ],
)
def test_what_people_may_do(verb: str, kept: Kept, args: dict[str, Any], action: do.Action) -> None:
    assert answer(verb, kept, **args) == action


@pytest.mark.parametrize(
    ("verb", "kept", "args", "code", "hint"),
    [
        ("delete", None, {}, "no-such-lecture", "lectures list"),
        ("delete", WAITING, {}, "undelivered", "--undelivered"),
        ("delete", WAITING, {"undelivered": "yes"}, "undelivered", "--undelivered"),
        ("delete", Kept(State.FAILED), {}, "undelivered", "--undelivered"),
        ("delete", Kept(State.HELD), {}, "undelivered", "--undelivered"),
        ("delete", Kept(State.DELIVERED, unfinished=True), {}, "undelivered", "--undelivered"),
        ("delete", Kept(State.DELIVERED, changed=True), {}, "undelivered", "--undelivered"),
        ("purge", Kept(State.DELIVERED, changed=True), {}, "undelivered", "upload status"),
        ("delete", BINNED, {"undelivered": True}, "wrong-state", "lectures restore"),
        ("restore", ARRIVED, {}, "wrong-state", "lectures list"),
        ("restore", Kept(State.PURGED), {}, "wrong-state", "lectures list"),
        ("purge", WAITING, {"bin": True, "undelivered": True}, "undelivered", "upload status"),
        ("purge", BINNED, {}, "wrong-state", "storage prune --bin"),
        ("purge", Kept(State.DELIVERED, binned=True), {}, "wrong-state", "storage prune --bin"),
        *(
            ("delete", Kept(state), {"undelivered": True}, "wrong-state", "edge-agent")
            for state in (*ACTIVE, State.FINISHING, State.PURGED, State.PLANNED, State.MISSED)
        ),
        *(
            ("purge", Kept(state), {"bin": True}, "undelivered", "edge-agent")
            for state in State
            if state is not State.DELIVERED
        ),
    ],
)
def test_what_is_refused_says_why_and_what_to_do(
    verb: str, kept: Kept | None, args: dict[str, Any], code: str, hint: str
) -> None:
    refusal = answer(verb, kept, **args)
    assert isinstance(refusal, do.Refuse)
    assert refusal.code == code
    assert hint in refusal.hint


@pytest.mark.parametrize(
    ("days", "then", "now", "over"),
    [
        (13.9, "synchronised", "synchronised", False),
        (14, "synchronised", "synchronised", True),
        (99, "synchronised", "plausible", False),  # a clock that was set wrong empties nothing
        (99, "synchronised", "unset", False),
        (20_000, "unset", "synchronised", False),  # deleted in 1970, as its clock said
        (-3, "synchronised", "synchronised", False),
    ],
)
def test_the_time_in_the_bin_is_that_of_a_clock_that_is_sure(
    days: float, then: str, now: str, over: bool
) -> None:
    assert spent(NOW - timedelta(days=days), then, NOW, now, 14) is over
    assert undated(then, now) is (then != "synchronised" and now == "synchronised")


def test_files_go_only_while_nothing_is_recorded_unless_the_disk_is_full() -> None:
    active = ActiveFacts("L2", State.RECORDING, frozenset(), frozenset(), 10 * SECOND)
    facts = Facts(0, purged=("L1",), spent=("L3",), active=active)
    assert plan(facts) == [do.Purge(None, "L3")]
    full = Facts(0, purged=("L1",), active=active, room_to_record=False)
    assert do.RemoveFiles("L1") in plan(full)
    assert plan(Facts(0, purged=("L1",))) == [do.RemoveFiles("L1")]


# ---------------------------------------------------------------- in a room


@pytest.fixture
def room(tmp_path: Path) -> Iterator[SimulatedRoom]:
    room = SimulatedRoom(tmp_path)
    yield room
    room.close()


def ask(room: SimulatedRoom, verb: str, **args: Any) -> dict[str, Any]:
    number = room.post(verb, args, f"{verb} {room.clock.mono}")
    room.run(0.5)
    command = room.ledger.command(number)
    return dict(command.answer or {}) if command else {}


def recorded(room: SimulatedRoom, delivered: bool = True) -> str:
    """A lecture that is packaged, and delivered."""
    room.run(1)
    lecture = str(ask(room, "start")["lecture"])
    room.run(8)
    ask(room, "stop")
    room.run(8)
    if delivered:
        room.upload(30)
        room.run(2)
    return lecture


def state(room: SimulatedRoom, lecture: str) -> State:
    return room.ledger.existing(lecture).state


def kinds(room: SimulatedRoom, lecture: str) -> list[str]:
    return [event.kind for event in room.ledger.events(lecture)]


def sound(room: SimulatedRoom) -> bool:
    facts = gather(room.spool, room.ledger, frozenset(), hashes=True)
    return findings(facts) == []


def whole(room: SimulatedRoom, lecture: Lecture) -> bool:
    return verify_package(room.spool.package(lecture.id)) == []


def test_what_is_in_the_bin_is_untouched_and_comes_back_as_it_was(room: SimulatedRoom) -> None:
    lecture = recorded(room)
    before = room.ledger.existing(lecture)
    assert before.state is State.DELIVERED
    told = ask(room, "delete", lecture=lecture)
    assert told["days"] == 14
    assert datetime.fromisoformat(told["until_utc"]) - room.clock.utc > timedelta(days=13.9)
    assert room.ledger.binned() == {lecture}
    assert whole(room, before)
    assert ask(room, "restore", lecture=lecture)["state"] == "delivered"
    assert room.ledger.existing(lecture) == before
    assert kinds(room, lecture)[-2:] == ["deleted", "restored"]
    assert sound(room)


def test_when_its_time_is_over_it_leaves_the_pc_and_its_story_stays(room: SimulatedRoom) -> None:
    lecture = recorded(room)
    ask(room, "delete", lecture=lecture)
    room.cut_power(13 * DAY, None)
    room.start()
    room.run(3)
    assert state(room, lecture) is State.DELIVERED, "a day is left"
    room.cut_power(2 * DAY, None)
    room.start()
    room.run(3)
    assert state(room, lecture) is State.PURGED
    assert not room.spool.lecture(lecture).exists()
    assert kinds(room, lecture)[-1] == "purged"
    assert room.ledger.binned() == frozenset()
    assert all(row.receipt for row in room.ledger.outbox(lecture))
    assert room.ledger.existing(lecture).reason == ""
    assert sound(room)


def test_one_that_was_deleted_before_the_clock_was_set_has_its_whole_time(
    room: SimulatedRoom,
) -> None:
    lecture = recorded(room)
    room.set_clock(UNSET)
    assert ask(room, "delete", lecture=lecture)["until_utc"] is None
    room.run(3)
    room.set_clock(None)
    room.run(3)
    assert state(room, lecture) is State.DELIVERED, "its time begins now"
    room.cut_power(15 * DAY, None)
    room.start()
    room.run(3)
    assert state(room, lecture) is State.PURGED


def test_a_clock_that_nobody_has_confirmed_empties_no_bin(room: SimulatedRoom) -> None:
    lecture = recorded(room)
    ask(room, "delete", lecture=lecture)
    room.cut_power(60, room.true_utc + timedelta(days=4000))
    room.start()
    room.run(5)
    assert state(room, lecture) is State.DELIVERED


def test_what_has_not_arrived_is_not_sent_from_the_bin_and_goes_on_when_taken_back(
    room: SimulatedRoom,
) -> None:
    lecture = recorded(room, delivered=False)
    assert ask(room, "delete", lecture=lecture)["error"]["code"] == "undelivered"
    assert ask(room, "delete", lecture=lecture, undelivered=True)["lecture"] == lecture
    room.upload(30)
    room.run(2)
    assert room.platform.arrivals == []
    assert (room.ledger.recent_outbox(""), room.ledger.recent_lectures("")) == ([], [])
    ask(room, "restore", lecture=lecture)
    assert [each.id for each in room.ledger.recent_lectures("")] == [lecture]
    room.upload(30)
    room.run(2)
    assert state(room, lecture) is State.DELIVERED


def test_one_that_was_given_up_leaves_no_word_of_being_delivered(room: SimulatedRoom) -> None:
    lecture = recorded(room, delivered=False)
    ask(room, "delete", lecture=lecture, undelivered=True)
    assert ask(room, "purge", lecture=lecture)["error"]["code"] == "wrong-state"
    assert ask(room, "purge", lecture=lecture, bin=True)["undelivered_files"] > 0
    room.run(2)
    assert not room.spool.lecture(lecture).exists()
    assert room.ledger.outbox(lecture) == []
    assert "had not arrived" in room.ledger.events(lecture)[-1].text
    assert room.ledger.existing(lecture).reason == bin_desk.GIVEN_UP
    assert sound(room)


def test_a_failed_lecture_can_be_thrown_away_and_is_not_finished_from_the_bin(
    room: SimulatedRoom,
) -> None:
    room.outside.mood = "failure"
    lecture = recorded(room, delivered=False)
    room.run(300)
    assert state(room, lecture) is State.FAILED
    ask(room, "delete", lecture=lecture, undelivered=True)
    assert "error" in ask(room, "retry", lecture=lecture)
    ask(room, "restore", lecture=lecture)
    room.outside.mood = "success"
    assert "error" not in ask(room, "retry", lecture=lecture)
    room.run(10)
    assert state(room, lecture) is State.PACKAGED
    assert whole(room, room.ledger.existing(lecture))


@pytest.mark.parametrize(("delivered", "shown"), [(True, ["sent"]), (False, [])])
def test_the_panel_calls_sent_only_what_had_arrived_before_it_went(
    room: SimulatedRoom, delivered: bool, shown: list[str]
) -> None:
    lecture = recorded(room, delivered)
    ask(room, "delete", lecture=lecture, undelivered=True)
    ask(room, "purge", lecture=lecture, bin=True)
    journeys = tuple(Journey(each) for each in room.ledger.lectures())
    queue = queue_of(Reading(room.clock.now(), None, journeys=journeys))
    assert [line.arrival for line in queue.lectures] == shown


def test_a_stop_is_not_taken_back_from_the_bin(room: SimulatedRoom) -> None:
    """What is recorded anew must not lie in the bin."""
    room.run(1)
    lecture = str(ask(room, "start")["lecture"])
    room.run(8)
    ask(room, "stop", undo=True)
    for _ in range(20):  # the package is there while the stop can still be taken back, or after
        if "error" not in ask(room, "delete", lecture=lecture, undelivered=True):
            break
        room.run(0.5)
    assert lecture in room.ledger.binned()
    assert "error" in ask(room, "continue", lecture=lecture)
    assert room.ledger.active() is None


# ---------------------------------------------------------------- cut short at each step


Step = Callable[[SimulatedRoom, str], Any]
STEPS: dict[str, tuple[Step, Step]] = {
    "delete": (lambda room, it: None, lambda room, it: ask(room, "delete", lecture=it)),
    "restore": (
        lambda room, it: ask(room, "delete", lecture=it),
        lambda room, it: ask(room, "restore", lecture=it),
    ),
    "purge": (lambda room, it: None, lambda room, it: ask(room, "purge", lecture=it)),
    "empty": (
        lambda room, it: ask(room, "delete", lecture=it),
        lambda room, it: ask(room, "purge", lecture=it, bin=True),
    ),
}


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("writes", range(1, 10))
@pytest.mark.parametrize("name", STEPS)
def test_a_kill_at_each_write_leaves_all_of_it_or_nothing(
    room: SimulatedRoom, name: str, writes: int, after: bool
) -> None:
    lecture = recorded(room)
    before, step = STEPS[name]
    before(room, lecture)
    room.die_soon(writes, after)
    told = step(room, lecture)
    binned = lecture in room.ledger.binned()
    if "lecture" in told:
        assert binned is (name == "delete"), "what was answered has happened"
    room.cut_power(90, None)
    room.start()
    room.run(3)
    if state(room, lecture) is State.PURGED:
        assert name in ("purge", "empty")
        assert not room.spool.lecture(lecture).exists()
    else:
        assert "undelivered_files" not in told
        assert whole(room, room.ledger.existing(lecture))
        assert (lecture in room.ledger.binned()) is binned
    assert sound(room)


def test_a_power_cut_while_files_are_removed_leaves_no_half_a_lecture(
    room: SimulatedRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    lecture = recorded(room)
    folder = room.spool.lecture(lecture)

    def half(path: Path) -> None:
        (path / "package" / "manifest.json").unlink()
        raise Died

    with monkeypatch.context() as patched:
        patched.setattr(bin_desk.shutil, "rmtree", half)
        ask(room, "purge", lecture=lecture)
    assert folder.exists()
    assert not room.spool.facts(lecture).exists(), "a lost ledger would adopt half a lecture"
    room.cut_power(90, None)
    room.start()
    room.run(3)
    assert not folder.exists()
    assert state(room, lecture) is State.PURGED
    assert sound(room)


def test_a_lecture_is_recorded_while_another_one_leaves(room: SimulatedRoom) -> None:
    lecture = recorded(room)
    ask(room, "start")
    room.run(3)
    ask(room, "purge", lecture=lecture)
    room.run(5)
    assert state(room, lecture) is State.PURGED
    assert room.spool.lecture(lecture).exists(), "the disk belongs to the recording"
    ask(room, "stop")
    room.run(10)
    assert not room.spool.lecture(lecture).exists()
