"""Who may do what on a broker, as an ACL file of mosquitto. Pure.

Each room has a user of its own and one line for each of its topics: patterns with the user's name
would be shorter, and would have to trust that no name contains a wildcard.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edge_agent.mqtt.discovery import topic as discovery_topic
from edge_agent.mqtt.topics import ROOT, Topics

#: What a room tells, below its prefix.
RETAINED = ("online", "state", "health", "queue")
TOLD = (*RETAINED, "event/+", "answer/#")


@dataclass(frozen=True, slots=True)
class Account:
    """A room, and the name of its user (or of its certificate)."""

    topics: Topics
    user: str
    #: It tells Home Assistant about itself.
    discovery: bool = False


def acl(
    rooms: Sequence[Account],
    controllers: Iterable[str] = (),
    watchers: Iterable[str] = (),
    desks: Iterable[str] = (),
) -> str:
    """A controller sees and commands these rooms, a watcher sees them. A desk sees what is retained
    of all rooms, also of those that come later."""
    blocks = [_room(it) for it in rooms]
    blocks += [[f"user {name}", *_seeing(rooms), *_commanding(rooms)] for name in controllers]
    blocks += [[f"user {name}", *_seeing(rooms)] for name in watchers]
    blocks += [[f"user {name}", *_overseeing()] for name in desks]
    return "\n\n".join("\n".join(lines) for lines in blocks) + "\n"


def _room(it: Account) -> list[str]:
    lines = [f"user {it.user}", f"topic read {it.topics.commands}"]
    lines += [f"topic write {it.topics.prefix}/{told}" for told in TOLD]
    return lines + ([f"topic write {discovery_topic(it.topics)}"] if it.discovery else [])


def _seeing(rooms: Iterable[Account]) -> list[str]:
    return [f"topic read {it.topics.prefix}/{told}" for it in rooms for told in TOLD]


def _overseeing() -> list[str]:
    """No names of users go into it, so a wildcard gives nothing away."""
    return [f"topic read {ROOT}/+/+/{told}" for told in RETAINED]


def _commanding(rooms: Iterable[Account]) -> list[str]:
    return [f"topic write {it.topics.commands}" for it in rooms]
