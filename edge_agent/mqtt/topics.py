"""The names of topics: `ea/1/{site}/{room}/…`. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

ROOT = "ea/1"
#: One level of a topic that names a site or a room.
LEVEL = r"^[a-z0-9][a-z0-9-]{0,62}$"
#: Longer than any topic of ours.
MOST_TOPIC = 256


class NoName(ValueError):
    """A name has no letters that a topic could have."""


def level_of(name: str) -> str:
    """A name as people write it, as a level of a topic. Raises NoName."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    found = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:63].rstrip("-")
    if not found:
        raise NoName(f"{name!r} has no letters that a topic could have")
    return found


@dataclass(frozen=True, slots=True)
class Topics:
    """Those of one room."""

    site: str
    room: str

    @property
    def prefix(self) -> str:
        return f"{ROOT}/{self.site}/{self.room}"

    @property
    def client_id(self) -> str:
        return f"ea-{self.site}-{self.room}"

    @property
    def online(self) -> str:
        """Retained: `true`, or the will `false`."""
        return f"{self.prefix}/online"

    @property
    def state(self) -> str:
        return f"{self.prefix}/state"

    @property
    def health(self) -> str:
        return f"{self.prefix}/health"

    @property
    def queue(self) -> str:
        return f"{self.prefix}/queue"

    @property
    def commands(self) -> str:
        """What the room listens to."""
        return f"{self.prefix}/cmd/+"

    def event(self, number: int) -> str:
        return f"{self.prefix}/event/{number}"

    def answer(self, command: str) -> str:
        """Where the answer goes when the command names no place."""
        return f"{self.prefix}/answer/{command}"

    def verb(self, topic: str) -> str | None:
        """Of a command's topic; None when it is none of this room's."""
        start = f"{self.prefix}/cmd/"
        verb = topic.removeprefix(start)
        return verb if topic.startswith(start) and "/" not in verb else None

    def may_answer(self, topic: str) -> bool:
        """A room answers below its own `answer/` only: nobody makes it write elsewhere."""
        clean = len(topic) <= MOST_TOPIC and not re.search(r"[+#\x00-\x1f\x7f]", topic)
        return clean and topic.startswith(f"{self.prefix}/answer/")
