"""A camera that freezes and a microphone that dies in a lecture: told, stored, and made good."""

from __future__ import annotations

import av
import numpy as np
import pytest

from edge_agent.rules.guards import DIGITAL_SILENCE
from edge_agent.rules.pictures import FROZEN
from tests.process.classroom import CAMERA, MICROPHONE, until
from tests.process.conftest import MakeRoom

pytestmark = pytest.mark.slow

FREEZES = {**CAMERA, "options": {"fault": "frozen", "after": "1"}}
DIES = {"kind": "synthetic", "options": {"stream": "audio", "fault": "silence", "after": "5"}}


def test_what_goes_wrong_is_told_and_the_backup_is_heard(make_room: MakeRoom) -> None:
    room = make_room(
        {
            "camera": FREEZES,
            "microphone": DIES,
            "backup": {**MICROPHONE, "flavor": "backup/source"},
        }
    )
    room.start_agent()
    room.until_armed()
    lecture = room.begin()
    until("the silence is told", lambda: room.track("microphone").get("warning") == DIGITAL_SILENCE)
    until("the frozen picture is told", lambda: room.track("camera").get("warning") == FROZEN)
    room.command("stop")
    manifest = room.manifest(lecture)
    told = {(each["track"], each["what"]) for each in manifest["warnings"]}
    assert told == {("microphone", DIGITAL_SILENCE), ("camera", FROZEN)}
    [stand_in] = manifest["standIns"]
    assert (stand_in["track"], stand_in["by"]) == ("microphone", "backup")
    with room.ledger() as ledger:
        kinds = [event.kind for event in ledger.events(lecture)]
    assert (kinds.count(FROZEN), kinds.count(DIGITAL_SILENCE)) == (1, 1)
    with av.open(str(room.package(lecture) / "audio.m4a")) as container:
        heard = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    seconds = np.abs(heard[: heard.size // 48_000 * 48_000].reshape(-1, 48_000)).max(axis=1)
    assert seconds.min() > 0.01, "there is a second without a sound"
