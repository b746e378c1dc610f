"""What people and FAT need to find on a stick."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contracts.kits import artifact_of
from tests.servers.stick import NOW, PLATFORM, PLATFORMS, ROOM, receiver_module
from tests.sticks.drawer import DATA, LECTURE, MIB, SCHEMA, World, said, small
from uploader.keys import Key
from uploader.sender import Artifact, Pending, Transient
from uploader.signing import RECEIPT, opened
from uploader.stick_index import INDEX, Entry, Index, safe


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
