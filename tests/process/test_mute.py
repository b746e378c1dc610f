"""Laws of privacy mute: what is in the files is compared with what the devices deliver."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import av
import numpy as np
import pytest

from edge_agent.rules.timeline import START_NS
from encoders.boxes import trim_and_close
from tests.hardware_fixtures import rtsp_server, write_pictures
from tests.process.classroom import CAMERA, HANG_S, MICROPHONE, Classroom, until
from tests.process.conftest import MakeRoom
from tests.process.test_agent import assert_aligned
from tests.process.test_kills import check_clean

pytestmark = pytest.mark.slow
ROOM = {"camera": CAMERA, "microphone": MICROPHONE}
#: A black picture after encoding; the test picture's darkest patch is far above on average.
BLACK_MEAN = 20.0
#: s16 samples of encoded zeros; the tone's peak is thousands.
SILENT_PEAK = 30


def pictures(file: Path) -> list[tuple[float, float]]:
    """Second and mean brightness of each picture."""
    with av.open(str(file)) as container:
        return [
            (float(frame.time or 0), float(frame.to_ndarray(format="gray").mean()))
            for frame in container.decode(video=0)
        ]


def stamped(tracks: Path, copy: Path) -> list[tuple[float, float]]:
    """Second since the press, and brightness, of each picture that the segments hold by now."""
    shutil.copytree(tracks, copy)
    for part in copy.rglob("*.part"):
        trim_and_close(part)
    found = []
    for segment in sorted(copy.rglob("*.mp4")):
        found += [(at - START_NS / 1e9, mean) for at, mean in pictures(segment)]
    return found


def loud(file: Path) -> list[float]:
    """The seconds at which there is sound, in steps of an AAC packet."""
    with av.open(str(file)) as container:
        found = []
        for frame in container.decode(audio=0):
            peak = float(np.abs(frame.to_ndarray()).max()) * 32768
            if peak > SILENT_PEAK:
                found.append(float(frame.time or 0))
        return found


def preview_brightness(room: Classroom) -> float:
    with av.open(str(room.runtime.preview("camera"))) as container:
        return float(next(container.decode(video=0)).to_ndarray(format="gray").mean())


def seconds(room: Classroom, lecture: str) -> list[tuple[float, float]]:
    """The muted stretches by the ledger, in seconds since the press."""
    with room.ledger() as ledger:
        end_ns = ledger.existing(lecture).end_ns or 0
        mutes = ledger.mutes(lecture)
    return [((m.start_ns - START_NS) / 1e9, ((m.end_ns or end_ns) - START_NS) / 1e9) for m in mutes]


def test_while_muted_no_real_picture_or_sound_reaches_file_or_preview(
    make_room: MakeRoom,
) -> None:
    room = make_room(ROOM)
    room.start_agent()
    room.until_armed()
    lecture = room.begin()
    room.until_durable(2)
    assert room.command("mute") == {"muted": True}
    until("the preview is black", lambda: preview_brightness(room) < BLACK_MEAN)
    until("silence is shown", lambda: room.track("microphone")["peak"] == -120.0)
    room.until_durable(7)
    assert room.status()["muted"]
    assert room.track("microphone")["warning"] == "", "silence on purpose is no fault"
    assert preview_brightness(room) < BLACK_MEAN
    assert room.command("unmute") == {"muted": False}
    until("the preview is back", lambda: preview_brightness(room) > BLACK_MEAN)
    room.until_durable(room.status()["lecture"]["elapsed_s"] + 2)
    room.command("stop")
    package = room.package(lecture)
    [(first, last)] = seconds(room, lecture)
    seen = pictures(package / "presenter.mp4")
    frame = 1 / float(str(CAMERA["fps"])) + 0.002
    leaked = [at for at, mean in seen if first + frame < at < last and mean > BLACK_MEAN]
    assert leaked == []
    assert any(at < first and mean > BLACK_MEAN for at, mean in seen)
    assert [at for at, mean in seen if at > last + frame and mean < BLACK_MEAN] == []
    packet = 3 * 1024 / 48_000  # a block in hand, and the coder's overlap of two packets
    heard = loud(package / "audio.m4a")
    assert [at for at in heard if first + packet < at < last - packet] == []
    assert any(at < first for at in heard)
    assert any(at > last for at in heard)
    assert_aligned(package)
    gaps = room.manifest(lecture)["gaps"]
    assert {(g["track"], g["cause"], g["collapsed"]) for g in gaps} == {
        ("camera", "muted", False),
        ("microphone", "muted", False),
    }
    check_clean(room)


def test_a_muted_room_stays_muted_over_every_restart(make_room: MakeRoom) -> None:
    room = make_room(ROOM)
    room.start_agent()
    room.until_armed()
    room.command("mute")
    lecture = room.begin()
    room.until_durable(2)
    pid = room.recorder_pid("camera")
    os.kill(pid, signal.SIGKILL)
    until("another recorder", lambda: room.recorder_pid("camera") != pid)
    until("it records", lambda: room.track("camera").get("phase") == "recording")
    room.kill_agent()
    room.start_agent()
    until("it records again", lambda: room.track("camera").get("phase") == "recording")
    assert room.status()["muted"]
    room.until_durable(room.status()["lecture"]["elapsed_s"] + 2)
    assert preview_brightness(room) < BLACK_MEAN
    room.command("stop")
    package = room.package(lecture)
    assert [at for at, mean in pictures(package / "presenter.mp4") if mean > BLACK_MEAN] == []
    assert loud(package / "audio.m4a") == []


def test_a_cameras_own_packets_are_left_out_while_muted(
    make_room: MakeRoom, tmp_path: Path
) -> None:
    film = tmp_path / "camera.mp4"
    write_pictures(film, "h264", 900)
    with rtsp_server(film) as camera:
        room = make_room({"camera": {"kind": "rtsp", "device": camera.url}})
        room.start_agent()
        room.until_armed()
        lecture = room.begin()
        room.until_durable(3)
        room.command("mute")
        tracks = room.spool.tracks(lecture)
        until("the file is closed", lambda: not list(tracks.rglob("*.part")))
        room.command("unmute")
        until("another file", lambda: len(list(tracks.rglob("*.mp4*"))) >= 2)
        room.until_durable(room.status()["lecture"]["elapsed_s"] + 2)
        seen = stamped(tracks, tmp_path / "copy")
        [(first, last)] = seconds(room, lecture)
        frame = 1 / 15 + 0.002
        assert [at for at, _ in seen if first + frame < at < last] == [], "no packet, no picture"
        assert any(at < first for at, _ in seen)
        assert any(at > last for at, _ in seen)
        assert min(mean for _, mean in seen) > BLACK_MEAN, "what is there can be decoded"
        room.command("stop")
        room.package(lecture)
        gaps = room.manifest(lecture)["gaps"]
        assert {gap["cause"] for gap in gaps} <= {"muted"}


def test_a_microphone_of_zeros_is_told_within_five_seconds(make_room: MakeRoom) -> None:
    dead = {"kind": "synthetic", "options": {"stream": "audio", "fault": "silence", "after": "4"}}
    room = make_room({"microphone": dead})
    room.start_agent()
    room.until_armed()
    lecture = room.begin()
    until("the warning", lambda: room.track("microphone").get("warning") == "digital silence")
    with room.ledger() as ledger:
        assert "digital silence" in [event.kind for event in ledger.events(lecture)]
    told = subprocess.run(room.cli("status"), capture_output=True, text=True, timeout=HANG_S)
    assert "digital silence" in told.stdout
    room.command("stop")
    room.package(lecture)
