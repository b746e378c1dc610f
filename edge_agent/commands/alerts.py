"""`edge-agent alerts …`: who is called when the room needs somebody."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edge_agent.commands.output import AsJson, Exit, Failure, Report, reporting
from edge_agent.commands.room import Room, config, room
from edge_agent.commands.words import local, table

if TYPE_CHECKING:
    from edge_agent.alerting.outbox import Outbox, Sender
    from edge_agent.alerting.service import Service
    from edge_agent.config import Config
    from edge_agent.config_webhooks import WebhookConfig
    from edge_agent.secrets import Secrets

app = typer.Typer(help="Webhooks for the alerts that somebody must hear of.", no_args_is_help=True)


@app.command()
def run(context: typer.Context) -> None:
    """Tell the webhooks what begins and ends, in the foreground (systemd runs this)."""
    with reporting("alerts.run") as report:
        from edge_agent.alerting import service as program
        from edge_agent.commands.serving import serve

        settings, here = config(context), room(context)
        _demand_webhooks(settings)
        here.runtime.root.mkdir(parents=True, exist_ok=True, mode=0o750)
        serve(
            here.runtime.alerts_lock,
            "alerts",
            lambda stop: furnish(settings, here, stop.is_set, report.note),
            program.run,
        )


@app.command()
def status(context: typer.Context, as_json: AsJson = False) -> None:
    """What stands, what waits for whom, and why. Exit code 3 when a webhook takes nothing."""
    with reporting("alerts.status", as_json) as report:
        settings, here = config(context), room(context)
        box, news = _box(here), _news(here)
        webhooks = [_webhook(name, box, news) for name in settings.webhooks]
        report.data = {
            "standing": [dict(it.data) for it in box.standing],
            "webhooks": webhooks,
            "forgotten": box.forgotten,
        }
        if settings.webhooks and news is None:
            report.warn("nobody tells the webhooks anything: edge-agent alerts run does not run")
        _show(report, box, webhooks)
        if any(each["trouble"] for each in webhooks):
            report.exit = Exit.FINDINGS


@app.command("test")
def try_out(
    context: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[WEBHOOK]...", help="All unless named.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Send a test to each webhook, once. Exit code 11 when one does not take it."""
    with reporting("alerts.test", as_json) as report:
        from edge_agent.secrets import Secrets

        settings, here = config(context), room(context)
        secrets = Secrets.of(os.environ, here.written.main.parent)
        send_test(report, _chosen(settings, names or []), _sender(settings), secrets)


@app.command()
def schema() -> None:
    """The JSON Schema of what a webhook is sent."""
    with reporting("alerts.schema") as report:
        report.say(document().rstrip("\n"))


def document() -> str:
    """The generated schema, as it is published."""
    from edge_agent.alerting.letters import schema

    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


# ---------------------------------------------------------------- pieces


def send_test(
    report: Report, webhooks: Mapping[str, WebhookConfig], by: Sender, secrets: Secrets
) -> None:
    """A letter to each, once, that says of itself that it is a test."""
    from edge_agent.alerting.outbox import Moment, test_letter
    from edge_agent.alerting.post import Post
    from edge_agent.clock import SystemClock
    from edge_agent.ids import uuid7

    now = SystemClock().now()
    ids = [uuid7(int(now.utc.timestamp() * 1e9)) for _ in range(2)]
    letter = test_letter(by, Moment(now.utc_text, now.trust), (ids[0], ids[1]))
    post = Post(secrets, lambda: False)
    report.data = []
    for name, webhook in webhooks.items():
        outcome = post(webhook, letter)
        taken = outcome.kind == "taken"
        report.data.append({"webhook": name, "taken": taken, "trouble": outcome.words})
        report.say(f"{name}: {'it has taken a test' if taken else outcome.words}")
    if not all(each["taken"] for each in report.data):
        report.exit = Exit.NETWORK


def furnish(
    settings: Config, here: Room, ended: Callable[[], bool], tell: Callable[[str], None]
) -> tuple[Service, Callable[[], None]]:
    """The service with all its pieces, and what ends the looking. Nothing is sent yet."""
    from edge_agent.alerting.post import Post
    from edge_agent.alerting.service import Service
    from edge_agent.clock import SystemClock
    from edge_agent.commands.alerts_room import UNKNOWN, looking
    from edge_agent.secrets import Secrets
    from edge_agent.watching import Watching

    clock = SystemClock()
    look, look_no_more = looking(settings, here.spool, here.runtime, clock)
    watch = Watching(
        look,
        UNKNOWN,
        every_ns=1_000_000_000,
        stale_ns=10_000_000_000,
        look_no_more=look_no_more,
        name="alerts-reader",
    )
    service = Service(
        file=here.spool.alerts,
        news=here.runtime.alerts_news,
        sender=_sender(settings),
        webhooks=settings.webhooks,
        sight=watch.sight,
        post=Post(Secrets.of(os.environ, here.written.main.parent), ended),
        clock=clock,
        chance=random.Random().random,
        tell=tell,
    )
    return service, watch.close


def _sender(settings: Config) -> Sender:
    from edge_agent import __version__
    from edge_agent.alerting.outbox import Sender

    return Sender(
        settings.room.name,
        settings.room.institution,
        __version__,
        {name: it.alerts for name, it in settings.webhooks.items()},
    )


def _demand_webhooks(settings: Config) -> None:
    if not settings.webhooks:
        raise Failure(
            Exit.CONFIG,
            "no-webhook",
            "no webhook is configured",
            "set one: edge-agent config set webhooks.desk "
            """'{ url = "https://alerts.example.org/", credential = "desk" }'""",
        )


def _chosen(settings: Config, names: list[str]) -> dict[str, WebhookConfig]:
    """Raises Failure for a name that none has."""
    _demand_webhooks(settings)
    for name in names:
        if name not in settings.webhooks:
            raise Failure(
                Exit.NOT_FOUND,
                "no-such-webhook",
                f"there is no webhook {name}",
                f"one of: {', '.join(settings.webhooks)}",
            )
    return {name: it for name, it in settings.webhooks.items() if not names or name in names}


def _box(here: Room) -> Outbox:
    """What is kept. Raises OSError but for a file that is not there, Failure for a damaged one."""
    from edge_agent.alerting.outbox import BadOutbox, Outbox, read

    try:
        return read(here.spool.alerts.read_bytes())
    except FileNotFoundError:
        return Outbox()
    except BadOutbox as error:
        raise Failure(
            Exit.FAILED, "damaged", str(error), "sudo systemctl restart edge-agent-alerts"
        ) from None


def _news(here: Room) -> dict[str, Any] | None:
    """What the running process met; None when there is none."""
    from edge_agent.locks import is_held

    if not is_held(here.runtime.alerts_lock):
        return None
    try:
        found = json.loads(Path(here.runtime.alerts_news).read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _webhook(name: str, box: Outbox, news: dict[str, Any] | None) -> dict[str, Any]:
    met = (news or {}).get(name, {})
    waiting = sum(name in it.to for it in box.waiting)
    return {"webhook": name, "waiting": waiting, "trouble": str(met.get("trouble", ""))}


def _show(report: Report, box: Outbox, webhooks: list[dict[str, Any]]) -> None:
    for it in box.standing:
        since = local(str(it.data["raised_utc"]))
        report.say(f"{it.data['alert']} since {since}: {it.data['text']}")
    if not box.standing:
        report.say("nobody has to be called")
    if webhooks:
        rows = [(it["webhook"], str(it["waiting"]), it["trouble"]) for it in webhooks]
        report.say(*table(("WEBHOOK", "WAITING", ""), rows))
    else:
        report.say("no webhook is configured")
    if box.forgotten:
        report.say(f"{box.forgotten} letters were forgotten: too many waited")
