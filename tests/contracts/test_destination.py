"""What every destination owes its senders. A new kind adds its kit to KITS and must pass."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest

from tests.servers import kept_store, opencast_client
from tests.servers.stick import Platform, courier, prepare
from tests.servers.tus import Receiver, client
from uploader.folder import FolderDestination
from uploader.opencast_destination import OpencastDestination
from uploader.sender import Artifact, Destination, Permanent, Phase, Receipt, Transient
from uploader.tus_destination import TusDestination

MIB = 1 << 20
DATA = random.Random(7).randbytes(5 * MIB + 123)


def artifact_of(data: bytes, name: str = "presenter.mp4") -> Artifact:
    return Artifact(name, len(data), hashlib.sha256(data).hexdigest(), "video/mp4")


def ignore(phase: Phase, done: int) -> None:
    pass


class Kit(Protocol):
    """A receiving side, and how to look into and disturb it."""

    #: The lecture that is sent; one of its own for each test.
    lecture: str
    #: Python text that defines `make(utc)` inside another process.
    recipe: str
    #: What people are told when it is away.
    away: str
    #: When so many bytes have left, some of them are kept; None: a file goes whole or not at all.
    keeps: int | None

    def make(self, utc: Callable[[], str] = ...) -> Destination: ...

    def held(self, lecture: str) -> dict[str, bytes]:
        """The whole files at the destination, by name."""

    def spoil_what_arrived(self, lecture: str, name: str) -> None: ...

    def go_away(self) -> None: ...

    def come_back(self) -> None: ...


class FolderKit:
    lecture = "0193-lecture"
    away = "plug the disk in"
    keeps = 3 * MIB

    def __init__(self, home: Path) -> None:
        self.place = home / "platform"
        self.place.mkdir()
        self.recipe = (
            "from pathlib import Path\n"
            "from uploader.folder import FolderDestination\n"
            f"make = lambda utc: FolderDestination(Path({str(self.place)!r}), 'test', utc)"
        )

    def make(self, utc: Callable[[], str] = lambda: "2026-11-22T10:00:00.000Z") -> Destination:
        return FolderDestination(self.place, "test", utc)

    def held(self, lecture: str) -> dict[str, bytes]:
        found = (self.place / lecture).iterdir() if (self.place / lecture).exists() else ()
        return {f.name: f.read_bytes() for f in found if f.is_file() and f.suffix != ".part"}

    def spoil_what_arrived(self, lecture: str, name: str) -> None:
        part = self.place / lecture / f"{name}.part"
        data = bytearray(part.read_bytes())
        data[len(data) // 2] ^= 1
        part.write_bytes(data)

    def go_away(self) -> None:
        self.place.rename(self.place.with_name("unplugged"))

    def come_back(self) -> None:
        self.place.with_name("unplugged").rename(self.place)


class TusKit:
    """A tus server that nobody here wrote, and the receipts that a platform owes."""

    away = "refuses the connection"
    keeps = 3 * MIB

    def __init__(self, receiver: Receiver, home: Path) -> None:
        self._receiver = receiver
        self._notes = home / "notes"
        self._notes.mkdir()
        self._made: list[TusDestination] = []
        self.lecture = home.name
        self.recipe = (
            "from pathlib import Path\n"
            "from tests.servers.tus import client\n"
            f"make = lambda utc: client({receiver.base!r}, Path({str(self._notes)!r}), utc)"
        )

    def make(self, utc: Callable[[], str] = lambda: "now") -> Destination:
        self._made.append(client(self._receiver.base, self._notes, utc))
        return self._made[-1]

    def close(self) -> None:
        for destination in self._made:
            destination.close()

    def held(self, lecture: str) -> dict[str, bytes]:
        return self._receiver.held(lecture)

    def spoil_what_arrived(self, lecture: str, name: str) -> None:
        part = max(self._receiver.parts(), key=lambda file: file.stat().st_mtime_ns)
        with part.open("r+b") as stream:
            stream.seek(1000)
            stream.write(b"damaged")

    def go_away(self) -> None:
        self._receiver.kill()

    def come_back(self) -> None:
        self._receiver.start()


class StickKit:
    """A stick that somebody carries to the reference receiver and back as soon as it is written."""

    lecture = "0193-lecture"
    away = "no prepared stick is in"
    keeps = 3 * MIB

    def __init__(self, home: Path) -> None:
        self._home = home
        self._stick = prepare(home / "media/stick")
        (home / "notes").mkdir()
        self.recipe = (
            "from pathlib import Path\n"
            "from tests.servers.stick import courier\n"
            f"make = lambda utc: courier(Path({str(home)!r}), utc)"
        )

    def make(self, utc: Callable[[], str] = lambda: "2026-11-22T10:00:00.000Z") -> Destination:
        return courier(self._home, utc)

    def held(self, lecture: str) -> dict[str, bytes]:
        return Platform(self._home / "platform").held(lecture)

    def spoil_what_arrived(self, lecture: str, name: str) -> None:
        (part,) = self._stick.glob(f"rooms/*/{lecture}/{name}.part")
        data = bytearray(part.read_bytes())
        data[len(data) // 2] ^= 1
        part.write_bytes(data)

    def go_away(self) -> None:
        self._stick.rename(self._home / "in a pocket")

    def come_back(self) -> None:
        (self._home / "in a pocket").rename(self._stick)


class StoreKit:
    """The simulated S3 store, whose state outlives whoever talks to it."""

    lecture = "0193-lecture"
    away = "refuses the connection"
    keeps = 5 * MIB  # the least that such a store takes as a part

    def __init__(self, home: Path) -> None:
        self._home = home
        (home / "notes").mkdir()
        self._store = kept_store.KeptStore(home / "store")
        self._store.create()
        self.recipe = (
            "from pathlib import Path\n"
            "from tests.servers.kept_store import client\n"
            f"make = lambda utc: client(Path({str(home)!r}), utc)"
        )

    def make(self, utc: Callable[[], str] = lambda: "2026-11-22T10:00:00.000Z") -> Destination:
        return kept_store.client(self._home, utc)

    def held(self, lecture: str) -> dict[str, bytes]:
        return {
            Path(key).name: stored.data
            for key, stored in self._store.now().objects.items()
            if key.startswith(f"{lecture}/") and not key.endswith(".receipt.json")
        }

    def spoil_what_arrived(self, lecture: str, name: str) -> None:
        """On the store's disk, unnoticed by it."""
        store = self._store.now()
        [(_, parts)] = store.uploads.values()
        data = bytearray(parts[1].data)
        data[1000] ^= 1
        parts[1] = replace(parts[1], data=bytes(data))
        self._store.change(store)

    def go_away(self) -> None:
        self._store.away.touch()

    def come_back(self) -> None:
        self._store.away.unlink()


class OpencastKit:
    """A strict Opencast whose archive may be asked."""

    away = "refuses the connection"
    keeps = None

    def __init__(self, running: opencast_client.Running, home: Path) -> None:
        self._running = running
        self._notes = home / "notes"
        self._notes.mkdir()
        self._made: list[OpencastDestination] = []
        self.lecture = home.name
        self.recipe = (
            "from pathlib import Path\n"
            "from tests.servers.opencast_client import client\n"
            f"make = lambda utc: client({running.base!r}, Path({str(self._notes)!r}), utc)"
        )

    def make(self, utc: Callable[[], str] = lambda: "2026-11-22T10:00:00.000Z") -> Destination:
        self._made.append(opencast_client.client(self._running.base, self._notes, utc))
        return self._made[-1]

    def close(self) -> None:
        for destination in self._made:
            destination.close()
        state = self._running.inside.state()
        assert state["violations"] == []
        assert state["begun"].count(self.lecture) <= 1

    def held(self, lecture: str) -> dict[str, bytes]:
        return self._running.inside.held(lecture)

    def spoil_what_arrived(self, lecture: str, name: str) -> None:
        """Nothing stays of a file that was cut."""

    def go_away(self) -> None:
        self._running.kill()

    def come_back(self) -> None:
        self._running.start()


@pytest.fixture(scope="module")
def opencast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[opencast_client.Running]:
    running = opencast_client.Running(tmp_path_factory.mktemp("opencast")).start()
    yield running
    running.kill()


@pytest.fixture(scope="module")
def receivers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Receiver]]:
    running: dict[str, Receiver] = {}

    def get(kind: str) -> Receiver:
        if kind not in running:
            running[kind] = Receiver(kind, tmp_path_factory.mktemp(kind)).start()
        return running[kind]

    yield get
    for receiver in running.values():
        receiver.kill()


KINDS = ["folder", "stick", "store", "opencast", "tuspyserver", "tussi"]


@pytest.fixture(params=KINDS)
def kit(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kit]:
    made: Kit | TusKit | OpencastKit
    match request.param:
        case "folder":
            made = FolderKit(tmp_path)
        case "stick":
            made = StickKit(tmp_path)
        case "store":
            made = StoreKit(tmp_path)
        case "opencast":
            made = OpencastKit(request.getfixturevalue("opencast"), tmp_path)
        case kind:
            made = TusKit(request.getfixturevalue("receivers")(kind), tmp_path)
    yield made
    if isinstance(made, TusKit | OpencastKit):
        made.close()


def deliver(kit: Kit, artifact: Artifact, source: Path) -> Receipt:
    """As the upload process does it: what is worth another try gets a few."""
    for _ in range(3):
        with contextlib.suppress(Transient):
            return kit.make().send(kit.lecture, artifact, source, ignore)
    return kit.make().send(kit.lecture, artifact, source, ignore)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "presenter.mp4"
    path.write_bytes(DATA)
    return path


class Break(Exception):
    """Breaks off a send, as a stopping upload process does."""


def break_while_copying(kit: Kit) -> Callable[[Phase, int], None]:
    """Raises when something that is kept has left, and more has begun to."""
    enough = kit.keeps or 3 * MIB

    def progress(phase: Phase, done: int) -> None:
        if phase == "copying" and done > enough:
            raise Break

    return progress


def test_a_file_that_was_sent_is_held_and_has_a_receipt(kit: Kit, source: Path) -> None:
    destination, artifact = kit.make(), artifact_of(DATA)
    assert destination.receipt(kit.lecture, artifact) is None
    receipt = destination.send(kit.lecture, artifact, source, ignore)
    wanted = {
        "lecture": kit.lecture,
        "name": "presenter.mp4",
        "bytes": len(DATA),
        "sha256": artifact.sha256,
        "state": "verified",
    }
    assert wanted.items() <= receipt.items()
    assert "utc" in receipt
    assert kit.make().receipt(kit.lecture, artifact) == receipt
    assert kit.held(kit.lecture) == {"presenter.mp4": DATA}


def test_sending_twice_gives_the_first_receipt_and_one_copy(kit: Kit, source: Path) -> None:
    first = kit.make(lambda: "first").send(kit.lecture, artifact_of(DATA), source, ignore)
    second = kit.make(lambda: "second").send(kit.lecture, artifact_of(DATA), source, ignore)
    assert second == first
    assert kit.held(kit.lecture) == {"presenter.mp4": DATA}


def test_an_empty_file_can_be_sent(kit: Kit, tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    kit.make().send(kit.lecture, artifact_of(b"", "empty"), tmp_path / "empty", ignore)
    assert kit.held(kit.lecture) == {"empty": b""}


def test_a_receipt_for_other_bytes_is_none(kit: Kit, source: Path) -> None:
    kit.make().send(kit.lecture, artifact_of(DATA), source, ignore)
    assert kit.make().receipt(kit.lecture, artifact_of(DATA + b"x")) is None
    assert kit.make().receipt(kit.lecture, replace(artifact_of(DATA), sha256="0" * 64)) is None
    assert kit.make().receipt("another", artifact_of(DATA)) is None


def test_a_try_that_was_broken_off_goes_on_where_it_ended_if_anything_is_kept(
    kit: Kit, source: Path
) -> None:
    destination, artifact = kit.make(), artifact_of(DATA)
    with pytest.raises(Break):
        destination.send(kit.lecture, artifact, source, break_while_copying(kit))
    copied: list[int] = []
    destination.send(
        kit.lecture,
        artifact,
        source,
        lambda phase, n: copied.append(n) if phase == "copying" else None,
    )
    assert (copied[0] > 0) is (kit.keeps is not None)
    assert kit.held(kit.lecture) == {"presenter.mp4": DATA}


def test_what_arrived_damaged_is_not_built_upon(kit: Kit, source: Path) -> None:
    with pytest.raises(Break):
        kit.make().send(kit.lecture, artifact_of(DATA), source, break_while_copying(kit))
    kit.spoil_what_arrived(kit.lecture, "presenter.mp4")
    deliver(kit, artifact_of(DATA), source)
    assert kit.held(kit.lecture) == {"presenter.mp4": DATA}


def test_a_file_that_changed_since_it_was_packaged_is_refused_for_good(
    kit: Kit, source: Path
) -> None:
    artifact = artifact_of(DATA)
    source.write_bytes(DATA[:-1] + b"!")
    with pytest.raises(Permanent, match="no longer the file that was packaged"):
        kit.make().send(kit.lecture, artifact, source, ignore)
    assert kit.held(kit.lecture) == {}
    source.write_bytes(DATA)
    kit.make().send(kit.lecture, artifact, source, ignore)
    assert kit.held(kit.lecture) == {"presenter.mp4": DATA}


def test_a_file_that_is_missing_here_is_refused_for_good(kit: Kit, tmp_path: Path) -> None:
    with pytest.raises(Permanent, match="edge-agent storage check"):
        kit.make().send(kit.lecture, artifact_of(DATA), tmp_path / "none", ignore)


def test_a_destination_that_is_away_is_worth_another_try(kit: Kit, source: Path) -> None:
    kit.go_away()
    with pytest.raises(Transient, match=kit.away):
        kit.make().send(kit.lecture, artifact_of(DATA), source, ignore)
    with pytest.raises(Transient):
        kit.make().receipt(kit.lecture, artifact_of(DATA))
    assert kit.held(kit.lecture) == {}
    kit.come_back()
    kit.make().send(kit.lecture, artifact_of(DATA), source, ignore)


def test_two_senders_never_write_the_same_file_at_once(tmp_path: Path, source: Path) -> None:
    """A share may have two; the one upload process of a room locks the others out of a server."""
    kit = FolderKit(tmp_path)
    artifact, seen = artifact_of(DATA), []

    def intrude(phase: Phase, done: int) -> None:
        if not seen:
            with pytest.raises(Transient, match="another upload") as caught:
                kit.make().send(kit.lecture, artifact, source, ignore)
            seen.append(caught.value)

    kit.make().send(kit.lecture, artifact, source, intrude)
    assert seen
    assert kit.held(kit.lecture) == {"presenter.mp4": DATA}


# ---------------------------------------------------------------- kill -9

SEND_AND_DIE = """
import os, signal, sys
from pathlib import Path
from uploader.sender import Artifact
{recipe}
left = int(sys.argv[1])

def tick(*_):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return "a time"

def utc():  # asked for when the file has its name and the receipt is not written yet
    if sys.argv[1] == "-1":
        os.kill(os.getpid(), signal.SIGKILL)
    return "a time"

make(utc).send({lecture!r}, Artifact("presenter.mp4", {size}, {sha!r}), Path({path!r}), tick)
"""

#: A folder: 6 calls while copying, 6 while reading back; -1: between the file's name and its
#: receipt. A stick: 6 before that while the file is compared; -1: before the index names it.
#: A store: before and after each request is answered; -1: before its receipt is left there.
#: A server: 6 while the file is compared, then questions, creation, blocks of requests; an Opencast
#: is not asked for its receipt when the ingest is through, which is all that it has.
KILL_POINTS = [
    *(("folder", n) for n in (*range(1, 13), -1)),
    *(("stick", n) for n in (*range(6, 19), -1)),
    *(("store", n) for n in (*range(1, 26), -1)),
    *(("opencast", n) for n in (3, 6, 7, 8, 9, 10, 12, 15, 18)),
] + [(kind, n) for kind in KINDS[4:] for n in (6, 7, 8, 9, 10, 12, 15, 18, 21, 25)]


@pytest.mark.parametrize(("kit", "calls"), KILL_POINTS, indirect=["kit"])
def test_killed_at_any_point_the_next_try_leaves_one_verified_copy(
    kit: Kit, source: Path, calls: int
) -> None:
    artifact = artifact_of(DATA)
    script = textwrap.dedent(SEND_AND_DIE).format(
        recipe=kit.recipe,
        lecture=kit.lecture,
        size=len(DATA),
        sha=artifact.sha256,
        path=str(source),
    )
    root = str(Path(__file__).parents[2])
    child = subprocess.run(
        [sys.executable, "-c", script, str(calls)],
        env=os.environ | {"PYTHONPATH": root},
        timeout=60,
        check=False,
    )
    assert child.returncode == -signal.SIGKILL
    assert kit.make().receipt(kit.lecture, artifact) is None
    assert kit.held(kit.lecture) in ({}, {"presenter.mp4": DATA})

    deliver(kit, artifact, source)
    assert kit.held(kit.lecture) == {"presenter.mp4": DATA}
    assert kit.make().receipt(kit.lecture, artifact) is not None
