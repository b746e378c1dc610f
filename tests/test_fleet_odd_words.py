"""A room that says something odd hides no other: not in the list, on the page, in the alerts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from edge_agent.alerting import outbox
from edge_agent.alerting.outbox import Moment, Outbox
from edge_agent.commands.fleet_watch import sender
from edge_agent.commands.fleet_words import facts, tell
from edge_agent.commands.output import Report
from edge_agent.config_webhooks import WebhookConfig
from edge_agent.fleet.page import page
from edge_agent.rules.fleet import Standing, Word, standing
from edge_agent.rules.fleet_alerts import causes
from edge_agent.rules.fleet_retained import Kept, standing_of
from edge_agent.rules.foreign import read_json

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
AT = "2026-11-23T02:59:30.000Z"
ODD: list[Any] = [
    10**400,
    float("inf"),
    float("nan"),
    -1,
    True,
    None,
    [],
    {},
    "\x1b[2J\nb-205  ready",
    "\ud83d",
    "2026-13-01",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "x" * 100_000,
]
STATE: dict[str, Any] = {
    "word": "recording",
    "at": AT,
    "room": "B-204",
    "tracks": [{"name": "camera", "state": "lost"}],
    "problems": [{"key": "disk.trouble", "detail": "it fails", "track": "camera"}],
    "alerts": ["missing_audio"],
    "muted": False,
    "lecture": {"id": "x", "title": "Physics", "started_utc": AT},
    "booking": {"starts_utc": AT, "reason": "no devices"},
}
HEALTH: dict[str, Any] = {"at": AT, "agent": True, "clock": "synchronised", "space_hours": 2.0}
QUEUE: dict[str, Any] = {"at": AT, "waiting": 1, "help": 1}
STATUS: dict[str, Any] = {
    "running": True,
    "agent": {
        "lecture": {"id": "x", "state": "recording", "started_utc": AT},
        "tracks": {"camera": {"phase": "absent", "warning": "dark", "reason": "unplugged"}},
        "spool": {"free_bytes": 1, "trouble": "it fails"},
        "schedule": {"now": {"starts_utc": AT, "outcome": "", "reason": "x"}, "trouble": "x"},
        "muted": False,
        "on_battery": False,
        "clock_trust": "unset",
    },
    "queue": {"files": 1, "troubled": 1, "failed_lectures": 1},
}


def variants(it: Any, odd: Any) -> Iterator[Any]:
    """The same with each of its parts in turn replaced."""
    yield odd
    if isinstance(it, dict):
        for key, part in it.items():
            for other in variants(part, odd):
                yield {**it, key: other}
    elif isinstance(it, list):
        for other in variants(it[0], odd):
            yield [other]


def sent(it: Any) -> Any:
    """As it comes from the room."""
    return read_json(json.dumps(it))


def shown(it: Standing, capsys: pytest.CaptureFixture[str]) -> None:
    json.dumps(facts(it), allow_nan=False).encode()
    page([it], NOW, 60).encode()
    tell(Report("fleet.status", as_json=False), [it])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2, lines
    assert "\x1b" not in lines[1]


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: str(odd)[:12])
def test_what_a_room_has_told_its_broker(odd: Any, capsys: pytest.CaptureFixture[str]) -> None:
    by = sender({"desk": WebhookConfig(url="https://alerts.test/", credential="desk")})
    whole = {"state": STATE, "health": HEALTH, "queue": QUEUE}
    for told in map(sent, variants(whole, odd)):
        parts = told if isinstance(told, dict) else {}
        tables = [it if isinstance(it := parts.get(name), dict) else None for name in whole]
        for online in (True, False):
            kept = Kept("royal/b-204", online, *tables)
            shown(standing_of(kept, NOW), capsys)
            box = Outbox()
            for number, cause in enumerate(causes([kept], NOW, also=True)):
                ids = f"alert-{number}", f"letter-{number}"
                box = outbox.raised(box, by, cause, Moment(AT, "synchronised"), ids)
            assert outbox.read(outbox.written(box)) == box


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: str(odd)[:12])
def test_what_a_room_has_answered(odd: Any, capsys: pytest.CaptureFixture[str]) -> None:
    for told in map(sent, variants(STATUS, odd)):
        shown(standing(Word("b-204", told if isinstance(told, dict) else None)), capsys)
