"""Which sticks are written, and which are never touched."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta

import pytest

from tests.sticks.drawer import DATA, THIEF, World, tree
from uploader.keys import Key
from uploader.sender import Pending, Phase, SendError, Transient
from uploader.stick_index import MARKER


def foreign_key() -> Key:
    return Key("2026", THIEF.public_key().public_bytes_raw())


@pytest.mark.parametrize(
    "marker",
    [
        None,
        b"",
        b"{}",
        b"\xff\x00",
        json.dumps({"format": "edge-agent stick 1", "stick": "../etc", "keys": []}).encode(),
        json.dumps(
            {"format": "edge-agent stick 1", "stick": "aaaaaaaa", "keys": [foreign_key().text, 7]}
        ).encode(),
    ],
)
def test_nothing_is_ever_written_onto_a_foreign_stick(world: World, marker: bytes | None) -> None:
    if marker is None:
        (world.stick / MARKER).unlink()
    else:
        (world.stick / MARKER).write_bytes(marker)
    (world.stick / "holiday.jpg").write_bytes(b"jpg")
    before = tree(world.stick)
    with pytest.raises(Transient, match="edge-agent upload stick prepare"):
        world.send()
    assert tree(world.stick) == before


def test_a_stick_is_found_where_desktops_mount_it(world: World) -> None:
    deep = world.home / "media/teacher/LECTURES"
    deep.parent.mkdir()
    world.stick.rename(deep)
    with pytest.raises(Pending):
        world.send()
    assert list(deep.glob("rooms/*/*/presenter.mp4"))


def test_a_stick_in_its_pocket_is_missed_and_the_next_one_is_asked_for(world: World) -> None:
    with pytest.raises(Pending):
        world.send()
    world.stick.rename(world.home / "drawer/pocket")
    with pytest.raises(Pending, match="on its way on the stick AA; bring that stick back"):
        world.send()
    with pytest.raises(Transient, match="no prepared stick is in"):
        world.send(b"another lecture", "audio.m4a")


def test_a_stick_that_stays_away_for_too_long_is_replaced(world: World) -> None:
    world.more["lost_after"] = timedelta(days=30)
    with pytest.raises(Pending):
        world.send()
    world.swap("bbbbbbbb")
    world.now = "2026-12-20T10:00:00.000Z"
    with pytest.raises(Pending, match="on the stick AA"):
        world.send()
    assert world.files() == {}
    world.now = "2026-12-23T10:00:00.000Z"
    with pytest.raises(Pending, match="on the stick BB"):
        world.send()
    assert world.files() == {"presenter.mp4": len(DATA)}


def test_a_room_that_has_lost_its_memory_still_hears_the_acknowledgement(world: World) -> None:
    with pytest.raises(Pending):
        world.send()
    shutil.rmtree(world.home / "notes")
    (world.home / "notes").mkdir()
    copied: list[int] = []
    with pytest.raises(Pending):
        world.send(progress=lambda phase, n: copied.append(n) if phase == "copying" else None)
    assert copied == []
    world.platform.receive(world.stick)
    assert world.receipt() is not None
    assert world.files() == {}


def test_two_writers_never_write_a_stick_at_once(world: World) -> None:
    seen: list[SendError] = []

    def intrude(phase: Phase, done: int) -> None:
        if phase == "copying" and not seen:
            with pytest.raises(Transient, match="another upload is at work") as caught:
                world.send(b"other", "audio.m4a")
            seen.append(caught.value)
            world.source()

    with pytest.raises(Pending):
        world.send(progress=intrude)
    assert seen
