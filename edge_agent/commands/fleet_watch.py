"""`edge-agent fleet watch`: who is called when a room is away, by the desk, which sees that.

It runs on a computer that records nothing, and needs a broker, the file of the rooms and a folder.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_agent.commands.alerts import send_test
from edge_agent.commands.fleet import (
    Broker,
    BrokerCa,
    BrokerPassword,
    BrokerUser,
    Inventory,
    Rooms,
    Site,
)
from edge_agent.commands.fleet_broker import IN_INVENTORY, Desk, Wish
from edge_agent.commands.fleet_broker import desk as make_desk
from edge_agent.commands.output import reporting

if TYPE_CHECKING:
    from edge_agent.alerting.outbox import Sender
    from edge_agent.alerting.service import Service
    from edge_agent.clock import Clock
    from edge_agent.config_webhooks import WebhookConfig
    from edge_agent.rules.alerts import Cause
    from edge_agent.secrets import Secrets

#: The broker is followed for most of the time, and is asked so often after it was lost.
EVERY_S, FOLLOW_S = 5.0, 4.0
#: The first look at ten thousand rooms takes minutes where many of them have told little.
STALE_S = 300.0
#: In the folder: what stands, and the letters that wait.
KEPT = "alerts.json"
_NOTHING_YET = "nothing has been heard from the broker yet, or for five minutes"
_NO_ROOMS = "the broker shows this desk no rooms; its ACL must let it read them"


def watch(
    inventory: Inventory = None,
    rooms: Rooms = "",
    site: Site = "",
    broker: Broker = IN_INVENTORY,
    broker_user: BrokerUser = "",
    broker_password: BrokerPassword = None,
    broker_ca: BrokerCa = None,
    after: Annotated[
        float, typer.Option(min=0, help="Minutes that a room must be away before it is told.")
    ] = 5.0,
    also: Annotated[
        bool, typer.Option("--also", help="Also what rooms tell: for rooms without webhooks.")
    ] = False,
    test: Annotated[
        bool, typer.Option("--test", help="Send each webhook a test, once, and watch nothing.")
    ] = False,
    state: Annotated[
        Path, typer.Option(envvar="STATE_DIRECTORY", help="The folder for what has to be sent.")
    ] = Path("/var/lib/edge-agent-fleet"),
) -> None:
    """Tell the webhooks of the inventory which rooms are away, in the foreground.

    With --test: exit code 11 when one does not take it.
    """
    with reporting("fleet.watch") as report:
        from edge_agent.alerting import service as program
        from edge_agent.clock import SystemClock
        from edge_agent.commands.serving import serve
        from edge_agent.fleet.inventory import place, webhooks
        from edge_agent.secrets import Secrets

        file = place(inventory, os.environ)
        called, secrets = webhooks(file), Secrets.of(os.environ, file.parent)
        if test:
            send_test(report, called, sender(called), secrets)
            return
        wish = Wish(broker, broker_user, broker_password, broker_ca)
        seen = looking(make_desk(wish, inventory, rooms, site, called_for(state / KEPT)), also)
        kept, clock = (state, called, secrets), SystemClock()
        serve(
            state / "watch.lock",
            "fleet watch",
            lambda stop: furnish(kept, seen, after * 60, clock, stop.is_set, report.note),
            program.run,
        )


def sender(called: Mapping[str, WebhookConfig]) -> Sender:
    """What all letters of the desk say."""
    from edge_agent import __version__
    from edge_agent.alerting.outbox import Sender

    wishes = {name: it.alerts for name, it in called.items()}
    return Sender("desk", "", __version__, wishes, by="desk")


def called_for(file: Path) -> list[str]:
    """The rooms (site/room) for which somebody was called and which are not back."""
    from edge_agent.alerting.outbox import BadOutbox, read

    try:
        standing = read(file.read_bytes()).standing
    except (OSError, BadOutbox):
        return []
    return [place for it in standing if (place := str(it.data.get("place", "")))]


Look = tuple[Callable[[], Sequence["Cause"]], Callable[[], None]]


def looking(
    desk: Desk, also: bool, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Look:
    """A look at all rooms, and what ends the looking. Both for one thread."""

    def look() -> Sequence[Cause]:
        from edge_agent.mqtt.link import LinkLost
        from edge_agent.rules.fleet_alerts import blind, causes

        try:
            rooms = desk.rooms(FOLLOW_S)
        except LinkLost as lost:
            return (blind(str(lost)),)
        return causes(rooms, now(), also) if rooms else (blind(_NO_ROOMS),)

    return look, desk.close


def furnish(
    kept: tuple[Path, Mapping[str, WebhookConfig], Secrets],
    seen: Look,
    after_s: float,
    clock: Clock,
    ended: Callable[[], bool],
    tell: Callable[[str], None],
) -> tuple[Service, Callable[[], None]]:
    """The service with all its pieces, and what ends the looking. Nothing is sent yet."""
    from edge_agent.alerting.post import Post
    from edge_agent.alerting.service import Service
    from edge_agent.rules.fleet_alerts import blind, look
    from edge_agent.watching import Watching

    folder, called, secrets = kept
    sights = Watching[Sequence["Cause"]](
        seen[0],
        (blind(_NOTHING_YET),),
        every_ns=int(EVERY_S * 1e9),
        stale_ns=int(STALE_S * 1e9),
        look_no_more=seen[1],
        name="fleet-reader",
    )
    service = Service(
        file=folder / KEPT,
        news=folder / "news.json",
        sender=sender(called),
        webhooks=called,
        sight=sights.sight,
        post=Post(secrets, ended),
        clock=clock,
        chance=random.Random().random,
        tell=tell,
        judge=partial(look, after_s=after_s),
    )
    return service, sights.close
