"""Laws of the ledger."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge_agent.finish_messages import Artifact, TrackSound
from edge_agent.ledger import Ledger, LedgerMissing
from edge_agent.rows import Lecture, Segment, Track
from edge_agent.rules.lecture import State
from tests.fixed_clock import FixedClock

CLOCK = FixedClock()
NOW = CLOCK.now()
L1 = Lecture("L1", State.RECORDING, NOW.utc_text, NOW.trust, NOW.boot, 5, title="Ħeat & <light>")
CAMERA = Track("L1", "camera", "presenter/source", "video")
MICROPHONE = Track("L1", "microphone", "presenter/source", "audio")
SEGMENT = Segment("L1", "camera", 1, "000001.mp4", 10, "ab", 0, 10, 3)
FILES = [
    Artifact(name="presenter.mp4", bytes=9, sha256="aa", media_type="video/mp4", priority=4),
    Artifact(name="manifest.json", bytes=1, sha256="bb", media_type="text/plain", priority=0),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    ledger = Ledger.create(path)
    yield ledger
    ledger.close()


def test_every_commit_is_synced_to_the_disk(ledger: Ledger, path: Path) -> None:
    """NORMAL loses committed rows at a power cut; 2 is FULL."""
    writer = Ledger.write(path)
    for opened in (ledger, writer):
        database = opened._db
        assert database.execute("PRAGMA synchronous").fetchone()[0] == 2
        assert database.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert database.execute("PRAGMA foreign_keys").fetchone()[0] == 1
    writer.close()


def test_creating_again_keeps_what_is_there(ledger: Ledger, path: Path) -> None:
    ledger.add_lecture(L1, [CAMERA])
    again = Ledger.create(path)
    assert again.lecture("L1") == L1
    again.close()


def test_a_reader_cannot_write(ledger: Ledger, path: Path) -> None:
    reader = Ledger.read(path)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.add_lecture(L1, [])
    reader.close()


@pytest.mark.parametrize("way", [Ledger.read, Ledger.write])
def test_a_ledger_that_never_was_is_missing(path: Path, way: object) -> None:
    with pytest.raises(LedgerMissing):
        way(path)  # type: ignore[operator]
    assert not path.exists()


def test_a_lecture_comes_back_as_it_was_stored(ledger: Ledger) -> None:
    ledger.add_lecture(L1, [CAMERA])
    assert ledger.lecture("L1") == L1
    assert ledger.tracks("L1") == [CAMERA]
    assert ledger.active() == L1
    assert ledger.lecture("L2") is None
    with pytest.raises(LookupError, match="L2"):
        ledger.existing("L2")


def test_the_database_itself_refuses_a_second_lecture_under_way(ledger: Ledger) -> None:
    ledger.add_lecture(L1, [])
    for state in (State.RECORDING, State.PAUSED):
        with pytest.raises(sqlite3.IntegrityError):
            ledger.add_lecture(replace(L1, id="L2", state=state), [])
    ledger.set_state("L1", State.FINISHING)
    ledger.add_lecture(replace(L1, id="L2"), [])


def test_a_transaction_that_fails_leaves_nothing(ledger: Ledger) -> None:
    def twice() -> None:
        with ledger.transaction():
            ledger.add_lecture(L1, [CAMERA])
            ledger.add_lecture(L1, [])

    with pytest.raises(sqlite3.IntegrityError):
        twice()
    assert ledger.lectures() == []
    ledger.add_lecture(L1, [CAMERA])


def test_a_segment_told_twice_is_stored_once(ledger: Ledger) -> None:
    ledger.add_lecture(L1, [CAMERA])
    ledger.add_segment(SEGMENT)
    ledger.add_segment(SEGMENT)
    assert ledger.segments("L1") == [SEGMENT]
    ledger.drop_segment("L1", "camera", 1)
    assert ledger.segments("L1") == []


def test_a_microphones_drift_is_as_durable_as_its_last_segment(ledger: Ledger) -> None:
    ledger.add_lecture(L1, [CAMERA, MICROPHONE])
    sound = replace(SEGMENT, track="microphone")
    ledger.add_segment(sound, -1399.5)
    ledger.add_segment(replace(sound, seq=2))  # not known any more: a recorder has just begun
    assert {t.name: t.drift_ppm for t in ledger.tracks("L1")}["microphone"] == -1399.5


def test_how_a_track_sounds_comes_with_its_package(ledger: Ledger) -> None:
    ledger.add_lecture(replace(L1, state=State.FINISHING), [MICROPHONE])
    heard = TrackSound(
        track="microphone", loudness_lufs=-23.1, true_peak_dbtp=-3.0, speech_ratio=0.7, drift_ppm=2
    )
    ledger.package("L1", State.PACKAGED, 60.0, FILES, [], [heard])
    [stored] = [t for t in ledger.tracks("L1") if t.name == "microphone"]
    assert (stored.loudness_lufs, stored.true_peak_dbtp) == (-23.1, -3.0)
    assert (stored.speech_ratio, stored.drift_ppm) == (0.7, 2.0)


def test_a_segment_of_an_unknown_lecture_is_refused(ledger: Ledger) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        ledger.add_segment(SEGMENT)


def test_closing_gaps_closes_this_tracks_open_ones_only(ledger: Ledger) -> None:
    ledger.add_lecture(L1, [CAMERA])
    ledger.open_gap("L1", "camera", 5, "device lost")
    ledger.open_gap("L1", "slides", 6, "device lost")
    ledger.open_gap("L1", None, 7, "paused")
    ledger.close_gaps("L1", "camera", 9)
    assert [(g.track, g.end_ns) for g in ledger.gaps("L1")] == [
        ("camera", 9),
        ("slides", None),
        (None, None),
    ]
    ledger.close_gaps("L1", None, 3)
    assert ledger.gaps("L1")[2].end_ns == 7, "a gap never ends before it begins"


# ---------------------------------------------------------------- inbox


def post(ledger: Ledger, key: str = "k1", verb: str = "start") -> int:
    return ledger.post(verb, {"title": "T"}, key=key, origin="cli", now=NOW, ttl_ns=30)


def test_a_command_posted_twice_is_one_command(ledger: Ledger) -> None:
    assert post(ledger) == post(ledger)
    [command] = ledger.new_commands()
    assert (command.verb, command.args, command.boot) == ("start", {"title": "T"}, "boot-1")
    assert command.expires_ns == NOW.mono_ns + 30


def test_an_answered_command_is_not_new_and_keeps_its_answer(ledger: Ledger) -> None:
    number = post(ledger)
    ledger.answer(number, {"lecture": "L1"}, NOW)
    assert ledger.new_commands() == []
    again = ledger.command(post(ledger))
    assert again is not None
    assert (again.state, again.answer) == ("done", {"lecture": "L1"})


def test_an_answer_with_an_error_is_a_refusal(ledger: Ledger) -> None:
    number = post(ledger)
    ledger.answer(number, {"error": {"code": "no-space"}}, NOW)
    command = ledger.command(number)
    assert command is not None
    assert command.state == "refused"


def test_commands_are_taken_in_the_order_of_their_posting(ledger: Ledger) -> None:
    post(ledger, "a", "start"), post(ledger, "b", "stop")
    assert [c.verb for c in ledger.new_commands()] == ["start", "stop"]


# ---------------------------------------------------------------- outbox


def test_packaged_and_its_outbox_come_together_or_not_at_all(ledger: Ledger) -> None:
    ledger.add_lecture(replace(L1, state=State.FINISHING), [])
    broken = [FILES[0], FILES[0].model_copy(update={"name": None})]
    with pytest.raises(sqlite3.IntegrityError):
        ledger.package("L1", State.PACKAGED, 60.0, broken, ["central"])
    assert ledger.existing("L1").state is State.FINISHING
    assert ledger.outbox("L1") == []
    ledger.package("L1", State.PACKAGED, 60.0, FILES, ["central", "stick"])
    assert ledger.existing("L1").state is State.PACKAGED
    assert len(ledger.outbox("L1")) == 4


def test_what_is_worth_most_is_sent_first_and_the_newest_lecture_before_older_ones(
    ledger: Ledger,
) -> None:
    for name in ("L1", "L2"):
        ledger.add_lecture(replace(L1, id=name, state=State.FINISHING), [])
        ledger.package(name, State.PACKAGED, 60.0, FILES, ["central"])
    assert [(r.lecture, r.name) for r in ledger.waiting()] == [
        ("L2", "manifest.json"),
        ("L1", "manifest.json"),
        ("L2", "presenter.mp4"),
        ("L1", "presenter.mp4"),
    ]


def test_a_receipt_ends_the_waiting_and_a_failure_does_not(ledger: Ledger) -> None:
    ledger.add_lecture(replace(L1, state=State.FINISHING), [])
    ledger.package("L1", State.PACKAGED, 60.0, FILES, ["central"])
    manifest, video = ledger.waiting()
    ledger.delivery_failed(video, "the stick is not plugged in")
    ledger.delivered(manifest, {"sha256": "bb"}, NOW)
    [left] = ledger.waiting()
    assert (left.name, left.attempts, left.last_error) == (
        "presenter.mp4",
        1,
        "the stick is not plugged in",
    )


def test_packaging_again_keeps_the_receipts(ledger: Ledger) -> None:
    """A lost ledger row is rebuilt from the spool; nothing is delivered twice."""
    ledger.add_lecture(replace(L1, state=State.FINISHING), [])
    ledger.package("L1", State.PACKAGED, 60.0, FILES, ["central"])
    ledger.delivered(ledger.waiting()[0], {"sha256": "bb"}, NOW)
    ledger.package("L1", State.PACKAGED, 60.0, FILES, ["central"])
    assert len(ledger.waiting()) == 1


def test_a_sound_ledger_has_no_problems(ledger: Ledger) -> None:
    assert ledger.integrity_problems() == []
