"""Laws of the two lines that say where the time of a start goes."""

from __future__ import annotations

import time

from edge_agent.children import Recorder
from edge_agent.messages import RecorderSpec
from edge_agent.rules.health import SECOND, Phase
from edge_agent.starting import PATIENCE_NS, Starting, process_began_ns

BEGAN_NS = 100 * SECOND


class Hand:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.ns = BEGAN_NS

    def __call__(self) -> int:
        return self.ns


def recorder(track: str) -> Recorder:
    spec = RecorderSpec(track=track, media="video", kind="synthetic", preview="", lock="")
    return Recorder(spec)


def test_each_phase_is_told_with_its_own_seconds() -> None:
    clock = Hand()
    starting = Starting(BEGAN_NS, clock)
    for phase, seconds in (("program", 2), ("ledger", 3)):
        clock.ns += seconds * SECOND
        starting.ended(phase)
    assert starting.ready().startswith(
        "ready 5.00 s after its start: program 2.00, ledger 3.00; own processor time "
    )


def test_the_devices_are_told_once_when_all_are_armed() -> None:
    clock = Hand()
    starting, tracks = Starting(BEGAN_NS, clock), [recorder("camera"), recorder("microphone")]
    assert starting.armed([]) == ""
    tracks[0].phase = Phase.ARMED
    clock.ns += SECOND
    assert starting.armed(tracks) == ""
    tracks[0].phase, tracks[1].phase = Phase.RECORDING, Phase.ARMED
    clock.ns += SECOND
    told = starting.armed(tracks)
    assert told.startswith("armed after its start: camera 1.00 s, microphone 2.00 s; ")
    assert starting.armed(tracks) == ""


def test_a_device_that_stays_away_is_named_and_not_waited_for() -> None:
    clock = Hand()
    starting, tracks = Starting(BEGAN_NS, clock), [recorder("camera")]
    clock.ns += PATIENCE_NS
    assert "camera not yet" in starting.armed(tracks)


def test_the_process_began_before_now_and_not_long_ago() -> None:
    age_ns = time.monotonic_ns() - process_began_ns()
    assert time.process_time_ns() * 0.5 < age_ns < 24 * 3600 * SECOND
