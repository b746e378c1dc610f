"""`edge-agent config …`: where the configuration is, whether it is right, and what it says."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from edge_agent import places
from edge_agent.commands import config_changing
from edge_agent.commands.output import AsJson, reporting
from edge_agent.commands.room import config, config_option

app = typer.Typer(help="Show, check and change the configuration.", no_args_is_help=True)


@app.command()
def path(context: typer.Context, as_json: AsJson = False) -> None:
    """The files that are read, in order; the later one wins."""
    with reporting("config.path", as_json) as report:
        main = config_option(context) or places.main_file(os.environ)
        found = places.files(main)
        report.data = {"main": str(main), "files": [str(file) for file in found]}
        report.say(*(str(file) for file in found))
        if main not in found:
            report.warn(f"{main} does not exist; the defaults hold")


@app.command()
def validate(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="Instead of the one in use.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check the configuration; say everything that is wrong with it."""
    from edge_agent.config import load

    with reporting("config.validate", as_json) as report:
        main = file or config_option(context)
        load(main, os.environ)
        report.data = {"valid": True}
        report.say(f"{main or places.main_file(os.environ)} is valid")


@app.command()
def show(context: typer.Context, as_json: AsJson = False) -> None:
    """What the agent goes by, defaults included, as TOML."""
    from edge_agent.config import to_toml

    with reporting("config.show", as_json) as report:
        report.data = config(context).model_dump(mode="json", exclude_none=True)
        report.say(to_toml(report.data).rstrip("\n"))


@app.command()
def schema() -> None:
    """The JSON Schema of the configuration, for editors."""
    from edge_agent.config import Config

    with reporting("config.schema") as report:
        report.say(json.dumps(Config.model_json_schema(), indent=2))


app.command()(config_changing.get)
app.command("set")(config_changing.set_)
app.command()(config_changing.unset)
app.command()(config_changing.diff)
app.command()(config_changing.apply)
app.command()(config_changing.history)
app.command()(config_changing.rollback)
