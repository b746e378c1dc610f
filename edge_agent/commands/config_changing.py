"""`edge-agent config get|set|unset|diff|apply|history|rollback`.

Every change goes the same way: the whole result is checked, shown, written durably with the former
file kept, and loaded again; what cannot be loaded is taken back. No running agent is touched.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edge_agent.commands import completing
from edge_agent.commands.output import AsJson, Exit, Failure, reporting

DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would change; write nothing.")]
Key = Annotated[
    str, typer.Argument(metavar="KEY", help="Such as room.name.", autocompletion=completing.keys)
]


def get(context: typer.Context, key: Key, as_json: AsJson = False) -> None:
    """One value (or table) that the agent goes by, defaults included."""
    from edge_agent.commands import config_steps as steps
    from edge_agent.commands.config_words import plain_text
    from edge_agent.config import validated
    from edge_agent.config_edit import key_text

    with reporting("config.get", as_json) as report:
        path = steps.key(key)
        written = steps.desk(context).written()
        value = steps.looked_up(validated(written).model_dump(mode="json"), path)
        origin = written.origin.get(path)
        report.data = {
            "key": key_text(path),
            "value": value,
            "file": str(origin) if origin else None,
        }
        if value is None:
            report.note(f"{key_text(path)} is not set")
        else:
            report.say(plain_text(value))


def set_(
    context: typer.Context,
    pairs: Annotated[
        list[str],
        typer.Argument(
            metavar="KEY VALUE [KEY VALUE]…",
            help='room.name "Hall 1"',
            autocompletion=completing.keys,
        ),
    ],
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Set keys in the file, which keeps its comments and order; all of them or none."""
    from edge_agent.commands import config_steps as steps

    with reporting("config.set", as_json) as report:
        if len(pairs) % 2:
            raise Failure(
                Exit.USAGE,
                "no-value",
                f"{pairs[-1]} has no value",
                'a value with spaces stands in quotes: edge-agent config set room.name "Hall 1"',
            )
        wanted = dict(zip(map(steps.key, pairs[::2]), pairs[1::2], strict=True))
        desk = steps.desk(context)
        with steps.changing(desk, dry_run):
            steps.carry_out(desk, steps.plan_to_set(desk, wanted), report, dry_run)


def unset(
    context: typer.Context, key: Key, dry_run: DryRun = False, as_json: AsJson = False
) -> None:
    """Take a key (or table) out of the file, so that the default holds."""
    from edge_agent.commands import config_steps as steps
    from edge_agent.commands.config_texts import edited

    with reporting("config.unset", as_json) as report:
        path, desk = steps.key(key), steps.desk(context)
        with steps.changing(desk, dry_run):
            if path not in desk.written().origin:
                raise Failure(
                    Exit.NOT_FOUND,
                    "not-set",
                    f"no file of the configuration sets {key}",
                    f"see what holds with: edge-agent config get {key}",
                )
            steps.carry_out(desk, desk.plan(edited(desk, {}, [path])), report, dry_run)


def diff(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(help="Without it: what the last change has changed.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What a file would change; exit code 3 when it would change something."""
    from edge_agent.commands import config_steps as steps
    from edge_agent.config_edit import differences

    with reporting("config.diff", as_json) as report:
        desk = steps.desk(context)
        if file is not None:
            rows = desk.plan({desk.main: steps.read(file)}).rows
        else:
            last = steps.versions(desk)[-1].number
            rows = differences(
                desk.written(desk.history.before(last)).values, desk.written().values
            )
        steps.tell(rows, report)
        report.exit = Exit.FINDINGS if rows else Exit.OK


def apply(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="The new configuration; - reads it from a pipe.")],
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Put a whole file in the place of the configuration; conf.d stays as it is."""
    from edge_agent.commands import config_steps as steps

    with reporting("config.apply", as_json) as report:
        desk = steps.desk(context)
        with steps.changing(desk, dry_run):
            plan = desk.plan({desk.main: steps.read(file)})
            steps.carry_out(desk, plan, report, dry_run)


def history(context: typer.Context, as_json: AsJson = False) -> None:
    """The changes made by these commands, the newest last, and what each has changed."""
    from edge_agent.clock import rfc3339
    from edge_agent.commands import config_steps as steps
    from edge_agent.commands.config_words import first_keys
    from edge_agent.commands.words import local, table

    with reporting("config.history", as_json) as report:
        desk = steps.desk(context)
        report.data = [
            {
                "number": version.number,
                "utc": rfc3339(version.at),
                "file": str(version.file),
                "changed": changed,
            }
            for version, changed in steps.changes(desk)
        ]
        if not report.data:
            report.say("nothing has been changed by edge-agent config yet")
            return
        rows = [
            (str(each["number"]), local(each["utc"]), each["file"], first_keys(each["changed"]))
            for each in report.data
        ]
        report.say(*table(("CHANGE", "AT", "FILE", "KEYS"), rows))
        report.say("take one and all after it back with: edge-agent config rollback CHANGE")


def rollback(
    context: typer.Context,
    number: Annotated[
        int | None,
        typer.Argument(
            metavar="[CHANGE]", help="Without it: the last one.", autocompletion=completing.versions
        ),
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Take a change back, and all that came after it; a rollback can be taken back too."""
    from edge_agent.commands import config_steps as steps

    with reporting("config.rollback", as_json) as report:
        desk = steps.desk(context)
        with steps.changing(desk, dry_run):
            versions = steps.versions(desk)
            wanted = versions[-1].number if number is None else number
            try:
                texts = desk.history.before(wanted)
            except KeyError:
                known = ", ".join(str(version.number) for version in versions)
                raise Failure(
                    Exit.NOT_FOUND,
                    "no-such-change",
                    f"there is no change {wanted}; kept are: {known}",
                    "see them with: edge-agent config history",
                ) from None
            steps.carry_out(desk, steps.plan_to_go_back(desk, texts, wanted), report, dry_run)
