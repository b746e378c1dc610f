"""Against tus servers that nobody here wrote, over ways that are cut, small or gone for a while."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpcore
import jsonschema
import pytest

from tests.servers.receiver import completed
from tests.servers.running import ROOT
from tests.servers.seaweed import Seaweed
from tests.servers.tus import Cutter, FileNotes, Nginx, Receiver, client
from uploader.http import Http, Patience
from uploader.sender import Artifact, Pending, Phase, Receipt, SendError, Transient
from uploader.tus import Server
from uploader.tus_destination import TusDestination

pytestmark = pytest.mark.timeout(400)  # longer than `insist` and a server's start take

MIB = 1 << 20
DATA = random.Random(11).randbytes(6 * MIB + 321)
ARTIFACT = Artifact("presenter.mp4", len(DATA), hashlib.sha256(DATA).hexdigest(), "video/mp4")
LECTURE = "0193-lecture"
SCHEMA = json.loads((ROOT / "edge_agent/schemas/receipt-1.json").read_text())
KINDS = ["tuspyserver", "tussi"]
SEND = """
import random, sys, time
from pathlib import Path
from tests.servers.tus import client
from uploader.sender import Artifact
base, notes, path, lecture, size, sha = sys.argv[1:]
slow = lambda *_: time.sleep(0.15)
artifact = Artifact("presenter.mp4", int(size), sha, "video/mp4")
client(base, Path(notes)).send(lecture, artifact, Path(path), slow)
"""


def ignore(_phase: Phase, _done: int) -> None:
    pass


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "presenter.mp4"
    path.write_bytes(DATA)
    return path


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    return folder


@pytest.fixture(params=KINDS)
def receiver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Receiver]:
    made = Receiver(request.param, tmp_path).start()
    yield made
    made.kill()


def insist(
    destination: TusDestination, source: Path, progress: Callable[[Phase, int], None] = ignore
) -> Receipt:
    """As the upload process does it, only faster.

    On a busy PC a server takes half a minute to begin, and a sync of its disk many seconds.
    """
    deadline = time.monotonic() + 300
    try:
        while True:
            try:
                return destination.send(LECTURE, ARTIFACT, source, progress)
            except (Transient, Pending):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
    finally:
        destination.close()


def whole(receiver: Receiver) -> list[bytes]:
    """Every whole file at the receiver, also a second one that should not be there."""
    return [data for _, data in completed(receiver.kind, receiver.folder)]


def test_cut_again_and_again_it_arrives_once(receiver: Receiver, source: Path, notes: Path) -> None:
    chance = random.Random(2)
    cuts = [chance.randrange(100, 2 * MIB) for _ in range(12)]
    cutter = Cutter(receiver.port, cuts)
    try:
        receipt = insist(client(cutter.base, notes), source)
    finally:
        cutter.close()
    jsonschema.validate(receipt, SCHEMA)
    assert receipt["state"] == "verified"
    assert whole(receiver) == [DATA]


def test_behind_nginx_with_its_defaults_there_is_progress_all_the_same(
    receiver: Receiver, source: Path, notes: Path, tmp_path: Path
) -> None:
    """It takes bodies of 1 MiB and passes none on before it is whole."""
    nginx = Nginx(tmp_path, receiver.base)
    cutter = Cutter(nginx.port, [3 * MIB // 2] * 12)
    try:
        receipt = insist(client(cutter.base, notes), source)
    finally:
        cutter.close()
        nginx.stop()
    assert receipt["sha256"] == ARTIFACT.sha256
    assert whole(receiver) == [DATA]


def test_the_server_is_killed_in_the_middle_and_comes_back(
    receiver: Receiver, source: Path, notes: Path
) -> None:
    again = threading.Timer(1.0, receiver.start)

    def kill_once(phase: Phase, done: int) -> None:
        if phase == "copying" and done > 2 * MIB and not again.ident:
            receiver.kill()
            again.start()

    insist(client(receiver.base, notes), source, kill_once)
    again.join()
    assert whole(receiver) == [DATA]


@pytest.mark.slow
def test_a_sender_that_is_killed_at_random_moments_delivers_once(
    receiver: Receiver, source: Path, notes: Path
) -> None:
    chance = random.Random(4)
    kills = 0
    arguments = [receiver.base, notes, source, LECTURE, str(len(DATA)), ARTIFACT.sha256]
    for _ in range(12):
        child = subprocess.Popen(
            [sys.executable, "-c", SEND, *map(str, arguments)],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        try:
            child.wait(0.4 + chance.random())
        except subprocess.TimeoutExpired:
            kills += 1
        child.send_signal(signal.SIGKILL)
        child.wait()
    insist(client(receiver.base, notes), source)
    assert kills > 2
    assert whole(receiver) == [DATA]


def test_a_refusal_is_told_in_the_servers_words(
    receiver: Receiver, source: Path, notes: Path
) -> None:
    http = Http(receiver.base, patience=Patience(5, 5, 5))
    server = Server(f"{receiver.base}/files/")
    nobody = TusDestination(http, server, FileNotes(notes), "test", lambda: "now")
    with pytest.raises(SendError, match=r"401: Who are you.*check the credential"):
        nobody.send(LECTURE, ARTIFACT, source, ignore)
    nobody.close()


@pytest.mark.slow
def test_seaweedfs_takes_it_cut_and_killed(source: Path, notes: Path, tmp_path: Path) -> None:
    """No receipts stand beside it: its word counts, and its file is read to judge that word."""
    seaweed = Seaweed(tmp_path / "seaweed").start()
    cutter = Cutter(seaweed.ports["filer"], [400_000, 900, 1_500_000, 2_000_000])
    url = f"{cutter.base}/.tus/{{lecture}}/{{name}}"
    http = Http(url, patience=Patience(5, 5, 20))
    destination = TusDestination(http, Server(url), FileNotes(notes), "test", lambda: "now")
    try:
        assert insist(destination, source)["state"] == "received"
        filer = f"http://127.0.0.1:{seaweed.ports['filer']}"
        held = httpcore.request("GET", f"{filer}/{LECTURE}/presenter.mp4").content
    finally:
        cutter.close()
        seaweed.kill()
    assert held == DATA
