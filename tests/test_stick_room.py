"""A room with sticks, whole: its key, its commands, its upload process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from edge_agent.cli import app
from edge_agent.commands.output import Exit
from edge_agent.config import Config, StickDestination, Storage
from edge_agent.room_key import room_key
from edge_agent.spool import KNOWN_AT_TOP
from tests.delivery_room import Room, wait_for
from tests.published import answer_of
from tests.servers.stick import PLATFORM, PLATFORMS, receiver_module
from uploader.keys import Key
from uploader.sender import Transient
from uploader.stick_index import MARKER, Marker

THIRD = Key("2026", bytes(32))


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(tmp_path)
    (tmp_path / "media/stick").mkdir(parents=True)
    made.config = Config(
        storage=Storage(spool=made.spool.root, runtime=tmp_path / "run"),
        destinations={
            "platform": StickDestination(
                type="stick", path=tmp_path / "media", receipt_keys=(PLATFORMS.text,)
            )
        },
    )
    text = (
        f'[storage]\nspool = "{made.spool.root}"\nruntime = "{tmp_path}/run"\n'
        '[destinations.platform]\ntype = "stick"\n'
        f'path = "{tmp_path}/media"\nreceipt_keys = ["{PLATFORMS.text}"]\n'
    )
    (tmp_path / "config.toml").write_text(text)
    yield made
    made.ledger.close()


def command(home: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    done = CliRunner().invoke(
        app, ["--config", str(home / "config.toml"), "upload", "stick", *arguments, "--json"]
    )
    return done.exit_code, answer_of(done.stdout)


def receive(home: Path) -> None:
    """As the platform does, which has been told the room's key."""
    code, answer = command(home, "key")
    assert code == 0
    known = Key.of(answer["data"]["key"])
    module = receiver_module()
    rooms = {known.id: known.raw}
    module.Receiver(home / "received", "2026", PLATFORM, rooms, print).receive(home / "media/stick")


def test_from_a_prepared_stick_to_the_lecture_that_counts_as_delivered(
    room: Room, tmp_path: Path
) -> None:
    stick = tmp_path / "media/stick"
    files = {"manifest.json": b"m", "aux.m4a": b"a" * 3000}
    room.package("01a200cd-98bc-7f49-8e4e-501cbddcb48b", files)
    with room.upload() as process:
        wait_for(lambda: "no prepared stick" in room.row("manifest.json").last_error, "the words")
        assert not list(stick.iterdir())
        code, _ = command(tmp_path, "prepare", str(stick), "--label", "Stick 3", "--unmounted")
        assert code == 0
        wait_for(lambda: "Stick 3, which is safe" in room.row("aux.m4a").last_error, "the copy")
        assert len(room.ledger.waiting()) == 2
        receive(tmp_path)
        wait_for(lambda: room.ledger.waiting() == [], "the acknowledgement")
        process.terminate()
        assert process.wait(20) == 0
    assert {row.receipt["state"] for row in room.ledger.outbox() if row.receipt} == {"verified"}
    held = tmp_path / "received/01a200cd-98bc-7f49-8e4e-501cbddcb48b"
    assert {name: (held / name).read_bytes() for name in files} == files
    assert not list(stick.glob("rooms/*/*/*"))
    code, answer = command(tmp_path, "list")
    (each,) = answer["data"]
    assert (each["label"], each["ours"], each["being_written"]) == ("Stick 3", True, False)
    assert {path.name for path in room.spool.root.iterdir()} <= KNOWN_AT_TOP


def test_only_what_is_mounted_is_prepared_and_only_once(room: Room, tmp_path: Path) -> None:
    stick = tmp_path / "media/stick"
    (stick / "holiday.jpg").write_bytes(b"jpg")
    code, answer = command(tmp_path, "prepare", str(stick))
    assert (code, answer["error"]["code"]) == (Exit.WRONG_STATE, "not-mounted")
    assert [file.name for file in stick.iterdir()] == ["holiday.jpg"]
    assert command(tmp_path, "prepare", str(tmp_path / "none"))[0] == Exit.NOT_FOUND
    _, first = command(tmp_path, "prepare", str(stick), "--unmounted")
    _, second = command(tmp_path, "prepare", str(stick), "--unmounted")
    assert first["data"] == second["data"]
    assert (stick / "holiday.jpg").read_bytes() == b"jpg"
    assert b"\r\n" in (stick / "READ-ME.txt").read_bytes()


def test_a_stick_of_another_platform_is_not_prepared_over(room: Room, tmp_path: Path) -> None:
    marker = tmp_path / "media/stick" / MARKER
    marker.write_bytes(Marker("aaaaaaaa", "theirs", (THIRD.text,)).text())
    before = marker.read_bytes()
    code, answer = command(tmp_path, "prepare", str(marker.parent), "--unmounted")
    assert (code, answer["error"]["code"]) == (Exit.WRONG_STATE, "other-platform")
    assert marker.read_bytes() == before
    _, answer = command(tmp_path, "list")
    assert [each["ours"] for each in answer["data"]] == [False]


def test_without_a_stick_destination_the_commands_say_what_to_add(tmp_path: Path) -> None:
    text = f'[storage]\nspool = "{tmp_path}/s"\nruntime = "{tmp_path}/r"\n'
    (tmp_path / "config.toml").write_text(text)
    code, answer = command(tmp_path, "list")
    assert (code, answer["error"]["code"]) == (Exit.WRONG_STATE, "no-stick-destination")


# ---------------------------------------------------------------- the room's key


def test_the_rooms_key_is_made_once_and_is_the_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "agent.key"
    first, second = room_key(file), room_key(file)
    assert first.private_bytes_raw() == second.private_bytes_raw()
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["agent.key"]


@pytest.mark.parametrize(
    ("text", "mode", "words"),
    [
        ("A" * 43, 0o640, "others may read the room's key"),
        ("short", 0o600, "is damaged"),
        ("", 0o600, "is damaged"),
        ("\udcff", 0o600, "not text"),
    ],
)
def test_a_key_that_cannot_be_used_is_told_and_not_replaced(
    tmp_path: Path, text: str, mode: int, words: str
) -> None:
    file = tmp_path / "agent.key"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    file.chmod(mode)
    before = file.read_bytes()
    with pytest.raises(Transient, match=words):
        room_key(file)
    assert file.read_bytes() == before


def test_a_key_that_a_kill_left_half_made_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "agent.key.part").write_bytes(b"ha")
    assert room_key(tmp_path / "agent.key").private_bytes_raw()
    assert [path.name for path in tmp_path.iterdir()] == ["agent.key"]
