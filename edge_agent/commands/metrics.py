"""`edge-agent metrics`: the room's figures for Prometheus, by node_exporter's textfile collector.

A process of its own writes them: what tells that the agent is down, or the panel, must be neither.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge_agent.commands.output import Exit, Failure, reporting
from edge_agent.commands.room import config, room


def metrics(
    context: typer.Context,
    file: Annotated[Path | None, typer.Option("--to", help="Write into this file.")] = None,
    every: Annotated[
        float, typer.Option(min=0, max=3600, help="Again each so many seconds, until stopped.")
    ] = 0,
) -> None:
    """The room's figures in Prometheus's text format, for node_exporter's textfile collector."""
    with reporting("metrics") as report:
        if every and file is None:
            raise Failure(
                Exit.USAGE, "no-file", "--every needs a file to write to", "name it with --to"
            )
        from edge_agent.clock import SystemClock
        from edge_agent.commands.metrics_room import looking
        from edge_agent.stopping import told_by_signals
        from edge_agent.systemd import notify
        from edge_agent.whole_files import replace

        here = room(context)
        look, look_no_more = looking(config(context), here.spool, here.runtime, SystemClock())
        try:
            if file is None:
                report.say(look().rstrip("\n"))
                return
            with told_by_signals() as stop:
                notify("READY=1")
                while not stop.is_set():
                    replace(file, look())
                    notify("WATCHDOG=1")
                    if not every or stop.wait(every):
                        break
        finally:
            look_no_more()
