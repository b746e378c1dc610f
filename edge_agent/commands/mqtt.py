"""`edge-agent mqtt …`: the room on a broker, for control systems and dashboards."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_agent.commands.output import AsJson, Exit, Failure, reporting
from edge_agent.commands.room import Room, config, room

if TYPE_CHECKING:
    from edge_agent.config import Config
    from edge_agent.mqtt.acl import Account
    from edge_agent.mqtt.desk import Ask
    from edge_agent.mqtt.link import Broker
    from edge_agent.mqtt.service import Service
    from edge_agent.mqtt.topics import Topics

app = typer.Typer(help="The room on an MQTT broker, for control systems.", no_args_is_help=True)


@app.command()
def run(context: typer.Context) -> None:
    """Show the room to the broker and pass commands on, in the foreground (systemd runs this)."""
    with reporting("mqtt.run") as report:
        from edge_agent.commands.serving import serve
        from edge_agent.mqtt import service as program

        settings, here = config(context), room(context)
        here.runtime.root.mkdir(parents=True, exist_ok=True, mode=0o750)
        serve(
            here.runtime.mqtt_lock,
            "mqtt",
            lambda _stop: furnish(settings, here, report.note),
            program.run,
        )


@app.command()
def topics(context: typer.Context, as_json: AsJson = False) -> None:
    """The topics of this room, and which broker it goes to."""
    with reporting("mqtt.topics", as_json) as report:
        settings = config(context)
        names = topics_of(settings)
        url = settings.mqtt.url
        told = [names.online, names.state, names.health, names.queue]
        told += [f"{names.prefix}/event/+", f"{names.prefix}/answer/+"]
        heard = [f"{names.prefix}/cmd/{verb}" for verb in settings.mqtt.commands]
        report.data = {"url": url, "client_id": names.client_id, "tells": told, "hears": heard}
        report.say(f"broker     {url or '(none: set mqtt.url)'}")
        report.say(f"client id  {names.client_id}")
        report.say(*(f"tells      {topic}" for topic in told))
        report.say(*(f"hears      {topic}" for topic in heard))


@app.command()
def schema(
    folder: Annotated[
        Path | None, typer.Option("--to", help="Write all files into this folder instead.")
    ] = None,
) -> None:
    """The interface as an AsyncAPI 3 document (and, into a folder, its JSON Schemas)."""
    with reporting("mqtt.schema") as report:
        written = documents()
        if folder is None:
            report.say(written["asyncapi.json"].rstrip("\n"))
            return
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in written.items():
            (folder / name).write_text(text)
            report.say(str(folder / name))


def documents() -> dict[str, str]:
    """The generated documents by the names of their files."""
    from edge_agent import __version__
    from edge_agent.mqtt.asyncapi import asyncapi, schemas

    found = {f"{name}-1.json": it for name, it in schemas().items()}
    found["asyncapi.json"] = asyncapi(__version__)
    return {name: json.dumps(it, indent=2, ensure_ascii=False) + "\n" for name, it in found.items()}


@app.command()
def acl(
    context: typer.Context,
    rooms: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SITE/ROOM=USER]...", help="Rooms and their users; or this one."),
    ] = None,
    controller: Annotated[
        list[str] | None, typer.Option(help="A user who sees and commands these rooms.")
    ] = None,
    watcher: Annotated[list[str] | None, typer.Option(help="A user who sees these rooms.")] = None,
    desk: Annotated[
        list[str] | None, typer.Option(help="A user who sees how all rooms are (fleet --broker).")
    ] = None,
) -> None:
    """An ACL file for mosquitto: each room may tell its own, and hear its own commands."""
    with reporting("mqtt.acl") as report:
        from edge_agent.mqtt.acl import Account
        from edge_agent.mqtt.acl import acl as written

        settings = config(context)
        if rooms:
            accounts = [_account(text) for text in rooms]
        else:
            names = topics_of(settings)
            user = settings.mqtt.username or names.client_id
            accounts = [Account(names, user, settings.mqtt.home_assistant)]
        report.say(written(accounts, controller or (), watcher or (), desk or ()).rstrip("\n"))


def _account(text: str) -> Account:
    import re

    from edge_agent.mqtt.acl import Account
    from edge_agent.mqtt.topics import LEVEL, Topics

    place, _, user = text.partition("=")
    site, _, room_ = place.partition("/")
    if not (re.match(LEVEL, site) and re.match(LEVEL, room_)):
        raise Failure(
            Exit.USAGE,
            "bad-room",
            f"{text!r} is no room of a site",
            "write it like this: royal-university/b-204=user",
        )
    names = Topics(site, room_)
    return Account(names, user or names.client_id)


# ---------------------------------------------------------------- pieces


def topics_of(settings: Config) -> Topics:
    """Raises Failure for names that no topic can have."""
    from edge_agent.mqtt.topics import NoName, Topics, level_of

    it = settings.mqtt
    try:
        site = it.site or level_of(settings.room.institution or "site")
        return Topics(site, it.room or level_of(settings.room.name))
    except NoName as error:
        raise Failure(
            Exit.CONFIG,
            "no-topic",
            str(error),
            "set mqtt.site and mqtt.room to names of small letters, digits and '-'",
        ) from None


def broker_of(settings: Config) -> Broker:
    """Raises Failure when none is configured."""
    from edge_agent.mqtt.link import Broker

    it = settings.mqtt
    if it.url is None:
        raise Failure(
            Exit.CONFIG,
            "no-broker",
            "no broker is configured",
            "set it with: edge-agent config set mqtt.url mqtts://broker.example.org",
        )
    return Broker(
        host=it.host,
        port=it.port,
        tls=it.tls,
        username=it.username,
        ca_file=it.ca_file,
        certificate=it.certificate,
        key=it.key,
        keepalive_s=it.keepalive_seconds,
    )


def furnish(
    settings: Config, here: Room, tell: Callable[[str], None]
) -> tuple[Service, Callable[[], None]]:
    """The service with all its pieces, and what ends the looking. Nothing is connected yet."""
    from edge_agent.clock import SystemClock
    from edge_agent.commands.mqtt_room import looking, unknown
    from edge_agent.mqtt.desk import Desk
    from edge_agent.mqtt.judge import Judge
    from edge_agent.mqtt.link import Link
    from edge_agent.mqtt.patience import Patience
    from edge_agent.mqtt.service import Service
    from edge_agent.mqtt.view import View
    from edge_agent.watching import Watching

    names, broker, clock = topics_of(settings), broker_of(settings), SystemClock()
    password = _password(settings, here)
    look, look_no_more = looking(settings, here.spool, here.runtime, clock)
    watch = Watching(
        look,
        unknown(settings.room.name, "the room cannot be read: its disk does not answer"),
        every_ns=500_000_000,
        stale_ns=5_000_000_000,
        look_no_more=look_no_more,
        name="mqtt-reader",
    )
    service = Service(
        make_link=lambda: Link(broker, names, password, tell),
        view=View(names, besides=_besides(settings, names), cursor=_cursor(here)),
        judge=Judge(names, settings.mqtt.commands),
        desk=Desk(asking(here)),
        sight=watch.sight,
        patience=Patience(random.Random()),
        clock=clock,
        tell=tell,
        keep_cursor=lambda number: _keep_cursor(here, number),
    )
    return service, watch.close


def asking(here: Room) -> Ask:
    """Give a command to the agent. Any thread may."""
    from edge_agent.asking import ask_agent
    from edge_agent.clock import SystemClock

    def ask(verb: str, args: Any, key: str, ttl_s: float) -> dict[str, Any]:
        return ask_agent(
            here.spool,
            here.runtime,
            SystemClock(),
            verb,
            args,
            key=key,
            origin="mqtt",
            ttl_s=ttl_s,
        )

    return ask


def _password(settings: Config, here: Room) -> Callable[[], str | None]:
    """Read when it is needed: a new one counts from the next connection on."""
    from edge_agent.mqtt.link import LinkLost
    from edge_agent.secrets import Secrets
    from uploader.sender import Transient

    secrets = Secrets.of(os.environ, here.written.main.parent)

    def password() -> str | None:
        if settings.mqtt.credential is None:
            return None
        try:
            return secrets.read(settings.mqtt.credential)
        except Transient as error:
            raise LinkLost(str(error)) from None

    return password


def _besides(settings: Config, names: Topics) -> dict[str, bytes]:
    from edge_agent import __version__
    from edge_agent.mqtt import discovery

    if not settings.mqtt.home_assistant:
        return {}
    told = discovery.discovery(names, settings.room.name, __version__, list(settings.mqtt.commands))
    return {discovery.topic(names): told}


def _cursor(here: Room) -> int:
    try:
        return int(json.loads(here.runtime.mqtt_events.read_text())["last"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _keep_cursor(here: Room, number: int) -> None:
    """On tmpfs: events of an earlier boot are not told again anyway."""
    fresh: Path = here.runtime.mqtt_events.with_suffix(".new")
    try:
        fresh.write_text(json.dumps({"last": number}))
        fresh.replace(here.runtime.mqtt_events)
    except OSError:
        return  # told twice at worst
