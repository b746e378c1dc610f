"""The whole upload process towards an Opencast: configuration, credential, queue, ledger, kills."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from edge_agent.config import Config, OpencastDestination, Storage
from edge_agent.config_destinations import left_out
from edge_agent.finish_messages import Artifact as PackagedFile
from tests.delivery_room import Room, wait_for
from tests.opencast_room import FILES, LECTURE, MANIFEST
from tests.servers.opencast_client import Running
from tests.servers.opencast_login import PASSWORD, USER

BIG = random.Random(9).randbytes(12 << 20)
PACKAGE = {
    "manifest.json": MANIFEST,
    "manifest-sha256.txt": b"checksums",
    **FILES,
    "audio.m4a": b"the same sound as in the camera's file",
    "presenter.mp4": BIG,
}


@pytest.fixture(params=["basic", "digest"])
def opencast(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Running]:
    made = Running(tmp_path, auth=request.param).start()
    yield made
    made.kill()


@pytest.fixture
def room(tmp_path: Path, opencast: Running) -> Iterator[Room]:
    made = Room(tmp_path)
    place = OpencastDestination(
        type="opencast",
        url=f"{opencast.base}/",
        credential="oc",
        auth=opencast.inside.notes.wishes()["auth"],
        needs="verified",
    )
    made.config = Config(
        storage=Storage(spool=made.spool.root, runtime=tmp_path / "run"),
        destinations={"oc": place},
    )
    made.secrets.mkdir()
    (made.secrets / "oc").write_text(f"{USER}:{PASSWORD}")
    (made.secrets / "oc").chmod(0o600)
    package(made)
    yield made
    made.ledger.close()


def package(room: Room) -> None:
    """As a finisher leaves it, for the destinations of the configuration."""
    room.package(LECTURE, PACKAGE, ())
    listed = [
        PackagedFile(
            name=name,
            bytes=len(data),
            sha256=sha256(data).hexdigest(),
            media_type="video/mp4",
            priority=place,
        )
        for place, (name, data) in enumerate(PACKAGE.items())
    ]
    places = room.config.destinations
    room.ledger.enqueue(LECTURE, listed, places, left_out(places, PACKAGE))


def is_there_once(opencast: Running) -> None:
    state = opencast.inside.state()
    assert state["begun"] == [LECTURE]
    assert state["violations"] == []
    wanted = {**FILES, "presenter.mp4": BIG}
    del wanted["dublincore.xml"]
    assert opencast.inside.held(LECTURE) == wanted


def test_only_what_opencast_can_use_is_put_into_the_queue(room: Room) -> None:
    assert sorted(row.name for row in room.ledger.outbox()) == sorted(FILES)
    changed = PackagedFile(
        name="manifest.json", bytes=1, sha256="v2", media_type="application/json", priority=0
    )
    room.ledger.enqueue_changed(LECTURE, [changed])
    assert sorted(row.name for row in room.ledger.outbox()) == sorted(FILES)


@pytest.mark.parametrize("victim", ["client", "server", "both"])
def test_whoever_is_killed_while_a_track_is_on_its_way_the_lecture_arrives_once(
    room: Room, opencast: Running, victim: str
) -> None:
    def asked(word: str) -> Callable[[], bool]:
        return lambda: word in " ".join(opencast.inside.state()["requests"])

    with room.upload() as first:
        wait_for(asked("addDCCatalog"), "the first step", 60)
        if victim != "server":
            first.send_signal(signal.SIGKILL)
            first.wait(60)
        if victim != "client":
            opencast.kill()
            opencast.start()
        if victim == "server":
            wait_for(lambda: room.ledger.waiting() == [], "the delivery", 90)
            first.terminate()
            assert first.wait(60) == 0
    if victim != "server":
        with room.upload() as second:
            wait_for(lambda: room.ledger.waiting() == [], "the delivery", 90)
            second.terminate()
            assert second.wait(60) == 0
    is_there_once(opencast)
    states = {row.name: (row.receipt or {}).get("state") for row in room.ledger.outbox()}
    assert states == dict.fromkeys(FILES, "verified") | {"dublincore.xml": "received"}


def test_the_password_stands_in_no_file_of_the_spool(room: Room, opencast: Running) -> None:
    with room.upload() as process:
        wait_for(lambda: room.ledger.waiting() == [], "the delivery", 90)
        process.terminate()
        assert process.wait(60) == 0
    files = [file for file in room.spool.root.rglob("*") if file.is_file()]
    assert files
    assert not [file for file in files if PASSWORD.encode() in file.read_bytes()]
