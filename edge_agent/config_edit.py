"""Changes in the text of a TOML file: one key is set or taken out, all else stays as it stands.

Pure. What comes out is parsed again and compared with what was meant, so that a corner of TOML that
the editing library gets wrong can never reach a file.
"""

from __future__ import annotations

import copy
import json
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AbstractTable

from edge_agent.places import KeyPath

_LEAF = "leaf"


class CannotEdit(ValueError):
    """The change cannot be made in this text without changing something else."""


def key_path(text: str) -> KeyPath:
    """`destinations.campus.url` as its parts; a part may stand in quotes. Raises ValueError."""
    if "\n" in text:
        raise ValueError(f"{text!r} is no key")
    try:
        found: Any = tomllib.loads(f'{text} = "{_LEAF}"')
    except tomllib.TOMLDecodeError:
        raise ValueError(f"{text!r} is no key; write it as in: room.name") from None
    path: list[str] = []
    while isinstance(found, dict):
        [(part, found)] = found.items()
        path.append(part)
    if found != _LEAF:
        raise ValueError(f"{text!r} is no key; write it as in: room.name")
    return tuple(path)


def key_text(path: KeyPath) -> str:
    """The other way round."""
    return ".".join(_quoted(part) for part in path)


def value_of(text: str) -> Any:
    """What stands on a command line: a TOML value, or else the text itself."""
    if "\n" in text:
        return text
    try:
        found = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return found["value"] if found.keys() == {"value"} else text


def with_value(text: str, path: KeyPath, value: Any) -> str:
    """The text with a key set. Raises CannotEdit."""
    wanted = _parsed(text)
    _put(wanted, path, value)
    attempts = [_in_its_table, _as_new_table, _by_library]
    if isinstance(value, dict):
        attempts = [_as_new_table, _in_its_table, _by_library]
    for attempt in attempts:
        try:
            found = attempt(text, path, value)
        except (KeyError, TypeError, TOMLKitError):
            continue
        if _means(found, wanted):
            return found
    raise CannotEdit(f"{key_text(path)} cannot be set without changing the form of the file")


def without(text: str, path: KeyPath) -> str:
    """The text with a key or table taken out. Raises KeyError (it is not there), CannotEdit."""
    wanted = _parsed(text)
    _table(wanted, path[:-1]).pop(path[-1])
    document = tomlkit.parse(text)
    try:
        _table(document, path[:-1]).pop(path[-1])
        found = tomlkit.dumps(document)
    except (TypeError, TOMLKitError):
        found = ""
    if not _means(found, wanted):
        raise CannotEdit(f"{key_text(path)} cannot be taken out of the form this file has")
    return found


def flat(values: Mapping[str, Any], at: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """Each key that is no table, with its value."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from flat(value, (*at, key))
        else:
            yield (*at, key), value


def differences(
    old: Mapping[str, Any], new: Mapping[str, Any]
) -> list[tuple[KeyPath, Any | None, Any | None]]:
    """What changes: key, value before, value after; None where there is none."""
    before, after = dict(flat(old)), dict(flat(new))
    return [
        (path, before.get(path), after.get(path))
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path)
    ]


def _quoted(part: str) -> str:
    bare = part and all(c.isascii() and (c.isalnum() or c in "-_") for c in part)
    return part if bare else json.dumps(part, ensure_ascii=False)


def _parsed(text: str) -> dict[str, Any]:
    return tomllib.loads(text)


def _means(text: str, wanted: Mapping[str, Any]) -> bool:
    try:
        return _parsed(text) == wanted
    except tomllib.TOMLDecodeError:
        return False


def _put(values: dict[str, Any], path: KeyPath, value: Any) -> None:
    table = values
    for part in path[:-1]:
        found = table.setdefault(part, {})
        if not isinstance(found, dict):
            raise CannotEdit(f"{part} is no table, so {key_text(path)} cannot be set")
        table = found
    table[path[-1]] = copy.deepcopy(value)


def _table(values: Any, path: KeyPath) -> Any:
    for part in path:
        values = values[part]
    if not isinstance(values, Mapping):
        raise KeyError(path[-1])
    return values


def _in_its_table(text: str, path: KeyPath, value: Any) -> str:
    """In a table that is there: a new key follows the last one, before any closing comments.

    Those mostly belong to the table that follows.
    """
    document = tomlkit.parse(text)
    table = _table(document, path[:-1])
    new = path[-1] not in table
    table[path[-1]] = value
    if new and isinstance(table, AbstractTable):
        body = table.value.body
        added = body.pop()
        end = len(body)
        while end and body[end - 1][0] is None:
            end -= 1
        body.insert(end, added)
    return tomlkit.dumps(document)


def _as_new_table(text: str, path: KeyPath, value: Any) -> str:
    """A table that is not there yet comes at the end."""
    head, keys = (path, value) if isinstance(value, dict) else (path[:-1], {path[-1]: value})
    if not head:
        raise KeyError(path[-1])
    block = tomlkit.document()
    for key, each in keys.items():
        block[key] = each
    gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
    return f"{text}{gap}[{key_text(head)}]\n{tomlkit.dumps(block)}"


def _by_library(text: str, path: KeyPath, value: Any) -> str:
    document = tomlkit.parse(text)
    table: Any = document
    for part in path[:-1]:
        table = table[part] if part in table else table.setdefault(part, tomlkit.table())
    table[path[-1]] = value
    return tomlkit.dumps(document)
