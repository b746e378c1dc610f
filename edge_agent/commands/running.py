"""`edge-agent run`: the agent in the foreground; `edge-agent version`."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of

import typer

from edge_agent import __version__
from edge_agent.commands.output import AsJson, Exit, Failure, reporting
from edge_agent.commands.room import config


def run(context: typer.Context) -> None:
    """Run the agent in the foreground, until told to stop (systemd runs this)."""
    from edge_agent import supervisor

    with reporting("run"):
        settings = config(context)
        try:
            supervisor.run(settings)
        except supervisor.SpoolNotWritable as error:
            raise Failure(
                Exit.NOT_PERMITTED,
                "spool-not-writable",
                str(error),
                "give this user the folder, or set storage.spool and storage.runtime to others "
                "(see them with: edge-agent config show)",
            ) from None


def version(as_json: AsJson = False) -> None:
    """The versions of the agent and of what it stands on."""
    with reporting("version", as_json) as report:
        report.data = versions()
        report.say(*(f"{name:<24} {value or 'missing'}" for name, value in report.data.items()))


def versions() -> dict[str, str | None]:
    """By name; None for what is missing."""
    found: dict[str, str | None] = {
        "edge-agent": __version__,
        "python": platform.python_version(),
    }
    for name in ("av", "opencv-python-headless", "sounddevice", "sqlite-utils"):
        try:
            found[name] = version_of(name)
        except PackageNotFoundError:
            found[name] = None
    found["system"] = f"{platform.system()} {platform.release()} {platform.machine()}"
    found["executable"] = sys.executable
    return found
