"""`edge-agent button …`: buttons, pedals and key pads that press for the lecturer."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from edge_agent.commands.light import find, held, list_known
from edge_agent.commands.output import AsJson, Exit, Failure, reporting

app = typer.Typer(help="USB buttons, pedals and key pads.", no_args_is_help=True)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """The buttons that are plugged in and known."""
    with reporting("button.list", as_json) as report:
        list_known(report, [it for it in find(report) if it.known.button], "button")


@app.command("test")
def try_(
    context: typer.Context,
    seconds: Annotated[float, typer.Option(min=1.0, max=600.0, help="How long to watch.")] = 15.0,
    as_json: AsJson = False,
) -> None:
    """Say which keys go down and up; nothing is started or stopped by them."""
    from edge_agent.lights import TURN_MS

    with reporting("button.test", as_json) as report, held(context, report) as lights:
        if not lights.reads:
            raise Failure(
                Exit.DEVICE,
                "no-button",
                "no button can be used",
                "see what is plugged in: edge-agent button list",
                retryable=True,
            )
        report.note(f"press the keys now; this ends after {seconds:g} s")
        presses: list[str] = []
        before: frozenset[str] = frozenset()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            down = frozenset(str(key) for key in lights.keys(TURN_MS))
            for key in sorted(down - before):
                presses.append(key)
                report.say(f"{key}: down")
            report.say(*(f"{key}: up" for key in sorted(before - down)))
            before = down
            time.sleep(TURN_MS / 1000)
        report.data = {"buttons": lights.names, "presses": presses}
        if not presses:
            report.exit = Exit.FINDINGS
            report.warn("no key was pressed; is it a key that sends nothing? see docs/it.md")
