"""Laws of what is told of a room's sound, with real processes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.process.classroom import MICROPHONE, until
from tests.process.conftest import MakeRoom

pytestmark = pytest.mark.slow
SPEAKER = {"kind": "synthetic", "options": {"stream": "audio", "sound": "speech"}}


def voice_of(sound: dict[str, Any] | None) -> dict[str, Any] | None:
    return sound if sound is not None and sound["speaking"] else None


def test_an_armed_room_tells_a_voice_from_a_tone(make_room: MakeRoom) -> None:
    room = make_room({"lectern": SPEAKER, "ceiling": MICROPHONE})
    room.start_agent()
    room.until_armed()
    voice = until("a voice is heard", lambda: voice_of(room.track("lectern")["sound"]))
    assert -40 < voice["short_term"] < -10
    assert -30 < voice["true_peak"] <= 3
    tone = room.track("ceiling")["sound"]
    assert (tone["speaking"], tone["speech_s"]) == (False, 0.0)
    assert tone["heard_s"] > 3


def test_the_manifest_and_the_ledger_tell_how_a_lecture_sounds(make_room: MakeRoom) -> None:
    room = make_room({"lectern": SPEAKER})
    room.start_agent()
    room.until_armed()
    lecture = room.begin()
    room.until_durable(12)
    room.command("stop")
    room.package(lecture)
    [told] = room.manifest(lecture)["sound"]
    assert told["track"] == "lectern"
    assert -40 < told["integratedLoudness"] < -10
    assert told["speechRatio"] > 0.2  # the first six seconds are not judged
    with room.ledger() as ledger:
        [track] = ledger.tracks(lecture)
    assert track.loudness_lufs == told["integratedLoudness"]
    assert track.true_peak_dbtp == told["truePeak"]
    assert track.speech_ratio == told["speechRatio"]
