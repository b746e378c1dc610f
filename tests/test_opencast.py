"""A lecture becomes one event in Opencast: whole, once, whatever is cut, killed or refused."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.rules.dublin_core import dublin_core
from tests.opencast_room import BASE, FACTS, FILES, LECTURE, MANIFEST, Room, artifact_of
from tests.opencast_room import make_room as make_room
from tests.opencast_room import room as room
from tests.servers.opencast import API_ROLES, Opencast
from uploader.opencast_notes import Server
from uploader.sender import Pending, Permanent, Transient

#: What stands around files in requests, and packages that are sent along.
WORDS = 12_000


# ---------------------------------------------------------------- one lecture, one event


def test_a_lecture_becomes_one_event_with_its_flavors(room: Room) -> None:
    room.server = Server(BASE, "schedule-and-upload", {"publishToSearch": "true"})
    room.rounds(2)
    room.is_there_once()
    event = room.opencast.state()["events"][LECTURE]
    assert {track["name"]: track["flavor"] for track in event["tracks"]} == {
        "presentation.mp4": "presentation/source",
        "second-camera.mp4": "second-camera/source",
        "presenter.mp4": "presenter/source",
    }
    assert [each["flavor"] for each in event["catalogs"]] == ["dublincore/episode"]
    assert event["attachments"] == [
        {"name": "manifest.json", "flavor": "edge-agent/manifest", "tags": "archive"}
    ]
    assert (event["workflow"], event["settings"]) == (
        "schedule-and-upload",
        {"publishToSearch": "true"},
    )
    for name, data in FILES.items():
        wanted = {"state": "received", "name": name, "event": LECTURE}
        assert wanted.items() <= room.receipts[name].items()
        assert room.receipts[name]["sha256"] == hashlib.sha256(data).hexdigest()


def test_nothing_counts_as_delivered_before_all_has_come(room: Room) -> None:
    names = list(FILES)
    for name in names[:-1]:
        with pytest.raises(Pending, match="begins with a lecture when all of it has come"):
            room.one(name)
    assert room.opencast.state()["begun"] == []
    room.one(names[-1])
    asked = len(room.opencast.state()["requests"])
    for name in names[:-1]:
        room.one(name)
    assert len(room.opencast.state()["requests"]) == asked
    room.is_there_once()


def test_the_order_in_which_files_come_is_free(room: Room) -> None:
    for name in reversed(list(FILES)[1:]):
        with pytest.raises(Pending):
            room.one(name)
    room.one("dublincore.xml")
    room.is_there_once()


def test_after_the_ingest_nothing_is_added_and_nothing_ingested_again(room: Room) -> None:
    room.rounds(2)
    asked = room.opencast.state()["requests"]
    changed = artifact_of("presenter.mp4", b"other bytes")
    (room.package / "presenter.mp4").write_bytes(b"other bytes")
    with pytest.raises(Permanent, match="takes no further file"):
        room.destination().send(
            LECTURE, changed, room.package / "presenter.mp4", lambda _phase, _done: None
        )
    assert room.opencast.state()["requests"] == asked
    room.is_there_once()


def test_the_catalog_says_what_people_search_for_and_the_series_of_the_room(room: Room) -> None:
    room.server = Server(BASE, series="physics & chemistry")
    room.rounds(2)
    room.is_there_once()
    text = (room.opencast.folder / "archive" / LECTURE / "dublincore.xml").read_text()
    for word in (
        "Thermodynamics &lt;3&gt;",
        "A. Teacher",
        ">en<",
        "CC-BY-4.0",
        "start=2026-11-22T10:00:00.000Z; end=2026-11-22T11:00:00.000Z; scheme=W3C-DTF;",
        "physics &amp; chemistry</dcterms:isPartOf>",
    ):
        assert word in text


# ---------------------------------------------------------------- kills and losses


def test_killed_at_any_step_the_lecture_arrives_once_and_one_file_goes_again(
    make_room: Callable[..., Room],
) -> None:
    whole = sum(map(len, FILES.values()))
    steps = 0
    while True:
        room = make_room()
        died = room.killed_after(steps)
        room.rounds()
        room.is_there_once()
        assert room.sent <= whole + len(FILES["presenter.mp4"]) + WORDS
        if not died:
            break
        steps += 1
    assert steps > 15


def test_killed_at_any_step_with_its_memory_lost_it_still_is_one_event(
    make_room: Callable[..., Room],
) -> None:
    steps = 0
    while True:
        room = make_room()
        died = room.killed_after(steps)
        room.notes.kept.clear()
        room.receipts.clear()
        room.rounds()
        room.is_there_once()
        if not died:
            break
        steps += 1


REQUESTS = [
    "/services/available.json",
    "/api/events/",
    "/ingest/createMediaPackageWithID",
    "/ingest/addDCCatalog",
    "/ingest/addTrack",
    "/ingest/addAttachment",
    "/ingest/ingest",
]


@pytest.mark.parametrize("where", REQUESTS)
@pytest.mark.parametrize("what", ["lose", "unheard", 500, 502, 503, 404, 401, 403, 429])
def test_an_answer_that_is_lost_or_refused_costs_time_and_nothing_else(
    room: Room, where: str, what: str | int
) -> None:
    room.opencast.wish(faults=[[where, what]] * 2)
    room.rounds()
    room.is_there_once()


@settings(max_examples=60, deadline=None)
@given(
    faults=st.lists(
        st.tuples(st.sampled_from(REQUESTS), st.sampled_from(["lose", "unheard", 500, 503])),
        max_size=12,
    ),
    kills=st.lists(st.integers(0, 30), max_size=3),
)
def test_whatever_goes_wrong_in_whatever_order_it_arrives_once(
    tmp_path_factory: pytest.TempPathFactory, faults: list[Any], kills: list[int]
) -> None:
    package = tmp_path_factory.mktemp("package")
    (package / "manifest.json").write_bytes(MANIFEST)
    for name, data in FILES.items():
        (package / name).write_bytes(data)
    opencast = Opencast(tmp_path_factory.mktemp("opencast"), BASE)
    opencast.wish(roles=API_ROLES, faults=faults)
    room = Room(package, opencast)
    for ticks in kills:
        try:
            room.killed_after(ticks)
        except AssertionError:
            continue  # not through after so many tries: the next process goes on
    room.rounds(40)
    room.is_there_once()


# ---------------------------------------------------------------- an ingest in doubt


def test_where_nobody_may_ask_a_doubtful_ingest_is_repeated_once_and_people_are_told(
    make_room: Callable[..., Room],
) -> None:
    room = make_room(roles=[])
    room.opencast.wish(faults=[["/ingest/ingest", "lose"]])
    with pytest.raises(AssertionError):
        room.rounds(8)
    room.is_there_once()
    asked = room.opencast.state()["requests"].count("POST ingest")
    assert asked == 2
    assert "ROLE_API_EVENTS_VIEW" in room.errors[-1].reason
    assert LECTURE in room.errors[-1].reason
    room.opencast.wish(roles=API_ROLES)
    room.rounds(2)
    room.is_there_once()
    assert room.opencast.state()["requests"].count("POST ingest") == asked


def test_where_nobody_may_ask_an_ingest_that_was_never_heard_is_repeated(
    make_room: Callable[..., Room],
) -> None:
    room = make_room(roles=[])
    room.opencast.wish(faults=[["/ingest/ingest", "unheard"]])
    room.rounds()
    room.is_there_once()


def test_a_doubtful_ingest_whose_processing_is_over_is_not_begun_again(room: Room) -> None:
    room.opencast.wish(faults=[["/ingest/ingest", "lose"]])
    with pytest.raises(AssertionError):
        room.rounds(1)
    room.opencast.finish(LECTURE)
    room.rounds()
    room.is_there_once()


def test_an_event_that_is_only_booked_is_not_taken_for_one_that_has_come(room: Room) -> None:
    state = room.opencast.state()
    state["events"][LECTURE] = {"state": "INSTANTIATED", "tracks": []}
    room.opencast.notes.write("state.json", state)
    room.opencast.wish(faults=[["/ingest/ingest", "unheard"]])
    room.rounds()
    room.is_there_once()


def test_working_files_that_are_gone_are_sent_anew(room: Room) -> None:
    for name in list(FILES)[:-1]:
        with pytest.raises(Pending):
            room.one(name)
    room.opencast.lose_files(LECTURE)
    with pytest.raises(Transient, match="begun again"):
        room.one("presenter.mp4")
    room.rounds()
    room.is_there_once()


def test_a_catalog_that_changes_on_the_way_is_the_only_one_of_the_event(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(FILES)[:-1]:
        with pytest.raises(Pending):
            room.one(name)
    other = dublin_core(FACTS.model_copy(update={"title": "Thermodynamics 4"}), 3600.0)
    monkeypatch.setitem(FILES, "dublincore.xml", other)
    (room.package / "dublincore.xml").write_bytes(other)
    with pytest.raises(Transient, match="has changed"):
        room.one("dublincore.xml")
    room.rounds()
    room.is_there_once()
    [catalog] = room.opencast.state()["events"][LECTURE]["catalogs"]
    assert catalog["flavor"] == "dublincore/episode"
    text = (room.opencast.folder / "archive" / LECTURE / "dublincore.xml").read_text()
    assert "Thermodynamics 4" in text


def test_a_lecture_that_is_refused_again_and_again_is_left_to_people(room: Room) -> None:
    room.opencast.wish(faults=[["/ingest/addDCCatalog", 400]] * 3)
    for _ in range(2):
        with pytest.raises(Transient, match=r"out of order; .*begun again"):
            room.one("dublincore.xml")
    with pytest.raises(Permanent, match="out of order"):
        room.one("dublincore.xml")
