"""`edge-agent enrol` in the room, `edge-agent fleet invite` at the desk."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from edge_agent.commands.output import AsJson, Exit, Failure, Report, reporting
from edge_agent.commands.room import room

if TYPE_CHECKING:
    from edge_agent.invitation import Invitation


def invite(
    name: Annotated[str, typer.Argument(metavar="ROOM", help="What people call the room.")],
    config: Annotated[Path, typer.Option(help="The room's whole configuration.")],
    to: Annotated[Path, typer.Option(help="The file to write; it may lie anywhere.")],
    secrets_from_stdin: Annotated[
        bool, typer.Option(help="Credentials from a pipe, one line NAME=VALUE each.")
    ] = False,
    days: Annotated[int, typer.Option(min=1, max=365, help="How long it is good.")] = 7,
    burn_url: Annotated[
        str, typer.Option(help="An address whose DELETE takes the file away, once it was used.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Seal a room's configuration and credentials, and say the code that opens them once."""
    with reporting("fleet.invite", as_json) as report:
        from edge_agent.config import validated
        from edge_agent.durable import write_durably
        from edge_agent.invitation import Invitation, new_code, seal
        from edge_agent.places import read

        validated(read(config, {}))
        if burn_url:
            _demand_https(burn_url, "use one that is")
        invitation = Invitation(
            name,
            config.read_text(),
            _from_pipe() if secrets_from_stdin else {},
            datetime.now(UTC).replace(microsecond=0) + timedelta(days=days),
            burn_url,
        )
        code = new_code()
        write_durably(to, seal(invitation, code), mode=0o644)
        until = invitation.until.isoformat()
        report.data = {"room": name, "file": str(to), "code": code, "until": until}
        report.say(f"{to} is good until {invitation.until:%Y-%m-%d %H:%M} UTC, with this code:")
        report.say("", f"    {code}", "")
        report.say("The code is kept nowhere. Put the file where the room can fetch it; there:")
        report.say("    sudo edge-agent enrol ADDRESS-OR-FILE")


def enrol(
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="ADDRESS", help="https://… or a file.")],
    more: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
    as_json: AsJson = False,
) -> None:
    """Make this PC the room of an invitation: its configuration, its credentials."""
    with reporting("enrol", as_json) as report:
        from edge_agent.invitation import BadInvitation, unseal

        if more:
            raise Failure(
                Exit.USAGE,
                "secret-in-arguments",
                "the code may not stand on the command line: others can read it there",
                f"it is asked for: edge-agent enrol {source}",
            )
        data = _fetched(source)
        try:
            invitation = unseal(data, _code(), datetime.now(UTC))
        except BadInvitation as error:
            raise Failure(
                Exit.FAILED, "bad-invitation", str(error), f"edge-agent enrol {source}"
            ) from None
        _take(context, invitation, report)
        report.data |= {"room": invitation.room, "secrets": sorted(invitation.secrets)}
        _burn(invitation, report)
        report.say(f"this PC is {invitation.room} now; look whether all is well:")
        report.say("    sudo edge-agent doctor")


def _take(context: typer.Context, invitation: Invitation, report: Report) -> None:
    """Credentials first: they do nothing until the configuration names them. Harmless to repeat."""
    from edge_agent.accounts import owner_of_secrets
    from edge_agent.commands import config_steps as steps
    from edge_agent.credential_desk import BadSecret, clean, store

    desk, here = steps.desk(context), room(context)
    with steps.changing(desk, dry_run=False):
        plan = desk.plan({desk.main: invitation.config.encode()})
        owner = owner_of_secrets(here.spool.root)
        for name, text in invitation.secrets.items():
            try:
                store(desk.main.parent / "credentials", name, clean(text), owner)
            except BadSecret as error:
                raise Failure(
                    Exit.FAILED, "bad-secret", f"{name}: {error}", "ask for another invitation"
                ) from None
        steps.carry_out(desk, plan, report, dry_run=False)


def _fetched(source: str) -> bytes:
    """Raises Failure, OSError."""
    from edge_agent.invitation import MOST_BYTES

    if "://" not in source:
        with Path(source).open("rb") as stream:
            return stream.read(MOST_BYTES)
    _demand_https(source, "ask for an address that is")
    return _asked("GET", source)


def _asked(method: str, url: str) -> bytes:
    """One request and its answer. Raises Failure."""
    from edge_agent import __version__
    from uploader.bodies import Source
    from uploader.exchange import Answer as Heard
    from uploader.exchange import Lost, Request, Response, words_of
    from uploader.http import Http
    from uploader.sender import SendError

    http = Http(url, agent=f"edge-agent/{__version__}")
    try:
        with Source(None) as nothing:
            answer: Heard = http.exchange(Request(method, url), nothing, lambda *_: None)
    except SendError as error:
        answer = Lost(error.reason)
    finally:
        http.close()
    if isinstance(answer, Response) and answer.ok:
        return answer.body
    words = answer.reason if isinstance(answer, Lost) else f"{answer.status} {words_of(answer)}"
    raise Failure(
        Exit.NETWORK, "not-fetched", f"{url}: {words}", "look at the address", retryable=True
    )


def _burn(invitation: Invitation, report: Report) -> None:
    """So that it serves one PC. Where it cannot be taken away, people are told."""
    if not invitation.burn_url:
        return
    try:
        _asked("DELETE", invitation.burn_url)
    except Failure as error:
        report.warn(f"the invitation still lies there ({error.message}); take it away by hand")


def _demand_https(url: str, otherwise: str) -> None:
    from edge_agent.config_destinations import LOCAL

    if urlsplit(url).scheme != "https" and urlsplit(url).hostname not in LOCAL:
        raise Failure(Exit.USAGE, "not-https", f"{url} is not https://…", otherwise)


def _code() -> str:
    """Asked for without being shown, or the first line of a pipe."""
    if sys.stdin.isatty():
        return str(typer.prompt("code", hide_input=True, err=True))
    return sys.stdin.readline()


def _from_pipe() -> dict[str, str]:
    from edge_agent.commands.setup_answers import secrets_of

    return secrets_of(sys.stdin.read())
