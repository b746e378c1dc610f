"""What counts as delivered: an acknowledgement, and nothing else."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from tests.servers.stick import PLATFORM, ROOM, prepare
from tests.sticks.drawer import DATA, LECTURE, THIEF, World, said
from uploader.sender import Pending, Transient
from uploader.signing import RECEIPT, sealed
from uploader.stick_index import INDEX


def test_what_was_copied_is_not_delivered_until_the_stick_brings_the_acknowledgement(
    world: World,
) -> None:
    with pytest.raises(Pending, match="is on the stick AA, which is safe to remove"):
        world.send()
    assert world.receipt() is None
    world.platform.receive(world.stick)
    receipt = world.receipt()
    assert receipt is not None
    assert receipt["state"] == "verified"
    assert world.platform.held(LECTURE) == {"presenter.mp4": DATA}


def test_what_is_acknowledged_leaves_the_stick_and_nothing_else_does(world: World) -> None:
    for name in ("audio.m4a", "presenter.mp4"):
        with pytest.raises(Pending):
            world.send(DATA, name)
    other = prepare(world.home / "other/stick")  # another room's folder, on the same stick
    shutil.copytree(next((world.stick / "rooms").iterdir()), other / "rooms/a-101-0123456789abcdef")
    shutil.copytree(other / "rooms", world.stick / "rooms", dirs_exist_ok=True)
    world.acknowledge(sealed(said(), RECEIPT, PLATFORM, "2026"))
    assert world.receipt() is not None
    assert world.receipt(DATA, "audio.m4a") is None
    left = {str(f.relative_to(world.stick / "rooms")) for f in world.stick.glob("rooms/*/*/*.m*")}
    assert left == {
        f"b-204-{ROOM.public.id}/{LECTURE}/audio.m4a",
        f"a-101-0123456789abcdef/{LECTURE}/audio.m4a",
        f"a-101-0123456789abcdef/{LECTURE}/presenter.mp4",
    }
    assert [entry["name"] for entry in world.index()] == ["audio.m4a"]


@pytest.mark.parametrize(
    ("why", "line"),
    [
        ("has a wrong signature", sealed(said(), RECEIPT, THIEF, "2026")),
        ("a key that is not configured", sealed(said(), RECEIPT, THIEF, "2031")),
        ("is not signed as receipt", sealed(said(), INDEX, PLATFORM, "2026")),
        (
            "calls it received and not yet",
            sealed(said(state="received"), RECEIPT, PLATFORM, "2026"),
        ),
        ("is on the stick AA", sealed(said(name="audio.m4a"), RECEIPT, PLATFORM, "2026")),
        ("is on the stick AA", sealed(said(lecture="another"), RECEIPT, PLATFORM, "2026")),
        ("is on the stick AA", sealed(said(b"other"), RECEIPT, PLATFORM, "2026")),
        ("is on the stick AA", json.dumps(said())),
        ("is on the stick AA", "\x00\xff rubbish"),
        ("is on the stick AA", ""),
    ],
)
def test_a_forged_or_foreign_acknowledgement_delivers_and_frees_nothing(
    world: World, why: str, line: str
) -> None:
    with pytest.raises(Pending):
        world.send()
    world.acknowledge(line)
    before = world.files()
    with pytest.raises(Pending, match=re.escape(why)):
        world.send()
    assert world.receipt() is None
    assert world.files() == before == {"presenter.mp4": len(DATA)}


def test_an_acknowledgement_may_come_on_any_stick_and_frees_the_other_later(world: World) -> None:
    with pytest.raises(Pending):
        world.send()
    world.swap("bbbbbbbb")
    world.acknowledge(sealed(said(), RECEIPT, PLATFORM, "2026"))
    assert world.receipt() is not None
    world.swap("aaaaaaaa")
    assert world.files() == {"presenter.mp4": len(DATA)}
    assert world.send(DATA) is not None
    with pytest.raises(Pending):
        world.send(b"the next lecture", "audio.m4a")
    assert world.files() == {"audio.m4a": 16}


def test_a_read_only_stick_still_brings_its_acknowledgements(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Pending):
        world.send()
    world.acknowledge(sealed(said(), RECEIPT, PLATFORM, "2026"))

    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("uploader.stick_files.Stick.write_index", refuse)
    with pytest.raises(Transient, match="read-only"):
        world.receipt()
    assert world.receipt() is not None
