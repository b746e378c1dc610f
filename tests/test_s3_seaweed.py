"""The S3 destination against a real store: SeaweedFS, killed and cut as networks do it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.s3_room import LECTURE, Notes, artifact_of
from tests.servers.seaweed import KEY, Seaweed
from uploader.exchange import Request
from uploader.http import Http
from uploader.s3_destination import S3Destination, Signer, Signing
from uploader.s3_doors import SignedDoor, object_key
from uploader.sender import Artifact, Phase, Progress, SendError, Transient
from uploader.sigv4 import Key

pytestmark = pytest.mark.slow

MIB = 1 << 20
Make = Callable[..., S3Destination]
#: Five parts.
DATA = random.Random(11).randbytes(21 * MIB + 5)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    server = Seaweed(tmp_path_factory.mktemp("seaweed"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "camera.mp4"
    path.write_bytes(DATA)
    return path


def destination_for(
    store: Seaweed,
    key: Key = KEY,
    clock: timedelta = timedelta(0),
    pieces: int | None = None,
) -> tuple[Http, S3Destination]:
    signer = Signer(lambda: key, lambda: datetime.now(UTC) + clock)
    http = Http(store.bucket, dress=signer.sign)

    def key_of(lecture: str, artifact: Artifact) -> str:
        return object_key("", lecture, artifact)

    def door(lecture: str, artifact: Artifact) -> SignedDoor:
        return SignedDoor(store.bucket, key_of(lecture, artifact))

    signing = Signing(http, signer)
    made = S3Destination(signing, door, key_of, Notes(), "test", lambda: "a time", pieces=pieces)
    return http, made


@pytest.fixture
def make() -> Iterator[Callable[..., S3Destination]]:
    opened: list[Http] = []

    def one(*arguments: Any, **options: Any) -> S3Destination:
        http, destination = destination_for(*arguments, **options)
        opened.append(http)
        return destination

    yield one
    for http in opened:
        http.close()


def ignore(phase: Phase, done: int) -> None:
    pass


def held(store: Seaweed, lecture: str) -> bytes:
    key = object_key("", lecture, artifact_of(DATA))
    status, body = store.answer(Request("GET", f"{store.bucket}/{key}"))
    assert status == 200
    return body


def lectures(name: str) -> str:
    """A lecture of its own for each test: the store is one for all of them."""
    return f"{LECTURE}-{name}"


def test_a_file_arrives_whole_with_a_receipt(store: Seaweed, source: Path, make: Make) -> None:
    lecture = lectures("whole")
    sent = make(store).send(lecture, artifact_of(DATA), source, ignore)
    assert make(store).receipt(lecture, artifact_of(DATA)) == sent
    assert sent["state"] == "verified"
    assert held(store, lecture) == DATA


def test_in_pieces_a_file_arrives_whole_however_often_it_is_broken_off(
    store: Seaweed, source: Path, make: Make
) -> None:
    """Each try is another process, as far as the store can tell; what came is found again."""
    lecture, each, count = lectures("pieces"), 2 * MIB, 11

    def until(end: int) -> Progress:
        def told(phase: Phase, done: int) -> None:
            if phase == "copying" and done > end:
                raise InterruptedError

        return told

    for end in range(3 * MIB, len(DATA), 5 * MIB):
        with pytest.raises(InterruptedError):
            make(store, pieces=each).send(lecture, artifact_of(DATA), source, until(end))
    receipt = make(store, pieces=each).send(lecture, artifact_of(DATA), source, ignore)
    assert receipt["pieces"] == count
    assert make(store, pieces=each).receipt(lecture, artifact_of(DATA)) == receipt
    key = object_key("", lecture, artifact_of(DATA))
    whole = b""
    for number in range(count):
        url = f"{store.bucket}/{key}.pieces/{number * each:015}"
        status, body = store.answer(Request("GET", url))
        assert status == 200
        whole += body
    assert whole == DATA
    assert store.answer(Request("GET", f"{store.bucket}/{key}.pieces.json"))[0] == 200


def test_a_clock_of_1970_is_no_obstacle(store: Seaweed, source: Path, make: Make) -> None:
    lecture = lectures("1970")
    make(store, clock=timedelta(days=-20_000)).send(lecture, artifact_of(DATA), source, ignore)
    assert held(store, lecture) == DATA


def test_a_wrong_secret_is_said(store: Seaweed, source: Path, make: Make) -> None:
    with pytest.raises(SendError, match="403"):
        make(store, Key(KEY.access, "wrong")).send("x", artifact_of(DATA), source, ignore)


SEND = """
import sys
from pathlib import Path
from tests.servers.seaweed import Seaweed
from tests.s3_room import artifact_of
from tests.test_s3_seaweed import destination_for, ignore
store = Seaweed(Path({home!r}), {ports!r})
data = Path({path!r}).read_bytes()
http, destination = destination_for(store)
destination.send({lecture!r}, artifact_of(data), Path({path!r}), ignore)
http.close()
"""


def sender(store: Seaweed, lecture: str, source: Path) -> subprocess.Popen[bytes]:
    values: dict[str, Any] = {"home": str(store.home), "ports": store.ports}
    script = textwrap.dedent(SEND).format(**values, path=str(source), lecture=lecture)
    root = str(Path(__file__).parents[1])
    return subprocess.Popen([sys.executable, "-c", script], env=os.environ | {"PYTHONPATH": root})


def test_killed_at_random_moments_and_without_memory_it_arrives_once(
    store: Seaweed, source: Path, make: Make
) -> None:
    """The notes die with each process, as with a lost ledger: the store tells what it holds."""
    lecture, chance, kills = lectures("kills"), random.Random(3), 0
    while True:
        child = sender(store, lecture, source)
        try:
            child.wait(0.3 + chance.random())
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
            child.wait()
            kills += 1
            if kills < 12:
                continue
            assert sender(store, lecture, source).wait() == 0
        break
    assert held(store, lecture) == DATA
    assert make(store).receipt(lecture, artifact_of(DATA)) is not None
    status, uploads = store.answer(Request("GET", f"{store.bucket}?prefix={lecture}&uploads="))
    assert status == 200
    assert b"<UploadId>" not in uploads


def test_the_stores_own_death_costs_a_try(tmp_path: Path, source: Path, make: Make) -> None:
    """kill -9 of the server in the middle of a part, then it comes back."""
    server = Seaweed(tmp_path / "store").start()
    lecture, killed = lectures("server"), threading.Event()

    def at_half(phase: Phase, done: int) -> None:
        if phase == "copying" and done > len(DATA) // 2 and not killed.is_set():
            killed.set()
            server.kill()

    try:
        destination = make(server)
        with pytest.raises(Transient):
            destination.send(lecture, artifact_of(DATA), source, at_half)
        assert killed.is_set()
        server.start()
        deadline = time.monotonic() + 60
        while True:
            try:
                destination.send(lecture, artifact_of(DATA), source, ignore)
                break
            except Transient:
                assert time.monotonic() < deadline
                time.sleep(0.5)
        assert held(server, lecture) == DATA
    finally:
        server.kill()
