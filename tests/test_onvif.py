"""Laws of network cameras that speak ONVIF: found, asked, and no password told to anybody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from capture.onvif import Stream, ask, best, discover
from capture.source import DeviceMissing, SourceError
from tests.hardware_fixtures import ROOT
from tests.published import demand_published
from tests.servers.onvif import PASSWORD, USER, FakeCamera, fake_camera


@pytest.fixture
def camera() -> Iterator[FakeCamera]:
    with fake_camera() as found:
        yield found


def test_a_camera_that_answers_a_probe_is_found_with_its_name(camera: FakeCamera) -> None:
    [found] = discover(5.0, "127.0.0.1", camera.probe_port)
    assert (found.service, found.name, found.hardware) == (camera.service, "Hall", "M3045")


def test_nobody_answers_where_there_is_nobody() -> None:
    assert discover(0.2, "127.0.0.1", 9) == []


def test_its_streams_are_told_at_the_address_by_which_it_is_reached(camera: FakeCamera) -> None:
    offer = ask(camera.service, USER, PASSWORD)
    assert (offer.maker, offer.model, offer.serial) == ("ACME", "M3045", "A1B2")
    assert [(it.name, it.encoding, it.width) for it in offer.streams] == [
        ("uhd", "H264", 3840),
        ("main", "H264", 1920),
        ("sub", "H264", 640),
        ("jpeg", "JPEG", 1920),
    ]
    assert offer.streams[1].url == "rtsp://127.0.0.1:554/main", "10.255.255.1 is its own idea"
    chosen = best(offer.streams)
    assert chosen is not None
    assert chosen.name == "main"


def test_the_password_leaves_as_a_digest_only(camera: FakeCamera) -> None:
    offer = ask(camera.service, USER, PASSWORD)
    assert len(camera.seen) > 3
    assert not [body for body in camera.seen if "s3cret" in body]
    assert "s3cret" not in repr(offer)


@pytest.mark.parametrize(("user", "password"), [("", ""), (USER, "wrong"), ("other", PASSWORD)])
@pytest.mark.parametrize("words", ["Sender not Authorized", "No rights (7)"])
def test_a_wrong_password_is_told_without_it(
    camera: FakeCamera, user: str, password: str, words: str
) -> None:
    """Each maker has other words for it."""
    camera.refusal = words
    with pytest.raises(SourceError, match=r"wants a user and a password|refuses") as caught:
        ask(camera.service, user, password)
    assert "--credential" in caught.value.hint
    assert not password or password not in caught.value.reason + caught.value.hint


def test_what_is_not_there_is_missing() -> None:
    with pytest.raises(DeviceMissing, match="does not answer"):
        ask("http://127.0.0.1:9/onvif/device_service")


def stream(encoding: str, width: int, height: int, url: str = "rtsp://c/1") -> Stream:
    return Stream("s", encoding, width, height, 25, url)


@pytest.mark.parametrize(
    ("streams", "chosen"),
    [
        ([], None),
        ([stream("H265", 1920, 1080), stream("JPEG", 640, 480)], None),
        ([stream("H264", 640, 360), stream("H264", 1280, 720)], 1),
        ([stream("H264", 3840, 2160), stream("H264", 2560, 1440)], 1),
        ([stream("H264", 3840, 2160), stream("h264", 640, 360)], 1),
        ([stream("H264", 1920, 1080, "http://c/snapshot")], None),
    ],
)
def test_the_largest_h264_up_to_1080p_is_recorded(
    streams: list[Stream], chosen: int | None
) -> None:
    assert best(streams) == (None if chosen is None else streams[chosen])


# ---------------------------------------------------------------- the command


class Desk:
    def __init__(self, home: Path) -> None:
        self.home = home
        (home / "config.toml").write_text(
            f'[storage]\nspool = "{home}/spool"\nruntime = "{home}/run"\n'
        )

    def keep(self, name: str, text: str) -> None:
        file = self.home / "credentials" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        file.chmod(0o600)

    def __call__(
        self, *words: str, path: str = "", verb: str = "network"
    ) -> tuple[int, dict[str, Any], str]:
        command = [sys.executable, "-m", "edge_agent.cli", "--config", self.home / "config.toml"]
        done = subprocess.run(
            [*command, "devices", verb, *words, "--json"],
            env=os.environ | {"PYTHONPATH": f"{path}:{ROOT}" if path else str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        document: dict[str, Any] = json.loads(done.stdout)
        demand_published(document)
        return done.returncode, document, done.stdout + done.stderr


def test_a_camera_is_asked_with_a_credential_and_its_best_stream_named(
    camera: FakeCamera, tmp_path: Path
) -> None:
    desk = Desk(tmp_path)
    desk.keep("hall", f"{USER}:{PASSWORD}")
    code, document, everything = desk(camera.service, "--credential", "hall")
    assert (code, document["data"]["best"]) == (0, "rtsp://127.0.0.1:554/main")
    assert "s3cret" not in everything


def test_a_camera_without_h264_is_a_finding(camera: FakeCamera, tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.keep("hall", f"{USER}:{PASSWORD}")
    camera.profiles = [("main", "H265", 1920, 1080)]
    code, document, _ = desk(camera.service, "--credential", "hall")
    assert (code, document["data"]["best"]) == (3, None)
    assert "H.264" in document["warnings"][0]


@pytest.mark.parametrize(
    ("words", "kept", "code", "error", "hint"),
    [
        (["--credential", "none"], "", 4, "no-credential", "secret set none"),
        (["--credential", "hall"], "no colon", 2, "bad-credential", "secret set hall"),
        ([], "", 9, "device-unusable", "--credential"),
    ],
)
def test_what_is_wrong_names_the_next_step(
    camera: FakeCamera,
    tmp_path: Path,
    words: list[str],
    kept: str,
    code: int,
    error: str,
    hint: str,
) -> None:
    desk = Desk(tmp_path)
    if kept:
        desk.keep("hall", kept)
    found, document, _ = desk(camera.service, *words)
    assert (found, document["error"]["code"]) == (code, error)
    assert hint in document["error"]["hint"]


@pytest.mark.parametrize(("name", "token"), [("Board", "2"), ("3", "3")])
def test_a_camera_is_turned_to_a_place_that_it_keeps(
    camera: FakeCamera, tmp_path: Path, name: str, token: str
) -> None:
    """A place without a name is meant by the camera's own word for it."""
    desk = Desk(tmp_path)
    desk.keep("hall", f"{USER}:{PASSWORD}")
    words = (camera.service, "--credential", "hall")
    code, document, _ = desk(*words, verb="preset")
    assert (code, camera.turned) == (0, "")
    assert [it["token"] for it in document["data"]["presets"]] == ["1", "2", "3"]
    code, document, everything = desk(*words, name, verb="preset")
    assert (code, document["data"]["turned"], camera.turned) == (0, name, token)
    assert "s3cret" not in everything


def test_a_place_that_it_does_not_keep_is_told_with_those_that_it_does(
    camera: FakeCamera, tmp_path: Path
) -> None:
    desk = Desk(tmp_path)
    desk.keep("hall", f"{USER}:{PASSWORD}")
    code, document, _ = desk(camera.service, "Door", "--credential", "hall", verb="preset")
    assert (code, document["error"]["code"], camera.turned) == (4, "no-preset", "")
    assert "Lectern, Board, 3" in document["error"]["message"]


def test_without_the_extra_it_says_how_to_get_it(tmp_path: Path) -> None:
    hiding = tmp_path / "hiding"
    hiding.mkdir()
    (hiding / "onveef.py").write_text('raise ImportError("not installed")')
    code, document, _ = Desk(tmp_path)("127.0.0.1", path=str(hiding))
    assert (code, document["error"]["code"]) == (9, "device-unusable")
    assert "edge-agent[onvif]" in document["error"]["hint"]
