"""The configuration of MQTT: which broker, who this room is there, what it listens to."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from edge_agent.config_destinations import LOCAL, AbsolutePath, CredentialName

PORTS = {"mqtts": 8883, "mqtt": 1883}
Verb = Literal["start", "stop", "pause", "resume", "continue", "extend", "mark", "mute", "unmute"]
VERBS: list[Verb] = [
    "start",
    "stop",
    "pause",
    "resume",
    "continue",
    "extend",
    "mark",
    "mute",
    "unmute",
]


def _broker(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname or parts.path not in ("", "/"):
        raise ValueError("must be an address such as mqtts://broker.example.org")
    if parts.username or parts.password:
        raise ValueError("must have no password in it; name a credential instead")
    if parts.port == 0:
        raise ValueError("must have a port from 1 to 65535, or none")
    return url


BrokerUrl = Annotated[str, AfterValidator(_broker)]
#: One level of a topic.
Level = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


class Mqtt(BaseModel):
    """Unset `url`: this room speaks no MQTT."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: BrokerUrl | None = None
    site: Level | None = None
    room: Level | None = None
    username: Annotated[str, StringConstraints(max_length=128)] = ""
    credential: CredentialName | None = None
    ca_file: AbsolutePath | None = None
    certificate: AbsolutePath | None = None
    key: AbsolutePath | None = None
    unencrypted: bool = False
    keepalive_seconds: int = Field(default=60, ge=10, le=600)
    commands: list[Verb] = VERBS
    home_assistant: bool = False

    @property
    def tls(self) -> bool:
        return self.url is not None and urlsplit(self.url).scheme == "mqtts"

    @property
    def host(self) -> str:
        return (urlsplit(self.url).hostname or "") if self.url else ""

    @property
    def port(self) -> int:
        parts = urlsplit(self.url or "")
        return parts.port or PORTS.get(parts.scheme, 0)

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        if self.url and not self.tls and not (self.unencrypted or self.host in LOCAL):
            raise ValueError(
                "url begins with mqtt://, so that anybody on the way could command this room; "
                "write mqtts://, or set unencrypted = true on a network that is yours alone"
            )
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key belong together; set both or none")
        return self
