"""Each kind of destination, as the contract's tests need it."""

from __future__ import annotations

import hashlib
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
from uploader.sender import Artifact, Destination, Phase
from uploader.tus_destination import TusDestination

MIB = 1 << 20


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
