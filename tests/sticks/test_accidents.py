"""What every accident with a stick leaves."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.servers.stick import ROOM
from tests.sticks.drawer import DATA, LECTURE, LECTURES, MIB, THIEF, World, after, put
from uploader.sender import Pending, Transient
from uploader.signing import sealed, unproven
from uploader.stick_index import INDEX


def test_a_stick_that_is_pulled_out_goes_on_where_it_was(world: World) -> None:
    pocket = world.home / "drawer/pocket"

    def pull() -> None:
        world.stick.rename(pocket)
        raise OSError(5, "Input/output error")

    with pytest.raises(Transient, match="put it in again"):
        world.send(progress=after(2 * MIB, pull))
    assert world.platform.held(LECTURE) == {}
    pocket.rename(world.stick)
    copied: list[int] = []
    with pytest.raises(Pending):
        world.send(progress=lambda phase, n: copied.append(n) if phase == "copying" else None)
    assert copied
    assert copied[0] > 2 * MIB
    world.platform.receive(world.stick)
    assert world.platform.held(LECTURE) == {"presenter.mp4": DATA}


def test_sticks_that_are_swapped_in_the_middle_are_not_mixed_up(world: World) -> None:
    with pytest.raises(Transient, match=r"stick AA was (taken|pulled) out"):
        world.send(progress=after(2 * MIB, lambda: world.swap("bbbbbbbb")))
    assert world.files() == {}
    assert not list(world.stick.glob("rooms/*/index-?.jws"))
    with pytest.raises(Pending, match="on the stick BB"):
        world.send()
    world.platform.receive(world.stick)
    assert world.platform.held(LECTURE) == {"presenter.mp4": DATA}
    assert world.receipt() is not None


def test_an_index_of_another_stick_is_believed_neither_here_nor_there(world: World) -> None:
    with pytest.raises(Pending):
        world.send()
    (room,) = (world.stick / "rooms").iterdir()
    saved = {file.name: file.read_bytes() for file in room.glob("index-?.jws")}
    world.swap("bbbbbbbb")
    here = world.stick / "rooms" / room.name
    here.mkdir(parents=True)
    for name, data in saved.items():
        (here / name).write_bytes(data)
    world.platform.receive(world.stick)
    assert any("another stick" in words for words in world.platform.words)
    assert world.platform.held(LECTURE) == {}


@pytest.mark.parametrize("how", ["changed", "cut", "gone", "replaced"])
def test_what_was_altered_on_the_stick_is_refused_and_comes_again(world: World, how: str) -> None:
    with pytest.raises(Pending):
        world.send()
    (file,) = world.stick.glob("rooms/*/*/presenter.mp4")
    match how:
        case "changed":
            file.write_bytes(DATA[:-1] + b"!")
        case "cut":
            file.write_bytes(DATA[:-1])
        case "gone":
            file.unlink()
        case "replaced":
            file.unlink()
            file.symlink_to(world.source())
    world.platform.receive(world.stick)
    assert world.platform.held(LECTURE) == {}
    assert world.receipt() is None
    with pytest.raises(Pending):
        world.send()
    assert file.read_bytes() == DATA
    with pytest.raises(Pending):  # the old word of damage does not mean the new copy
        world.send()
    assert file.read_bytes() == DATA
    world.platform.receive(world.stick)
    assert world.receipt() is not None
    assert world.platform.held(LECTURE) == {"presenter.mp4": DATA}


@pytest.mark.parametrize("torn", [0, 100, -10])
def test_a_torn_index_costs_only_what_it_named_last(world: World, torn: int) -> None:
    for name in ("audio.m4a", "presenter.mp4"):
        with pytest.raises(Pending):
            world.send(DATA, name)
    files = sorted(world.stick.glob("rooms/*/index-?.jws"), key=lambda f: len(f.read_bytes()))
    files[-1].write_bytes(files[-1].read_bytes()[:torn])
    world.platform.receive(world.stick)
    assert world.platform.held(LECTURE) == {"audio.m4a": DATA}
    for name in ("audio.m4a", "presenter.mp4"):
        with contextlib.suppress(Pending):
            world.send(DATA, name)
    world.platform.receive(world.stick)
    assert world.platform.held(LECTURE) == {"audio.m4a": DATA, "presenter.mp4": DATA}


def test_the_platform_takes_nothing_from_a_room_that_it_does_not_know(world: World) -> None:
    with pytest.raises(Pending):
        world.send()
    for file in world.stick.glob("rooms/*/index-?.jws"):
        forged = unproven(file.read_bytes())
        file.write_text(sealed(forged, INDEX, THIEF, ROOM.public.id))
    world.platform.receive(world.stick)
    assert world.platform.held(LECTURE) == {}
    assert any("refused, its signature is wrong" in words for words in world.platform.words)


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "..", "a\\b"])
def test_no_index_leads_the_platform_out_of_its_folders(world: World, name: str) -> None:
    with pytest.raises(Pending):
        world.send()
    (room,) = (world.stick / "rooms").iterdir()
    for field_name in ("file", "name", "lecture"):
        index = world.index()[0] | {field_name: name}
        about = {"format": "edge-agent stick 1", "stick": "aaaaaaaa", "serial": 9, "files": [index]}
        (room / "index-b.jws").write_text(sealed(about, INDEX, ROOM.key, ROOM.public.id))
        world.platform.receive(world.stick)
        assert world.platform.held(LECTURE) == {}
    assert any("a name that cannot be" in words for words in world.platform.words)


class Killed(BaseException):
    """As a kill or a power cut: nothing after it is done."""


def dying(monkeypatch: pytest.MonkeyPatch, at: int) -> Callable[[], int]:
    """The process ends before its step number `at` towards the disk; how many were begun."""
    begun = 0

    def before(act: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **options: Any) -> Any:
            nonlocal begun
            begun += 1
            if begun >= at:
                raise Killed
            return act(*arguments, **options)

        return step

    for name in ("os.fsync", "os.fdatasync", "os.open", "os.write", "os.ftruncate"):
        module, _, function = name.partition(".")
        monkeypatch.setattr(f"{module}.{function}", before(getattr(os, function)))
    for method in ("rename", "replace", "unlink", "rmdir", "mkdir", "open"):
        monkeypatch.setattr(Path, method, before(getattr(Path, method)))
    return lambda: begun


SMALL_PIECES = {"piece_bytes": 1 << 16, "largest": 1 << 16}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_whatever_step_is_the_last_nothing_is_lost_and_nothing_counts_too_early(
    world: World,
) -> None:
    """Each step towards the disk in turn, from the first copy on."""
    steps = 0
    while True:
        steps += 1
        room = World(world.home / f"round-{steps}", SMALL_PIECES)
        with pytest.MonkeyPatch.context() as patch:
            begun = dying(patch, steps)
            with contextlib.suppress(Killed):
                put(room)
        assert not any(room.receipt(data, name) for name, data in LECTURES.items())
        put(room)
        room.platform.receive(room.stick)
        assert room.platform.held(LECTURE) == LECTURES
        assert all(room.receipt(data, name) for name, data in LECTURES.items())
        assert room.files() == {}
        shutil.rmtree(room.home)
        if begun() < steps:
            break
    assert steps > 40


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_whatever_step_is_the_last_an_acknowledgement_is_taken_in(world: World) -> None:
    """And after each, the next stick is written as if nothing had happened."""
    world.more |= SMALL_PIECES
    put(world)
    world.platform.receive(world.stick)
    steps = 0
    while True:
        steps += 1
        home = world.home / f"round-{steps}"
        for name in ("media", "notes"):
            shutil.copytree(world.home / name, home / name)
        room = World(home, SMALL_PIECES)
        with pytest.MonkeyPatch.context() as patch:
            begun = dying(patch, steps)
            with contextlib.suppress(Killed):
                room.receipt(LECTURES["audio.m4a"], "audio.m4a")
        assert all(room.receipt(data, name) for name, data in LECTURES.items())
        with contextlib.suppress(Pending):
            room.send(b"the next", "thumbnail.jpg")
        assert [entry["name"] for entry in room.index()] == ["thumbnail.jpg"]
        shutil.rmtree(home)
        if begun() < steps:
            break
    assert steps > 5
