"""One lecture of some seconds with the real programs, on a configuration of its own.

For `edge-agent demo`, and for the test recording of `edge-agent setup`.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from edge_agent.asking import wait_for
from edge_agent.commands.asking import ask
from edge_agent.commands.output import Exit, Failure, Report
from edge_agent.commands.progress import bar
from edge_agent.commands.room import Room, find_lecture
from edge_agent.commands.words import clock

ARMED_S = 30.0
PACKAGED_S = 300.0
STOP_S = 20.0
LOG_LINES = 15

#: True while the processes live; raises Failure when one has ended.
Alive: TypeAlias = Callable[[], bool]


@contextmanager
def programs(
    home: Path, file: Path, names: Sequence[str], account: Mapping[str, Any] | None = None
) -> Iterator[Alive]:
    """Some of agent, upload process and panel, as systemd would run them; their logs in `home`.

    Gives a function that is True, or raises when one of them has ended. `account` is for
    subprocess: who they run as.
    """
    children: dict[str, subprocess.Popen[bytes]] = {}

    def alive() -> bool:
        for name, child in children.items():
            if child.poll() is not None:
                told = f"the {name} process ended with status {child.returncode}"
                raise Failure(Exit.FAILED, f"{name}-ended", told, "see what it said above")
        return True

    with ExitStack() as stack:
        for name in names:
            arguments = ["run"] if name == "agent" else [name, "run"]
            log = stack.enter_context((home / f"{name}.log").open("wb"))
            command = [sys.executable, "-m", "edge_agent.cli", "--config", str(file), *arguments]
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
                **(account or {}),
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


def record(
    here: Room,
    seconds: float,
    details: Mapping[str, str],
    alive: Alive,
    report: Report,
    look: Callable[[], None] = lambda: None,
) -> str:
    """The id of a lecture that is recorded and stopped; `look` is called meanwhile."""
    tracks = wait_for(lambda: alive() and armed(here, everything=True), ARMED_S) or armed(here)
    if not tracks:
        raise Failure(
            Exit.DEVICE,
            "nothing-armed",
            f"after {ARMED_S:.0f} s no device is ready",
            "see what is plugged in: edge-agent devices list; or try: edge-agent demo --synthetic",
        )
    report.say(*(f"Ready: {name}, {track['description']}" for name, track in tracks.items()))
    lecture = str(ask(here, "start", details)["lecture"])
    began = time.monotonic()
    with bar("Recording", seconds, report) as advance:
        while (done := time.monotonic() - began) < seconds:
            advance(done)
            look()
            time.sleep(min(0.2, seconds - done))
        advance(seconds)
    on_disk = durable(here)
    ask(here, "stop", {})
    report.say(f"Recorded {seconds:g} s as lecture {lecture}; on the disk before the stop:")
    report.say(*(f"  {name:<12} {clock(done)}" for name, done in on_disk.items()))
    return lecture


def armed(here: Room, everything: bool = False) -> dict[str, Any]:
    """The tracks that are ready; with `everything` none, until all are."""
    tracks = (here.status() or {"tracks": {}})["tracks"]
    ready = {name: track for name, track in tracks.items() if track["phase"] == "armed"}
    return ready if not everything or len(ready) == len(tracks) else {}


def durable(here: Room) -> dict[str, float | None]:
    tracks = (here.status() or {"tracks": {}})["tracks"]
    return {name: track["durable_s"] for name, track in tracks.items()}


def package(here: Room, lecture: str, alive: Alive, report: Report) -> None:
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


def with_log(failure: Failure, home: Path, names: Sequence[str]) -> Failure:
    """The failure, with what the programs said last."""
    lines = []
    for name in names:
        said = (home / f"{name}.log").read_text(errors="replace").splitlines()[-LOG_LINES:]
        lines += [f"  {name}: {line}" for line in said]
    told = "\n".join([failure.message, *lines])
    return Failure(failure.exit, failure.code, told, failure.hint, failure.retryable)
