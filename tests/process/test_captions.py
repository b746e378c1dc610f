"""Captions with the real agent and the real upload: after the lecture has arrived, and away."""

from __future__ import annotations

import subprocess

import pytest

from edge_agent.rules.lecture import State
from edge_agent.verify import listed
from tests.process.classroom import HANG_S, MICROPHONE, Classroom, until
from tests.process.conftest import make_room as make_room

pytestmark = pytest.mark.slow
VTT = "WEBVTT\n\n00:00.000 --> 00:01.000\nសួស្តី\n"


def by_command(room: Classroom, *words: str) -> None:
    done = subprocess.run(
        room.cli("lectures", "captions", *words),
        input=VTT,
        capture_output=True,
        text=True,
        timeout=HANG_S,
    )
    assert done.returncode == 0, done.stderr


def test_captions_follow_a_lecture_that_was_delivered(make_room) -> None:
    room = make_room({"microphone": MICROPHONE})
    room.start_agent()
    room.start_uploader()
    room.until_armed()
    lecture = room.begin()
    room.until_durable(2)
    room.command("stop")
    there = room.delivered(lecture)
    sound = (there / "audio.m4a").stat().st_mtime_ns
    by_command(room, "add", lecture, "-", "--language", "km")
    until("they have come", lambda: "captions.km.vtt" in listed(there))
    room.until_state(lecture, State.DELIVERED)
    assert (room.delivered(lecture) / "captions.km.vtt").read_text() == VTT
    by_command(room, "remove", lecture, "--language", "km")
    until("they count no more", lambda: "captions.km.vtt" not in listed(there))
    room.until_state(lecture, State.DELIVERED)
    room.delivered(lecture)
    assert (there / "audio.m4a").stat().st_mtime_ns == sound, "only what changed was sent"
