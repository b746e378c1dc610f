"""A simulated room, what its people know for certain, and what must hold of it at any time."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis.stateful import RuleBasedStateMachine, invariant

from edge_agent import lecture_file
from edge_agent.rows import Lecture
from edge_agent.rules.health import Phase
from edge_agent.rules.lecture import ACTIVE, State
from edge_agent.rules.manifest import UNTITLED, Manifest
from edge_agent.rules.timeline import START_NS
from edge_agent.storage_check import findings, gather
from edge_agent.verify import file_sha256, verify_package
from tests.simulated_room import TRACKS, UNDO_S, SimulatedRoom

#: Memory, where there is some: thousands of small syncs are no part of what is tested.
FOLDER = "/dev/shm" if Path("/dev/shm").is_dir() else None
#: A lecture's state never goes back to an earlier one of these.
RANK = {
    State.RECORDING: 0,
    State.PAUSED: 0,
    State.FINISHING: 1,
    State.FAILED: 1,
    State.HELD: 1,
    State.PACKAGED: 2,
    State.DELIVERED: 3,
    State.PURGED: 4,
}


class WatchedRoom(RuleBasedStateMachine):
    """What happens to it is up to others."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory(dir=FOLDER)
        self.here = SimulatedRoom(Path(self._folder.name))
        self.posted: dict[int, tuple[str, bool]] = {}
        self.keys: dict[str, int] = {}
        self.answers: dict[int, dict[str, Any]] = {}
        self.ranks: dict[str, int] = {}
        self.reached_ns: dict[str, tuple[str, int]] = {}
        self.marks: Counter[str] = Counter()
        #: Lectures of which people have said that they may be lost.
        self.given_up: set[str] = set()
        self.here.run(1)

    def teardown(self) -> None:
        try:
            self.all_well_that_ends_well()
        finally:
            self.here.close()
            self._folder.cleanup()

    def post(self, verb: str, ttl_s: float = 30, boot: str = "", **args: Any) -> None:
        key = f"key-{len(self.keys)}"
        number = self.here.post(verb, args, key, ttl_s, boot)
        assert number not in self.posted, "a new key is a new command"
        self.keys[key] = number
        self.posted[number] = (verb, ttl_s < 0 or bool(boot))
        self.here.run(0.5)

    # ------------------------------------------------------------ what always holds

    @invariant()
    def answers_are_for_ever(self) -> None:
        for number, (verb, late) in self.posted.items():
            command = self.here.ledger.command(number)
            assert command is not None
            answer = dict(command.answer or {})
            if number in self.answers:
                assert answer == self.answers[number]
            elif answer:
                self.answers[number] = answer
                if late:
                    assert answer["error"]["code"] == "expired", "a late command was run"
                elif verb == "mark" and "error" not in answer:
                    self.marks[str(answer["lecture"])] += 1

    @invariant()
    def what_was_answered_has_happened(self) -> None:
        for number, answer in self.answers.items():
            if "lecture" not in answer:
                continue
            lecture = self.here.ledger.existing(str(answer["lecture"]))
            if lecture.state is not State.PURGED:
                assert lecture_file.read(self.here.spool.facts(lecture.id)) is not None
            if self.posted[number][0] == "stop" and not self.went_on(lecture):
                assert lecture.state not in ACTIVE, "a stopped lecture goes on"
                assert lecture.end_ns is not None
            assert len(self.here.ledger.marks(lecture.id)) >= self.marks[lecture.id]

    def went_on(self, lecture: Lecture) -> bool:
        """A stop of it was taken back."""
        return "continued" in [each.kind for each in self.here.ledger.events(lecture.id)]

    @invariant()
    def a_muted_room_is_muted(self) -> None:
        told = [n for n, a in self.answers.items() if "muted" in a]
        waiting = [n for n, (verb, late) in self.posted.items() if verb.endswith("mute")]
        if not set(waiting) <= set(self.answers):
            return
        muted = bool(told) and bool(self.answers[max(told)]["muted"])
        assert self.here.ledger.muted() is muted
        if self.here.supervisor is not None:
            alive = [each for each in self.here.recorders.values() if each.alive]
            assert all(each.muted is muted for each in alive)

    @invariant()
    def lectures_never_vanish_nor_go_back(self) -> None:
        lectures = self.here.ledger.lectures()
        assert {each.id for each in lectures} >= self.ranks.keys()
        assert sum(each.state in ACTIVE for each in lectures) <= 1
        for each in lectures:
            before = self.ranks.get(each.id, 0)
            went_on = before == RANK[State.FINISHING] and self.went_on(each)
            kinds = {event.kind for event in self.here.ledger.events(each.id)}
            held = each.state is State.HELD and "withheld" in kinds
            sent_anew = each.state is State.PACKAGED and "changed" in kinds
            onward = RANK[each.state] >= before
            assert onward or went_on or held or sent_anew, "a lecture went back"
            if each.state is State.PURGED and before < RANK[State.DELIVERED]:
                assert each.id in self.given_up, "what had not arrived is gone"
            self.ranks[each.id] = RANK[each.state]

    @invariant()
    def lecture_time_goes_forward(self) -> None:
        lecture = self.here.ledger.active()
        clock = self.here.clock
        if lecture is None or lecture.epoch_boot != clock.boot:
            return
        now_ns = lecture.lecture_ns(clock.mono)
        boot, before_ns = self.reached_ns.get(lecture.id, ("", START_NS))
        assert now_ns >= (before_ns if boot == clock.boot else START_NS)
        self.reached_ns[lecture.id] = clock.boot, now_ns
        for track in TRACKS:
            reached = 0
            for row in self.here.ledger.segments(lecture.id):
                if row.track == track:
                    assert reached <= row.start_ns < row.end_ns, "segments overlap"
                    reached = row.end_ns
            assert reached <= now_ns

    @invariant()
    def ledger_and_disk_agree(self) -> None:
        if self.here.supervisor is None:
            return
        room = self.here.room
        recording = {r.track for r in room.recorders.values() if r.phase is Phase.RECORDING}
        facts = gather(self.here.spool, self.here.ledger, frozenset(recording), hashes=False)
        assert findings(facts) == []
        lecture = self.here.ledger.active()
        if lecture is not None and lecture.state is State.RECORDING:
            gaps = {g.track for g in self.here.ledger.gaps(lecture.id) if g.end_ns is None}
            assert recording | gaps >= set(TRACKS), "a track is silently not recorded"

    @invariant()
    def everything_arrives_once(self) -> None:
        arrivals = self.here.platform.contents
        assert len(arrivals) == len(set(arrivals)), "delivered twice"

    # ------------------------------------------------------------ the end of the day

    def all_well_that_ends_well(self) -> None:
        """When all faults are mended, everything that was on the disk is delivered."""
        here = self.here
        if here.supervisor is not None:
            here.die_soon(None)
        here.outside.plugged |= set(TRACKS)
        here.outside.mood = "success"
        here.set_clock(None)
        if here.supervisor is None:
            here.start()
        here.run(5)
        for lecture in sorted(here.ledger.binned()):
            self.post("restore", lecture=lecture)
        if here.ledger.active() is not None:
            self.post("stop")
        for failed in here.ledger.lectures(State.FAILED):
            self.post("retry", lecture=failed.id)
        for held in [each for each in here.ledger.lectures() if each.withheld]:
            self.post("publish", lecture=held.id)
        here.run(5 * (1 + len(here.ledger.lectures(State.FINISHING))) + UNDO_S)
        here.run(5 * len(here.ledger.edited()))
        for _ in range(10 * len(here.ledger.lectures())):
            here.upload(1)
        here.clock.pass_time(600)
        here.upload(10 * len(here.ledger.lectures()))
        here.run(3)
        self.answers_are_for_ever()
        self.everything_arrives_once()
        for lecture in here.ledger.lectures():
            self.assert_whole(lecture)
        facts = gather(here.spool, here.ledger, frozenset(), hashes=True)
        assert findings(facts) == []

    def assert_whole(self, lecture: Lecture) -> None:
        here = self.here
        written = {t: n for (one, t), n in here.outside.written.items() if one == lecture.id}
        if lecture.state is State.PURGED:
            assert not here.spool.lecture(lecture.id).exists()
            return
        if not written:
            assert lecture.state is State.FAILED
            assert "nothing was recorded" in lecture.reason
            return
        assert lecture.state is State.DELIVERED, lecture
        package = here.spool.package(lecture.id)
        assert verify_package(package) == []
        assert here.ledger.edited() == []
        manifest = Manifest.model_validate_json((package / "manifest.json").read_bytes())
        assert manifest.name == (lecture.title or UNTITLED)
        arrived = here.platform.held[lecture.id, "manifest.json"]
        assert arrived == file_sha256(package / "manifest.json")
        packets: dict[str, int] = {}
        for file in manifest.encoding:
            assert (lecture.id, file.name) in here.platform.held
            if len(file.tracks) == 1:
                packets[file.tracks[0]] = file.packets
            else:
                packets["both"] = file.packets
        if "both" in packets:
            packets["camera"] = packets.pop("both") - packets["microphone"]
        assert packets == written, "a packet that was on the disk is not in the package"
