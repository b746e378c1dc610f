"""What a webhook is sent, as Pydantic models. Pure.

`docs/webhooks/alert-1.json` is generated from here. A new field may appear within version 1; a
meaning does not change. Times are RFC 3339 in UTC.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from edge_agent.rules.alerts import Alert

Kind = Literal["alert.raised", "alert.resolved", "alert.test"]


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Lecture(_Wire):
    """The lecture or the booking that it is about."""

    #: Empty for a booking of which nothing was recorded.
    id: str = ""
    title: str = ""
    course: str = ""
    lecturer: str = ""
    started_utc: str = ""


class Data(_Wire):
    """One alert. `alert.raised` and the `alert.resolved` that ends it have the same `id`."""

    v: Literal[1] = 1
    id: str
    alert: Alert
    room: str
    #: `site/room` of its MQTT topics, where the desk tells it.
    place: str = ""
    #: Who tells it: the room itself, or the desk that watches the rooms at their broker. The two
    #: know nothing of each other: each has its own ids.
    by: Literal["room", "desk"] = "room"
    institution: str = ""
    #: What is wrong, in a sentence for people.
    text: str
    raised_utc: str
    resolved_utc: str | None = None
    #: How far the room's clock could be trusted then: "synchronised", "plausible", "unset".
    clock: str = ""
    lecture: Lecture | None = None
    #: Of the agent.
    version: str = ""


class Letter(_Wire):
    """The body of a request."""

    type: Kind
    #: When it happened, not when it was sent.
    timestamp: str
    data: Data


def schema() -> dict[str, Any]:
    """The JSON Schema of a body."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Letter.model_json_schema(mode="serialization"),
    }
