"""`edge-agent encoders`: which encoders work on this PC, and why the others do not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_agent.commands.output import AsJson, Exit, Failure, Report, reporting
from edge_agent.commands.room import Room, config, room
from edge_agent.commands.words import table

if TYPE_CHECKING:
    from edge_agent.config import TrackConfig
    from edge_agent.encoder_book import Book
    from encoders.ladder import Verdict


class Codec(StrEnum):
    H264 = "h264"
    HEVC = "hevc"
    AV1 = "av1"


def encoders(
    context: typer.Context,
    as_json: AsJson = False,
    retry: bool = typer.Option(False, "--retry", help="Try each of them again now."),
    benchmark: bool = typer.Option(
        False, "--benchmark", help="Measure this room's tracks at once; the result is used."
    ),
    codec: Annotated[
        Codec, typer.Option(help="As a track's codec in the configuration.")
    ] = Codec.H264,
) -> None:
    """Which encoders really work on this PC, found by trying; the first usable one records."""
    with reporting("encoders", as_json) as report:
        here = room(context)
        tracks = config(context).tracks
        book = _book(here, tracks, codec, retry, report)
        if benchmark:
            book = _benchmark(here, tracks, book, report)
        failed = _failed(here)
        verdicts = book.of(codec)
        report.data = {
            "codec": str(codec),
            "tried_utc": book.tried_utc,
            "computer": book.key,
            "encoders": [asdict(v) | {"failed": failed.get(v.name, "")} for v in verdicts],
            "chosen": _chosen(verdicts, codec, failed),
            "headroom": book.headroom,
        }
        rows = [_row(verdict, failed) for verdict in verdicts]
        report.say(*table(("ENCODER", "VERDICT", "SPEED", "WHY"), rows))
        report.say(f"tracks in {codec} are recorded with: {report.data['chosen']}")
        if book.headroom is not None:
            from edge_agent.commands.benchmark import lines

            report.say("", *lines(book.headroom))


def _book(
    here: Room, tracks: Mapping[str, TrackConfig], codec: Codec, retry: bool, report: Report
) -> Book:
    """The verdicts, tried now where the book has none for this computer."""
    from edge_agent.encoder_book import load, this_computer, trial_size

    size = trial_size(track.size for track in tracks.values())
    book = load(here.spool.encoders, this_computer(size=size))
    if not retry and book.covers(codec):
        return book
    must_be_idle(here)
    return _try(book, codec, here.spool.encoders, report)


def _try(book: Book, codec: Codec, path: Path, report: Report) -> Book:
    from datetime import UTC, datetime

    from encoders.ladder import candidates
    from encoders.trials import Pictures, Trials

    def tell(verdict: Verdict) -> None:
        report.note(f"tried {verdict.name}: {_word(verdict)}")

    trials = Trials(Pictures(*book.key["pictures"]))
    try:
        verdicts = trials.run(candidates(codec, book.key["nodes"]), tell)
    finally:
        trials.end()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return _kept(book.with_verdicts(codec, verdicts, now), path, report)


def _benchmark(
    here: Room, configured: Mapping[str, TrackConfig], book: Book, report: Report
) -> Book:
    from edge_agent.commands.benchmark import benchmark

    must_be_idle(here)
    return _kept(benchmark(here, configured, book, report), here.spool.encoders, report)


def _kept(book: Book, path: Path, report: Report) -> Book:
    from edge_agent.encoder_book import save

    try:
        save(path, book)
    except OSError as error:
        report.warn(f"the result cannot be kept: {path}: {error.strerror}")
    return book


def must_be_idle(here: Room) -> None:
    """Trials take the whole processor. Raises Failure."""
    facts = here.status()
    if facts is not None and facts["lecture"] is not None:
        raise Failure(
            Exit.WRONG_STATE,
            "recording",
            "encoders are not tried during a lecture: a trial takes the whole processor",
            "try again when the lecture has ended",
            retryable=True,
        )


def _failed(here: Room) -> dict[str, str]:
    """What has failed in a recording since the PC started, as the running agent says."""
    facts = here.status()
    return dict(facts.get("failed_encoders", {})) if facts else {}


def _chosen(verdicts: list[Verdict], codec: Codec, failed: dict[str, str]) -> str:
    """Tracks whose codec nothing can make here are recorded in h264."""
    from encoders.ladder import SOFTWARE, rungs

    return next(iter(rungs(verdicts, codec, failed)), SOFTWARE["h264"])


def _word(verdict: Verdict) -> str:
    return "works" if verdict.usable else "refused"


def _row(verdict: Verdict, failed: dict[str, str]) -> tuple[str, str, str, str]:
    speed = f"{verdict.speed:.1f} ×" if verdict.speed else "–"
    if verdict.name in failed:
        return verdict.name, "failed", speed, failed[verdict.name]
    return verdict.name, _word(verdict), speed, verdict.reason
