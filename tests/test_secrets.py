"""Credentials: where they are looked for, who may read them, and how a request gets one."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.destinations import authorization
from edge_agent.secrets import Secrets
from uploader.exchange import Request
from uploader.sender import Transient


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    (tmp_path / "given").mkdir()
    (tmp_path / "conf/credentials").mkdir(parents=True)
    return Secrets.of({"CREDENTIALS_DIRECTORY": str(tmp_path / "given")}, tmp_path / "conf")


def write(file: Path, text: str, mode: int = 0o600) -> None:
    file.write_text(text)
    file.chmod(mode)


def test_systemds_credential_comes_before_the_folders(secrets: Secrets, tmp_path: Path) -> None:
    write(secrets.own / "campus", "mine\n")
    assert secrets.read("campus") == "mine"
    write(tmp_path / "given/campus", "systemd's\n", 0o440)
    assert secrets.read("campus") == "systemd's"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_file_that_others_may_touch_is_not_used(secrets: Secrets, mode: int) -> None:
    write(secrets.own / "campus", "mine", mode)
    with pytest.raises(Transient, match="chmod 600"):
        secrets.read("campus")


def test_a_missing_credential_is_told_with_its_place(secrets: Secrets) -> None:
    with pytest.raises(Transient, match=f"put it into {secrets.own / 'campus'}, mode 0600"):
        secrets.read("campus")


@pytest.mark.parametrize("text", ["", "\n", "two\nlines"])
def test_a_credential_is_one_line(secrets: Secrets, text: str) -> None:
    write(secrets.own / "campus", text)
    with pytest.raises(Transient, match="must be one line"):
        secrets.read("campus")


@pytest.mark.parametrize(
    ("auth", "secret", "header"),
    [("bearer", "a token", "Bearer a token"), ("basic", "me:it", "Basic bWU6aXQ=")],
)
def test_each_request_carries_the_credential(
    secrets: Secrets, auth: str, secret: str, header: str
) -> None:
    write(secrets.own / "campus", secret)
    request = authorization(auth, "campus", secrets)(Request("GET", "https://a.test"))
    assert request.headers == {"Authorization": header}


def test_a_new_secret_counts_from_the_next_request_on(secrets: Secrets) -> None:
    dress = authorization("bearer", "campus", secrets)
    for token in ("old", "new"):
        write(secrets.own / "campus", token)
        assert dress(Request("GET", "https://a.test")).headers["Authorization"] == f"Bearer {token}"


def test_without_a_credential_nothing_is_added(secrets: Secrets) -> None:
    request = Request("GET", "https://a.test")
    assert authorization("bearer", None, secrets)(request) is request
