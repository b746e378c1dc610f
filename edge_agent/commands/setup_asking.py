"""The questions of `edge-agent setup`: plain lines, one after the other, on stderr.

Nothing is changed while it asks. Ctrl-C and Ctrl-D end it at any of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import available_timezones

import typer

from edge_agent.commands import setup_answers
from edge_agent.commands.output import Failure
from edge_agent.commands.panel import checked_pin
from edge_agent.commands.setup_answers import NONE, Answers
from edge_agent.commands.setup_devices import TRACKS, best, name_of, offers
from edge_agent.config_panel import LANGUAGES

if TYPE_CHECKING:
    from capture.discover import Device
    from edge_agent.config import Config
    from edge_agent.discovery import Candidates

#: The kinds of destinations that can be asked for in a few lines, with what each needs.
KINDS: Mapping[str, tuple[str, ...]] = {
    "folder": ("path",),
    "tus": ("url",),
    "s3": ("url",),
    "opencast": ("url",),
}
_ADDRESS = {"path": "Its folder, such as /mnt/lectures", "url": "Its address, https://…"}
_PLACE = {
    "camera": "Camera (the lecturer)",
    "slides": "Slides (an HDMI grabber)",
    "microphone": "Microphone",
    "backup": "Backup microphone",
}
_DEFAULT_TEST_S = 10.0
#: What the credential with the PIN is called, unless the configuration has another name.
PIN = "panel-pin"


class Asker(Protocol):
    """Asks people. Raises typer.Abort when they have had enough."""

    def text(self, question: str, default: str) -> str: ...

    def secret(self, question: str) -> str: ...

    def say(self, *lines: str) -> None: ...


class Terminal:
    """Lines on a terminal, without colour and without moving a cursor."""

    def text(self, question: str, default: str) -> str:
        answer = typer.prompt(question, default=default, show_default=bool(default), err=True)
        return str(answer).strip()

    def secret(self, question: str) -> str:
        answer = typer.prompt(question, default="", show_default=False, hide_input=True, err=True)
        return str(answer).strip()

    def say(self, *lines: str) -> None:
        for line in lines:
            typer.echo(line, err=True, color=False)


@dataclass(frozen=True, slots=True)
class Known:
    """What holds before anything is answered."""

    config: Config
    zone: str
    found: Candidates
    #: Credentials that are there already.
    kept: frozenset[str]
    #: Why the services cannot be started from here; empty: they can.
    obstacle: str


def asked(answers: Answers, known: Known, asker: Asker) -> tuple[Answers, dict[str, str]]:
    """What was left open, and the secrets; Enter takes what stands in brackets."""
    config = known.config
    room = answers.room or asker.text("Name of the room", config.room.name)
    institution = answers.institution
    if institution is None:
        institution = asker.text("Institution", config.room.institution)
    answers = replace(answers, room=room, institution=institution)
    answers = replace(answers, zone=answers.zone or _zone(known.zone, asker))
    answers = replace(answers, language=answers.language or _language(config, asker))
    if answers.profile is None:
        answers = _devices(answers, known, asker)
    secrets: dict[str, str] = {}
    if not answers.destination:
        answers = replace(answers, destination=_destination(config, asker))
    credential = answers.destination.get("credential")
    if credential and credential not in known.kept:
        secrets |= _secret(str(credential), asker)
    secrets |= _pin(known, asker)
    if answers.units is None and not known.obstacle:
        start = _yes("Start the services now, and with the PC", True, asker)
        answers = replace(answers, units=start)
    if answers.test_seconds is None:
        record = _yes("Test recording of ten seconds? Speak into the microphone", True, asker)
        answers = replace(answers, test_seconds=_DEFAULT_TEST_S if record else 0.0)
    return answers, secrets


def confirmed(lines: Sequence[str], asker: Asker) -> bool:
    """The last question before anything is changed."""
    asker.say("", "This would be done:", *(f"  {line}" for line in lines))
    return _yes("Do it", True, asker)


def _zone(now: str, asker: Asker) -> str:
    while True:
        zone = asker.text("Time zone", now or "Etc/UTC")
        try:
            setup_answers.check(Answers(zone=zone))
        except Failure as failure:
            asker.say(failure.message)
            words = zone.replace(" ", "_").lower()
            near = sorted(each for each in available_timezones() if words in each.lower())
            if words and near:
                asker.say(f"there are: {', '.join(near[:8])}")
            continue
        return zone


def _language(config: Config, asker: Asker) -> str:
    while True:
        found = asker.text(f"Language of the panel ({', '.join(LANGUAGES)})", config.panel.language)
        if found in LANGUAGES:
            return found
        asker.say(f"{found!r} is none of them")


def _devices(answers: Answers, known: Known, asker: Asker) -> Answers:
    chosen = {name: track.device for name, track in known.config.tracks.items()}
    configured = bool(chosen)
    for place in TRACKS:
        if answers.places[place] is not None:
            continue
        options = offers(place, known.found)
        if not options and not chosen.get(place):
            asker.say(f"{_PLACE[place]}: none is plugged in")
            continue
        others = [name for other, name in chosen.items() if other != place]
        standing = chosen.get(place, "") if configured else best(place, known.found, others)
        named = [(name_of(device), _words(device)) for device, _ in options]
        if standing and standing not in [name for name, _ in named]:
            named.append((standing, f"{standing} (not plugged in)"))
        answer = _choice(_PLACE[place], named, standing, asker)
        chosen[place] = "" if answer == NONE else answer
        told: dict[str, Any] = {place: answer}
        answers = replace(answers, **told)
    return answers


def _words(device: Device) -> str:
    return f"{device.name} ({device.where})" if device.where else device.name


def _choice(question: str, options: Sequence[tuple[str, str]], standing: str, asker: Asker) -> str:
    """One of the options by its number; 0 for none."""
    asker.say(f"{question}:", *(f"  {n}  {words}" for n, (_, words) in enumerate(options, 1)))
    asker.say("  0  none")
    names = [name for name, _ in options]
    default = str(names.index(standing) + 1) if standing in names else "0"
    while True:
        answer = asker.text("Number", default)
        if answer in names:
            return answer
        if answer.isascii() and answer.isdigit() and int(answer) <= len(names):
            return names[int(answer) - 1] if int(answer) else NONE
        asker.say(f"a number from 0 to {len(names)} is needed")


def _destination(config: Config, asker: Asker) -> dict[str, Any]:
    """Nothing when none is to be added."""
    if config.destinations:
        there = ", ".join(f"{name} ({each.type})" for name, each in config.destinations.items())
        asker.say(f"Lectures are sent to: {there}")
    while True:
        kind = asker.text(f"Add where lectures are sent ({', '.join(KINDS)}, {NONE})", NONE)
        if kind in (*KINDS, NONE):
            break
        asker.say(f"{kind!r} is none of them; sticks are told in docs/it.md")
    if kind == NONE:
        return {}
    table: dict[str, Any] = {"type": kind}
    table["name"] = asker.text(
        "Its name, in small letters", "disk" if kind == "folder" else "campus"
    )
    for key in KINDS[kind]:
        table[key] = asker.text(_ADDRESS[key], "")
    if kind != "folder":
        credential = asker.text(f"Name of its credential ({NONE}: it needs none)", table["name"])
        if credential != NONE:
            table["credential"] = credential
    return table


def _secret(name: str, asker: Asker) -> dict[str, str]:
    typed = asker.secret(f"The credential {name}, unseen (Enter: later)")
    return {name: typed} if typed else {}


def _pin(known: Known, asker: Asker) -> dict[str, str]:
    name = known.config.panel.pin
    if name and name in known.kept:
        return {}
    while True:
        typed = asker.secret("PIN for the panel's page for IT staff, unseen (Enter: none)")
        if not typed:
            return {}
        try:
            return {name or PIN: checked_pin(typed)}
        except Failure as failure:
            asker.say(failure.message)


def _yes(question: str, default: bool, asker: Asker) -> bool:
    while True:
        answer = asker.text(f"{question} (y, n)", "y" if default else "n").lower()
        if answer in ("y", "yes", "n", "no"):
            return answer.startswith("y")
        asker.say("y or n is needed")
