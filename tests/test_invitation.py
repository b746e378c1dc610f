"""One code makes a fresh PC a known room; without it the file says nothing."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from edge_agent.cli import app
from edge_agent.config import to_toml
from edge_agent.invitation import BadInvitation, Invitation, new_code, plain_code, seal, unseal
from tests.published import answer_of

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CODE = "7K3M-9QXT-0B2C-HJRW"
SECRET = "a token that nobody may see"
INVITATION = Invitation("B-204", "[room]\n", {"platform": SECRET}, NOW + timedelta(days=7))
SEALED = seal(INVITATION, CODE)


def test_who_has_the_code_has_the_room() -> None:
    assert unseal(SEALED, CODE, NOW) == INVITATION


def test_the_file_alone_says_nothing() -> None:
    assert SECRET.encode() not in SEALED
    assert b"B-204" not in SEALED
    assert seal(INVITATION, CODE) != SEALED


@pytest.mark.parametrize(
    "typed", ["7k3m9qxt0b2chjrw", "7K3M 9QXT OB2C HJRW\n", " 7k3m-9qxt-ob2c-hjrw "]
)
def test_a_code_is_read_however_it_was_typed(typed: str) -> None:
    assert unseal(SEALED, typed, NOW) == INVITATION


@pytest.mark.parametrize("typed", ["", "7K3M", "7K3M-9QXT-0B2C-HJR!", CODE + "A", "é" * 16])
def test_what_is_no_code_is_said_before_anything_is_tried(typed: str) -> None:
    with pytest.raises(BadInvitation, match="16 letters"):
        plain_code(typed)


def test_another_code_opens_nothing() -> None:
    with pytest.raises(BadInvitation, match="does not open"):
        unseal(SEALED, CODE[:-1] + "X", NOW)


def test_a_late_guest_is_told_until_when_it_was_good() -> None:
    with pytest.raises(BadInvitation, match="2026-11-29 12:00"):
        unseal(SEALED, CODE, NOW + timedelta(days=8))


def test_codes_differ_and_have_only_letters_that_look_like_themselves() -> None:
    codes = {new_code() for _ in range(100)}
    assert len(codes) == 100
    assert not set("".join(codes)) & set("ILOU")
    assert all(plain_code(code) == code.replace("-", "") for code in codes)


@settings(max_examples=60)
@given(st.integers(0, len(SEALED) - 1), st.integers(0, 255))
def test_a_file_that_was_changed_anywhere_opens_nothing_else(at: int, byte: int) -> None:
    changed = SEALED[:at] + bytes([byte]) + SEALED[at + 1 :]
    with suppress(BadInvitation):
        assert unseal(changed, CODE, NOW) == INVITATION


@pytest.mark.parametrize("data", [b"", b"<html>sign in</html>", b"[]", b"{}", b"\xff", b"null"])
def test_what_is_no_invitation_is_a_sentence(data: bytes) -> None:
    with pytest.raises(BadInvitation, match="no invitation"):
        unseal(data, CODE, NOW)


@pytest.mark.parametrize(
    "wrong",
    [
        replace(INVITATION, config="[room"),
        replace(INVITATION, secrets={"../../etc/passwd": "x"}),
        replace(INVITATION, until=NOW.replace(tzinfo=None)),
    ],
)
def test_an_invitation_that_was_made_wrongly_changes_nothing(wrong: Invitation) -> None:
    with pytest.raises(BadInvitation, match="made wrongly"):
        unseal(seal(wrong, CODE), CODE, NOW)


# ---------------------------------------------------------------- the commands


class Desk:
    """A desk and a fresh PC; `run` answers code, document and what stands on stderr."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.pc = home / "pc" / "config.toml"
        self.pc.parent.mkdir()
        self.pc.touch()
        folders = {name: str(home / "pc" / name) for name in ("spool", "runtime")}
        url, key = "https://platform.example.org/files", "platform"
        place = {"type": "tus", "url": url, "credential": key}
        values = {"room": {"name": "B-204"}, "storage": folders, "destinations": {"up": place}}
        self.config = home / "b-204.toml"
        self.config.write_text(to_toml(values))
        self.file = home / "b-204.invitation"

    def run(self, *words: str, data: str = "") -> tuple[int, dict[str, Any]]:
        result = CliRunner().invoke(app, ["--config", str(self.pc), *words, "--json"], input=data)
        return result.exit_code, answer_of(result.stdout)

    def invited(self, *more: str) -> str:
        words = ["--config", str(self.config), "--to", str(self.file), "--secrets-from-stdin"]
        code, document = self.run(
            "fleet", "invite", "B-204", *words, *more, data=f"platform={SECRET}"
        )
        assert code == 0, document
        return str(document["data"]["code"])


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


class Shelf(BaseHTTPRequestHandler):
    """Static files, and a DELETE that takes one away."""

    files: ClassVar[dict[str, bytes]] = {}

    def do_GET(self) -> None:
        body = self.files.get(self.path)
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def do_DELETE(self) -> None:
        self.send_response(204 if self.files.pop(self.path, None) is not None else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def shelf() -> Iterator[str]:
    """The address of a shelf."""
    Shelf.files = {}
    with HTTPServer(("127.0.0.1", 0), Shelf) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_fresh_pc_becomes_the_room_by_one_code(desk: Desk) -> None:
    code = desk.invited()
    status, document = desk.run("enrol", str(desk.file), data=f"{code}\n")
    assert (status, document["data"]["room"]) == (0, "B-204")
    assert "B-204" in desk.pc.read_text()
    secret = desk.pc.parent / "credentials" / "platform"
    assert secret.read_text().strip() == SECRET
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert SECRET not in json.dumps(document)
    assert code not in json.dumps(document)
    status, document = desk.run("enrol", str(desk.file), data=code)  # and again, which is harmless
    assert status == 0


def test_what_was_used_is_taken_away_so_that_it_serves_one_pc(desk: Desk, shelf: str) -> None:
    address = f"{shelf}/b-204.json"
    code = desk.invited("--burn-url", address)
    Shelf.files["/b-204.json"] = desk.file.read_bytes()
    assert desk.run("enrol", address, data=code)[0] == 0
    assert Shelf.files == {}
    status, document = desk.run("enrol", address, data=code)
    assert (status, document["error"]["code"]) == (11, "not-fetched")


def test_one_that_cannot_be_taken_away_is_told(desk: Desk, shelf: str) -> None:
    code = desk.invited("--burn-url", f"{shelf}/elsewhere")
    status, document = desk.run("enrol", str(desk.file), data=code)
    assert status == 0
    assert "take it away by hand" in document["warnings"][0]


def test_a_wrong_code_changes_nothing(desk: Desk) -> None:
    desk.invited()
    status, document = desk.run("enrol", str(desk.file), data=CODE)
    assert (status, document["error"]["code"]) == (1, "bad-invitation")
    assert desk.pc.read_text() == ""
    assert not (desk.pc.parent / "credentials").exists()


def test_a_code_on_the_command_line_is_refused(desk: Desk) -> None:
    code = desk.invited()
    status, document = desk.run("enrol", str(desk.file), code)
    assert (status, document["error"]["code"]) == (2, "secret-in-arguments")


def test_over_an_open_line_nothing_is_fetched(desk: Desk) -> None:
    status, document = desk.run("enrol", "http://platform.example.org/x", data=CODE)
    assert (status, document["error"]["code"]) == (2, "not-https")


def test_a_configuration_that_is_wrong_is_not_sealed(desk: Desk) -> None:
    desk.config.write_text("[room]\nname = 3\n")
    words = ["--config", str(desk.config), "--to", str(desk.file)]
    assert desk.run("fleet", "invite", "B-204", *words)[0] == 6
    assert not desk.file.exists()
