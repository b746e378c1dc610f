"""Laws of the panel's one word and of its verdict on the microphone. Times in seconds."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.panel.state import MicState, Word
from edge_agent.rules.panel import (
    SECOND,
    Heard,
    MicFacts,
    RoomFacts,
    Seen,
    StoppedFacts,
    TrackFacts,
    hear,
    look,
    verdict,
)

WAITING = TrackFacts(lost=False, durable=False)
ON_DISK = TrackFacts(lost=False, durable=True)
LOST = TrackFacts(lost=True, durable=False)
CLOSING = TrackFacts(lost=False, durable=False, closing=True)
IDLE = RoomFacts(1000 * SECOND, alive=True, tracks=(WAITING, WAITING))
STOPPED = StoppedFacts("L1", 990 * SECOND, 120 * SECOND, packaged=False, failed=False)


def recording(seconds: float, *tracks: TrackFacts) -> RoomFacts:
    return RoomFacts(round(seconds * SECOND), True, "recording", "L1", tracks)


def words(*facts: RoomFacts) -> list[str]:
    seen, said = Seen(), []
    for each in facts:
        seen = look(seen, each)
        said.append(seen.word)
    return said


# ---------------------------------------------------------------- recording


def test_recording_is_said_when_every_track_has_bytes_on_the_disk() -> None:
    assert words(
        recording(0, WAITING, WAITING),
        recording(1, ON_DISK, WAITING),
        recording(2, ON_DISK, ON_DISK),
    ) == ["starting", "starting", "recording"]


def test_a_device_that_is_not_there_does_not_hold_the_word_back() -> None:
    assert words(recording(0, ON_DISK, LOST)) == ["recording"]


def test_a_device_that_never_delivers_holds_it_back_for_eight_seconds() -> None:
    early, late = recording(7.9, ON_DISK, WAITING), recording(8, ON_DISK, WAITING)
    assert words(recording(0, WAITING, WAITING), early, late)[1:] == ["starting", "recording"]


def test_a_start_of_which_nothing_comes_onto_the_disk_has_failed() -> None:
    nothing = [recording(t, WAITING, LOST) for t in (0, 7.9, 8, 100)]
    assert words(*nothing) == ["starting", "starting", "start_failed", "start_failed"]


def test_and_is_a_recording_as_soon_as_something_does() -> None:
    late = [recording(t, WAITING) for t in (0, 9)]
    assert words(*late, recording(10, ON_DISK))[-1] == "recording"


def test_a_running_recording_does_not_start_again_for_one_lost_device() -> None:
    assert (
        words(recording(0, ON_DISK, ON_DISK), recording(1, ON_DISK, WAITING)) == ["recording"] * 2
    )


def test_a_recording_that_has_lost_everything_is_none() -> None:
    gone = [recording(t, WAITING, LOST) for t in (5, 13)]
    said = words(recording(0, ON_DISK, ON_DISK), *gone)
    assert said == ["recording", "starting", "start_failed"]


def test_another_lecture_starts_anew() -> None:
    other = replace(recording(1, ON_DISK, WAITING), lecture="L2")
    assert words(recording(0, ON_DISK, ON_DISK), other)[-1] == "starting"


def test_after_a_pause_the_word_waits_for_the_disk_again() -> None:
    paused = replace(recording(1, WAITING), state="paused")
    assert words(recording(0, ON_DISK), paused, recording(2, WAITING), recording(3, ON_DISK)) == [
        "recording",
        "paused",
        "starting",
        "recording",
    ]


# ---------------------------------------------------------------- before and after


def test_a_room_with_one_device_and_space_is_ready() -> None:
    assert words(replace(IDLE, tracks=(LOST, WAITING))) == ["ready"]


@pytest.mark.parametrize(
    "facts",
    [
        replace(IDLE, alive=False),
        replace(IDLE, tracks=()),
        replace(IDLE, tracks=(LOST, LOST)),
        replace(IDLE, space=False),
    ],
)
def test_a_room_that_cannot_record_is_not_ready(facts: RoomFacts) -> None:
    assert words(facts) == ["not_ready"]


def test_without_an_agent_nothing_is_claimed_whatever_was_last_known() -> None:
    assert words(recording(0, ON_DISK), replace(recording(1, ON_DISK), alive=False)) == [
        "recording",
        "not_ready",
    ]


def test_it_saves_until_every_recorder_has_closed_its_file() -> None:
    assert words(replace(IDLE, tracks=(CLOSING, WAITING), stopped=STOPPED)) == ["saving"]


def test_it_is_saved_as_long_as_the_stop_can_be_taken_back() -> None:
    late = replace(STOPPED, stopped_ns=880 * SECOND)
    assert words(replace(IDLE, stopped=STOPPED)) == ["saved"]
    assert words(replace(IDLE, stopped=late)) == ["ready"]


def test_a_stop_that_cannot_be_taken_back_is_saved_when_it_is_packaged() -> None:
    once = replace(STOPPED, patience_ns=0)
    assert words(replace(IDLE, stopped=once)) == ["saving"]
    assert words(replace(IDLE, stopped=replace(once, packaged=True))) == ["saved"]
    long_ago = replace(once, packaged=True, stopped_ns=880 * SECOND)
    assert words(replace(IDLE, stopped=long_ago)) == ["ready"]


def test_a_lecture_that_could_not_be_packaged_is_not_called_saved() -> None:
    assert words(replace(IDLE, stopped=replace(STOPPED, failed=True))) == ["ready"]


tracks = st.builds(TrackFacts, lost=st.booleans(), durable=st.booleans(), closing=st.booleans())
rooms = st.builds(
    RoomFacts,
    now_ns=st.integers(0, 10**12),
    alive=st.booleans(),
    state=st.sampled_from(["", "recording", "paused"]),
    lecture=st.sampled_from(["L1", "L2"]),
    tracks=st.lists(tracks, max_size=3).map(tuple),
    stopped=st.none() | st.just(STOPPED),
    space=st.booleans(),
)


@given(st.lists(rooms, min_size=1, max_size=8))
def test_whatever_happens_the_word_is_a_word_and_recording_is_on_the_disk(
    facts: list[RoomFacts],
) -> None:
    for said, it in zip(words(*facts), facts, strict=True):
        assert said in get_args(Word)
        if said == "recording":
            assert it.alive
            assert it.state == "recording"
            assert any(track.durable for track in it.tracks)


# ---------------------------------------------------------------- the microphone

MIC = MicFacts(1000 * SECOND, "armed", lost=False)


def test_speech_and_not_level_makes_it_heard() -> None:
    silent = replace(MIC, short_term=-10.0, momentary=-10.0)
    assert verdict(hear(Heard(), silent), silent) == "say"
    spoken = replace(MIC, speaking=True, short_term=-30.0)
    assert verdict(hear(Heard(), spoken), spoken) == "ok"


def test_being_heard_stands_for_a_minute_before_a_lecture() -> None:
    heard = hear(Heard(), replace(MIC, speaking=True, short_term=-20.0))
    for seconds, expected in ((59, "ok"), (60, "say")):
        later = replace(MIC, now_ns=MIC.now_ns + seconds * SECOND)
        assert verdict(hear(heard, later), later) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (replace(MIC, lost=True), "none"),
        (replace(MIC, phase="starting"), "starting"),
        (replace(MIC, muted=True, speaking=True), "muted"),
        (replace(MIC, speaking=True, short_term=-45.0), "quiet"),
        (replace(MIC, clipped=0.02, speaking=True), "loud"),
        (replace(MIC, tonal=True, momentary=-20.0), "cable"),
        (replace(MIC, recording=True, warning="the microphone hums"), "cable"),
        (replace(MIC, recording=True, warning="nobody can be heard"), "silent"),
        (replace(MIC, warning="digital silence"), "silent"),
    ],
)
def test_what_is_wrong_is_said(facts: MicFacts, expected: str) -> None:
    assert verdict(hear(Heard(), facts), facts) == expected
    assert expected in get_args(MicState)


def talk(seconds: int, share: float) -> Heard:
    heard = Heard()
    for half in range(2 * seconds):
        speaking = (half * share) % 1 < share
        now_ns = MIC.now_ns + half * SECOND // 2
        heard = hear(heard, replace(MIC, now_ns=now_ns, speaking=speaking))
    return heard


def test_twenty_seconds_of_speech_in_thirty_are_talking() -> None:
    assert talk(40, 1.0).talking
    assert talk(25, 1.0).talking
    assert not talk(15, 1.0).talking
    assert not talk(60, 0.5).talking


def test_talking_ends_with_silence() -> None:
    heard = talk(40, 1.0)
    later = replace(MIC, now_ns=heard.looked_ns + 15 * SECOND)
    assert not hear(heard, later).talking
