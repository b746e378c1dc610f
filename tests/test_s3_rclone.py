"""The S3 destination against a real store that breaks promises: rclone's, not written here."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge_agent.clock import SystemClock
from edge_agent.config import S3Destination as Configured
from edge_agent.secrets import Secrets
from edge_agent.trial import trial
from tests.s3_room import LECTURE, Notes, artifact_of
from tests.servers.rclone import BUCKET, KEY, Rclone, client
from tests.servers.tus import Cutter
from uploader.probe import Verdict
from uploader.s3_destination import S3Destination
from uploader.sender import Phase, SendError, Transient

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

MIB = 1 << 20
#: Three parts.
DATA = random.Random(17).randbytes(11 * MIB + 5)
ARTIFACT = artifact_of(DATA)
NAME = f"{LECTURE}/{ARTIFACT.sha256}/{ARTIFACT.name}"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Rclone]:
    made = Rclone(tmp_path).start()
    yield made
    made.kill()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "camera.mp4"
    path.write_bytes(DATA)
    return path


@pytest.fixture
def make() -> Iterator[Callable[[str], S3Destination]]:
    with contextlib.ExitStack() as opened:

        def one(bucket: str) -> S3Destination:
            http, made = client(bucket, Notes())
            opened.callback(http.close)
            return made

        yield one


def ignore(_phase: Phase, _done: int) -> None:
    pass


def insist(destination: S3Destination, source: Path) -> None:
    """As the upload process does it, only faster."""
    deadline = time.monotonic() + 200
    while True:
        try:
            destination.send(LECTURE, ARTIFACT, source, ignore)
            return
        except Transient:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def test_the_trial_finds_what_it_breaks(store: Rclone, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "room").write_text(f"{KEY.access}:{KEY.secret}")
    (secrets / "room").chmod(0o600)
    place = Configured(type="s3", url=store.bucket, credential="room")
    findings = {each.promise: each for each in trial(place, Secrets(None, secrets), SystemClock())}
    assert findings["create once"].verdict is Verdict.BROKEN
    assert "ignores If-None-Match without a word" in findings["create once"].words
    assert "a wrong SHA-256 is not" in findings["checksum"].words
    assert findings["proof"].words.endswith("with an MD5")
    assert store.held() == {}


def test_cut_again_and_again_it_arrives_once(
    store: Rclone, source: Path, make: Callable[[str], S3Destination]
) -> None:
    cutter = Cutter(store.port, [6 * MIB, 400, 2 * MIB, 7 * MIB, 90_000, 3 * MIB])
    try:
        insist(make(f"{cutter.base}/{BUCKET}"), source)
    finally:
        cutter.close()
    assert set(store.held()) == {NAME, f"{NAME}.receipt.json"}
    assert store.held()[NAME] == DATA


def test_killed_in_the_middle_and_without_our_memory_it_arrives_once(
    store: Rclone, source: Path, make: Callable[[str], S3Destination]
) -> None:
    """It keeps uploads that are under way in its memory: all of them are gone then."""

    def kill(phase: Phase, done: int) -> None:
        if phase == "copying" and done > 7 * MIB:
            store.kill()

    with pytest.raises(SendError):
        make(store.bucket).send(LECTURE, ARTIFACT, source, kill)
    store.start()
    insist(make(store.bucket), source)
    assert store.held()[NAME] == DATA
