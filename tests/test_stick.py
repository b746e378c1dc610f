"""Sticks: what counts as delivered, what is never touched, and what every accident leaves."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from tests.contracts.test_destination import artifact_of, ignore
from tests.servers.stick import (
    NOW,
    PLATFORM,
    PLATFORMS,
    ROOM,
    Platform,
    prepare,
    receiver_module,
    stick_destination,
)
from uploader.keys import Key
from uploader.sender import Artifact, Pending, Phase, Receipt, SendError, Transient
from uploader.signing import RECEIPT, opened, sealed, unproven
from uploader.stick import StickDestination
from uploader.stick_index import INDEX, MARKER, RESERVE, Entry, Index, grid, missing, safe

MIB = 1 << 20
LECTURE = "01a200cd-98bc-7f49-8e4e-501cbddcb48b"
DATA = random.Random(3).randbytes(3 * MIB + 17)
THIEF = Ed25519PrivateKey.from_private_bytes(b"t" * 32)
SCHEMA = Path(__file__).parents[1] / "edge_agent/schemas/stick-index-1.json"


@dataclass
class World:
    """A room with one place for a stick, a platform, and a drawer with other sticks."""

    home: Path
    more: dict[str, Any] = field(default_factory=dict)
    capacity: int | None = None

    def __post_init__(self) -> None:
        for name in ("media", "notes", "drawer"):
            (self.home / name).mkdir(parents=True, exist_ok=True)
        self.platform = Platform(self.home / "platform")
        self.stick = self.home / "media/stick"
        if not self.stick.exists():
            prepare(self.stick)
        self.now = NOW

    @property
    def destination(self) -> StickDestination:
        """A new one each time: nothing may depend on what a process remembers."""
        return stick_destination(
            self.home / "media", self.home / "notes", lambda: self.now, free=self.free, **self.more
        )

    def free(self, root: Path) -> int:
        held = sum(file.stat().st_size for file in root.glob("rooms/*/*/*"))
        return (1 << 40 if self.capacity is None else self.capacity - held) + RESERVE

    def source(self, data: bytes = DATA) -> Path:
        path = self.home / "source"
        path.write_bytes(data)
        return path

    def send(
        self,
        data: bytes = DATA,
        name: str = "presenter.mp4",
        progress: Callable[[Phase, int], None] = ignore,
    ) -> Receipt:
        artifact = artifact_of(data, name)
        destination = self.destination
        return destination.receipt(LECTURE, artifact) or destination.send(
            LECTURE, artifact, self.source(data), progress
        )

    def receipt(self, data: bytes = DATA, name: str = "presenter.mp4") -> Receipt | None:
        return self.destination.receipt(LECTURE, artifact_of(data, name))

    def swap(self, other: str) -> None:
        """Put this stick into the drawer and take out another one, or a new one."""
        mine = json.loads((self.stick / MARKER).read_text())["stick"]
        self.stick.rename(self.home / "drawer" / mine)
        if (self.home / "drawer" / other).exists():
            (self.home / "drawer" / other).rename(self.stick)
        else:
            prepare(self.stick, other)

    def acknowledge(self, *lines: str) -> None:
        """Somebody writes acknowledgements."""
        folder = self.stick / "acknowledgements"
        folder.mkdir(exist_ok=True)
        (folder / "b-204.txt").write_text("\r\n".join(lines))

    def files(self) -> dict[str, int]:
        """What lies on the stick of lectures."""
        return {file.name: file.stat().st_size for file in self.stick.glob("rooms/*/*/*")}

    def index(self) -> list[dict[str, Any]]:
        texts = [file.read_text() for file in self.stick.glob("rooms/*/index-?.jws")]
        newest = max((unproven(text) for text in texts), key=lambda said: int(said["serial"]))
        return list(newest["files"])


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def said(data: bytes = DATA, name: str = "presenter.mp4", **other: Any) -> dict[str, Any]:
    artifact = artifact_of(data, name)
    about = {"lecture": LECTURE, "name": name, "bytes": len(data), "sha256": artifact.sha256}
    return about | {"state": "verified", "utc": NOW} | other


def tree(root: Path) -> dict[str, bytes]:
    return {str(f.relative_to(root)): f.read_bytes() for f in root.rglob("*") if f.is_file()}


# ---------------------------------------------------------------- what counts as delivered


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


# ---------------------------------------------------------------- which sticks


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


# ---------------------------------------------------------------- accidents


class Pulled(Exception):
    """Stands for the moment."""


def after(count: int, act: Callable[[], None]) -> Callable[[Phase, int], None]:
    """Does it once so many bytes have been copied."""
    done: list[bool] = []

    def progress(phase: Phase, at: int) -> None:
        if phase == "copying" and at >= count and not done:
            done.append(True)
            act()

    return progress


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


LECTURES = {"audio.m4a": b"sound" * 100, "presenter.mp4": DATA[:70_000]}
SMALL_PIECES = {"piece_bytes": 1 << 16, "largest": 1 << 16}


def put(world: World) -> None:
    """As often as it takes without an accident."""
    for name, data in LECTURES.items():
        for _ in range(2):  # what an accident left half written is told once
            with contextlib.suppress(Pending):
                world.send(data, name)


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


# ---------------------------------------------------------------- more than one stick holds


def small(world: World, capacity: int) -> None:
    world.more["piece_bytes"] = MIB
    world.capacity = capacity


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


# ---------------------------------------------------------------- what people and FAT need


@given(st.lists(st.text(min_size=1, max_size=120), max_size=6, unique=True))
def test_every_name_is_safe_on_fat_and_different_names_stay_different(names: list[str]) -> None:
    found = [safe(name) for name in names]
    assert len(set(found)) == len(found)
    for name in found:
        assert re.fullmatch(r"[a-z0-9][a-z0-9._-]*", name)
        assert not name.endswith((".", ".part"))
        assert len(name) <= 100


@pytest.mark.parametrize("name", ["aux.mp4", "con", "com1.m4a", "nul.tar.gz", "a.001", "b.part"])
def test_names_that_mean_something_else_are_changed(name: str) -> None:
    assert safe(name) != name
    assert not re.fullmatch(r"(aux|con|com1|nul)(\..*)?", safe(name))


@pytest.mark.parametrize("name", ["presenter.mp4", "manifest-sha256.txt", "camera-2.mp4", LECTURE])
def test_the_names_of_lectures_stay_as_they_are(name: str) -> None:
    assert safe(name) == name


def test_the_list_for_people_says_what_is_here_in_any_editor(world: World) -> None:
    small(world, 2 * MIB + 100)
    world.more["about"] = lambda _lecture: "Thermodynamics 2, Dr Sok"
    with pytest.raises(Pending):
        world.send(b"m", "manifest.json")
    with pytest.raises(Transient):
        world.send()
    (file,) = world.stick.glob("rooms/*/LECTURES.txt")
    data = file.read_bytes()
    assert data.count(b"\n") == data.count(b"\r\n")
    text = data.decode("utf-8-sig")
    assert "Room B-204, stick AA" in text
    assert "Thermodynamics 2, Dr Sok" in text
    assert re.search(r"manifest\.json +0\.0 MiB  whole", text)
    assert re.search(r"presenter\.mp4 +3\.0 MiB  pieces 1, 2 of 4; the others are on other", text)


def test_the_index_is_signed_and_as_described(world: World) -> None:
    with pytest.raises(Pending):
        world.send()
    files = list(world.stick.glob("rooms/*/index-?.jws"))
    said_there = opened(files[0].read_bytes(), INDEX, [ROOM.public], NOW)
    jsonschema.validate(said_there, json.loads(SCHEMA.read_text()))
    assert said_there["key"] == ROOM.public.text
    (entry,) = said_there["files"]
    assert Index.of(said_there, "aaaaaaaa") == Index(1, (Entry(**entry),))


def test_a_made_key_is_the_owners_alone_and_is_what_rooms_are_told(tmp_path: Path) -> None:
    module = receiver_module()
    public = Key.of(module.make_key(tmp_path / "key", "2026"))
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    key_id, private = module.read_key(tmp_path / "key")
    assert key_id == "2026"
    token = module.seal(said(), RECEIPT, key_id, private)
    assert opened(token, RECEIPT, [public], NOW) == said()


def test_the_receiver_is_run_as_its_text_says(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Pending):
        world.send()
    module, rooms = receiver_module(), world.home / "rooms.txt"
    key = world.home / "platform.key"
    key.write_text(f"2026:{module.b64(PLATFORM.private_bytes_raw())}\n")
    rooms.write_text(f"# rooms\n{ROOM.public.text}\n")
    arguments = ["receive", world.stick, world.home / "platform", key, rooms]
    assert module.main(list(map(str, arguments))) == 0
    assert "presenter.mp4 from byte 0: held" in capsys.readouterr().out
    assert world.receipt() is not None
    assert PLATFORMS.id == "2026"
    assert module.main(["receive", str(world.home), *map(str, arguments[2:])]) == 1
    assert isinstance(artifact_of(DATA), Artifact)
