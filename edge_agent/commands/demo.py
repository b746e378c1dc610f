"""`edge-agent demo`: one short lecture, all the way, with the real programs.

Starts the agent and the upload process as children, on a configuration of their own; records,
packages, delivers to a folder that plays the central platform, and verifies what arrived there.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_agent.asking import wait_for
from edge_agent.commands.asking import ask
from edge_agent.commands.demo_panel import free_port, show_panel
from edge_agent.commands.output import Exit, Failure, Report, reporting
from edge_agent.commands.progress import bar
from edge_agent.commands.room import Room, find_lecture, room_of
from edge_agent.commands.short_lecture import ARMED_S, Alive, package, programs, record, with_log
from edge_agent.commands.words import size

if TYPE_CHECKING:
    from edge_agent.config import TrackConfig

DELIVERED_S = 300.0
NAME = "platform"
PROCESSES = ("agent", "upload", "panel")


def demo(
    seconds: Annotated[float, typer.Option(min=3, max=3600, help="Length of the lecture.")] = 20,
    to: Annotated[
        Path, typer.Option(help="Folder for everything; a second run adds to it.")
    ] = Path("demo-output"),
    synthetic: Annotated[
        bool, typer.Option("--synthetic", help="Test picture and sound, whatever is plugged in.")
    ] = False,
) -> None:
    """Record a short lecture, package, deliver and verify it."""
    with reporting("demo") as report:
        home = to.absolute()
        file = _configure(home, _tracks(synthetic, report))
        here = room_of(file)
        if here.alive():
            raise Failure(
                Exit.WRONG_STATE,
                "already-running",
                f"a demo is running in {home}",
                "wait for it, or choose another folder with --to",
            )
        with programs(home, file, PROCESSES) as alive:
            try:
                _end_interrupted(here, alive, report)
                title = f"A lecture of {seconds:g} seconds"
                details = {"title": title, "lecturer": "edge-agent demo"}
                lecture = record(here, seconds, details, alive, report)
                package(here, lecture, alive, report)
                _deliver(here, lecture, alive, report)
            except Failure as failure:
                raise with_log(failure, home, PROCESSES) from failure
            _verify(home, lecture, report)
            _how_to_go_on(home, lecture, report)
            show_panel(here, alive, report)


def _tracks(synthetic: bool, report: Report) -> dict[str, TrackConfig]:
    """Attached devices, else a test picture with slides and a voice."""
    from edge_agent.commands.looking import chosen_tracks

    tracks: dict[str, TrackConfig] = {}
    if not synthetic:
        try:
            tracks = chosen_tracks()
        except Failure as failure:
            report.warn(f"{failure.message}; the demo goes on without devices")
    if not tracks:
        report.say("From: the built-in test picture, test slides and a recorded voice")
        return _synthetic()
    report.say(*(f"From: {track.device} ({name})" for name, track in tracks.items()))
    return tracks


def _synthetic() -> dict[str, TrackConfig]:
    from edge_agent.config import TrackConfig

    sound = {"stream": "audio", "sound": "speech"}
    return {
        "camera": TrackConfig(kind="synthetic", size=(1280, 720), fps=25),
        "slides": TrackConfig(
            kind="synthetic", flavor="presentation/source", size=(960, 540), fps=5
        ),
        "microphone": TrackConfig(kind="synthetic", options=sound),
    }


def _configure(home: Path, tracks: dict[str, TrackConfig]) -> Path:
    from edge_agent.config import to_toml

    (home / NAME).mkdir(parents=True, exist_ok=True)
    file = home / "config.toml"
    shown = {
        name: track.model_dump(mode="json", exclude_none=True) for name, track in tracks.items()
    }
    values = {
        "room": {"name": "Demo"},
        "lecture": {"course": "Demonstration", "language": "en"},
        "storage": {
            "spool": str(home / "spool"),
            "runtime": str(home / "run"),
            "least_free_mib": 200,
        },
        "panel": {"port": free_port()},
        "tracks": shown,
        "destinations": {NAME: {"type": "folder", "path": str(home / NAME)}},
        # Whoever looks on does not wait for a room that is at rest.
        "renditions": {"audio": False, "camera": "off"},
    }
    file.write_text(to_toml(values))
    return file


def _end_interrupted(here: Room, alive: Alive, report: Report) -> None:
    """An earlier demo that was broken off: its lecture goes on, as it should; here it ends."""
    facts = wait_for(lambda: alive() and here.status(), ARMED_S)
    if facts and facts["lecture"]:
        report.note("an earlier demo was interrupted; its lecture is finished too")
        ask(here, "stop", {})


def _deliver(here: Room, lecture: str, alive: Alive, report: Report) -> None:
    from edge_agent.rules.lecture import State

    with here.ledger() as ledger:
        rows = ledger.outbox(lecture)
        total = sum(row.bytes for row in rows)
        with bar("Delivering", float(total), report) as advance:

            def done() -> bool:
                left = sum(r.bytes for r in ledger.outbox(lecture) if r.receipt is None)
                advance(float(total - left))
                return alive() and find_lecture(ledger, lecture).state is State.DELIVERED

            if not wait_for(done, DELIVERED_S):
                errors = {r.last_error for r in ledger.outbox(lecture) if r.last_error}
                raise Failure(
                    Exit.TIMEOUT,
                    "not-delivered",
                    "; ".join(sorted(errors)) or "the lecture was not delivered in time",
                    "see what the agent said above",
                )
    report.say(f"Delivered {len(rows)} files, {size(total)}, each with a receipt")


def _verify(home: Path, lecture: str, report: Report) -> None:
    from edge_agent.verify import verify_package

    problems = verify_package(home / NAME / lecture)
    if problems:
        raise Failure(
            Exit.FINDINGS,
            "not-whole",
            "; ".join(f"{problem.file} {problem.what}" for problem in problems),
            f"look into {home / NAME / lecture}",
        )
    report.say("Verified at the destination: every byte is as recorded")


def _how_to_go_on(home: Path, lecture: str, report: Report) -> None:
    program = Path(sys.argv[0])
    command = str(program) if program.name == "edge-agent" else "edge-agent"
    report.say(
        "",
        f"Look:   {home / NAME / lecture}",
        "        presenter.mp4 plays in any browser; manifest.json tells the rest",
        f"Ask:    {command} --config {home / 'config.toml'} lectures show last",
        f"Check:  {command} --config {home / 'config.toml'} storage check",
        f"Go on:  {command} devices list; then docs/it.md for a room that records every day",
    )
