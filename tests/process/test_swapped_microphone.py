"""Laws of a microphone that the sound server swaps for another: told, stored, never recorded."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import av
import numpy as np
import pytest

from tests.hardware_fixtures import PulseServer, pulse_server
from tests.process.classroom import HANG_S, Classroom, until
from tests.process.conftest import MakeRoom
from tests.process.test_kills import check_clean

pytestmark = pytest.mark.slow
#: What is said in the lecture's room and in the other one.
OURS_HZ, THEIRS_HZ = 440, 880
#: A tone that is there has some tenths; what AAC makes of the other tone, and of its edges, less.
HEARD = 0.05
#: What people read: first that it was swapped, then that it is not there.
WHY = ("another source", "no microphone", "another microphone")


def tone(file: Path, hertz: int) -> list[float]:
    """The strength of a tone in each 21 ms of a sound file."""
    with av.open(str(file)) as container:
        blocks = [frame.to_ndarray().mean(axis=0) for frame in container.decode(audio=0)]
    samples = np.concatenate(blocks)
    windows = samples[: len(samples) // 1024 * 1024].reshape(-1, 1024) * np.hanning(1024)
    wave = np.exp(-2j * np.pi * hertz * np.arange(1024) / 48_000)
    return [float(value) for value in np.abs(windows @ wave) / 256]


def says(room: Classroom) -> str:
    """What people are shown."""
    done = subprocess.run(room.cli("status"), capture_output=True, text=True, timeout=HANG_S)
    return done.stdout


def swap(pulse: PulseServer, room: Classroom) -> None:
    """The microphone goes, and the server gives its stream to the other room's at once."""
    pulse.unplug("mic3")
    gone = time.monotonic()
    until("the swap is told", lambda: room.track("microphone").get("cause"))
    print(f"MEASURED swapped microphone told after {time.monotonic() - gone:.1f} s")


@pytest.mark.parametrize("device", ["pulse:mic3", "default"])
def test_the_other_rooms_sound_is_in_no_file_when_the_server_swaps_the_microphone(
    make_room: MakeRoom, tmp_path: Path, device: str
) -> None:
    with (
        pulse_server(tmp_path / "pulse") as pulse,
        pulse.speak("room1", OURS_HZ),
        pulse.speak("room2", THEIRS_HZ, volume=0.5),
    ):
        pulse.plug("mic3", "room1")
        pulse.pactl("set-default-source", "mic3")
        room = make_room({"microphone": {"kind": "microphone", "device": device}}, env=pulse.env)
        room.start_agent()
        room.until_armed()
        lecture = room.begin()
        room.until_durable(3)
        swap(pulse, room)
        assert any(words in says(room) for words in WHY), says(room)
        tries = room.track("microphone")["restarts"]
        until("it has tried", lambda: room.track("microphone")["restarts"] >= tries + 2)
        pulse.plug("mic3", "room1")
        pulse.pactl("set-default-source", "mic3")
        until("it records", lambda: room.track("microphone").get("phase") == "recording")
        room.until_durable(room.status()["lecture"]["elapsed_s"] + 2)
        room.command("stop")
        sound = room.package(lecture) / "audio.m4a"
        theirs, ours = tone(sound, THEIRS_HZ), tone(sound, OURS_HZ)
        assert [at for at, strength in enumerate(theirs) if strength > HEARD] == []
        assert max(ours[:50]) > HEARD
        assert max(ours[-50:]) > HEARD
        with room.ledger() as ledger:
            [lost] = [e for e in ledger.events(lecture) if e.kind == "device lost"]
        assert "another source" in lost.text
        check_clean(room)
