"""Microphones through PortAudio and a real sound server."""

import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.hardware_fixtures import PulseServer, child_env, pulse_server, reading, wait_for

MS = 1_000_000


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PulseServer]:
    with pulse_server(tmp_path_factory.mktemp("pulse")) as server:
        yield server


@pytest.fixture
def removable(sound: PulseServer) -> Iterator[str]:
    """A third microphone in room 1, which may be gone at the end."""
    sound.plug("mic3", "room1")
    yield "pulse:mic3"
    if "mic3" in sound.pactl("list", "short", "sources"):
        sound.unplug("mic3")


def microphone(device: str, **options: str):
    return {"kind": "microphone", "device": device, "options": options}


@pytest.mark.parametrize("device", ["mic1", "pulse:mic1"])
def test_the_chosen_microphone_is_heard_at_its_level(sound: PulseServer, device: str) -> None:
    with sound.speak("room1", volume=0.25), reading(microphone(device), sound.env) as reader:
        info = reader.next()["opened"]
        loud = wait_for(lambda: reader.next()["peak"] > 3000, "the tone")
        facts = reader.take(100)
    assert loud
    assert (info["media"], info["sample_rate"], info["identity"]) == ("audio", 48000, "pulse:mic1")
    # ffmpeg's -ac 2 keeps the power of a mono sound: 0.25 / √2
    assert max(fact["peak"] for fact in facts) == pytest.approx(0.25 * 32768 / 2**0.5, rel=0.03)
    assert {fact["form"] for fact in facts} == {"s16 stereo 48000"}
    assert {fact["base"] for fact in facts} == {"1/1000000000"}


def test_another_rooms_sound_is_not_heard(sound: PulseServer) -> None:
    with sound.speak("room2"), reading(microphone("mic1"), sound.env) as reader:
        reader.next()
        assert max(fact["peak"] for fact in reader.take(100)) == 0


def test_stamps_follow_the_samples_and_the_monotonic_clock(sound: PulseServer) -> None:
    with sound.speak("room1"), reading(microphone("mic1"), sound.env) as reader:
        reader.next()
        facts = reader.take(300)
    steps = [later["pts"] - earlier["pts"] for earlier, later in pairwise(facts)]
    assert all(step > 0 for step in steps)
    settled = facts[150:]
    length = settled[-1]["pts"] - settled[0]["pts"]
    # the null sink's clock is off by up to 1.5 per mille; a busy machine adds late blocks
    assert length == pytest.approx(149 * 20 * MS, rel=0.03)
    assert all(abs(fact["late"]) < 2_000 * MS for fact in facts)


def test_one_channel_is_given_when_asked_for(sound: PulseServer) -> None:
    with reading(microphone("mic1", channels="1"), sound.env) as reader:
        assert reader.next()["opened"]["channels"] == 1
        assert reader.next()["form"] == "s16 mono 48000"


@pytest.mark.parametrize("device", ["mic9", "pulse:mic9", "hw:CARD=Webcam,DEV=0"])
def test_an_absent_microphone_is_missing_and_never_replaced(sound: PulseServer, device) -> None:
    with reading(microphone(device), sound.env) as reader:
        error = reader.next()
    assert error["error"] == "DeviceMissing"
    assert "mic1" in error["hint"]


def test_the_default_is_used_only_when_it_is_asked_for(sound: PulseServer) -> None:
    with sound.speak("room2"), reading(microphone("default"), sound.env) as reader:
        assert reader.next()["opened"]["identity"] == "pulse:mic2"
        wait_for(lambda: reader.next()["peak"] > 3000, "the tone in the default's room")


def test_a_microphone_that_the_server_replaces_is_lost(sound: PulseServer, removable: str) -> None:
    with reading(microphone(removable), sound.env) as reader:
        assert reader.next()["opened"]["identity"] == "pulse:mic3"
        reader.take(20)
        sound.unplug("mic3")
        error = reader.error()
    assert error["error"] == "DeviceLost"
    assert "another source" in error["reason"]


def test_a_stream_that_somebody_moves_is_lost(sound: PulseServer, removable: str) -> None:
    with reading(microphone(removable), sound.env) as reader:
        reader.take(20)
        streams = json.loads(sound.pactl("-f", "json", "list", "source-outputs"))
        (stream,) = [
            entry["index"]
            for entry in streams
            if entry["properties"].get("application.process.id") == str(reader.process.pid)
        ]
        sound.pactl("move-source-output", str(stream), "mic2")
        assert reader.error()["error"] == "DeviceLost"


def test_a_dead_sound_server_ends_the_source(tmp_path: Path) -> None:
    with (
        pulse_server(tmp_path / "short-lived") as server,
        reading(microphone("mic1"), server.env) as reader,
    ):
        reader.take(10)
        server.process.kill()
        assert reader.error()["error"] == "DeviceLost"


def test_discovery_names_what_can_be_opened(sound: PulseServer) -> None:
    code = (
        "import json\nfrom capture.discover import list_microphones\n"
        "print(json.dumps([[m.id, m.name, m.identity] for m in list_microphones()]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=child_env(sound.env), capture_output=True, check=True
    )
    found = json.loads(done.stdout)
    assert ["pulse:mic1", "Mic1", "pulse:mic1"] in found
    assert not [entry for entry in found if "monitor" in entry[0]]
