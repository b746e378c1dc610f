"""The storage invariants as laws over facts, and the facts of a real spool."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from edge_agent.clock import SystemClock
from edge_agent.ledger import Ledger
from edge_agent.rows import Gap, Lecture, OutboxRow, Segment
from edge_agent.rules.lecture import State
from edge_agent.spool import Spool
from edge_agent.storage_check import LectureFacts, SpoolFacts, findings, gather

LECTURE = Lecture("L1", State.RECORDING, "2026-11-22T10:00:00.000Z", "synchronised", "boot", 0)
SEGMENT = Segment("L1", "camera", 1, "000001.mp4", 100, "aa", 0, 10, 250)
NAME = "camera/000001.mp4"
OUTBOX = OutboxRow("L1", "a.mp4", "platform", 1, "aa", "video/mp4", 0, 0, "", None, None)
RECORDING = LectureFacts(LECTURE, (SEGMENT,), files={NAME: 100}, hashes={NAME: "aa"})
FAILED = replace(RECORDING, lecture=replace(LECTURE, state=State.FAILED))
DELIVERED = LectureFacts(replace(LECTURE, state=State.DELIVERED), has_package=True)


def broken(
    lecture: LectureFacts, recording: frozenset[str] | None = frozenset({"camera"})
) -> list[str]:
    """The invariants that are broken, in order."""
    return [each.invariant for each in findings(SpoolFacts((lecture,), recording=recording))]


@pytest.mark.parametrize("sound", [RECORDING, FAILED, DELIVERED])
def test_a_sound_lecture_gives_no_finding(sound: LectureFacts) -> None:
    assert broken(sound) == []


@pytest.mark.parametrize(
    "lecture",
    [
        replace(RECORDING, files={}),
        replace(RECORDING, files={NAME: 99}),
        replace(RECORDING, hashes={NAME: "bb"}),
    ],
    ids=["missing", "another size", "another content"],
)
def test_i1_a_segment_row_means_the_file_is_there_with_its_size_and_hash(
    lecture: LectureFacts,
) -> None:
    assert broken(lecture) == ["I1"]


def test_i2_a_file_that_no_row_names_is_found() -> None:
    assert broken(replace(FAILED, files={NAME: 100, "camera/000002.mp4.part": 7})) == ["I2"]
    assert broken(replace(FAILED, strays=("notes.txt",))) == ["I2"]


def test_i2_what_is_being_written_is_no_stray() -> None:
    assert broken(replace(RECORDING, files={NAME: 100, "camera/000002.mp4.part": 7})) == []
    finishing = replace(FAILED, lecture=replace(LECTURE, state=State.FINISHING))
    assert broken(replace(finishing, strays=("package.part",))) == []
    assert broken(replace(FAILED, strays=("package.part",))) == [], "the next try builds it anew"
    closing = replace(finishing, files={NAME: 100, "camera/000002.mp4.part": 7})
    assert broken(closing) == []
    assert broken(closing, recording=None) == ["I2"]


def test_i2_a_folder_of_a_lecture_that_the_ledger_does_not_know_is_found() -> None:
    (found,) = findings(SpoolFacts((), strays=("lectures/unknown",)))
    assert (found.invariant, found.where) == ("I2", "lectures/unknown")


def test_i3_recording_needs_an_agent_and_a_recorder_or_an_open_gap() -> None:
    gap = Gap(1, "L1", "camera", 0, None, "unplugged")
    assert broken(RECORDING, recording=None) == ["I3"]
    assert broken(RECORDING, recording=frozenset()) == ["I3"]
    assert broken(replace(RECORDING, gaps=(gap,)), recording=frozenset()) == []
    assert broken(replace(RECORDING, gaps=(replace(gap, end_ns=5),)), frozenset()) == ["I3"]


def test_i4_a_packaged_lecture_has_a_package_that_is_whole() -> None:
    assert broken(replace(DELIVERED, has_package=False)) == ["I4"]
    assert broken(replace(DELIVERED, package_problems=("audio.m4a is missing",))) == ["I4"]


@pytest.mark.parametrize("state", [State.DELIVERED, State.PURGED])
def test_i5_nothing_without_a_receipt_counts_as_delivered_or_may_be_purged(state: State) -> None:
    lecture = replace(DELIVERED, lecture=replace(LECTURE, state=state))
    assert broken(replace(lecture, outbox=(OUTBOX,))) == ["I5"]
    assert broken(replace(lecture, outbox=(replace(OUTBOX, receipt={"state": "verified"}),))) == []
    owing = replace(lecture, lecture=replace(lecture.lecture, renditions="wanted"))
    assert broken(owing) == ["I5"]


def test_every_finding_names_a_next_step() -> None:
    worst = replace(
        RECORDING,
        files={},
        package_problems=("x",),
        lecture=replace(LECTURE, state=State.DELIVERED),
    )
    found = findings(SpoolFacts((worst,), ("stray",), ("page 3 is torn",)))
    assert found
    assert all(each.hint and each.what for each in found)


# ---------------------------------------------------------------- gathering


def test_gathering_reads_the_spool_and_changes_nothing(tmp_path: Path) -> None:
    spool, clock = Spool(tmp_path), SystemClock()
    track = spool.track("L1", "camera")
    track.mkdir(parents=True)
    (track / "000001.mp4").write_bytes(b"media")
    (track / "000002.mp4.part").write_bytes(b"torn")
    (tmp_path / "lectures/unknown").mkdir()
    ledger = Ledger.create(spool.ledger)
    now = clock.now()
    ledger.add_lecture(replace(LECTURE, state=State.FAILED, started_utc=now.utc_text), [])
    digest = hashlib.sha256(b"media").hexdigest()
    ledger.add_segment(replace(SEGMENT, bytes=5, sha256=digest))
    before = sorted(p.name for p in tmp_path.rglob("*"))

    found = findings(gather(spool, ledger, None, hashes=True))
    assert [(each.invariant, each.where) for each in found] == [
        ("I2", "lectures/unknown"),
        ("I2", "lectures/L1/tracks/camera/000002.mp4.part"),
    ]
    assert sorted(p.name for p in tmp_path.rglob("*")) == before

    (track / "000001.mp4").write_bytes(b"MEDIA")
    full = findings(gather(spool, ledger, None, hashes=True))
    assert "I1" in [each.invariant for each in full]
    fast = findings(gather(spool, ledger, None, hashes=False))
    assert "I1" not in [each.invariant for each in fast]
    ledger.close()
