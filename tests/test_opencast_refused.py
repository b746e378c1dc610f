"""One file that cannot come holds its lecture up for a day; what proves that the others came."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.opencast_room import FILES, LECTURE, MEDIA, Room
from tests.opencast_room import make_room as make_room
from tests.opencast_room import room as room
from tests.servers.opencast import API_ROLES
from tests.servers.opencast_notes import Heard, Said
from uploader.opencast_notes import State, left_out, with_refusal
from uploader.sender import SendError

# ---------------------------------------------------------------- one file that cannot come


def too_large(room: Room, *names: str) -> None:
    """A proxy before Opencast lets no track of this size through, however often it is tried."""
    refused = [FILES[name] for name in names]
    exchange = room.opencast.answer

    def answer(heard: Heard) -> Said:
        if any(data in heard.body for data in refused):
            return Said(413, b"Request Entity Too Large", "text/plain")
        return exchange(heard)

    room.opencast.answer = answer  # type: ignore[method-assign]


def settled(room: Room, now: str) -> dict[str, str]:
    """What each file comes to in two rounds at this time: "there", or why not."""
    found: dict[str, str] = {}
    for name in [*FILES, *FILES]:
        try:
            room.one(name, room.destination(utc=lambda: now))
            found[name] = "there"
        except SendError as error:
            found[name] = f"{type(error).__name__}: {error.reason}"
    return found


MORNING, EVENING, NEXT_DAY = (
    "2026-11-22T08:00:00.000Z",
    "2026-11-22T20:00:00.000Z",
    "2026-11-23T08:00:01.000Z",
)


def test_a_track_that_is_refused_holds_its_lecture_up_for_a_day_and_not_for_ever(
    room: Room,
) -> None:
    too_large(room, "presenter.mp4")
    first = settled(room, MORNING)
    assert first["presenter.mp4"].startswith("Permanent: adding presenter.mp4: the server answers")
    assert "413" in first["dublincore.xml"]
    assert "without it from 23 Nov 08:00 UTC on" in first["dublincore.xml"]
    assert "edge-agent upload retry" in first["dublincore.xml"]
    assert settled(room, EVENING)["presentation.mp4"].startswith("Pending")
    assert room.opencast.state()["begun"] == []
    last = settled(room, NEXT_DAY)
    assert {name for name, said in last.items() if said == "there"} == FILES.keys() - {
        "presenter.mp4"
    }
    assert room.opencast.state()["begun"] == [LECTURE]
    assert room.opencast.held(LECTURE).keys() == MEDIA.keys() - {"presenter.mp4"}
    assert "by hand" in last["presenter.mp4"]


def test_what_is_mended_within_the_day_comes_along(room: Room) -> None:
    exchange = room.opencast.answer
    too_large(room, "presenter.mp4")
    settled(room, MORNING)
    room.opencast.answer = exchange  # type: ignore[method-assign]
    assert set(settled(room, EVENING).values()) == {"there"}
    room.is_there_once()


def test_a_file_that_this_computer_has_lost_holds_its_lecture_up_for_a_day_too(
    room: Room,
) -> None:
    (room.package / "second-camera.mp4").write_bytes(b"damaged")
    assert "was packaged" in settled(room, MORNING)["second-camera.mp4"]
    settled(room, NEXT_DAY)
    assert room.opencast.held(LECTURE).keys() == MEDIA.keys() - {"second-camera.mp4"}


def test_a_lecture_without_any_media_is_never_handed_over(room: Room) -> None:
    too_large(room, *MEDIA)
    settled(room, MORNING)
    assert "mended" in settled(room, NEXT_DAY)["dublincore.xml"]
    assert room.opencast.state()["begun"] == []


def test_a_lecture_without_its_title_waits_for_people(room: Room) -> None:
    room.opencast.wish(faults=[["/ingest/addDCCatalog", 400]] * 3)
    for _ in range(3):
        with pytest.raises(SendError):
            room.one("dublincore.xml", room.destination(utc=lambda: MORNING))
    room.opencast.wish(faults=[["/ingest/addDCCatalog", 400]] * 3)
    said = settled(room, NEXT_DAY)
    assert said["presenter.mp4"].startswith("Pending")
    assert room.opencast.state()["begun"] == []


@pytest.mark.parametrize(
    ("now", "left"),
    [
        ("", set()),
        ("2026-11-23T07:59:59Z", set()),
        ("2026-11-23T08:00:00Z", {"a.mp4"}),
        ("1970-01-01T00:00:00Z", set()),
    ],
)
def test_a_day_is_a_day_by_this_computers_clock_and_none_without_one(
    now: str, left: set[str]
) -> None:
    state = State(held={"b.mp4": ""}, refused=with_refusal(State(), "a.mp4", "no", MORNING))
    again = replace(state, refused=with_refusal(state, "a.mp4", "no", EVENING))
    assert left_out(state, now) == left_out(again, now) == left


# ---------------------------------------------------------------- proof


def test_verified_means_that_the_archive_names_the_checksum(
    make_room: Callable[..., Room],
) -> None:
    room = make_room(needs="verified")
    room.opencast.wish(archive="at the end")
    with pytest.raises(AssertionError, match="archive does not name the checksum yet"):
        room.rounds(3)
    room.opencast.finish(LECTURE)
    room.rounds(1)
    room.is_there_once()
    assert {receipt["state"] for name, receipt in room.receipts.items() if name in MEDIA} == {
        "verified"
    }
    assert room.receipts["dublincore.xml"]["state"] == "received"


def test_other_bytes_in_the_archive_prove_nothing(make_room: Callable[..., Room]) -> None:
    room = make_room(needs="verified")
    room.opencast.wish(archive="at the end")
    with pytest.raises(AssertionError):
        room.rounds(2)
    (room.opencast.folder / "archive" / LECTURE / "presenter.mp4").write_bytes(b"damaged")
    room.opencast.finish(LECTURE)
    with pytest.raises(AssertionError, match=r"presenter\.mp4; its archive"):
        room.rounds(2)
    assert room.receipts.keys() == FILES.keys() - {"presenter.mp4"}


def test_who_may_not_ask_for_the_proof_is_told_which_roles_are_missing(
    make_room: Callable[..., Room],
) -> None:
    room = make_room(needs="verified", roles=[])
    with pytest.raises(AssertionError, match="ROLE_API_EVENTS_MEDIA_VIEW"):
        room.rounds(3)
    room.opencast.wish(roles=API_ROLES)
    room.rounds(2)
    room.is_there_once()
