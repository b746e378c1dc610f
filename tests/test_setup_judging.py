"""Laws of the verdict on a test recording: what would spoil a lecture is told, with a next step."""

from __future__ import annotations

from typing import Any

import pytest

from edge_agent.commands.finding import State
from edge_agent.commands.setup_judging import Seen, judged

SOUND: dict[str, Any] = {
    "media": "audio",
    "phase": "recording",
    "peak": -12.0,
    "sound": {"short_term": -23.0, "clipped": 0.0, "speaking": True},
    "durable_s": 4.0,
    "reason": "",
    "hint": "",
}
PICTURE = SOUND | {"media": "video", "peak": None, "sound": None}


def seen(name: str, *looks: dict[str, Any]) -> Seen:
    it = Seen(name)
    for each in looks:
        it.look(each)
    return it


def heard(**change: Any) -> dict[str, Any]:
    return SOUND | {"sound": SOUND["sound"] | change}


@pytest.mark.parametrize(
    ("look", "state", "words"),
    [
        (SOUND, State.OK, "loudest -12 dBFS, a voice was heard"),
        (heard(speaking=False), State.OK, "sound arrives"),
        (SOUND | {"peak": -120.0, "sound": None}, State.WRONG, "no sound (digital silence)"),
        (SOUND | {"peak": -93.0}, State.WRONG, "no sound (-93 dBFS)"),
        (SOUND | {"peak": -60.0}, State.NOTE, "too quiet for a voice"),
        (heard(clipped=0.02), State.WRONG, "too loud"),
        (heard(short_term=-44.0), State.NOTE, "a voice, but too quiet"),
        (SOUND | {"phase": "absent", "reason": "unplugged"}, State.WRONG, "unplugged"),
        (SOUND | {"phase": "starting"}, State.WRONG, "did not start in time"),
    ],
)
def test_a_microphone_is_judged_by_what_it_gave(
    look: dict[str, Any], state: State, words: str
) -> None:
    [found] = judged([seen("microphone", look)])
    assert (found.state, words in found.what) == (state, True)
    assert bool(found.fix) is (state is not State.OK)


def test_the_best_moment_counts_and_so_does_the_worst_clipping() -> None:
    quiet = SOUND | {"peak": -80.0, "sound": None}
    assert judged([seen("microphone", quiet, SOUND, quiet)])[0].state is State.OK
    loud = heard(clipped=0.02)
    assert judged([seen("microphone", SOUND, loud, SOUND)])[0].state is State.WRONG


@pytest.mark.parametrize(
    ("look", "state"),
    [
        (PICTURE, State.OK),
        (PICTURE | {"durable_s": None}, State.WRONG),
        (PICTURE | {"durable_s": None, "phase": "armed"}, State.OK),  # only listened to
        (PICTURE | {"phase": "absent", "reason": "unplugged", "hint": "plug it in"}, State.WRONG),
    ],
)
def test_a_camera_is_judged_by_what_came_onto_the_disk(look: dict[str, Any], state: State) -> None:
    [found, _] = judged([seen("camera", look), seen("microphone", SOUND)])
    assert found.state is state


def test_a_room_without_a_microphone_is_wrong_however_good_its_picture() -> None:
    found = judged([seen("camera", PICTURE)])
    assert [each.state for each in found] == [State.OK, State.WRONG]
    assert "no sound" in found[1].what
