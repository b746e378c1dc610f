"""Small versions are made at rest only, and a lecture never waits for them for ever."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.clock import Now
from edge_agent.config_recording import Renditions
from edge_agent.finish_messages import Artifact, FinishFailed
from edge_agent.ledger import Ledger
from edge_agent.messages import Message
from edge_agent.pipes import Line
from edge_agent.render_messages import Rendered, RenderJob
from edge_agent.rendering import Renderer
from edge_agent.rows import Lecture
from edge_agent.rules.health import SECOND
from edge_agent.rules.lecture import State
from edge_agent.rules.plan import ActiveFacts, CommandFacts, Facts, FinisherFacts
from edge_agent.rules.renditions import (
    MOST_FAILURES,
    REST_NS,
    SILENCE_NS,
    RestFacts,
    may_render,
    waited_ns,
)
from edge_agent.small_versions import SmallVersions
from edge_agent.spool import Spool
from tests.fixed_clock import FixedClock

START = CommandFacts(1, "start", expired=False)
BUSY = {
    "recording": {"active": ActiveFacts("x", State.RECORDING, frozenset(), frozenset(), 0)},
    "paused": {"active": ActiveFacts("x", State.PAUSED, frozenset(), frozenset(), 0)},
    "being finished": {"finisher": FinisherFacts("x", 0)},
    "to be finished": {"finishing": ("x",)},
    "about to begin": {"commands": (START,)},
    "stopping": {"stopping": True},
}


class FakeRenderer:
    """A process that does what the test says."""

    def __init__(self) -> None:
        self.job: RenderJob | None = None
        self.signals: list[signal.Signals] = []
        self.starts: list[str] = []
        self._said: list[bytes] = []
        self._status: int | None = None

    def start(self, first: Line, whole: bool = False) -> None:
        assert isinstance(first, RenderJob)
        self.job = first
        self.starts.append(first.lecture)

    def fileno(self) -> int:
        return -1

    def send(self, line: Line) -> None: ...

    def say(self, message: Message) -> None:
        self._said.append(message.line())

    def end(self, status: int) -> None:
        self._status = status

    def lines(self) -> list[bytes]:
        said, self._said = self._said, []
        return said

    def signal(self, number: signal.Signals) -> None:
        self.signals.append(number)
        self.end(-number)

    def reap(self) -> int | None:
        status, self._status = self._status, None
        return status


class Room:
    """Packaged lectures, and a supervisor's rounds in simulated time."""

    def __init__(self, home: Path) -> None:
        self.clock = FixedClock()
        self.spool = Spool(home)
        self.ledger = Ledger.create(self.spool.ledger)
        self.process = FakeRenderer()
        self.small = SmallVersions(Renditions(), self.spool, self.ledger, Renderer(self.process))

    def now(self) -> Now:
        return self.clock.now()

    def package(self, lecture: str, *, destinations: tuple[str, ...] = ("here",)) -> None:
        now = self.now()
        row = Lecture(lecture, State.FINISHING, now.utc_text, now.trust, now.boot, now.mono_ns)
        self.ledger.add_lecture(row, [])
        noted = self.small.packaged(lecture, now)
        self.ledger.package(lecture, State.PACKAGED, 1.0, files("v1"), destinations, **noted)

    def round(self, after_s: float = 1.0, **facts: object) -> None:
        self.clock.pass_time(after_s)
        seen = replace(Facts(self.clock.mono_ns()), **facts)  # type: ignore[arg-type]
        self.small.make_way(seen, trying=False)
        self.small.go_on(seen, self.now())

    def rest(self, rounds: int = 13, **facts: object) -> None:
        for _ in range(rounds):
            self.round(**facts)

    def deliver(self) -> list[str]:
        """All that waits; the names."""
        rows = self.ledger.waiting()
        for row in rows:
            self.ledger.delivered(row, {"sha256": row.sha256}, self.now())
        return [row.name for row in rows]

    def state(self, lecture: str) -> str:
        return self.ledger.existing(lecture).renditions


def files(revision: str, *more: str) -> list[Artifact]:
    return [
        Artifact(name=name, bytes=1, sha256=digest, media_type="x/y", priority=place)
        for name, digest, place in [
            ("manifest.json", revision, 0),
            ("presenter.mp4", "p", 6),
            *((name, name, 1) for name in more),
        ]
    ]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path)
    yield made
    made.ledger.close()


def test_work_begins_when_the_room_has_rested_with_the_newest_lecture(room: Room) -> None:
    room.package("old")
    room.package("new")
    room.rest(int(REST_NS / SECOND) - 1)
    assert room.process.starts == []
    room.rest(3)
    assert room.process.starts == ["new"]


@pytest.mark.parametrize("facts", BUSY.values(), ids=BUSY)
def test_nothing_is_begun_while_the_room_is_busy(room: Room, facts: dict[str, object]) -> None:
    room.package("a")
    room.rest(60, **facts)
    assert room.process.starts == []


@pytest.mark.parametrize("facts", BUSY.values(), ids=BUSY)
def test_work_is_killed_in_the_round_in_which_the_room_gets_busy_and_is_no_failure(
    room: Room, facts: dict[str, object]
) -> None:
    room.package("a")
    for again in range(1, 2 * MOST_FAILURES):
        room.rest()
        room.round(**facts)
        assert room.process.signals == [signal.SIGKILL] * again
        assert len(room.process.starts) == again
    assert room.state("a") == "wanted"


def test_encoders_are_tried_without_work_beside_it() -> None:
    rest = RestFacts(since_ns=0)
    assert may_render(rest, REST_NS, [])
    assert not may_render(replace(rest, trying=True), REST_NS, [])


def test_what_is_made_goes_out_and_what_changed_goes_again(room: Room) -> None:
    room.package("a", destinations=("here", "there"))
    assert sorted(room.deliver()) == ["manifest.json"] * 2 + ["presenter.mp4"] * 2
    assert room.ledger.received() == []
    room.rest()
    room.process.say(Rendered(artifacts=files("v2", "audio-lite.webm"), complete=False))
    room.round()
    assert room.deliver() == ["manifest.json"] * 2 + ["audio-lite.webm"] * 2
    room.process.say(Rendered(artifacts=files("v2", "audio-lite.webm"), complete=True))
    room.process.end(0)
    room.round()
    assert room.deliver() == []
    assert room.state("a") == "made"
    assert room.ledger.received() == ["a"]


def test_a_receipt_of_the_revision_before_is_none_of_this_one(room: Room) -> None:
    room.package("a")
    before = room.ledger.waiting()[0]
    room.ledger.enqueue_changed("a", files("v2"))
    room.ledger.delivered(before, {"sha256": before.sha256}, room.now())
    room.ledger.delivery_failed(before, "it was on its way")
    (after,) = [row for row in room.ledger.waiting() if row.name == "manifest.json"]
    assert (after.sha256, after.receipt, after.last_error) == ("v2", None, "")


def test_what_was_made_of_a_lecture_that_the_ledger_has_lost_holds_up_no_other(room: Room) -> None:
    room.package("a")
    room.rest()
    room.process.say(Rendered(artifacts=files("v2"), complete=True))
    room.process.end(0)
    room.ledger._db.execute("PRAGMA foreign_keys=OFF")
    room.ledger._db.execute("DELETE FROM lectures")
    room.package("b")
    room.rest()
    assert room.process.starts == ["a", "b"]


@pytest.mark.parametrize("how", ["says so", "dies", "hangs"])
def test_after_some_failures_the_lecture_goes_without(room: Room, how: str) -> None:
    room.package("a")
    room.spool.renditions("a").mkdir(parents=True)
    room.deliver()
    for _ in range(MOST_FAILURES):
        while room.process.job is None:
            room.rest(30)
        room.process.job = None
        if how == "hangs":
            room.round(SILENCE_NS / SECOND + 1)
        elif how == "says so":
            room.process.say(FinishFailed(reason="cannot be decoded"))
        room.process.end(1)
        room.round()
    assert len(room.process.starts) == MOST_FAILURES
    assert room.state("a") == "failed"
    assert room.ledger.received() == ["a"]
    assert not room.spool.renditions("a").exists()
    assert [event.kind for event in room.ledger.events("a")] == ["no small versions"]


def test_a_full_disk_is_waited_for_but_keeps_no_lecture_that_has_arrived(room: Room) -> None:
    room.package("a")
    room.rest(60, enough_space=False)
    assert room.state("a") == "wanted"
    room.deliver()
    room.round(enough_space=False)
    assert room.state("a") == "failed"
    assert room.ledger.received() == ["a"]


def test_wishes_that_were_taken_back_are_waited_for_no_more(room: Room) -> None:
    room.package("a")
    off = Renditions(audio=False, camera="off")
    room.small = SmallVersions(off, room.spool, room.ledger, Renderer(room.process))
    room.rest(3)
    assert room.state("a") == ""
    assert room.process.starts == []


@pytest.mark.parametrize(
    ("wishes", "kept"),
    [
        (Renditions(), True),
        (Renditions(camera="off"), True),  # the renderer takes it away, with its own work
        (Renditions(audio=False, camera="off"), False),
    ],
)
def test_what_was_made_beside_the_recording_goes_where_nobody_will_ever_use_it(
    room: Room, wishes: Renditions, kept: bool
) -> None:
    pieces = room.spool.renditions("a") / "live.h264-640x360"
    pieces.mkdir(parents=True)
    (pieces / "000001-000003.live").write_bytes(b"pictures")
    room.small = SmallVersions(wishes, room.spool, room.ledger, Renderer(room.process))
    room.package("a")
    assert room.spool.renditions("a").exists() == kept
    assert (room.state("a") == "wanted") == kept


@given(st.integers(0, 10**15), st.integers(0, 10**15))
def test_waiting_counts_in_this_boot_and_never_backwards(packaged: int, later: int) -> None:
    assert waited_ns("this", packaged, "this", packaged + later) == later
    assert waited_ns("other", packaged, "this", later) == later
