"""A file is compared while it leaves: no server ever holds a damaged one whole."""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tus_model import URL, Notes
from uploader.bodies import Changed, Source, Witness
from uploader.exchange import Answer, Core, Lost, Request, Response, T, drive
from uploader.sender import Artifact, Permanent, Phase, Progress, Transient
from uploader.sizing import JUDGED_S, LONG_S, Sizing, takes_long
from uploader.tus import Server
from uploader.tus_destination import TusDestination

BLOCK = 4 << 10
DATA = random.Random(31).randbytes(40 * BLOCK + 77)
ARTIFACT = Artifact("presenter.mp4", len(DATA), hashlib.sha256(DATA).hexdigest(), "video/mp4")
LECTURE = "0193-lecture"


@dataclass
class Disk:
    """The file, and what becomes of it. Each change is one that the file's time shows."""

    path: Path
    _changes: int = 0

    def write(self, data: bytes) -> None:
        self.path.write_bytes(data)
        self._changes += 1
        os.utime(self.path, ns=(0, self._changes))

    def flip(self, place: int) -> None:
        data = bytearray(self.path.read_bytes())
        data[place] ^= 1
        self.write(bytes(data))


@dataclass
class Line:
    """A tus server that keeps what has come of a request, and the way to it.

    `cuts` says after how many blocks each request with bytes is cut, if it is, and `drowned` how
    many of these never arrive; before each block that leaves `meddle` is told how many have left.
    """

    cuts: list[int | None] = field(default_factory=list)
    drowned: int = 0
    #: With a cut it forgets the whole upload.
    forgets: bool = False
    meddle: Callable[[int], None] = lambda _blocks: None
    seconds: float = 0.0
    uploads: dict[str, bytearray] = field(default_factory=dict)
    whole: list[bytes] = field(default_factory=list)
    ended: int = 0
    blocks: int = 0

    def run(
        self, core: Core[T], path: Path | None, progress: Progress, witness: Witness | None = None
    ) -> T:
        with Source(path, witness) as source:
            return drive(core, lambda request: self._answer(request, source))

    def close(self) -> None:
        """Nothing is open."""

    def _answer(self, request: Request, source: Source) -> Answer:
        upload = self.uploads.get(request.url)
        match request.method:
            case "OPTIONS":
                return Response(204, {"tus-extension": "creation,termination"})
            case "POST":
                url = f"{URL}{len(self.whole)}-{self.ended}-{len(self.uploads)}"
                self.uploads[url] = bytearray()
                self._settle(url)
                return Response(201, {"location": url})
            case "DELETE":
                self.ended += self.uploads.pop(request.url, None) is not None
                return Response(204)
        if upload is None:
            return Response(404)
        if request.method == "PATCH":
            return self._take(request, upload, source)
        return Response(200, {"upload-offset": str(len(upload))})

    def _take(self, request: Request, upload: bytearray, source: Source) -> Answer:
        cut = self.cuts.pop(0) if self.cuts else None
        assert int(request.headers["Upload-Offset"]) == len(upload)
        sent, before = 0, len(upload)
        while sent < request.length:
            if cut is not None and sent >= cut * BLOCK:
                if self.forgets:
                    del self.uploads[request.url]
                del upload[max(before, len(upload) - self.drowned * BLOCK) :]
                return Lost("cut", sent, self.seconds)
            self.meddle(self.blocks)
            data = source.leaving(request.body, sent, BLOCK)
            self.blocks += 1
            upload += data
            sent += len(data)
        self._settle(request.url)
        return Response(204, {"upload-offset": str(len(upload))}, b"", sent, self.seconds)

    def _settle(self, url: str) -> None:
        if len(self.uploads[url]) == len(DATA):
            self.whole.append(bytes(self.uploads[url]))


@dataclass
class Room:
    """The upload process of a room; `restart` keeps what lies on its disk."""

    disk: Disk
    line: Line
    notes: Notes = field(default_factory=Notes)
    read_again: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        server = Server(URL, sizing=Sizing(size=16 * BLOCK))
        self.destination = TusDestination(self.line, server, self.notes, "test", lambda: "now")

    def send(self) -> None:
        self.destination.send(LECTURE, ARTIFACT, self.disk.path, self._told)

    def _told(self, phase: Phase, done: int) -> None:
        if phase == "verifying":
            self.read_again.append(done)


@pytest.fixture
def room(tmp_path: Path) -> Room:
    disk = Disk(tmp_path / "presenter.mp4")
    disk.write(DATA)
    return Room(disk, Line())


def test_a_good_file_arrives_and_is_read_once(room: Room) -> None:
    room.send()
    assert room.line.whole == [DATA]
    assert room.read_again == []


@pytest.mark.parametrize("place", [0, 1000, 20 * BLOCK, len(DATA) - 1])
def test_of_a_damaged_file_the_end_stays_here_and_what_left_is_given_up(
    room: Room, place: int
) -> None:
    room.disk.flip(place)
    with pytest.raises(Changed, match="edge-agent lectures verify"):
        room.send()
    assert room.line.whole == []
    assert room.line.uploads == {}
    assert room.line.ended == 1


def test_a_file_known_to_be_damaged_is_not_sent_again_and_a_mended_one_anew(room: Room) -> None:
    room.disk.flip(7)
    with pytest.raises(Permanent):
        room.send()
    left = room.line.blocks
    room.restart()
    with pytest.raises(Permanent):
        room.send()
    assert room.line.blocks == left
    room.disk.write(DATA)
    room.send()
    assert room.line.whole == [DATA]


def test_damage_that_comes_while_the_file_leaves_is_found(room: Room) -> None:
    room.line.meddle = lambda blocks: room.disk.flip(30 * BLOCK) if blocks == 10 else None
    with pytest.raises(Changed):
        room.send()
    assert room.line.whole == []


def test_after_a_cut_only_what_left_since_the_request_began_is_read_again(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("uploader.leaving.BLOCK", BLOCK)
    monkeypatch.setattr("uploader.leaving.TOLD", BLOCK)
    room.line.cuts, room.line.drowned = [None, 12], 2
    room.send()
    assert room.line.whole == [DATA]
    assert room.read_again == [BLOCK * place for place in range(17, 27)]
    assert room.line.blocks == 41 + 2


def test_a_server_that_forgets_the_upload_gets_the_file_from_its_beginning(room: Room) -> None:
    room.line.cuts, room.line.forgets = [None, 12], True
    room.send()
    assert room.line.whole == [DATA]
    assert room.line.blocks == 16 + 12 + 41


@pytest.mark.parametrize("drowned", [0, 2])
def test_what_left_and_reads_otherwise_later_is_not_built_upon(room: Room, drowned: int) -> None:
    """The disk's answer was wrong once, and only the bytes could show it."""

    def lie(blocks: int) -> None:
        if blocks in (3, 4):
            room.disk.flip(3 * BLOCK)
            os.utime(room.disk.path, ns=(0, 1))

    room.line.meddle = lie
    room.line.cuts, room.line.drowned = [10], drowned
    with pytest.raises(Changed):
        room.send()
    assert room.line.whole == []
    assert room.line.uploads == {}


def test_a_new_process_reads_what_an_earlier_one_has_sent(room: Room) -> None:
    room.line.cuts = [5, 0, 0, 0]
    with pytest.raises(Transient):
        room.send()
    room.restart()
    room.send()
    assert room.line.whole == [DATA]
    assert room.read_again == [5 * BLOCK]


def test_a_file_that_was_put_back_between_two_processes_is_begun_anew(room: Room) -> None:
    """Of the damaged one five blocks have arrived; nobody has noticed yet."""
    room.disk.flip(2)
    room.line.cuts = [5, 0, 0, 0]
    with pytest.raises(Transient):
        room.send()
    room.restart()
    room.disk.write(DATA)
    room.send()
    assert room.line.whole == [DATA]
    assert room.line.ended == 1


def test_on_a_thin_link_the_rest_is_read_before_more_of_it_leaves(room: Room) -> None:
    room.disk.flip(len(DATA) - 1)
    room.line.seconds = LONG_S
    with pytest.raises(Changed):
        room.send()
    assert room.line.blocks == 16
    assert room.read_again == [len(DATA)]


@given(st.integers(0, 1 << 40), st.floats(0, 1e6), st.integers(1, 1 << 40))
def test_a_link_takes_long_by_what_it_has_carried(sent: int, seconds: float, left: int) -> None:
    if takes_long(sent, seconds, left):
        assert seconds >= JUDGED_S
        assert sent == 0 or left / (sent / seconds) >= LONG_S * 0.999
        assert takes_long(sent, seconds, left + 1)
        assert takes_long(sent // 2, seconds, left)


happenings = st.lists(
    st.tuples(
        st.integers(0, 120),  # before so many blocks have left
        st.one_of(st.just("mended"), st.integers(0, len(DATA) - 1)),
    ),
    max_size=6,
)


@settings(max_examples=150, deadline=None)
@given(
    happenings,
    st.lists(st.one_of(st.none(), st.integers(0, 15)), max_size=14),
    st.integers(0, 4),
    st.lists(st.booleans(), max_size=20),
    st.booleans(),
)
def test_whatever_happens_to_disk_link_and_process_nothing_damaged_arrives_whole(
    tmp_path_factory: pytest.TempPathFactory,
    happenings: list[tuple[int, str | int]],
    cuts: list[int | None],
    drowned: int,
    restarts: list[bool],
    thin: bool,
) -> None:
    disk = Disk(tmp_path_factory.mktemp("disk") / "presenter.mp4")
    disk.write(DATA)
    left = sorted(happenings, key=lambda each: each[0])

    def meddle(blocks: int) -> None:
        while left and left[0][0] <= blocks:
            what = left.pop(0)[1]
            if isinstance(what, int):
                disk.flip(what)
            else:
                disk.write(DATA)

    line = Line(list(cuts), drowned, False, meddle, LONG_S if thin else 0.0)
    room = Room(disk, line)
    for restart in [*restarts, True, True, True]:
        try:
            room.send()
            break
        except Transient:
            pass
        except Permanent:
            disk.write(DATA)  # as people do when they are told
        if restart:
            room.restart()
    left.clear()
    disk.write(DATA)
    for _ in range(20):
        try:
            room.send()
            break
        except (Transient, Permanent):
            continue
    assert line.whole == [DATA]
