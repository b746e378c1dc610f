"""What is plugged in, with what the agent and the configuration say of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from edge_agent.commands.output import Exit, Failure
from edge_agent.commands.room import Room
from edge_agent.config_devices import DeviceConfig, known_as, names_of

#: What an identity begins with; so one that is not plugged in can be told from a word.
KINDS = ("usb:", "port:", "node:", "pulse:", "alsa:", "screen:")

Entry = dict[str, Any]


def said_of_devices(here: Room) -> dict[str, DeviceConfig]:
    """As it is written; what is wrong there is told by edge-agent config validate."""
    table = here.written.values.get("devices")
    return {
        str(identity): DeviceConfig(name=str(each.get("name", ""))[:64], ignore=_yes(each))
        for identity, each in (table.items() if isinstance(table, dict) else ())
        if isinstance(each, dict)
    }


def _yes(each: Mapping[str, Any]) -> bool:
    return each.get("ignore") is True


def plugged_in(here: Room, found: Iterable[Entry]) -> list[Entry]:
    """Each device with its name ("called"), whether it is ignored, and the track that uses it."""
    said = said_of_devices(here)
    tracks = (here.status() or {"tracks": {}})["tracks"]
    entries = []
    for each in found:
        about = known_as(said, each["identity"], each["where"], each["also"])
        users = [name for name, it in tracks.items() if it["device"] and it["device"] in _all(each)]
        used_by = users[0] if users else ""
        entries.append(each | {"called": about.name, "ignored": about.ignore, "used_by": used_by})
    return entries


def _all(each: Entry) -> set[str]:
    return {each["id"], *names_of(each["identity"], each["where"]), *each["also"]}


def find(entries: Iterable[Entry], target: str) -> Entry:
    """By node, identity, the name that people gave it, or the maker's. Raises Failure."""
    known = list(entries)
    for words in (lambda it: _all(it), lambda it: {it["called"]}, lambda it: {it["name"]}):
        found = [each for each in known if target in words(each)]
        places = {each["where"] for each in found}
        if len(places) == 1:
            return found[0]
        if found:
            ids = ", ".join(each["identity"] for each in found)
            raise Failure(
                Exit.NOT_FOUND,
                "ambiguous-device",
                f"{len(places)} devices are called {target!r}",
                f"name the one that is meant: {ids}",
            )
    raise Failure(
        Exit.DEVICE,
        "device-missing",
        f"no device {target!r} is plugged in",
        "see what is plugged in with: edge-agent devices list",
        retryable=True,
    )


def identity_of(entries: Iterable[Entry], target: str) -> str:
    """The identity of a device, which need not be plugged in when it is given itself."""
    if target.startswith(KINDS) and not target.startswith("pulse:"):
        return target
    try:
        return str(find(entries, target)["identity"])
    except Failure:
        if target.startswith(KINDS):
            return target
        raise
