"""What is said to an Opencast and believed of it: addresses, passwords, names and flavors."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.opencast_room import BASE, FILES, LECTURE, Room, artifact_of
from tests.opencast_room import make_room as make_room
from tests.opencast_room import room as room
from tests.servers.opencast import NS
from tests.servers.opencast_client import Straight, straight
from tests.servers.opencast_login import PASSWORD, USER
from uploader import opencast_wire as wire
from uploader.exchange import Response
from uploader.opencast_destination import Digester, Digesting, OpencastDestination
from uploader.opencast_notes import Server
from uploader.sender import Artifact, Pending, Transient

# ---------------------------------------------------------------- addresses, pages, nonsense


@pytest.mark.parametrize("registry", ["one", "many", "none"])
def test_ingest_is_where_the_registry_says(room: Room, registry: str) -> None:
    room.opencast.wish(registry=registry)
    room.rounds(2)
    room.is_there_once()


def test_the_credential_goes_to_no_other_host(room: Room) -> None:
    room.opencast.wish(registry="elsewhere")
    with pytest.raises(Transient, match=r"takes lectures at https://ingest\.example\.org"):
        room.one("presenter.mp4")
    assert all(asked.split()[1].startswith("/") for asked in room.line.asked)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html/>",
        b"<mediapackage/>",
        f'<mediapackage xmlns="{NS}" id="another"/>'.encode(),
        f'<mediapackage xmlns="{NS}" id="{LECTURE}"/>'.encode(),
        f'<mediapackage xmlns="{NS}" id="{LECTURE}"><media><track id="1" type="x/source"/></media>'
        "</mediapackage>".encode(),
    ],
)
def test_an_answer_that_is_not_the_package_with_one_more_file_is_not_believed(
    room: Room, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange = room.destination()._exchange
    heard = exchange.exchange
    destination = straight(room.line, room.notes, set(FILES))

    def nonsense(request: Any, source: Any, progress: Any) -> Any:
        answer = heard(request, source, progress)
        return Response(200, {}, body) if request.url.endswith("addTrack") else answer

    monkeypatch.setattr(room.line, "exchange", nonsense)
    with pytest.raises(Transient, match="not the lecture with one more file"):
        room.one("presenter.mp4", destination)
    monkeypatch.undo()
    room.rounds()
    room.is_there_once()


def test_a_note_that_is_damaged_is_as_good_as_lost(room: Room) -> None:
    for key in ({"phase": "open", "package": "<damaged"}, {"what": 1}):
        room.notes.put(LECTURE, Artifact("mediapackage", 0, ""), key)
        with pytest.raises(Pending):
            room.one("presenter.mp4")
    room.rounds()
    room.is_there_once()


# ---------------------------------------------------------------- who we are


def digesting(room: Room, password: str, tick: Callable[[], None]) -> OpencastDestination:
    digester = Digester(lambda: (USER, password))
    room.line = Straight(room.opencast, tick, digester.dress)
    way = Digesting(room.line, digester)
    return straight(way, room.notes, set(FILES), server=Server(BASE))


def test_by_digest_a_server_that_forgets_its_nonces_at_any_step_is_answered_anew(
    make_room: Callable[..., Room],
) -> None:
    for step in range(0, 40, 2):
        room = make_room()
        room.opencast.wish(auth="digest")
        left = iter(range(step, -1, -1))

        def tick(room: Room = room, left: Iterator[int] = left) -> None:
            if next(left, -1) == 0:
                room.opencast.nonces.clear()

        destination = digesting(room, PASSWORD, tick)
        for name in FILES:
            with contextlib.suppress(Pending):
                room.one(name, destination)
        room.is_there_once()


@pytest.mark.parametrize("auth", ["basic", "digest"])
def test_a_wrong_password_is_told_to_people_and_not_tried_again_at_once(
    room: Room, auth: str
) -> None:
    room.opencast.wish(auth=auth)
    destination = digesting(room, "wrong", lambda: None)
    if auth == "basic":
        room.line.dress = lambda request: replace(
            request, headers={**request.headers, "Authorization": "Basic d3Jvbmc="}
        )
    with pytest.raises(Transient, match="check the credential"):
        room.one("presenter.mp4", destination)
    assert len(room.line.asked) <= 4
    assert room.line.sent == 0


def test_a_server_that_asks_browsers_to_sign_in_does_not_get_the_lecture(room: Room) -> None:
    destination = digesting(room, PASSWORD, lambda: None)
    room.line.dress = lambda request: request
    with pytest.raises(Transient, match="sign in"):
        room.one("presenter.mp4", destination)
    assert room.line.sent == 0


# ---------------------------------------------------------------- which files, as what


@pytest.mark.parametrize(
    ("names", "wished", "chosen"),
    [
        (
            ["manifest.json", "manifest-sha256.txt", "thumbnail.jpg", "dublincore.xml"],
            {},
            {"dublincore.xml": "dublincore/episode"},
        ),
        (
            ["presenter.mp4", "audio.m4a", "audio-lite.webm", "camera-small.mp4", "lectern.m4a"],
            {},
            {"presenter.mp4": "presenter/source", "lectern.m4a": "lectern/source"},
        ),
        (
            ["audio.m4a", "presentation.mp4"],
            {},
            {"audio.m4a": "presenter/source", "presentation.mp4": "presentation/source"},
        ),
        (
            ["presenter.mp4", "audio.m4a", "side.mp4"],
            {"audio.m4a": "audio/source", "side.mp4": ""},
            {"presenter.mp4": "presenter/source", "audio.m4a": "audio/source"},
        ),
    ],
)
def test_what_goes_to_opencast_and_as_what(
    names: list[str], wished: dict[str, str], chosen: dict[str, str]
) -> None:
    assert wire.flavors_of(names, wished) == chosen


@pytest.mark.parametrize("name", ["a.mp4", "a" * 71 + ".mp4", "a" * 200 + ".mp4", "a" * 200])
def test_a_file_name_has_at_most_75_letters_and_keeps_its_ending(name: str) -> None:
    request = wire.add_track("http://h/ingest", "<x/>", "a/source", artifact_of(name, b"x"))
    head = getattr(request.body, "head", b"").decode()
    sent = head.partition('filename="')[2].partition('"')[0]
    assert len(sent) <= 75
    assert sent.endswith(".mp4") == name.endswith(".mp4")
    assert sent == name or len(name) > 75
