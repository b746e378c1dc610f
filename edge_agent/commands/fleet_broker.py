"""Many rooms by what one broker keeps of them: no way into the rooms is needed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from edge_agent.commands.output import Exit, Failure

if TYPE_CHECKING:
    from edge_agent.fleet.inventory import BrokerPlace
    from edge_agent.mqtt.link import Broker
    from edge_agent.mqtt.reader import Reader
    from edge_agent.rules.fleet import Standing
    from edge_agent.rules.fleet_retained import Kept

#: `--broker inventory`: all of it stands there.
IN_INVENTORY = "inventory"


@dataclass(frozen=True, slots=True)
class Wish:
    """What was said on the command line."""

    broker: str
    user: str = ""
    password: Path | None = None
    ca_file: Path | None = None


class Desk:
    """The rooms of one broker, as it keeps them; connected as long as it goes well.

    A broker may forget what it keeps. A room that it has told of once is missing from then on,
    until somebody takes it out.
    """

    def __init__(
        self,
        make_reader: Callable[[], Reader],
        known: Iterable[str],
        wanted: Iterable[str],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        rest: Callable[[float], object] = time.sleep,
    ) -> None:
        """As site/room. `known` ought to be there; `wanted`: only these, all if there are none.
        `rest`: what a broker that went away is given, in seconds."""
        self._make_reader = make_reader
        self._known, self._wanted = set(known), set(wanted)
        self._now, self._rest = now, rest
        self._reader: Reader | None = None
        self._lost = False
        #: What was kept last of each room that a broker has told of.
        self._met: dict[str, Kept] = {}
        self._seen: set[str] = set()

    def __enter__(self) -> Desk:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def standings(self, wait_s: float = 0.0) -> list[Standing]:
        """Each room, worst first, after following for so long. Raises LinkLost at first; later a
        broker that is away is told of each room: what is not known is never well."""
        from edge_agent.mqtt.link import LinkLost
        from edge_agent.rules.fleet import Rank, Standing, in_order
        from edge_agent.rules.fleet_retained import standing_of

        try:
            rooms = self.rooms(wait_s)
        except LinkLost as lost:
            if not self._seen:
                raise
            words = f"the broker: {lost}"
            return in_order(Standing(it, Rank.WILL_LOSE, "NO ANSWER", words) for it in self._seen)
        return in_order(standing_of(it, self._now()) for it in rooms)

    def rooms(self, wait_s: float = 0.0) -> list[Kept]:
        """What is kept of each, after following for so long. Raises LinkLost; the next call
        connects anew, after as long."""
        from edge_agent.mqtt.link import LinkLost

        if self._lost:
            self._rest(wait_s)
        try:
            found = self._heard(wait_s)
        except LinkLost:
            self._lost = True
            self.close()
            raise
        self._lost = False
        return found

    def remember(self, names: Iterable[str]) -> None:
        """These were told of by a desk before this one."""
        from edge_agent.rules.fleet_retained import Kept

        for name in names:
            self._met.setdefault(name, Kept(name))

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _heard(self, wait_s: float) -> list[Kept]:
        from edge_agent.rules.fleet_retained import Kept

        if self._reader is None:
            self._reader = self._make_reader()
            self._reader.open()
        else:
            self._reader.follow(wait_s)
        kept = {
            f"{site}/{room}": Kept(
                f"{site}/{room}",
                heard.online,
                heard.table("state"),
                heard.table("health"),
                heard.table("queue"),
            )
            for (site, room), heard in self._reader.rooms.items()
        }
        for site, room in self._reader.taken_out:
            self._met.pop(f"{site}/{room}", None)
        self._met |= kept
        met = {name: replace(it, online=None) for name, it in self._met.items() if name not in kept}
        kept = {name: Kept(name) for name in self._known} | met | kept
        self._seen = {name for name in kept if not self._wanted or name in self._wanted}
        return [kept[name] for name in sorted(self._seen)]


def desk(
    wish: Wish, inventory: Path | None, names: str, site: str, met: Iterable[str] = ()
) -> Desk:
    """The inventory is optional: it says which rooms ought to be there; `met`: those that were
    there once. Raises Failure, ConfigError, OSError."""
    import os

    from edge_agent.fleet.inventory import chosen, level, place, read
    from edge_agent.mqtt.reader import Reader

    broker, password = _broker(wish, inventory)
    file = place(inventory, os.environ)
    listed = inventory is not None or file.exists()
    rooms = chosen(read(file), [], site) if listed else []
    known = {f"{level(it.site)}/{level(it.name)}" for it in rooms if it.site}
    sought = [name.strip() for name in names.split(",") if name.strip()]
    if any("/" not in name for name in sought) and not site:
        raise Failure(
            Exit.USAGE,
            "no-site",
            "at a broker a room is named with its site",
            "write it like this: --rooms royal-university/b-204, or add --site",
        )
    where = level(site) if site else ""
    wanted = [name if "/" in name else f"{where}/{level(name)}" for name in sought]
    found = Desk(lambda: Reader(broker, password, where), known, wanted)
    found.remember(name for name in met if not where or name.startswith(f"{where}/"))
    return found


def ask(place: Desk) -> list[Standing]:
    """The rooms now. Raises Failure: there is no broker, or it shows no rooms."""
    from edge_agent.mqtt.link import LinkLost

    try:
        found = place.standings()
    except LinkLost as lost:
        raise Failure(
            Exit.NETWORK,
            "no-broker",
            str(lost),
            "check its address, user, password and ca_file",
            retryable=not lost.hopeless,
        ) from None
    if not found:
        raise Failure(
            Exit.NOT_FOUND,
            "no-rooms",
            "the broker shows this user no rooms",
            "its ACL must let it read them: edge-agent mqtt acl --desk NAME",
        )
    return found


def _broker(wish: Wish, inventory: Path | None) -> tuple[Broker, Callable[[], str | None]]:
    import os

    from edge_agent.fleet import inventory as rooms
    from edge_agent.mqtt.link import Broker

    if wish.broker == IN_INVENTORY:
        place = rooms.broker(rooms.place(inventory, os.environ))
    else:
        place = rooms.broker_at(wish.broker, wish.user, wish.password, wish.ca_file)
    it = place.config
    broker = Broker(it.host, it.port, it.tls, it.username, it.ca_file, it.certificate, it.key)
    return broker, lambda: _password(place)


def _password(place: BrokerPlace) -> str | None:
    """Raises LinkLost: people can mend it."""
    from edge_agent.mqtt.link import LinkLost
    from edge_agent.secrets import Secrets
    from uploader.sender import Transient

    if place.password_file is None:
        return None
    try:
        return Secrets(None, place.password_file.parent).read(place.password_file.name)
    except Transient as error:
        raise LinkLost(str(error), hopeless=True) from None
