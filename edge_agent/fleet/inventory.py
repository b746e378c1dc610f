"""Which rooms there are: a TOML file of the IT staff's own.

command = "edge-agent"          # what is run there
[rooms.b-204]
host = "b-204.example.org"      # as ssh knows it; without it, the room's name
site = "main-campus"

[broker]                        # for `--broker inventory`
url = "mqtts://broker.example.org"
username = "desk"
password_file = "~/.config/edge-agent/broker.password"

[webhooks.desk]                 # for `fleet watch`: who is called
url = "https://alerts.example.org/rooms"
credential = "desk"             # the file credentials/desk beside this one
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from edge_agent.config_destinations import AbsolutePath, CredentialName
from edge_agent.config_mqtt import BrokerUrl, Mqtt
from edge_agent.config_webhooks import WebhookConfig
from edge_agent.mqtt.topics import NoName, level_of
from edge_agent.places import ConfigError

FILE = "fleet.toml"
SYSTEM = Path("/etc/edge-agent") / FILE
#: ssh takes what begins with "-" for an option, and a room's name is shown and typed.
RoomName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Host = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9\[][A-Za-z0-9._:@%\[\]-]{0,254}$")]
Site = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{0,64}$")]


class _Place(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    host: Host = ""
    site: Site = ""


class _Broker(BaseModel):
    """As in a room's configuration, but for the password: a desk is no room."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: BrokerUrl
    username: str = Field(default="", max_length=128)
    password_file: AbsolutePath | None = None
    ca_file: AbsolutePath | None = None
    certificate: AbsolutePath | None = None
    key: AbsolutePath | None = None
    unencrypted: bool = False


class _Inventory(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    broker: _Broker | None = None
    command: str = Field(default="edge-agent", min_length=1, max_length=200)
    rooms: dict[RoomName, _Place] = {}
    webhooks: dict[CredentialName, WebhookConfig] = {}


@dataclass(frozen=True, slots=True)
class BrokerPlace:
    """A broker, and where the desk's password is."""

    config: Mqtt
    password_file: Path | None


@dataclass(frozen=True, slots=True)
class Room:
    """One room, and how ssh gets there. `command`: the words that come before all others."""

    name: str
    host: str
    site: str = ""
    command: tuple[str, ...] = ("edge-agent",)


def place(chosen: Path | None, env: Mapping[str, str]) -> Path:
    """The file to read: the chosen one, that of the environment, the user's own, the system's."""
    if chosen is not None:
        return chosen
    if named := env.get("EDGE_AGENT_FLEET"):
        return Path(named)
    home = Path(env.get("XDG_CONFIG_HOME") or Path(env.get("HOME", "/")) / ".config")
    own = home / "edge-agent" / FILE
    return own if own.exists() else SYSTEM


def read(file: Path) -> list[Room]:
    """All rooms in the order of the file. Raises ConfigError; OSError but for a missing file."""
    found = _inventory(file)
    command = tuple(found.command.split())
    return [Room(name, it.host or name, it.site, command) for name, it in found.rooms.items()]


def broker(file: Path) -> BrokerPlace:
    """The broker that the file names. Raises as `read` does, and ConfigError when it names none."""
    found = _inventory(file).broker
    if found is None:
        raise ConfigError([f"{file}: it has no table [broker] with a url"])
    return _place(found, file)


def webhooks(file: Path) -> Mapping[str, WebhookConfig]:
    """Who is called for the rooms. Raises as `read` does, and ConfigError when nobody is."""
    found = _inventory(file).webhooks
    if not found:
        raise ConfigError([f"{file}: it has no table [webhooks.NAME] with a url and a credential"])
    return found


def broker_at(
    url: str, username: str, password_file: Path | None, ca_file: Path | None
) -> BrokerPlace:
    """One that was named by its address. Raises ConfigError."""
    words = {"url": url, "username": username}
    files = {"password_file": password_file, "ca_file": ca_file}
    try:
        found = _Broker.model_validate({**words, **{k: v for k, v in files.items() if v}})
    except ValidationError as error:
        raise ConfigError([str(each["msg"]) for each in error.errors()]) from None
    return _place(found, None)


def level(name: str) -> str:
    """A site or a room of the inventory as it is called in topics. Raises ConfigError."""
    try:
        return level_of(name)
    except NoName as error:
        raise ConfigError([str(error)]) from None


def _place(found: _Broker, file: Path | None) -> BrokerPlace:
    values = found.model_dump(exclude={"password_file"}, exclude_none=True)
    try:
        return BrokerPlace(Mqtt.model_validate(values), found.password_file)
    except ValidationError as error:
        where = f"{file}: broker: " if file else ""
        raise ConfigError([f"{where}{each['msg']}" for each in error.errors()]) from None


def _inventory(file: Path) -> _Inventory:
    """Raises ConfigError; OSError but for a missing file."""
    try:
        return _Inventory.model_validate(tomllib.loads(file.read_text()))
    except FileNotFoundError:
        raise ConfigError(
            [f"{file}: there is no such file; write one with a table [rooms.NAME] for each room"]
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError([f"{file}: {error}"]) from None
    except ValidationError as error:
        raise ConfigError([_sentence(file, dict(each)) for each in error.errors()]) from None


def chosen(rooms: Collection[Room], names: Collection[str], site: str) -> list[Room]:
    """Those that were asked for. Raises KeyError with a name that no room has."""
    known = {room.name for room in rooms}
    for name in names:
        if name not in known:
            raise KeyError(name)
    return [r for r in rooms if (not names or r.name in names) and site in ("", r.site)]


def _sentence(file: Path, error: dict[str, object]) -> str:
    location = error["loc"]
    where = ".".join(map(str, location)) if isinstance(location, tuple) else str(location)
    return f"{file}: {where}: {error['msg']}, not {error.get('input')!r}"
