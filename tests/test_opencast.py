"""A lecture becomes one event in Opencast: whole, once, whatever is cut, killed or refused."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.finish_messages import LectureFacts
from edge_agent.rules.dublin_core import dublin_core
from tests.servers.opencast import API_ROLES, NS, PASSWORD, USER, Heard, Opencast, Said
from tests.servers.opencast_client import Straight, straight
from uploader import opencast_wire as wire
from uploader.exchange import Response
from uploader.opencast_destination import Digester, Digesting, OpencastDestination
from uploader.opencast_notes import Server, State, left_out, with_refusal
from uploader.sender import Artifact, Pending, Permanent, Receipt, SendError, Transient

BASE = "https://opencast.example.edu"
LECTURE = "0193a2b0-0000-7000-8000-000000000001"
SOUND = random.Random(3)
FACTS = LectureFacts(
    id=LECTURE,
    title="Thermodynamics <3>",
    lecturer="A. Teacher",
    language="en",
    licence="CC-BY-4.0",
    room="Hall 1",
    started_utc="2026-11-22T10:00:00.000Z",
    ended_utc="2026-11-22T11:00:00.000Z",
    clock_trust="synchronised",
    agent_version="test",
)
#: In order of value, as the outbox gives them.
FILES = {
    "dublincore.xml": dublin_core(FACTS, 3600.0),
    "presentation.mp4": SOUND.randbytes(3000),
    "second-camera.mp4": SOUND.randbytes(50),
    "presenter.mp4": SOUND.randbytes(20_000),
}
MEDIA = {name: data for name, data in FILES.items() if name != "dublincore.xml"}
MANIFEST = b'{"identifier": "the manifest"}'
NOW = "2026-11-22T10:00:00.000Z"
#: What stands around files in requests, and packages that are sent along.
WORDS = 12_000


class Killed(BaseException):
    """The process is gone; nothing after this was done."""


@dataclass
class Notes:
    """A memory that survives a kill."""

    kept: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def get(self, lecture: str, artifact: Artifact) -> dict[str, Any] | None:
        text = self.kept.get((lecture, artifact.name, artifact.sha256))
        return json.loads(text) if text else None

    def put(self, lecture: str, artifact: Artifact, note: Mapping[str, Any]) -> None:
        self.kept[lecture, artifact.name, artifact.sha256] = json.dumps(dict(note))

    def forget(self, lecture: str, artifact: Artifact) -> None:
        self.kept.pop((lecture, artifact.name, artifact.sha256), None)


def artifact_of(name: str, data: bytes) -> Artifact:
    return Artifact(name, len(data), hashlib.sha256(data).hexdigest(), "video/mp4")


@dataclass
class Room:
    """A packaged lecture, and the Opencast that it goes to."""

    package: Path
    opencast: Opencast
    server: Server | None = None
    needs: str = "received"
    notes: Notes = field(default_factory=Notes)
    sent: int = 0
    receipts: dict[str, Receipt] = field(default_factory=dict)
    errors: list[SendError] = field(default_factory=list)

    def destination(
        self, tick: Callable[[], None] = lambda: None, utc: Callable[[], str] = lambda: NOW
    ) -> OpencastDestination:
        self.line = Straight(self.opencast, tick)
        return straight(
            self.line, self.notes, set(FILES), needs=self.needs, server=self.server, utc=utc
        )

    def one(self, name: str, destination: OpencastDestination | None = None) -> Receipt:
        it = destination or self.destination()
        artifact = artifact_of(name, FILES[name])
        return it.receipt(LECTURE, artifact) or it.send(
            LECTURE, artifact, self.package / name, lambda _phase, _done: None
        )

    def rounds(self, most: int = 12, tick: Callable[[], None] = lambda: None) -> None:
        """As the upload process: what has no receipt is tried again, in order of value."""
        for _ in range(most):
            destination = self.destination(tick)
            for name in FILES:
                if name in self.receipts:
                    continue
                try:
                    self.receipts[name] = self.one(name, destination)
                except (Pending, Transient) as error:
                    self.errors.append(error)
                finally:
                    self.sent, self.line.sent = self.sent + self.line.sent, 0
            if self.receipts.keys() == FILES.keys():
                return
        raise AssertionError(self.errors[-1].reason)

    def killed_after(self, ticks: int) -> bool:
        """False: it was through before."""
        left = iter(range(ticks))

        def tick() -> None:
            if next(left, None) is None:
                raise Killed

        try:
            self.rounds(tick=tick)
        except Killed:
            return True
        return False

    def is_there_once(self) -> None:
        state = self.opencast.state()
        assert state["begun"] == [LECTURE]
        assert state["violations"] == []
        assert self.opencast.held(LECTURE) == MEDIA


@pytest.fixture
def make_room(tmp_path: Path) -> Callable[..., Room]:
    numbers = iter(range(10_000))
    package = tmp_path / "package"
    package.mkdir()
    (package / "manifest.json").write_bytes(MANIFEST)
    for name, data in FILES.items():
        (package / name).write_bytes(data)

    def make(*, roles: list[str] = API_ROLES, **more: Any) -> Room:
        folder = tmp_path / f"opencast-{next(numbers)}"
        folder.mkdir()
        opencast = Opencast(folder, BASE)
        opencast.wish(roles=roles)
        return Room(package, opencast, **more)

    return make


@pytest.fixture
def room(make_room: Callable[..., Room]) -> Room:
    return make_room()


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
    room.opencast._write("state.json", state)
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
