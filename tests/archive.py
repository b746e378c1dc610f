"""A room that has been in use for years: lectures that were recorded, packaged and are kept.

All packages are hard links of one that the real finisher has built, so hundreds take a second.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from edge_agent import lecture_file
from edge_agent.clock import Now, SystemClock, rfc3339
from edge_agent.finish_messages import Packaged
from edge_agent.finisher import finish
from edge_agent.ids import uuid7
from edge_agent.ledger import Ledger
from edge_agent.rows import Lecture, Track
from edge_agent.rules.lecture import State
from edge_agent.rules.timeline import START_NS
from edge_agent.spool import Spool
from tests.lecture_maker import SECOND, job, record_pictures, record_sound

TRACKS = {"camera": ("presenter/source", "video"), "microphone": ("presenter/audio", "audio")}
DESTINATION = "central"
#: What happens in a lecture of an hour and leaves rows.
MARKS = 4
GAPS = 3
EVENTS = 12
HOURS_APART = 3


def stock(spool: Spool, lectures: int, *, waiting: int = 0) -> list[str]:
    """Give the spool so many past lectures, the newest `waiting` of them not yet delivered.

    Returns their ids. The agent must be down. What was stocked before is kept.
    """
    spool.lectures.mkdir(parents=True, exist_ok=True)
    packaged = _master(spool)
    ledger = Ledger.create(spool.ledger)
    now = SystemClock().now()
    ids = []
    try:
        with ledger.transaction():
            for age in range(lectures, 0, -1):
                when = now.utc - timedelta(hours=HOURS_APART * age)
                past = Now(now.mono_ns, when, "an earlier boot", "synchronised")
                ids.append(_add(spool, ledger, past, packaged, delivered=age > waiting))
    finally:
        ledger.close()
    return ids


def _master(spool: Spool) -> Packaged:
    """Build the one real package, in a folder that is not of the spool's own."""
    folder = _master_folder(spool)
    if not folder.exists():
        record_pictures(folder / "tracks" / "camera", 0, 3)
        record_sound(folder / "tracks" / "microphone", 0, 3)
    tracks = [(name, flavor, media) for name, (flavor, media) in TRACKS.items()]
    return finish(job(folder, tracks, end_s=3), lambda _message: None)


def _master_folder(spool: Spool) -> Path:
    return spool.root.with_name(spool.root.name + "-master")


def _add(spool: Spool, ledger: Ledger, past: Now, packaged: Packaged, *, delivered: bool) -> str:
    lecture = Lecture(
        id=uuid7(int(past.utc.timestamp() * 1e9)),
        state=State.FINISHING,
        started_utc=past.utc_text,
        clock_trust=past.trust,
        epoch_boot=past.boot,
        epoch_ns=past.mono_ns,
        started_boot=past.boot,
        started_mono_ns=past.mono_ns,
        title=f"Lecture of {past.utc_text}",
        ended_utc=rfc3339(past.utc + timedelta(hours=1)),
        end_ns=START_NS + 3600 * SECOND,
        end_trust=past.trust,
    )
    tracks = [Track(lecture.id, name, *of) for name, of in TRACKS.items()]
    ledger.add_lecture(lecture, tracks)
    _add_history(ledger, lecture, past)
    ledger.package(lecture.id, State.PACKAGED, 3600.0, packaged.artifacts, [DESTINATION])
    if delivered:
        for row in ledger.outbox(lecture.id):
            ledger.delivered(row, {"sha256": row.sha256}, past)
        ledger.set_state(lecture.id, State.DELIVERED)
    _add_files(spool, lecture, tracks)
    return lecture.id


def _add_history(ledger: Ledger, lecture: Lecture, past: Now) -> None:
    for verb in ("start", *["mark"] * MARKS, "stop"):
        key = f"{lecture.id} {verb} {len(ledger.marks(lecture.id))}"
        number = ledger.post(verb, {}, key=key, origin="panel", now=past, ttl_ns=SECOND)
        ledger.answer(number, {"lecture": lecture.id}, past)
        if verb == "mark":
            ledger.add_mark(lecture.id, START_NS + number * SECOND, "")
    for number in range(GAPS):
        at_ns = START_NS + number * 600 * SECOND
        ledger.open_gap(lecture.id, "camera", at_ns, "device lost")
        ledger.close_gaps(lecture.id, "camera", at_ns + 2 * SECOND)
    for number in range(EVENTS):
        ledger.add_event(past, "device lost", f"unplugged, time {number}", lecture.id, "camera")


def _add_files(spool: Spool, lecture: Lecture, tracks: list[Track]) -> None:
    package = spool.package(lecture.id)
    package.mkdir(parents=True)
    for file in (_master_folder(spool) / "package").iterdir():
        os.link(file, package / file.name)
    text = lecture_file.LectureFile(
        **{
            name: value
            for name, value in lecture.columns().items()
            if name in lecture_file.LectureFile.model_fields
        },
        tracks=[
            lecture_file.TrackEntry(name=t.name, flavor=t.flavor, media="video") for t in tracks
        ],
    )
    spool.facts(lecture.id).write_text(text.model_dump_json())
