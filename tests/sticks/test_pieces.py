"""Lectures that are larger than a stick, or than its file system takes."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sticks.drawer import DATA, LECTURE, MIB, Pulled, World, after, small
from uploader.sender import Pending, Transient
from uploader.stick_index import MARKER, grid, missing


@pytest.mark.parametrize("order", [["aaaaaaaa", "bbbbbbbb"], ["bbbbbbbb", "aaaaaaaa"]])
def test_a_file_that_fits_on_no_stick_is_divided_and_joined_in_any_order(
    world: World, order: list[str]
) -> None:
    small(world, 2 * MIB + 100)
    with pytest.raises(Transient, match=r"stick AA is full; take it out.*put in another stick"):
        world.send()
    assert set(world.files()) == {"presenter.mp4.001", "presenter.mp4.002"}
    world.swap("bbbbbbbb")
    with pytest.raises(Pending, match="on the stick AA, BB"):
        world.send()
    assert world.files() == {"presenter.mp4.003": MIB, "presenter.mp4.004": 17}
    for stick in order:
        if json.loads((world.stick / MARKER).read_text())["stick"] != stick:
            world.swap(stick)
        assert world.receipt() is None
        world.platform.receive(world.stick)
    assert world.platform.held(LECTURE) == {"presenter.mp4": DATA}
    assert world.receipt() is not None
    assert world.files() == {}


def test_a_stick_that_others_fill_meanwhile_is_full_as_well(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("uploader.stick_files.write_all", refuse)
    with pytest.raises(Transient, match=r"stick AA is full; take it out.*put in another stick"):
        world.send()
    assert world.receipt() is None


def test_no_file_on_a_stick_is_larger_than_its_file_system_takes(world: World) -> None:
    world.more |= {"piece_bytes": MIB, "largest": 2 * MIB}
    with pytest.raises(Pending):
        world.send()
    assert max(world.files().values()) == MIB
    with pytest.raises(Pending):
        world.send(DATA[: 2 * MIB], "audio.m4a")
    assert world.files()["audio.m4a"] == 2 * MIB


def test_what_was_copied_by_half_gives_way_when_space_is_short(world: World) -> None:
    small(world, 3 * MIB + 100)
    with pytest.raises(Pulled):
        world.send(progress=after(2 * MIB, _raise))
    with pytest.raises(Pending):
        world.send(DATA[: 2 * MIB], "audio.m4a")
    assert world.files() == {"audio.m4a": 2 * MIB}


def _raise() -> None:
    raise Pulled


def test_damage_to_one_piece_costs_that_piece_alone(world: World) -> None:
    world.more |= {"piece_bytes": MIB, "largest": MIB}
    with pytest.raises(Pending):
        world.send()
    (second,) = world.stick.glob("rooms/*/*/presenter.mp4.002")
    second.write_bytes(bytes(MIB))
    world.platform.receive(world.stick)
    copied: list[int] = []
    with pytest.raises(Pending):
        world.send(progress=lambda phase, n: copied.append(n) if phase == "copying" else None)
    assert copied == [2 * MIB]
    world.platform.receive(world.stick)
    assert world.receipt() is not None


def test_the_newest_version_wins_whichever_stick_comes_first(world: World) -> None:
    with pytest.raises(Pending):
        world.send(b"revision 1", "manifest.json")
    world.swap("bbbbbbbb")
    world.now = "2026-11-22T11:00:00.000Z"
    with pytest.raises(Pending):
        world.send(b"revision 2", "manifest.json")
    world.platform.receive(world.stick)
    world.swap("aaaaaaaa")
    world.platform.receive(world.stick)
    assert world.platform.held(LECTURE) == {"manifest.json": b"revision 2"}
    assert world.receipt(b"revision 2", "manifest.json") is not None


@given(size=st.integers(0, 50), piece=st.integers(1, 9), there=st.sets(st.integers(0, 8)))
def test_pieces_cover_a_file_once_and_only_what_is_nowhere_is_missing(
    size: int, piece: int, there: set[int]
) -> None:
    whole = grid(size, piece)
    assert sum(each.length for each in whole) == size
    assert [each.offset for each in whole] == list(range(0, max(size, 1), piece))
    held = [each for number, each in enumerate(whole) if number in there]
    assert missing(size, piece, held) == [each for each in whole if each not in held]
    assert missing(size, piece, [replace(whole[0], length=size)]) == []
