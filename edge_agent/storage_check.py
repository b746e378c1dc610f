"""Do ledger and spool agree? The storage invariants (DESIGN.md, I1 to I5) as a comparison of facts.

`gather` reads, `findings` compares (pure), nothing is changed. A lecture that is being recorded
or finished moves while it is looked at; what may move is not held against it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edge_agent import ledger_mark
from edge_agent.aside import readable
from edge_agent.ledger import Ledger
from edge_agent.rows import Gap, Lecture, OutboxRow, Segment
from edge_agent.rules.lecture import ACTIVE, BUILDING, WITH_PACKAGE, State
from edge_agent.spool import KNOWN_AT_TOP, KNOWN_IN_LECTURE, Spool
from edge_agent.verify import file_sha256, verify_package

REPAIR = "with the agent stopped: edge-agent storage check --repair"


@dataclass(frozen=True, slots=True)
class Finding:
    """What breaks which invariant, and the next step."""

    invariant: str
    where: str
    what: str
    hint: str


@dataclass(frozen=True, slots=True)
class LectureFacts:
    """One lecture as ledger and spool have it. File names are relative to `tracks`."""

    lecture: Lecture
    segments: tuple[Segment, ...] = ()
    gaps: tuple[Gap, ...] = ()
    outbox: tuple[OutboxRow, ...] = ()
    #: "camera/000001.mp4" → size in bytes.
    files: Mapping[str, int] = field(default_factory=dict)
    #: The same names → SHA-256; empty when only sizes are compared.
    hashes: Mapping[str, str] = field(default_factory=dict)
    #: Other entries of the lecture's folder that nobody knows.
    strays: tuple[str, ...] = ()
    has_package: bool = False
    package_problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SpoolFacts:
    lectures: tuple[LectureFacts, ...]
    #: Folders of lectures that the ledger does not know, and other strays at the top.
    strays: tuple[str, ...] = ()
    ledger_problems: tuple[str, ...] = ()
    #: The tracks that the running agent records at this moment; None when it is down.
    recording: frozenset[str] | None = None


def gather(
    spool: Spool, ledger: Ledger, recording: frozenset[str] | None, *, hashes: bool
) -> SpoolFacts:
    """Read ledger and spool; with `hashes` every byte of them."""
    lectures = [_gather(spool, ledger, lecture, hashes) for lecture in ledger.lectures()]
    known = {each.lecture.id for each in lectures}
    strays = [name for name in _names(spool.root) if name not in KNOWN_AT_TOP]
    strays += [f"lectures/{name}" for name in _names(spool.lectures) if name not in known]
    problems = ledger.integrity_problems()
    if recording is None and ledger.water().behind(ledger_mark.read(spool.mark)):
        problems.append("is older than the spool: a copy of it was put in its place")
    return SpoolFacts(tuple(lectures), tuple(strays), tuple(problems), recording)


def _gather(spool: Spool, ledger: Ledger, lecture: Lecture, hashes: bool) -> LectureFacts:
    folder, tracks = spool.lecture(lecture.id), spool.tracks(lecture.id)
    paths = sorted(path for path in tracks.glob("*/*") if path.is_file())
    files = {readable(str(path.relative_to(tracks))): path for path in paths}
    segments = tuple(ledger.segments(lecture.id))
    named = {f"{s.track}/{s.name}" for s in segments} & files.keys() if hashes else set()
    package = spool.package(lecture.id)
    there = package.is_dir()
    return LectureFacts(
        lecture,
        segments,
        tuple(ledger.gaps(lecture.id)),
        tuple(ledger.outbox(lecture.id)),
        {name: path.stat().st_size for name, path in files.items()},
        {name: file_sha256(files[name]) for name in named},
        tuple(name for name in _names(folder) if name not in KNOWN_IN_LECTURE),
        there,
        tuple(_package_problems(package, hashes)) if there else (),
    )


def _package_problems(package: Path, hashes: bool) -> list[str]:
    if not hashes:
        return []
    return [f"{problem.file} {problem.what}" for problem in verify_package(package)]


def _names(folder: Path) -> list[str]:
    return sorted(readable(entry.name) for entry in folder.iterdir()) if folder.is_dir() else []


# ---------------------------------------------------------------- the comparison, pure


def findings(facts: SpoolFacts) -> list[Finding]:
    """Everything that breaks an invariant; empty when the storage is sound."""
    found = [Finding("ledger", "ledger.db", problem, REPAIR) for problem in facts.ledger_problems]
    found += [Finding("I2", name, "is known to nobody", REPAIR) for name in facts.strays]
    for lecture in facts.lectures:
        found += _segment_findings(lecture)
        found += _stray_findings(lecture, agent_runs=facts.recording is not None)
        found += _recording_findings(lecture, facts.recording)
        found += _package_findings(lecture)
        found += _delivery_findings(lecture)
    return found


def _segment_findings(it: LectureFacts) -> Iterator[Finding]:
    """I1: a segment row means that the file is there with that size and hash."""
    for row in it.segments:
        name = f"{row.track}/{row.name}"
        where = f"lectures/{it.lecture.id}/tracks/{name}"
        hint = f"edge-agent lectures show {it.lecture.id}"
        if name not in it.files:
            yield Finding("I1", where, "is in the ledger but not on the disk", hint)
        elif it.files[name] != row.bytes:
            what = f"has {it.files[name]} bytes, the ledger says {row.bytes}"
            yield Finding("I1", where, what, hint)
        elif it.hashes.get(name, row.sha256) != row.sha256:
            yield Finding("I1", where, "has another content than the ledger says", hint)


def _stray_findings(it: LectureFacts, agent_runs: bool) -> Iterator[Finding]:
    """I2: every file is named by a row, or is being written.

    While a lecture is being recorded, or its recorders close their files after the stop, a
    segment's row follows its file by an instant; while it is finished package.part is built.
    """
    finishing = it.lecture.state is State.FINISHING
    if it.lecture.state in ACTIVE or (finishing and agent_runs):
        return
    if it.lecture.state is State.PURGED:
        return  # what is left of it goes when the agent looks next
    rows = {f"{row.track}/{row.name}" for row in it.segments}
    building = {"package.part"} if it.lecture.state in BUILDING else set()
    strays = [f"tracks/{name}" for name in it.files if name not in rows]
    strays += [name for name in it.strays if name not in building]
    for name in strays:
        yield Finding(
            "I2",
            f"lectures/{it.lecture.id}/{name}",
            "is named by no row of the ledger",
            REPAIR,
        )


def _recording_findings(it: LectureFacts, recording: frozenset[str] | None) -> Iterator[Finding]:
    """I3: no lecture is recording without a live recorder or an open gap."""
    if it.lecture.state is not State.RECORDING:
        return
    where = f"lectures/{it.lecture.id}"
    if recording is None:
        yield Finding("I3", where, "is being recorded, but no agent is running", "edge-agent run")
    elif not recording and not any(gap.end_ns is None for gap in it.gaps):
        yield Finding(
            "I3", where, "has no live recorder and no open gap", "edge-agent record status"
        )


def _package_findings(it: LectureFacts) -> Iterator[Finding]:
    """I4: a package replaces the segments only when it is whole; until then another is built."""
    where = f"lectures/{it.lecture.id}/package"
    again = "take the copy at the destination: edge-agent lectures show " + it.lecture.id
    again_from_segments = it.lecture.state is State.HELD and it.segments
    if it.lecture.state in WITH_PACKAGE and not it.has_package and not again_from_segments:
        yield Finding("I4", where, f"is missing, but the lecture is {it.lecture.state}", again)
    for problem in it.package_problems:
        yield Finding("I4", where, problem, again)


def _delivery_findings(it: LectureFacts) -> Iterator[Finding]:
    """I5: nothing that is not delivered counts as delivered, let alone as purged."""
    waiting = [row for row in it.outbox if row.receipt is None]
    if it.lecture.state in (State.DELIVERED, State.PURGED) and waiting:
        yield Finding(
            "I5",
            f"lectures/{it.lecture.id}",
            f"is {it.lecture.state}, but {len(waiting)} files have no receipt",
            f"edge-agent lectures export {it.lecture.id} --to FOLDER",
        )
    if it.lecture.state in (State.DELIVERED, State.PURGED) and it.lecture.renditions == "wanted":
        yield Finding(
            "I5",
            f"lectures/{it.lecture.id}",
            f"is {it.lecture.state}, but its small versions are still to be made",
            f"edge-agent lectures show {it.lecture.id}",
        )
