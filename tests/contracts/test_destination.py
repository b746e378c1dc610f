"""What every destination owes its senders. A new kind adds its kit to KITS and must pass."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import pytest

from uploader.folder import FolderDestination
from uploader.sender import Artifact, Destination, Permanent, Transient

MIB = 1 << 20
LECTURE = "0193-lecture"
DATA = random.Random(7).randbytes(5 * MIB + 123)


def artifact_of(data: bytes, name: str = "presenter.mp4") -> Artifact:
    return Artifact(name, len(data), hashlib.sha256(data).hexdigest(), "video/mp4")


def ignore(phase: Literal["copying", "verifying"], done: int) -> None:
    pass


class FolderKit:
    """A folder as the receiving side, and how to look into and disturb it."""

    def __init__(self, home: Path) -> None:
        self.place = home / "platform"
        self.place.mkdir()
        #: Python text that makes the destination inside another process.
        self.recipe = (
            "from pathlib import Path\n"
            "from uploader.folder import FolderDestination\n"
            f"make = lambda utc: FolderDestination(Path({str(self.place)!r}), 'test', utc)"
        )

    def make(self, utc: Callable[[], str] = lambda: "2026-11-22T10:00:00.000Z") -> Destination:
        return FolderDestination(self.place, "test", utc)

    def held(self, lecture: str) -> dict[str, bytes]:
        """The whole files at the destination, by name."""
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


KITS = [FolderKit]


@pytest.fixture(params=KITS)
def kit(request: pytest.FixtureRequest, tmp_path: Path) -> FolderKit:
    made: FolderKit = request.param(tmp_path)
    return made


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "presenter.mp4"
    path.write_bytes(DATA)
    return path


class Break(Exception):
    """Breaks off a send, as a stopping upload process does."""


@dataclass
class BreakAt:
    """A progress callback that raises at the n-th call."""

    left: int

    def __call__(self, phase: Literal["copying", "verifying"], done: int) -> None:
        self.left -= 1
        if self.left == 0:
            raise Break


def test_a_file_that_was_sent_is_held_and_has_a_receipt(kit: FolderKit, source: Path) -> None:
    destination, artifact = kit.make(), artifact_of(DATA)
    assert destination.receipt(LECTURE, artifact) is None
    receipt = destination.send(LECTURE, artifact, source, ignore)
    assert receipt == {
        "lecture": LECTURE,
        "name": "presenter.mp4",
        "bytes": len(DATA),
        "sha256": artifact.sha256,
        "state": "verified",
        "utc": "2026-11-22T10:00:00.000Z",
        "agent": "test",
    }
    assert kit.make().receipt(LECTURE, artifact) == receipt
    assert kit.held(LECTURE) == {"presenter.mp4": DATA}


def test_sending_twice_gives_the_first_receipt_and_one_copy(kit: FolderKit, source: Path) -> None:
    first = kit.make(lambda: "first").send(LECTURE, artifact_of(DATA), source, ignore)
    second = kit.make(lambda: "second").send(LECTURE, artifact_of(DATA), source, ignore)
    assert second == first
    assert kit.held(LECTURE) == {"presenter.mp4": DATA}


def test_an_empty_file_can_be_sent(kit: FolderKit, tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    kit.make().send(LECTURE, artifact_of(b"", "empty"), tmp_path / "empty", ignore)
    assert kit.held(LECTURE) == {"empty": b""}


def test_a_receipt_for_other_bytes_is_none(kit: FolderKit, source: Path) -> None:
    kit.make().send(LECTURE, artifact_of(DATA), source, ignore)
    assert kit.make().receipt(LECTURE, artifact_of(DATA + b"x")) is None
    assert kit.make().receipt(LECTURE, replace(artifact_of(DATA), sha256="0" * 64)) is None
    assert kit.make().receipt("another", artifact_of(DATA)) is None


def test_a_try_that_was_broken_off_goes_on_where_it_ended(kit: FolderKit, source: Path) -> None:
    destination, artifact = kit.make(), artifact_of(DATA)
    with pytest.raises(Break):
        destination.send(LECTURE, artifact, source, BreakAt(3))
    copied: list[int] = []
    destination.send(
        LECTURE, artifact, source, lambda phase, n: copied.append(n) if phase == "copying" else None
    )
    assert copied[0] > 3 * MIB
    assert kit.held(LECTURE) == {"presenter.mp4": DATA}


def test_what_arrived_damaged_is_not_built_upon(kit: FolderKit, source: Path) -> None:
    with pytest.raises(Break):
        kit.make().send(LECTURE, artifact_of(DATA), source, BreakAt(3))
    kit.spoil_what_arrived(LECTURE, "presenter.mp4")
    kit.make().send(LECTURE, artifact_of(DATA), source, ignore)
    assert kit.held(LECTURE) == {"presenter.mp4": DATA}


def test_a_file_that_changed_since_it_was_packaged_is_refused_for_good(
    kit: FolderKit, source: Path
) -> None:
    artifact = artifact_of(DATA)
    source.write_bytes(DATA[:-1] + b"!")
    with pytest.raises(Permanent, match="no longer the file that was packaged"):
        kit.make().send(LECTURE, artifact, source, ignore)
    assert kit.held(LECTURE) == {}
    source.write_bytes(DATA)
    kit.make().send(LECTURE, artifact, source, ignore)
    assert kit.held(LECTURE) == {"presenter.mp4": DATA}


def test_a_file_that_is_missing_here_is_refused_for_good(kit: FolderKit, tmp_path: Path) -> None:
    with pytest.raises(Permanent, match="edge-agent storage check"):
        kit.make().send(LECTURE, artifact_of(DATA), tmp_path / "none", ignore)


def test_a_destination_that_is_away_is_worth_another_try(kit: FolderKit, source: Path) -> None:
    kit.go_away()
    with pytest.raises(Transient, match="plug the disk in"):
        kit.make().send(LECTURE, artifact_of(DATA), source, ignore)
    with pytest.raises(Transient):
        kit.make().receipt(LECTURE, artifact_of(DATA))
    assert not kit.place.exists()
    kit.come_back()
    kit.make().send(LECTURE, artifact_of(DATA), source, ignore)


def test_two_senders_never_write_the_same_file_at_once(kit: FolderKit, source: Path) -> None:
    artifact, seen = artifact_of(DATA), []

    def intrude(phase: Literal["copying", "verifying"], done: int) -> None:
        if not seen:
            with pytest.raises(Transient, match="another upload") as caught:
                kit.make().send(LECTURE, artifact, source, ignore)
            seen.append(caught.value)

    kit.make().send(LECTURE, artifact, source, intrude)
    assert seen
    assert kit.held(LECTURE) == {"presenter.mp4": DATA}


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

#: 6 calls while copying, 6 while reading back; -1: between the file's name and its receipt.
KILL_POINTS = [*range(1, 13), -1]


@pytest.mark.parametrize("calls", KILL_POINTS)
def test_killed_at_any_point_the_next_try_leaves_one_verified_copy(
    kit: FolderKit, source: Path, calls: int
) -> None:
    artifact = artifact_of(DATA)
    script = textwrap.dedent(SEND_AND_DIE).format(
        recipe=kit.recipe, lecture=LECTURE, size=len(DATA), sha=artifact.sha256, path=str(source)
    )
    root = str(Path(__file__).parents[2])
    child = subprocess.run(
        [sys.executable, "-c", script, str(calls)],
        env=os.environ | {"PYTHONPATH": root},
        timeout=60,
        check=False,
    )
    assert child.returncode == -signal.SIGKILL
    assert kit.make().receipt(LECTURE, artifact) is None
    assert kit.held(LECTURE) in ({}, {"presenter.mp4": DATA})

    kit.make().send(LECTURE, artifact, source, ignore)
    assert kit.held(LECTURE) == {"presenter.mp4": DATA}
    assert kit.make().receipt(LECTURE, artifact) is not None
