"""Laws of captions on their way to an Opencast: one flavor, told apart by their language."""

from __future__ import annotations

import pytest

from edge_agent.config_destinations import OpencastDestination
from tests.opencast_room import FILES, LECTURE, Room, artifact_of
from tests.opencast_room import make_room as make_room
from tests.opencast_room import room as room
from uploader import opencast_wire as wire
from uploader.opencast_notes import State, left_out, with_refusal
from uploader.sender import Pending, Transient

FRENCH, KHMER = "captions.fr.vtt", "captions.km.vtt"
VTT = b"WEBVTT\n\n00:00.000 --> 00:02.000\nBonjour\n"
NOW = "2026-11-22T10:00:00.000Z"


@pytest.fixture
def captioned(room: Room, monkeypatch: pytest.MonkeyPatch) -> Room:
    for name in (FRENCH, KHMER):
        monkeypatch.setitem(FILES, name, VTT + name.encode())
        (room.package / name).write_bytes(FILES[name])
    return room


def tracks(room: Room) -> dict[str, tuple[str, str]]:
    event = room.opencast.state()["events"][LECTURE]
    return {track["name"]: (track["flavor"], track["tags"]) for track in event["tracks"]}


def test_each_language_is_a_track_of_its_own(captioned: Room) -> None:
    captioned.rounds(2)
    assert captioned.opencast.state()["violations"] == []
    assert captioned.opencast.state()["begun"] == [LECTURE]
    found = tracks(captioned)
    assert found[FRENCH] == ("captions/source", "lang:fr")
    assert found[KHMER] == ("captions/source", "lang:km")
    assert found["presenter.mp4"] == ("presenter/source", "")


def test_what_is_taken_away_before_the_lecture_is_handed_over_is_not_in_the_event(
    captioned: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (FRENCH, "dublincore.xml", "presentation.mp4"):
        with pytest.raises(Pending):
            captioned.one(name)
    monkeypatch.delitem(FILES, FRENCH)
    with pytest.raises(Transient, match="was taken out"):
        captioned.one("presenter.mp4")
    captioned.rounds()
    assert FRENCH not in tracks(captioned)
    assert KHMER in tracks(captioned)
    assert captioned.opencast.state()["begun"] == [LECTURE]


def test_what_changes_before_the_lecture_is_handed_over_is_there_once(
    captioned: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Pending):
        captioned.one(FRENCH)
    monkeypatch.setitem(FILES, FRENCH, VTT + b"\nNOTE better\n")
    (captioned.package / FRENCH).write_bytes(FILES[FRENCH])
    with pytest.raises(Transient, match="has changed"):
        captioned.one(FRENCH)
    captioned.rounds()
    event = captioned.opencast.state()["events"][LECTURE]
    assert [track["name"] for track in event["tracks"]].count(FRENCH) == 1
    assert captioned.opencast.held(LECTURE)[FRENCH] == FILES[FRENCH]


def test_captions_alone_are_no_lecture() -> None:
    state = State(held={FRENCH: "sha", "dublincore.xml": "sha"})
    state = State(held=state.held, refused=with_refusal(state, "presenter.mp4", "413", NOW))
    assert left_out(state, "2026-12-22T10:00:00.000Z") == set()


def test_they_can_be_left_out_by_name() -> None:
    names = {"presenter.mp4", "dublincore.xml", FRENCH, KHMER}
    chosen = wire.flavors_of(names, {KHMER: ""})
    assert chosen.keys() == names - {KHMER}
    place = {"type": "opencast", "url": "https://oc.example.edu", "credential": "oc"}
    config = OpencastDestination.model_validate(place | {"flavors": {KHMER: ""}})
    assert config.left_out(names) == {KHMER}


def test_a_request_with_captions_has_its_tags_before_the_file() -> None:
    request = wire.add_track("https://oc/ingest", "<x/>", wire.CAPTIONS, artifact_of(FRENCH, VTT))
    head = bytes(getattr(request.body, "head", b"")).decode()
    assert head.index('name="flavor"') < head.index('name="tags"') < head.index('name="BODY"')
    assert "lang:fr" in head
