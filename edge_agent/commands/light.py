"""`edge-agent light …`: the small lights that show what the room does."""

from __future__ import annotations

import sqlite3
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from edge_agent.commands.output import AsJson, Exit, Failure, Report, reporting
from edge_agent.commands.room import Room, config, room
from edge_agent.commands.words import table
from edge_agent.locks import is_held

if TYPE_CHECKING:
    from edge_agent.config import Config
    from edge_agent.lights import Lights, Sight
    from edge_agent.usb_hid import Plugged

app = typer.Typer(help="Small USB lights that show what the room does.", no_args_is_help=True)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """The lights that are plugged in and known."""
    with reporting("light.list", as_json) as report:
        list_known(report, [it for it in find(report) if it.known.light], "light")


@app.command("test")
def try_(
    context: typer.Context,
    mood: Annotated[str, typer.Option(help="Only this pattern, such as recording or paused.")] = "",
    seconds: Annotated[float, typer.Option(min=0.1, max=600.0, help="For each pattern.")] = 4.0,
    as_json: AsJson = False,
) -> None:
    """Show each pattern on all lights, one after the other."""
    with reporting("light.test", as_json) as report:
        from device_profiles.lights.patterns import Mood

        known = [it.value for it in Mood if it is not Mood.OFF]
        if mood and mood not in known:
            raise Failure(
                Exit.USAGE, "bad-mood", f"{mood!r} is no pattern", f"one of {', '.join(known)}"
            )
        with held(context, report) as lights:
            _demand_some(lights)
            for name in [mood] if mood else known:
                report.say(name)
                _show(lights, Mood(name), seconds)
            report.data = {"lights": lights.names, "patterns": [mood] if mood else known}


@app.command()
def off(context: typer.Context, as_json: AsJson = False) -> None:
    """Switch all lights off (systemd runs this when the service has ended, however it ended)."""
    with reporting("light.off", as_json) as report, held(context, report) as lights:
        report.data = lights.names
        report.say(*(f"{name}: off" for name in lights.names))


@app.command()
def run(context: typer.Context) -> None:
    """Show the room and pass presses on, in the foreground (systemd runs this)."""
    with reporting("light.run") as report:
        from edge_agent import lights as program
        from edge_agent.locks import only_one
        from edge_agent.stopping import told_by_signals
        from edge_agent.systemd import notify

        settings, here = config(context), room(context)
        here.runtime.root.mkdir(parents=True, exist_ok=True, mode=0o750)
        with told_by_signals() as stop, only_one(here.runtime.light_lock, "light"):
            notify("READY=1")
            program.run(
                make(settings, report.note),
                program.Watch(*looking(settings, here)),
                program.Presses(asking(here), report.note),
                stop,
                alive=lambda: notify("WATCHDOG=1"),
            )
            notify("STOPPING=1")


# ---------------------------------------------------------------- pieces, for buttons too


def make(settings: Config, tell: Callable[[str], None]) -> Lights:
    """All lights and buttons of this PC; nothing is opened yet."""
    from device_profiles.lights.known import load_known
    from device_profiles.lights.patterns import Scheme
    from edge_agent.lights import Lights
    from edge_agent.rules.button import Tap
    from edge_agent.usb_hid import UsbLights

    scheme, tap = Scheme(settings.light.scheme), Tap(settings.light.tap)
    return Lights(UsbLights(load_known()), scheme, tap, tell)


def looking(settings: Config, here: Room) -> tuple[Callable[[], Sight], Callable[[], None]]:
    """What the panel would show, and what ends the looking. Both for one thread."""
    from edge_agent.clock import SystemClock
    from edge_agent.commands.room_look import RoomLook
    from edge_agent.lights import Sight

    seen = RoomLook(settings, here.spool, here.runtime, SystemClock())

    def look() -> Sight:
        _reading, state = seen.look()
        worst = state.problems[0].severity if state.problems else ""
        return Sight(state.word, worst, state.ask.kind if state.ask else "")

    return look, seen.close


def asking(here: Room) -> Callable[[str], str]:
    """Give a command to the agent; what came of it, in words. For one thread."""
    from edge_agent.asking import NoAnswer, NotRunning, ask_agent
    from edge_agent.clock import SystemClock

    def ask(verb: str) -> str:
        args = {"undo": True} if verb == "stop" else {}
        key = f"button-{uuid.uuid4()}"
        try:
            answer = ask_agent(
                here.spool, here.runtime, SystemClock(), verb, args, key=key, origin="button"
            )
        except NotRunning:
            return "the agent is not running"
        except NoAnswer:
            return "the agent did not answer"
        except (sqlite3.Error, OSError) as error:
            return f"the ledger refuses: {error}"
        refused = answer.get("error")
        return str(refused.get("message", "refused")) if refused else "done"

    return ask


def find(report: Report) -> list[Plugged]:
    """What is plugged in and known. Raises Failure when USB cannot be reached."""
    from device_profiles.lights.known import load_known
    from edge_agent.usb_hid import UsbLights, UsbTrouble

    try:
        found, troubles = UsbLights(load_known()).find()
    except UsbTrouble as trouble:
        raise Failure(Exit.DEVICE, "no-usb", trouble.message, trouble.hint) from None
    for each in troubles:
        report.warn(f"{each.message}. Next: {each.hint}")
    return found


def list_known(report: Report, found: list[Plugged], what: str) -> None:
    report.data = [
        {"usb": it.usb, "place": it.place, "name": it.known.name}
        | {"light": it.known.light, "button": it.known.button}
        for it in found
    ]
    if not found:
        report.say(f"no {what} found")
        report.note(f"next:  plug one in, then: edge-agent {what} list")
        return
    report.say(*table(("ID", "PLACE", "WHAT"), [(it.usb, it.place, it.known.name) for it in found]))


@contextmanager
def held(context: typer.Context, report: Report) -> Iterator[Lights]:
    """All devices open; dark and given back at the end. Raises Failure if the service has them."""
    settings, here = config(context), room(context)
    if is_held(here.runtime.light_lock):
        raise Failure(
            Exit.WRONG_STATE,
            "lights-in-use",
            "the service shows the room on these lights now",
            "stop it first: sudo systemctl stop edge-agent-light",
        )
    lights = make(settings, lambda line: None if line.endswith("in use") else report.warn(line))
    try:
        lights.search()
        yield lights
    finally:
        lights.close()
        sys.stdout.flush()


def _demand_some(lights: Lights) -> None:
    if not lights.names:
        raise Failure(
            Exit.DEVICE,
            "no-light",
            "no light can be used",
            "see what is plugged in: edge-agent light list",
            retryable=True,
        )


def _show(lights: Lights, mood: object, seconds: float) -> None:
    from device_profiles.lights.patterns import Mood
    from edge_agent.lights import TURN_MS

    assert isinstance(mood, Mood)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        lights.show(time.monotonic_ns(), mood)
        time.sleep(TURN_MS / 1000)
