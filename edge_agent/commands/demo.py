"""`edge-agent demo`: one short lecture, all the way, with the real programs.

Starts the agent and the upload process as children, on a configuration of their own; records,
packages, delivers to a folder that plays the central platform, and verifies what arrived there.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from edge_agent.asking import wait_for
from edge_agent.commands.asking import ask
from edge_agent.commands.demo_panel import free_port, show_panel
from edge_agent.commands.output import Exit, Failure, Report, reporting
from edge_agent.commands.progress import bar
from edge_agent.commands.room import Room, find_lecture, room_of
from edge_agent.commands.words import clock, size

if TYPE_CHECKING:
    from edge_agent.config import TrackConfig

ARMED_S = 30.0
PACKAGED_S = 300.0
DELIVERED_S = 300.0
STOP_S = 20.0
LOG_LINES = 15
NAME = "platform"
PROCESSES = ("agent", "upload", "panel")

#: True while the demo's processes live; raises Failure when one has ended.
Alive: TypeAlias = Callable[[], bool]


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
        with _agents(home, file) as alive:
            try:
                _end_interrupted(here, alive, report)
                lecture = _record(here, seconds, alive, report)
                _package(here, lecture, alive, report)
                _deliver(here, lecture, alive, report)
            except Failure as failure:
                raise _with_log(failure, home) from failure
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


@contextmanager
def _agents(home: Path, file: Path) -> Iterator[Alive]:
    """The agent, the upload process and the panel, as systemd would run them.

    Gives a function that is True, or raises when one of them has ended.
    """
    children: dict[str, subprocess.Popen[bytes]] = {}

    def alive() -> bool:
        for name, child in children.items():
            if child.poll() is not None:
                told = f"the {name} process ended with status {child.returncode}"
                raise Failure(Exit.FAILED, f"{name}-ended", told, "see what it said above")
        return True

    with ExitStack() as stack:
        for name in PROCESSES:
            arguments = ["run"] if name == "agent" else [name, "run"]
            log = stack.enter_context((home / f"{name}.log").open("wb"))
            command = [sys.executable, "-m", "edge_agent.cli", "--config", str(file), *arguments]
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0
            )
            stack.callback(_end, child)
            children[name] = child
        yield alive


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(STOP_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait(STOP_S)


def _end_interrupted(here: Room, alive: Alive, report: Report) -> None:
    """An earlier demo that was broken off: its lecture goes on, as it should; here it ends."""
    facts = wait_for(lambda: alive() and here.status(), ARMED_S)
    if facts and facts["lecture"]:
        report.note("an earlier demo was interrupted; its lecture is finished too")
        ask(here, "stop", {})


def _record(here: Room, seconds: float, alive: Alive, report: Report) -> str:
    tracks = wait_for(lambda: alive() and _armed(here, everything=True), ARMED_S) or _armed(here)
    if not tracks:
        raise Failure(
            Exit.DEVICE,
            "nothing-armed",
            f"after {ARMED_S:.0f} s no device is ready",
            "try the built-in test picture: edge-agent demo --synthetic",
        )
    report.say(*(f"Ready: {name}, {track['description']}" for name, track in tracks.items()))
    title = f"A lecture of {seconds:g} seconds"
    lecture = str(ask(here, "start", {"title": title, "lecturer": "edge-agent demo"})["lecture"])
    began = time.monotonic()
    with bar("Recording", seconds, report) as advance:
        while (done := time.monotonic() - began) < seconds:
            advance(done)
            time.sleep(min(0.2, seconds - done))
        advance(seconds)
    on_disk = _durable(here)
    ask(here, "stop", {})
    report.say(f"Recorded {seconds:g} s as lecture {lecture}; on the disk before the stop:")
    report.say(*(f"  {name:<12} {clock(done)}" for name, done in on_disk.items()))
    return lecture


def _armed(here: Room, everything: bool = False) -> dict[str, Any]:
    """The tracks that are ready; with `everything` none, until all are."""
    tracks = (here.status() or {"tracks": {}})["tracks"]
    ready = {name: track for name, track in tracks.items() if track["phase"] == "armed"}
    return ready if not everything or len(ready) == len(tracks) else {}


def _durable(here: Room) -> dict[str, float | None]:
    tracks = (here.status() or {"tracks": {}})["tracks"]
    return {name: track["durable_s"] for name, track in tracks.items()}


def _package(here: Room, lecture: str, alive: Alive, report: Report) -> None:
    from edge_agent.rules.lecture import State

    with here.ledger() as ledger, bar("Packaging", 1.0, report) as advance:

        def done() -> bool:
            finishing = (here.status() or {}).get("finishing") or {}
            advance(float(finishing.get("fraction", 0.0)))
            state = find_lecture(ledger, lecture).state
            return alive() and state not in (State.RECORDING, State.FINISHING)

        finished = wait_for(done, PACKAGED_S)
        found = find_lecture(ledger, lecture)
    if not finished or found.state is State.FAILED:
        raise Failure(
            Exit.FAILED if finished else Exit.TIMEOUT,
            "not-packaged",
            found.reason or f"the package was not finished within {PACKAGED_S:.0f} s",
            "see what the agent said above",
        )
    report.say(f"Packaged {clock(found.duration_s)} of lecture")


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


def _with_log(failure: Failure, home: Path) -> Failure:
    """The failure, with what the agent said last."""
    lines = []
    for name in PROCESSES:
        said = (home / f"{name}.log").read_text(errors="replace").splitlines()[-LOG_LINES:]
        lines += [f"  {name}: {line}" for line in said]
    told = "\n".join([failure.message, *lines])
    return Failure(failure.exit, failure.code, told, failure.hint, failure.retryable)
