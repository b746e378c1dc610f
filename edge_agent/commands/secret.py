"""`edge-agent secret …`: credentials by name. A value is never an argument, and is never shown."""

from __future__ import annotations

import os
import re
import sys
from typing import Annotated

import typer

from edge_agent.commands import completing, upload_test
from edge_agent.commands.output import AsJson, Exit, Failure, Report, reporting
from edge_agent.commands.room import config, room
from edge_agent.commands.words import table

app = typer.Typer(help="Credentials of destinations and of the panel.", no_args_is_help=True)
#: As the models have it for the name of a credential.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="As the configuration names it.", autocompletion=completing.secrets
    ),
]


@app.command("set")
def set_(
    context: typer.Context,
    name: Name,
    more: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
    as_json: AsJson = False,
) -> None:
    """Store a credential: asked for without being shown, or one line from a pipe."""
    from edge_agent.accounts import owner_of_secrets
    from edge_agent.credential_desk import store

    with reporting("secret.set", as_json) as report:
        if more:
            raise Failure(
                Exit.USAGE,
                "secret-in-arguments",
                "a secret may not stand on the command line: others can read it there, and it "
                "stays in the shell's history. Change it where it came from",
                f"without the value: edge-agent secret set {name}",
            )
        _demand_name(name)
        here = room(context)
        folder = here.written.main.parent / "credentials"
        users = _users(context, name, report)
        if "panel.pin" in users:
            raise Failure(
                Exit.WRONG_STATE,
                "is-the-pin",
                f"{name} is the PIN of the panel, which is kept as a hash",
                "set it with: edge-agent panel pin",
            )
        store(folder, name, _asked(name), owner_of_secrets(here.spool.root))
        report.data = {"name": name, "used_by": list(users)}
        report.say(f"kept in {folder / name}; it counts from the next request on")
        for destination in _destinations(users):
            report.say(f"try it: edge-agent upload test {destination}")


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """Names, who uses them, what is missing or unsafe; exit code 3 then. Never a value."""
    from edge_agent.credential_desk import Held, survey
    from edge_agent.secrets import Secrets

    with reporting("secret.list", as_json) as report:
        secrets = Secrets.of(os.environ, room(context).written.main.parent)
        found = survey(config(context), secrets)
        report.data = [
            {
                "name": each.name,
                "used_by": list(each.users),
                "state": str(each.state),
                "trouble": each.trouble,
                "fix": each.fix,
            }
            for each in found
        ]
        if not found:
            report.say("no credential is needed, and none is there")
            return
        rows = [
            (each.name, str(each.state), ", ".join(each.users) or "nothing", each.trouble)
            for each in found
        ]
        report.say(*table(("NAME", "STATE", "USED BY", ""), rows))
        for each in found:
            if each.fix:
                report.note(f"next for {each.name}: {each.fix}")
        if any(each.state is Held.MISSING for each in found):
            report.note("(what systemd gives to its services with LoadCredential is not seen here)")
        if any(each.state in (Held.MISSING, Held.WRONG) for each in found):
            report.exit = Exit.FINDINGS


@app.command()
def remove(
    context: typer.Context,
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Even when something uses it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take a credential away; one that is in use only with --yes."""
    from edge_agent.credential_desk import remove

    with reporting("secret.remove", as_json) as report:
        _demand_name(name)
        users = _users(context, name, report)
        if users and not yes:
            raise Failure(
                Exit.WRONG_STATE,
                "in-use",
                f"{', '.join(users)} uses {name}; nothing would be sent there without it",
                f"if that is meant: edge-agent secret remove {name} --yes",
            )
        try:
            remove(room(context).written.main.parent / "credentials", name)
        except FileNotFoundError:
            raise _no_such(name) from None
        report.data = {"name": name, "used_by": list(users)}
        report.say(f"{name} is gone from this PC; if others may know it, change it there too")


@app.command("test")
def try_out(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Try the destinations that use a credential, as edge-agent upload test does."""
    from edge_agent.secrets import Secrets
    from uploader.sender import Transient

    with reporting("secret.test", as_json) as report:
        _demand_name(name)
        places = config(context).destinations
        secrets = Secrets.of(os.environ, room(context).written.main.parent)
        users = _users(context, name, report)
        try:
            secrets.read(name)
        except Transient as error:
            raise Failure(
                Exit.NOT_FOUND, "not-usable", str(error), f"edge-agent secret set {name}"
            ) from None
        mine = _destinations(users)
        if not mine:
            raise Failure(
                Exit.WRONG_STATE,
                "not-in-use",
                f"no destination uses {name}, so there is nothing to try it with",
                f"name it: edge-agent config set destinations.NAME.credential {name}",
            )
        report.data = []
        for destination in mine:
            upload_test.try_one(destination, places[destination], secrets, report)


def _demand_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise Failure(
            Exit.USAGE,
            "bad-name",
            f"{name!r} is not the name of a credential: letters, digits, '.', '_', '-', at most 64",
            "see the names with: edge-agent secret list",
        )


def _no_such(name: str) -> Failure:
    return Failure(
        Exit.NOT_FOUND,
        "no-such-secret",
        f"there is no credential {name}",
        "see the names with: edge-agent secret list",
    )


def _users(context: typer.Context, name: str, report: Report) -> tuple[str, ...]:
    """Who uses it. A secret can be set before the configuration is right."""
    from edge_agent.credential_desk import users
    from edge_agent.places import ConfigError

    try:
        return users(config(context)).get(name, ())
    except ConfigError:
        report.warn("the configuration is not valid yet: edge-agent config validate")
        return ()


def _destinations(users: tuple[str, ...]) -> list[str]:
    head = "destinations."
    return [each.removeprefix(head) for each in users if each.startswith(head)]


def _asked(name: str) -> str:
    """From the terminal without echo, else one line of the pipe. Raises Failure."""
    from edge_agent.credential_desk import BadSecret, clean
    from edge_agent.secrets import MOST_BYTES

    if sys.stdin.isatty():
        typed = str(typer.prompt(name, hide_input=True, confirmation_prompt=True, err=True))
    else:
        typed = sys.stdin.buffer.read(MOST_BYTES + 1).decode(errors="replace")
    try:
        return clean(typed)
    except BadSecret as error:
        raise Failure(
            Exit.USAGE,
            "bad-secret",
            str(error),
            f"type it when asked, or: edge-agent secret set {name} < FILE",
        ) from None
