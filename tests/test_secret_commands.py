"""Credentials by command: in by terminal or pipe only, out never, and for the services alone."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from edge_agent.cli import app
from edge_agent.config import load
from edge_agent.credential_desk import Held, survey
from edge_agent.secrets import MOST_BYTES, Secrets
from tests.published import answer_of

ROOT = Path(__file__).parents[1]
VALUE = "s3cret-Value-of-the-campus"


class Desk:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "config.toml"
        self.own = folder / "credentials"
        self.file.write_text(
            f'[storage]\nspool = "{folder}/spool"\nruntime = "{folder}/run"\n'
            '[panel]\npin = "panel-pin"\n'
            '[destinations.campus]\ntype = "tus"\nurl = "https://127.0.0.1:9/files"\n'
            'credential = "campus"\n'
            '[destinations.second]\ntype = "tus"\nurl = "https://127.0.0.1:9/more"\n'
            'credential = "campus"\n'
        )

    def __call__(self, *words: str, stdin: str | bytes = "") -> tuple[int, Any]:
        """Exit code and document; nothing that is printed may hold the secret."""
        done = CliRunner().invoke(app, ["--config", str(self.file), *words, "--json"], input=stdin)
        assert VALUE not in done.output
        return done.exit_code, answer_of(done.stdout)

    def put(self, name: str, text: str, mode: int = 0o600) -> None:
        self.own.mkdir(exist_ok=True, mode=0o700)
        (self.own / name).write_text(text)
        (self.own / name).chmod(mode)

    def states(self) -> dict[str, str]:
        return {each["name"]: each["state"] for each in self("secret", "list")[1]["data"]}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_what_comes_through_a_pipe_is_kept_for_its_owner_alone(desk: Desk) -> None:
    code, answer = desk("secret", "set", "campus", stdin=f"{VALUE}\n")
    assert code == 0
    assert answer["data"]["used_by"] == ["destinations.campus", "destinations.second"]
    kept = desk.own / "campus"
    assert (kept.stat().st_mode & 0o777, desk.own.stat().st_mode & 0o777) == (0o600, 0o700)
    assert Secrets.of({}, desk.folder).read("campus") == VALUE
    assert [each.name for each in desk.own.iterdir()] == ["campus"]


def test_a_folder_and_a_file_that_others_could_read_are_closed(desk: Desk) -> None:
    desk.put("campus", "old", 0o644)
    desk.own.chmod(0o755)
    desk("secret", "set", "campus", stdin=VALUE)
    assert (desk.own / "campus").stat().st_mode & 0o777 == 0o600
    assert desk.own.stat().st_mode & 0o777 == 0o700


def test_what_root_sets_belongs_to_the_services(desk: Desk) -> None:
    (desk.folder / "spool").mkdir()
    if os.geteuid() == 0:
        os.chown(desk.folder / "spool", 12, 34)
    service = (desk.folder / "spool").stat()
    desk("secret", "set", "campus", stdin=VALUE)
    for path in (desk.own, desk.own / "campus"):
        assert (path.stat().st_uid, path.stat().st_gid) == (service.st_uid, service.st_gid)


def at_a_terminal(desk: Desk, *typed: tuple[bytes, bytes]) -> tuple[int, bytes]:
    """Somebody types an answer to each prompt of `secret set campus`: exit code, what is seen."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "edge_agent.cli",
            "--config",
            str(desk.file),
            "secret",
            "set",
            "campus",
        ],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )
    os.close(theirs)
    seen = b""
    for prompt, answer in typed:
        while prompt not in seen:
            seen += os.read(ours, 1024)
        os.write(ours, answer)
    try:
        while more := os.read(ours, 1024):
            seen += more
    except OSError:  # the other side is closed
        pass
    os.close(ours)
    return child.wait(timeout=60), seen


def test_on_a_terminal_it_is_asked_for_twice_and_never_echoed(desk: Desk) -> None:
    line = VALUE.encode() + b"\n"
    code, seen = at_a_terminal(desk, (b"campus: ", line), (b"confirmation: ", line))
    assert code == 0, seen
    assert VALUE.encode() not in seen
    assert Secrets.of({}, desk.folder).read("campus") == VALUE


def test_whoever_gives_up_while_it_is_asked_for_has_changed_nothing(desk: Desk) -> None:
    code, seen = at_a_terminal(desk, (b"campus: ", b"\x04"))
    assert code == 130
    assert b"Traceback" not in seen
    assert not desk.own.exists()


def test_a_secret_on_the_command_line_is_refused_and_not_repeated(desk: Desk) -> None:
    code, answer = desk("secret", "set", "campus", VALUE)
    assert (code, answer["error"]["code"]) == (2, "secret-in-arguments")
    assert "edge-agent secret set campus" in answer["error"]["hint"]
    assert not desk.own.exists()


def test_so_is_the_panels_pin(desk: Desk) -> None:
    code, answer = desk("panel", "pin", "493817")
    assert (code, answer["error"]["code"]) == (2, "secret-in-arguments")
    assert "493817" not in str(answer)
    assert not desk.own.exists()
    code, answer = desk("panel", "pin", stdin="493817\n")
    assert (code, answer["data"]) == (0, {"name": "panel-pin", "configured": True})
    assert "493817" not in (desk.own / "panel-pin").read_text()


@pytest.mark.parametrize(
    "given", ["", " \n", "two\nlines", "nul\0", b"\xff" * (MOST_BYTES + 5), "x" * MOST_BYTES]
)
def test_what_is_no_credential_is_refused_and_the_old_one_stays(
    desk: Desk, given: str | bytes
) -> None:
    desk.put("campus", "old")
    code, answer = desk("secret", "set", "campus", stdin=given)
    assert (code, answer["error"]["code"]) == (2, "bad-secret")
    assert (desk.own / "campus").read_text() == "old"


@pytest.mark.parametrize("name", ["../config.toml", "a/b", "", ".hidden", "x" * 65])
@pytest.mark.parametrize("verb", [["set"], ["remove", "--yes"], ["test"]], ids=lambda it: it[0])
def test_a_name_that_is_no_name_reaches_no_file(desk: Desk, verb: Sequence[str], name: str) -> None:
    before = desk.file.read_bytes()
    code, answer = desk("secret", *verb, name)
    assert (code, answer["error"]["code"]) == (2, "bad-name")
    assert desk.file.read_bytes() == before


def test_the_panels_pin_is_a_hash_and_set_elsewhere(desk: Desk) -> None:
    code, answer = desk("secret", "set", "panel-pin", stdin="123456")
    assert (code, answer["error"]["hint"]) == (5, "set it with: edge-agent panel pin")


def test_a_secret_can_be_set_before_the_configuration_is_right(desk: Desk) -> None:
    desk.file.write_text(desk.file.read_text() + "[rom]\n")
    code, answer = desk("secret", "set", "campus", stdin=VALUE)
    assert code == 0
    assert "not valid yet" in answer["warnings"][0]


def test_the_list_says_what_is_there_missing_unsafe_and_unused(desk: Desk) -> None:
    desk.put("panel-pin", VALUE, 0o644)
    desk.put("left", VALUE)
    desk.put("campus.part", VALUE)
    code, answer = desk("secret", "list")
    assert code == 3
    told = {each["name"]: (each["state"], each["used_by"]) for each in answer["data"]}
    assert told == {
        "campus": ("missing", ["destinations.campus", "destinations.second"]),
        "left": ("ok", []),
        "panel-pin": ("wrong", ["panel.pin"]),
    }
    assert all(each["fix"] for each in answer["data"] if each["state"] != "ok")
    desk.put("campus", VALUE)
    desk.put("panel-pin", VALUE)
    assert desk("secret", "list")[0] == 0


@pytest.mark.parametrize("text", ["", "two\nlines"])
def test_a_file_that_holds_no_credential_is_wrong(desk: Desk, text: str) -> None:
    desk.put("campus", text)
    assert desk.states()["campus"] == "wrong"


def test_a_folder_in_place_of_a_credential_is_wrong(desk: Desk) -> None:
    (desk.own / "campus").mkdir(parents=True, mode=0o700)
    assert desk.states()["campus"] == "wrong"


def test_what_systemd_gives_is_there(desk: Desk) -> None:
    given = desk.folder / "given"
    given.mkdir()
    (given / "campus").write_text(VALUE)
    found = survey(load(desk.file, {}), Secrets(given, desk.own))
    assert {each.name: each.state for each in found} == {
        "campus": Held.OK,
        "panel-pin": Held.MISSING,
    }


def test_the_doctor_names_secrets_that_are_missing(desk: Desk) -> None:
    code, answer = desk("doctor", "secrets")
    assert code == 3
    assert {each["fix"] for each in answer["data"]} == {
        "edge-agent secret set campus",
        "edge-agent panel pin",
    }


def test_a_secret_in_use_is_removed_only_when_that_is_meant(desk: Desk) -> None:
    desk.put("campus", VALUE)
    code, answer = desk("secret", "remove", "campus")
    assert (code, answer["error"]["code"]) == (5, "in-use")
    assert (desk.own / "campus").exists()
    assert desk("secret", "remove", "campus", "--yes")[0] == 0
    assert not (desk.own / "campus").exists()
    assert desk("secret", "remove", "campus", "--yes")[0] == 4


def test_a_secret_is_tried_with_each_destination_that_uses_it(desk: Desk) -> None:
    desk.put("campus", VALUE)
    code, answer = desk("secret", "test", "campus")
    assert code == 3  # nobody answers there
    assert [each["destination"] for each in answer["data"]] == ["campus", "second"]


@pytest.mark.parametrize(
    ("name", "code", "reason"), [("campus", 4, "not-usable"), ("left", 5, "not-in-use")]
)
def test_a_secret_that_cannot_be_tried_is_told_with_the_next_step(
    desk: Desk, name: str, code: int, reason: str
) -> None:
    desk.put("left", VALUE)
    got, answer = desk("secret", "test", name)
    assert (got, answer["error"]["code"]) == (code, reason)
    assert answer["error"]["hint"]
