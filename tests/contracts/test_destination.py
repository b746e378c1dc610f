"""What every destination owes its senders. A new kind adds its kit and must pass."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.contracts.kits import KINDS, MIB, FolderKit, Kit, artifact_of, ignore
from tests.contracts.kits import kit as kit
from tests.contracts.kits import opencast as opencast
from tests.contracts.kits import receivers as receivers
from uploader.sender import Artifact, Permanent, Phase, Receipt, Transient

DATA = random.Random(7).randbytes(5 * MIB + 123)


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
