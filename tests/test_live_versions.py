"""The process beside a recording: started when there is time to spare, killed at the first sign."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from edge_agent.children import Recorder
from edge_agent.config_recording import Renditions
from edge_agent.live_versions import LiveVersions
from edge_agent.messages import RecorderSpec
from edge_agent.render_messages import LiveJob
from edge_agent.rules.beside import CALM_NS, PATIENCE_NS
from edge_agent.rules.health import SECOND, Phase
from edge_agent.rules.lecture import State
from edge_agent.rules.plan import ActiveFacts, Facts, FinisherFacts
from edge_agent.rules.renditions import MOST_FAILURES, SILENCE_NS
from edge_agent.spool import Spool
from tests.test_small_versions import FakeRenderer

MINUTE = CALM_NS // SECOND + 4


class FakeProcess(FakeRenderer):
    """Talks when it is told to."""

    @property
    def pid(self) -> int | None:
        return 42

    def start(self, first: object, whole: bool = False) -> None:
        self.given = cast(LiveJob, first)
        self.starts.append(self.given.lecture)

    def live(self) -> None:
        self._said.append(b"{}\n")


class Computer:
    """Processors with nothing much to do."""

    processors = 2
    asked: list[int | None]

    def __init__(self) -> None:
        self.share: float | None = 0.5
        self.asked = []

    def free(self, pid: int | None) -> float | None:
        self.asked.append(pid)
        return self.share

    def throttled(self) -> int:
        return 0


def recorder(track: str, media: str, flavor: str = "presenter/source") -> Recorder:
    spec = RecorderSpec(
        track=track, media=media, kind="synthetic", preview="", lock="", flavor=flavor  # type: ignore[arg-type]
    )  # fmt: skip
    made = Recorder(spec, lambda _module, _arguments: FakeRenderer())
    made.phase = Phase.RECORDING
    return made


class Room:
    """A lecture under way, in simulated time."""

    def __init__(self, home: Path, **wishes: str) -> None:
        self.now_ns = 0
        self.spool = Spool(home)
        self.recorders = {
            "slides": recorder("slides", "video", "presentation/source"),
            "away": recorder("away", "video"),
            "camera": recorder("camera", "video"),
            "microphone": recorder("microphone", "audio"),
        }
        self.process, self.computer, self.battery = FakeProcess(), Computer(), False
        self.live = LiveVersions(
            Renditions(**wishes),  # type: ignore[arg-type]
            self.spool,
            self.recorders,
            self.process,
            self.computer,
            lambda: self.battery,
        )
        self.lecture = ActiveFacts("x", State.RECORDING, frozenset(self.recorders), frozenset(), 0)
        for track in ("slides", "camera", "microphone"):
            folder = self.spool.track("x", track)
            folder.mkdir(parents=True)
            (folder / "000001.mp4").touch()
        self.spool.track("x", "away").mkdir(parents=True)

    def pass_time(self, seconds: float, **facts: object) -> None:
        for _ in range(round(seconds * 2)):
            self.now_ns += SECOND // 2
            self.round(**facts)

    def round(self, *, others: bool = False, **facts: object) -> None:
        seen = Facts(self.now_ns, active=self.lecture)
        self.live.step(replace(seen, **facts), others)  # type: ignore[arg-type]

    @property
    def at_work(self) -> bool:
        return len(self.process.starts) > len(self.process.signals)


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def test_the_presenters_camera_that_has_segments_is_made_small(room: Room) -> None:
    room.pass_time(MINUTE)
    assert room.at_work
    job = room.process.given
    assert (job.lecture, job.track) == ("x", "camera")
    assert job.lecture_dir == str(room.spool.lecture("x"))
    assert room.computer.asked[-1] == 42
    assert room.computer.asked[0] is None


@pytest.mark.parametrize("wishes", [{"while_recording": "never"}, {"camera": "off"}])
def test_who_does_not_want_it_gets_nothing_of_it(tmp_path: Path, wishes: dict[str, str]) -> None:
    room = Room(tmp_path, **wishes)
    room.pass_time(10 * MINUTE)
    assert room.process.starts == []
    assert room.computer.asked == []


@pytest.mark.parametrize(
    "facts",
    [
        {"active": None},
        {"stopping": True},
        {"active": ActiveFacts("y", State.RECORDING, frozenset(), frozenset(), 0)},
    ],
    ids=["the lecture is over", "the agent stops", "another lecture has begun"],
)
def test_it_is_killed_in_the_very_round(room: Room, facts: dict[str, object]) -> None:
    room.pass_time(MINUTE)
    room.round(**facts)
    assert room.process.signals == [signal.SIGKILL]


@pytest.mark.parametrize(
    ("facts", "back_after_s"),
    [
        ({"finisher": FinisherFacts("w", 0)}, MINUTE),
        ({"finishing": ("w",)}, MINUTE),
        ({"enough_space": False}, MINUTE),
        ({"others": True}, MINUTE),
    ],
)
def test_what_is_in_the_way_ends_it_within_one_look(
    room: Room, facts: dict[str, object], back_after_s: int
) -> None:
    room.pass_time(MINUTE)
    room.pass_time(2.5, **facts)
    assert room.process.signals == [signal.SIGKILL]
    room.pass_time(back_after_s)
    assert room.at_work


@pytest.mark.parametrize("strain", ["given up", "lost", "waits", "busy"])
def test_a_recording_that_suffers_ends_it_for_long(room: Room, strain: str) -> None:
    room.pass_time(MINUTE)
    camera = room.recorders["camera"]
    match strain:
        case "given up":
            camera.given_up = "the preview is off"
        case "lost":
            camera.dropped = 1
        case "waits":
            camera.backlog = 0.5
        case "busy":
            room.computer.share = 0.1
    room.pass_time(2.5)
    assert room.process.signals == [signal.SIGKILL]
    camera.given_up, camera.backlog, room.computer.share = "", 0.0, 0.5
    room.pass_time(PATIENCE_NS / SECOND - 10)
    assert not room.at_work
    room.pass_time(20)
    assert room.at_work


def test_a_room_at_rest_is_not_looked_at(room: Room) -> None:
    room.pass_time(MINUTE, active=None)
    assert room.computer.asked == []


def test_a_lecture_that_goes_on_after_its_stop_begins_with_a_minute_of_calm(room: Room) -> None:
    room.pass_time(MINUTE)
    room.pass_time(5, active=None)
    room.pass_time(CALM_NS / SECOND - 4)
    assert not room.at_work
    room.pass_time(10)
    assert room.at_work


def test_on_battery_and_beside_a_device_that_is_away_nothing_is_done(room: Room) -> None:
    room.battery = True
    room.pass_time(2 * MINUTE)
    assert not room.at_work
    room.battery = False
    room.recorders["microphone"].phase = Phase.STARTING
    room.pass_time(2 * MINUTE)
    assert not room.at_work
    room.recorders["microphone"].phase = Phase.RECORDING
    room.pass_time(MINUTE)
    assert room.at_work


def test_a_pause_is_no_reason_to_leave_off(room: Room) -> None:
    room.pass_time(MINUTE)
    room.lecture = replace(room.lecture, state=State.PAUSED)
    for each in room.recorders.values():
        each.phase = Phase.ARMED
    room.pass_time(MINUTE)
    assert room.at_work


@pytest.mark.parametrize("how", ["dies", "hangs"])
def test_what_fails_again_and_again_is_left_until_the_lecture_is_over(room: Room, how: str) -> None:
    for _ in range(MOST_FAILURES):
        room.pass_time(2 * MINUTE)
        if how == "dies":
            room.process.end(1)
        else:
            room.pass_time(SILENCE_NS / SECOND + 3)
    room.pass_time(10 * MINUTE)
    assert len(room.process.starts) == MOST_FAILURES
    room.lecture = replace(room.lecture, id="y")
    (room.spool.track("y", "camera")).mkdir(parents=True)
    (room.spool.track("y", "camera") / "000001.mp4").touch()
    room.pass_time(2 * MINUTE)
    assert room.process.starts[-1] == "y"


def test_a_sign_of_life_is_all_it_has_to_say(room: Room) -> None:
    room.pass_time(MINUTE)
    for _ in range(10):
        room.pass_time(SILENCE_NS / SECOND / 2)
        room.process.live()
    assert room.at_work
    room.live.end()
    assert room.process.signals == [signal.SIGKILL]
