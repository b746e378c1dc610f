"""`edge-agent upload …`: the delivery queue, and the process that empties it."""

from __future__ import annotations

import os

import typer

from edge_agent.commands import stick, upload_test
from edge_agent.commands import upload_control as control
from edge_agent.commands.output import reporting
from edge_agent.commands.room import config, room
from edge_agent.commands.upload_hours import window
from edge_agent.commands.upload_status import status

app = typer.Typer(help="The delivery of finished lectures.", no_args_is_help=True)


@app.command()
def run(context: typer.Context) -> None:
    """Deliver in the foreground, until told to stop (systemd runs this)."""
    with reporting("upload.run") as report:
        import logging

        from edge_agent import delivery
        from edge_agent.secrets import Secrets

        logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
        settings = config(context)
        if not settings.destinations:
            report.warn("no destinations are configured: lectures stay on this computer")
        delivery.run(settings, Secrets.of(os.environ, room(context).written.main.parent))


for each in (status, control.pause, control.resume, control.now, control.retry, control.limit):
    app.command()(each)
app.command()(window)
app.command("test")(upload_test.try_out)
app.add_typer(stick.app, name="stick")
