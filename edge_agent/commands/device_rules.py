"""`edge-agent devices rules`: udev rules for this PC, printed or installed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from edge_agent.commands.device_facts import Entry, plugged_in
from edge_agent.commands.output import AsJson, Exit, Failure, Report, reporting
from edge_agent.commands.programs import answer
from edge_agent.commands.room import room

#: After 60-persistent-v4l.rules, which asks each node whether it captures.
NAME = "61-edge-agent-devices.rules"
FOLDER = Path("/etc/udev/rules.d")
HEAD = """\
# To {folder}/{name}: who may open cameras and sound cards, and links that stay.
# Written by: edge-agent devices rules. A change by hand is lost when it is written again.
ACTION=="remove", GOTO="edge_agent_devices_end"

# Cameras and grabbers for the group video, sound cards for audio: the service is in both.
SUBSYSTEM=="video4linux", MODE="0660", GROUP="video"
SUBSYSTEM=="sound", MODE="0660", GROUP="audio"
# A camera that sleeps takes seconds to give its first picture, and some never wake.
SUBSYSTEM=="usb", DRIVER=="uvcvideo", TEST=="../power/control", ATTR{{../power/control}}="on"
"""
TAIL = '\nLABEL="edge_agent_devices_end"\n'
RELOAD = (
    ["udevadm", "control", "--reload"],
    ["udevadm", "trigger", "--subsystem-match=video4linux", "--subsystem-match=sound"],
)
RELOAD_S = 20.0

#: In a rule these would be patterns, or end the text.
_PLAIN = re.compile(r"[A-Za-z0-9 ._:/#+-]+")
_PCI_SOCKET = re.compile(r"usb-([0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-9a-f])-([0-9.]+)")


def rules(
    context: typer.Context,
    install: Annotated[
        bool, typer.Option("--install", help=f"Write it as {FOLDER / NAME}, and apply it.")
    ] = False,
    folder: Annotated[
        Path, typer.Option(help="Where rules lie; in another folder nothing is applied.")
    ] = FOLDER,
    as_json: AsJson = False,
) -> None:
    """udev rules: permissions, and /dev/edge-agent/NAME for each camera that is plugged in."""
    from edge_agent.commands.looking import list_devices

    with reporting("devices.rules", as_json) as report:
        cameras = [
            each for each in plugged_in(room(context), list_devices()) if each["kind"] == "v4l2"
        ]
        text = rules_for(cameras)
        path = folder / NAME
        report.data = {"file": str(path), "text": text, "installed": install}
        if install:
            _install(path, text, report)
        else:
            report.say(text.rstrip("\n"))
            report.note(f"to use them: sudo edge-agent devices rules --install ({path})")


def rules_for(cameras: Iterable[Entry]) -> str:
    """The whole file. The first video node of each camera gets a link."""
    parts, used = [HEAD.format(folder=FOLDER, name=NAME)], set[str]()
    for camera in _once(cameras):
        link = _link(camera, used)
        used.add(link)
        condition = _condition(camera)
        about = f"\n# {_plain(camera['called'] or camera['name'])}, at {_plain(camera['where'])}\n"
        if condition is None:
            parts.append(about + "# (nothing about it stays the same: no link)\n")
            continue
        parts.append(
            f'{about}SUBSYSTEM=="video4linux", ATTR{{index}}=="0", {condition}, '
            f'SYMLINK+="edge-agent/{link}"\n'
        )
    return "".join([*parts, TAIL])


def _once(cameras: Iterable[Entry]) -> Iterator[Entry]:
    """A camera may have several nodes."""
    seen = set()
    for camera in cameras:
        if camera["identity"] not in seen:
            seen.add(camera["identity"])
            yield camera


def _condition(camera: Entry) -> str | None:
    """By what udev knows it again: vendor, product and serial, or the socket; both for twins."""
    kind, _, rest = str(camera["identity"]).partition(":")
    bare, at, socket = rest.partition("@")
    found = []
    if kind == "usb":
        vendor, product, serial = bare.split(":", 2)
        if not _PLAIN.fullmatch(serial):
            return _socket(camera["where"])
        found.append(
            f'ATTRS{{idVendor}}=="{vendor}", ATTRS{{idProduct}}=="{product}", '
            f'ATTRS{{serial}}=="{serial}"'
        )
        if not at:
            return found[0]
    place = _socket(socket or bare)
    return ", ".join([*found, place]) if place else None


def _socket(bus: str) -> str | None:
    """What the driver calls usb-0000:00:14.0-3 is pci-0000:00:14.0-usb-0:3:1.0 to udev."""
    found = _PCI_SOCKET.fullmatch(bus)
    return f'ENV{{ID_PATH}}=="pci-{found[1]}-usb-0:{found[2]}:*"' if found else None


def _link(camera: Entry, used: set[str]) -> str:
    """A file's name: small letters, digits and "-"; another number for each of the same name."""
    words = re.findall(r"[a-z0-9]+", str(camera["called"] or camera["name"]).lower())
    base = "-".join(words)[:48] or "camera"
    number = next(n for n in range(1, 1000) if (base if n == 1 else f"{base}-{n}") not in used)
    return base if number == 1 else f"{base}-{number}"


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in str(text))


def _install(path: Path, text: str, report: Report) -> None:
    from edge_agent.durable import write_durably

    try:
        write_durably(path, text.encode(), mode=0o644)
    except PermissionError:
        raise Failure(
            Exit.NOT_PERMITTED,
            "not-permitted",
            f"{path}: this user may not write udev rules",
            "sudo edge-agent devices rules --install",
        ) from None
    except FileNotFoundError:
        raise Failure(
            Exit.NOT_FOUND,
            "no-udev",
            f"there is no folder {path.parent}: no udev runs here",
            "a container gets its devices from outside: nothing is to be done here",
        ) from None
    report.say(f"written: {path}")
    for command in RELOAD if path.parent == FOLDER else ():
        _apply(command, report)


def _apply(command: list[str], report: Report) -> None:
    if fault := answer(command, RELOAD_S).fault:
        report.warn(f"{' '.join(command)}: {fault}")
