"""The command line, and the place where everything is put together.

Imports nothing heavy: `--help` and `status` must answer at once. Each command's module imports
what it needs when it runs.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from edge_agent.commands import (
    alerts,
    button,
    captions,
    changing,
    configuration,
    demo,
    devices,
    doctor,
    encoders,
    enrol,
    fleet,
    fleet_watch,
    lectures,
    light,
    logs,
    manual,
    metrics,
    mqtt,
    panel,
    profiles,
    record,
    running,
    schedule,
    secret,
    setup,
    statistics,
    status,
    storage,
    support,
    upload,
)
from edge_agent.commands.output import Exit
from edge_agent.commands.plain import use_plain_where_needed
from edge_agent.commands.streams import all_open, aside, let_go

app = typer.Typer(
    help="Records lectures, packages them and delivers them; never loses one.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def options(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            envvar="EDGE_AGENT_CONFIG",
            readable=False,  # not asked here: who may not read it is told by the command
            help="Configuration file instead of the one in use.",
        ),
    ] = None,
) -> None:
    context.obj = config


app.command()(setup.setup)
app.command()(status.status)
app.command()(doctor.doctor)
record.app.command()(changing.extend)
record.app.command("continue")(changing.go_on)
lectures.app.command()(changing.edit)
lectures.app.command()(statistics.statistics)
lectures.app.command()(changing.withhold)
lectures.app.command()(changing.publish)
lectures.app.add_typer(captions.app, name="captions")
app.add_typer(record.app, name="record")
app.add_typer(lectures.app, name="lectures")
app.add_typer(schedule.app, name="schedule")
app.add_typer(upload.app, name="upload")
app.add_typer(panel.app, name="panel")
app.add_typer(devices.app, name="devices")
app.add_typer(profiles.app, name="profile")
app.add_typer(light.app, name="light")
app.add_typer(button.app, name="button")
app.add_typer(mqtt.app, name="mqtt")
app.add_typer(alerts.app, name="alerts")
app.command()(metrics.metrics)
app.command()(encoders.encoders)
app.command()(enrol.enrol)
fleet.app.command()(enrol.invite)
fleet.app.command()(fleet_watch.watch)
app.add_typer(fleet.app, name="fleet")
app.add_typer(storage.app, name="storage")
app.add_typer(configuration.app, name="config")
app.add_typer(secret.app, name="secret")
app.command()(logs.logs)
app.command()(support.report)
app.command()(running.run)
app.command()(demo.demo)
app.command()(running.version)
app.command()(manual.man)


def main() -> None:
    """The console script `edge-agent`."""
    all_open()
    use_plain_where_needed()
    try:
        app()
    except OSError as error:  # of `--help` and completions; every command answers for itself
        let_go(sys.stdout)
        aside(f"error: the text could not be written: {error.strerror}")
        sys.exit(Exit.FAILED)


if __name__ == "__main__":
    main()
