"""The answers that `edge-agent setup` goes by: from flags, a file, or questions. No secrets.

What is not answered stays as the configuration has it.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeAlias
from zoneinfo import available_timezones

from edge_agent.commands.output import Exit, Failure
from edge_agent.places import KeyPath

#: What stands for "the best that is plugged in" and "record none".
AUTO, NONE = "auto", "none"
PLACES = ("camera", "slides", "microphone", "backup")
#: Whoever writes one of these means a secret.
SECRET_WORDS = ("pin", "password", "token", "secret", "key", "secret_key")
LONGEST_TEST_S = 120.0

Destination: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answers:
    """None: not answered. Devices are named as `edge-agent devices list` names them."""

    room: str | None = None
    institution: str | None = None
    zone: str | None = None
    language: str | None = None
    lecture_language: str | None = None
    profile: str | None = None
    camera: str | None = None
    slides: str | None = None
    microphone: str | None = None
    backup: str | None = None
    #: The table of a destination with its name besides: name, type, url or path, credential…
    destination: Destination = field(default_factory=dict)
    units: bool | None = None
    #: Of the test recording; 0: none.
    test_seconds: float | None = None

    @property
    def places(self) -> dict[str, str | None]:
        return {place: getattr(self, place) for place in PLACES}


def from_file(text: str, name: str) -> Answers:
    """Raises Failure with every mistake."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise bad_answers([f"{name}: this is not valid TOML: {error}"]) from None
    refuse_secrets(table, name)
    faults = [fault for key, value in table.items() if (fault := _fault(key, value))]
    if faults:
        raise bad_answers([f"{name}: {fault}" for fault in faults])
    answers = Answers(**table)
    check(answers)
    return answers


def over(first: Answers, second: Answers) -> Answers:
    """What `first` leaves open is taken from `second`; destinations are not mixed."""
    own = {f.name: getattr(first, f.name) for f in fields(Answers)}
    return replace(second, **{key: value for key, value in own.items() if value not in (None, {})})


def check(answers: Answers) -> None:
    """What the configuration's own check does not see. Raises Failure."""
    zone, seconds = answers.zone, answers.test_seconds
    if zone is not None and zone not in available_timezones():
        near = difflib.get_close_matches(zone, available_timezones(), n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise bad_answers([f"there is no time zone {zone!r}{hint}"])
    if seconds is not None and not 0 <= seconds <= LONGEST_TEST_S:
        raise bad_answers([f"a test recording has 0 (none) to {LONGEST_TEST_S:.0f} seconds"])
    if answers.destination and not answers.destination.get("name"):
        raise bad_answers(["a destination needs a name, such as campus"])


def destination_keys(answer: Destination, there: Mapping[str, Any]) -> dict[KeyPath, Any]:
    """A new table as a whole, of one that is there the keys that differ."""
    if not answer:
        return {}
    path = ("destinations", str(answer["name"]))
    table = {key: value for key, value in answer.items() if key != "name"}
    old = there.get(path[1])
    if old is None:
        return {path: table}
    return {(*path, key): value for key, value in table.items() if old.get(key) != value}


def refuse_secrets(table: Mapping[str, Any], where: str) -> None:
    """A secret in a file or among the arguments is known to too many already. Raises Failure."""
    nested = table.get("destination")
    inner = nested if isinstance(nested, Mapping) else {}
    found = [key for key in (*table, *inner) if key in SECRET_WORDS]
    if found:
        raise Failure(
            Exit.USAGE,
            "secret-in-arguments",
            f"{where}: {found[0]}: a secret may not stand there: others can read it. Change it "
            "where it came from",
            "give it through a pipe, one line NAME=VALUE: edge-agent setup --secrets-from-stdin",
        )


def secrets_of(text: str) -> dict[str, str]:
    """Lines NAME=VALUE as they come through a pipe. Raises Failure, which never has a value."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        name, equals, value = line.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise bad_answers([f"line {number} of the secrets is not NAME=VALUE"])
        found[name.strip()] = value.strip()
    return found


def bad_answers(problems: list[str]) -> Failure:
    return Failure(
        Exit.USAGE,
        "bad-answers",
        "\n       ".join(problems),
        "see what can be answered with: edge-agent setup --help",
    )


def _fault(key: str, value: Any) -> str:
    known = [f.name for f in fields(Answers)]
    if key not in known:
        near = difflib.get_close_matches(key, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"allowed: {', '.join(known)}"
        return f"{key}: there is no such answer; {hint}"
    right = {
        "destination": isinstance(value, dict),
        "units": isinstance(value, bool),
        "test_seconds": isinstance(value, int | float) and not isinstance(value, bool),
    }
    words = {
        "destination": "a table",
        "units": "true or false",
        "test_seconds": "a number",
    }
    if not right.get(key, isinstance(value, str)):
        return f"{key}: must be {words.get(key, 'a text in quotes')}, not {value!r}"
    return ""
