"""`edge-agent devices preset`: where a camera looks, and turning it to a place that has a name.

A USB camera's places stand in its profile, a network camera keeps its own (ONVIF). A recording is
not disturbed: turning is no opening.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from edge_agent.commands import completing
from edge_agent.commands.device_facts import Entry, find, plugged_in
from edge_agent.commands.device_network import not_usable, user_of
from edge_agent.commands.output import AsJson, Exit, Failure, Report, reporting
from edge_agent.commands.room import Room, room

if TYPE_CHECKING:
    from device_profiles.profile import Preset

OWN = "/etc/edge-agent/profiles/NAME.toml"


def preset(
    context: typer.Context,
    target: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="A camera's node, identity or name; or the address of one that speaks ONVIF.",
            autocompletion=completing.devices,
        ),
    ],
    name: Annotated[str, typer.Argument(metavar="[PRESET]", help="Turn it there.")] = "",
    credential: Annotated[
        str,
        typer.Option(
            help="The credential with user:password of a network camera.",
            autocompletion=completing.secrets,
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """The places that a camera can be turned to, and where it looks; or turn it."""
    with reporting("devices.preset", as_json) as report:
        here = room(context)
        if _is_address(target):
            _network(here, target, name, credential, report)
        else:
            _plugged(here, target, name, report)


def _is_address(target: str) -> bool:
    """HOST.DOMAIN, HOST:PORT or a web address; what is plugged in has other names."""
    if target.startswith(("http://", "https://")):
        return True
    host, _, port = target.partition(":")
    named = port.isdecimal() if port else "." in host
    return named and all(c.isalnum() or c in ".-" for c in host)


# ---------------------------------------------------------------- plugged in


def _plugged(here: Room, target: str, name: str, report: Report) -> None:
    from device_profiles.profile import PTZ
    from edge_agent.commands.looking import controls_of, list_devices

    it = find(plugged_in(here, list_devices()), target)
    found = controls_of(it["id"])["controls"] if it["kind"] == "v4l2" else []
    now = {each["name"]: each["value"] for each in found if each["name"] in PTZ[:3]}
    if not now:
        raise Failure(
            Exit.DEVICE,
            "cannot-turn",
            f"{it['name']} cannot be turned or zoomed from here",
            "see what can be set: edge-agent devices show " + it["id"],
        )
    presets = _presets_of(it)
    report.data = {
        "device": it["identity"],
        "presets": [
            {"name": each.name, "token": "", "values": dict(each.values)} for each in presets
        ],
        "now": now,
        "turned": name or None,
    }
    if name:
        _turn(it, _chosen(name, presets), report)
        return
    report.say(*_lines(it, presets, now))


def _presets_of(it: Entry) -> tuple[Preset, ...]:
    from device_profiles.own import load_known

    found = (each for each in load_known().profiles if each.name == it["profile"])
    profile = next(found, None)
    return profile.presets if profile else ()


def _chosen(name: str, presets: Iterable[Preset]) -> Mapping[str, int]:
    known = {each.name: each for each in presets}
    if name in known:
        return dict(known[name].values)
    raise _unknown(name, known, f"add [presets.{name}] to its profile in {OWN}")


def _turn(it: Entry, values: Mapping[str, int], report: Report) -> None:
    from edge_agent.commands.looking import turn

    refused = turn(it["id"], values)
    for each in refused:
        report.warn(f"not set: {each}")
    if refused:
        report.exit = Exit.FINDINGS
    report.say(f"{it['name']}: {_words(values)}")


def _lines(it: Entry, presets: Iterable[Preset], now: Mapping[str, int | None]) -> Iterator[str]:
    yield f"{it['called'] or it['name']}, presets:"
    lines = [f"  {each.name:<12} {_words(dict(each.values))}" for each in presets]
    yield from lines or ["  none"]
    yield f"It looks there now; as lines for {OWN}:"
    yield "  [presets.NAME]"
    yield from (f"  {name} = {value}" for name, value in now.items() if value is not None)


def _words(values: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


# ---------------------------------------------------------------- on the network


def _network(here: Room, address: str, name: str, credential: str, report: Report) -> None:
    from capture.onvif import go_to, presets
    from capture.source import SourceError

    user, password = user_of(here, credential)
    try:
        there = presets(address, user, password)
        named = {each.name or each.token: each for each in there} | {e.token: e for e in there}
        if name and name not in named:
            raise _unknown(name, named, "keep the place in the camera's own page first")
        if name:
            go_to(address, named[name], user, password)
    except SourceError as error:
        raise not_usable(error) from None
    report.data = {
        "device": address,
        "presets": [{"name": each.name, "token": each.token, "values": {}} for each in there],
        "now": {},
        "turned": name or None,
    }
    if name:
        report.say(f"{address}: turned to {name}")
        return
    report.say(f"{address}, presets that the camera keeps:")
    report.say(*([f"  {each.name or each.token}" for each in there] or ["  none"]))


def _unknown(name: str, known: Iterable[str], hint: str) -> Failure:
    there = ", ".join(known) or "none"
    return Failure(Exit.NOT_FOUND, "no-preset", f"no preset {name!r}; there are: {there}", hint)
