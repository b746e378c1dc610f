"""The steps that the commands which change the configuration are made of."""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from edge_agent.clock import SystemClock
from edge_agent.commands.checks import CHECKS, run
from edge_agent.commands.config_texts import edited
from edge_agent.commands.config_words import Row, change_data, change_lines, when
from edge_agent.commands.finding import Finding, Ground, State, ask
from edge_agent.commands.output import Exit, Failure, Report
from edge_agent.commands.room import Room, config_option, room_of
from edge_agent.config import validated
from edge_agent.config_change import ConfigDesk, Plan, TakenBack
from edge_agent.config_edit import differences, flat, key_path, key_text, value_of
from edge_agent.locks import AlreadyRunning
from edge_agent.places import ConfigError, KeyPath, Written
from edge_agent.spool import Runtime, Spool

if TYPE_CHECKING:
    from edge_agent.config import Config
    from edge_agent.config_history import Version

#: A configuration is some kilobytes; more is another file.
MOST_BYTES = 1 << 20
#: Checks of the doctor that ask neither devices nor the running agent.
_QUIET = ("disk", "destinations", "secrets")


def desk(context: typer.Context) -> ConfigDesk:
    return ConfigDesk(config_option(context), os.environ, SystemClock())


def key(text: str) -> KeyPath:
    """Raises Failure."""
    try:
        return key_path(text)
    except ValueError as error:
        raise Failure(
            Exit.USAGE, "bad-key", str(error), "see all keys with: edge-agent config show"
        ) from None


def looked_up(values: Mapping[str, Any], path: KeyPath) -> Any:
    """The value or table at a key. Raises Failure with the keys that there are."""
    found: Any = values
    for length, part in enumerate(path):
        if not isinstance(found, Mapping) or part not in found:
            here = key_text(path[:length])
            known = ", ".join(found) if isinstance(found, Mapping) and found else "none"
            raise Failure(
                Exit.NOT_FOUND,
                "no-such-key",
                f"there is no key {key_text(path)}",
                f"keys {f'of {here}' if here else 'there are'}: {known}",
            )
        found = found[part]
    return found


@contextmanager
def changing(place: ConfigDesk, dry_run: bool) -> Iterator[None]:
    """Hold other changes off; a dry run needs no leave to write."""
    try:
        with nullcontext() if dry_run else place.alone():
            yield
    except AlreadyRunning:
        raise Failure(
            Exit.WRONG_STATE,
            "being-changed",
            "somebody else is changing the configuration at this moment",
            "try again in a moment",
            retryable=True,
        ) from None
    except PermissionError as error:
        raise Failure(
            Exit.NOT_PERMITTED,
            "not-permitted",
            f"{error.filename or place.main}: this user may not change the configuration",
            "do it as its owner, mostly root: sudo edge-agent config …",
        ) from None


def plan_to_set(place: ConfigDesk, wanted: Mapping[KeyPath, str]) -> Plan:
    """Each key goes into the file that sets it already, else into the main one.

    `204` is a number to TOML, and the name of a room to people: where the number is refused, the
    text as it was typed may be meant.
    """
    values = {path: value_of(text) for path, text in wanted.items()}
    try:
        return place.plan(edited(place, values))
    except ConfigError as error:
        first = error
    refused = {
        path
        for path in wanted
        if any(f": {key_text(path)}: " in problem for problem in first.problems)
    }
    try:
        return place.plan(
            edited(place, {p: wanted[p] if p in refused else v for p, v in values.items()})
        )
    except ConfigError:
        raise first from None


def plan_to_go_back(place: ConfigDesk, texts: Mapping[Path, bytes], number: int) -> Plan:
    """Raises Failure: by another agent, or beside other files, what was right once may be wrong."""
    try:
        return place.plan(texts)
    except ConfigError as error:
        [kept] = [each.kept for each in place.history.versions() if each.number == number]
        raise Failure(
            Exit.CONFIG,
            "not-valid-any-more",
            f"change {number} cannot be taken back, since what held before it is not valid any "
            "more; nothing was changed:\n       " + "\n       ".join(error.problems),
            f"take back fewer changes (edge-agent config history), or correct a copy of {kept}, "
            "then: edge-agent config apply COPY",
        ) from None


def read(file: Path) -> bytes:
    """A file that somebody names, or what comes through a pipe. Raises Failure."""
    try:
        if str(file) == "-":
            data = sys.stdin.buffer.read(MOST_BYTES + 1)
        else:
            with file.open("rb") as opened:
                data = opened.read(MOST_BYTES + 1)
    except (FileNotFoundError, IsADirectoryError):
        raise Failure(
            Exit.NOT_FOUND,
            "no-such-file",
            f"{file}: there is no such file",
            "name a TOML file, or - to read it from a pipe",
        ) from None
    if len(data) > MOST_BYTES:
        raise Failure(
            Exit.USAGE, "too-large", f"{file} is no configuration: it is over 1 MiB", "see its name"
        )
    return data


def versions(place: ConfigDesk) -> list[Version]:
    """At least one. Raises Failure."""
    found = place.history.versions()
    if not found:
        raise Failure(
            Exit.NOT_FOUND,
            "no-history",
            "nothing has been changed by edge-agent config yet",
            "see what holds with: edge-agent config show",
        )
    return found


def changes(place: ConfigDesk) -> Iterator[tuple[Version, list[str]]]:
    """Each kept version, and the keys that the change after it has changed."""
    found = place.history.versions()
    for index, version in enumerate(found):
        later = [each for each in found[index + 1 :] if each.file == version.file]
        after = later[0].data() if later else place.text(version.file)
        rows = differences(_values(version.data()), _values(after))
        yield version, [key_text(path) for path, _, _ in rows]


def _values(data: bytes) -> dict[str, Any]:
    """What a kept file says; nothing when it was no TOML."""
    try:
        return tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return {}


def tell(rows: Sequence[Row], report: Report) -> None:
    """The changes, for people and for scripts."""
    report.data = {"changes": change_data(rows)}
    report.say(*change_lines(rows))
    if not rows:
        report.say("nothing would change")


def carry_out(
    place: ConfigDesk, plan: Plan, report: Report, dry_run: bool, shown: bool = False
) -> None:
    """Show a valid change, write it, look at what can be looked at, say when it counts.

    `shown`: people have seen it already, and agreed.
    """
    if shown:
        report.data = {"changes": change_data(plan.rows)}
    else:
        tell(plan.rows, report)
    _tell_hidden(place, plan, report)
    report.data |= {"written": False, "number": None}
    if dry_run:
        report.say(f"{len(plan.rows)} changes, valid. Nothing written (dry run).")
        return
    if all(place.text(file) == data for file, data in plan.texts.items()):
        return
    before = _findings(place, _old(place))
    try:
        numbers = place.write(plan)
    except TakenBack as error:
        raise Failure(
            Exit.FAILED,
            "taken-back",
            f"the change could not be loaded, the former files are back: {error.reason}",
            "see what holds with: edge-agent config validate",
        ) from None
    report.data |= {"written": True, "number": numbers[0]}
    here = room_of(place.main)
    alive, status = here.alive(), here.status()
    report.say(f"written as change {numbers[0]}; take it back with: edge-agent config rollback")
    if plan.rows:
        report.say(when(plan.rows, alive, bool(status and status.get("lecture"))))
    for found in _findings(place, plan.config):
        if found not in before:
            report.warn(f"{found.what}; next: {found.fix}")
            report.exit = Exit.FINDINGS


def _tell_hidden(place: ConfigDesk, plan: Plan, report: Report) -> None:
    """A key of the main file that a file in conf.d sets again counts for nothing."""
    own = _values(plan.texts.get(place.main, b""))
    for path, _ in flat(own):
        winner = plan.written.origin.get(path, place.main)
        if winner != place.main:
            report.warn(f"{key_text(path)} is set by {winner} too, and that one counts")


def _old(place: ConfigDesk) -> Config | None:
    try:
        return validated(place.written())
    except ConfigError:
        return None


def _findings(place: ConfigDesk, config: Config | None) -> list[Finding]:
    """What the quiet checks find wrong."""
    if config is None:
        return []
    storage = {"spool": str(config.storage.spool), "runtime": str(config.storage.runtime)}
    written = Written(place.main, {"storage": storage})
    here = Room(written, Spool(config.storage.spool), Runtime(config.storage.runtime))
    ground = Ground(here, config, SystemClock(), None, ask)
    found = [each for name in _QUIET for each in run(CHECKS[name], ground)]
    return [each for each in found if each.state is State.WRONG]
