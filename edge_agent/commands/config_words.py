"""How values and changes of the configuration are told to people and to scripts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from edge_agent.config_edit import key_text
from edge_agent.places import KeyPath

Row = tuple[KeyPath, Any | None, Any | None]

_NOT_SET = "(not set)"
_KEYS_SHOWN = 3
#: Which services read a table; those that are not named here concern all of them.
_READERS = {
    "panel": "edge-agent-panel",
    "upload": "edge-agent-upload",
    "light": "edge-agent-light",
}
_ALL = "edge-agent edge-agent-upload edge-agent-panel"


def value_text(value: Any) -> str:
    """As it stands in the file; nothing for None."""
    import tomlkit

    if value is None:
        return _NOT_SET
    return str(tomlkit.item(value).as_string())


def plain_text(value: Any) -> str:
    """As `config get` prints it: a text without quotes, so that scripts can use it."""
    from edge_agent.config import to_toml

    if value is None:
        return ""
    if isinstance(value, Mapping):
        return to_toml(value).rstrip("\n")
    return value if isinstance(value, str) else value_text(value)


def change_lines(rows: Iterable[Row]) -> list[str]:
    """One line for each key: key, before → after."""
    told = [(key_text(path), f"{value_text(old)} → {value_text(new)}") for path, old, new in rows]
    width = max((len(key) for key, _ in told), default=0)
    return [f"{key:<{width}}  {change}" for key, change in told]


def change_data(rows: Iterable[Row]) -> list[dict[str, Any]]:
    return [{"key": key_text(path), "before": old, "after": new} for path, old, new in rows]


def first_keys(keys: Sequence[str]) -> str:
    """So many as fit a line; --json has all of them."""
    more = len(keys) - _KEYS_SHOWN
    shown = ", ".join(keys[:_KEYS_SHOWN])
    return f"{shown} and {more} more" if more > 0 else shown


def readers(rows: Iterable[Row]) -> list[str]:
    """The services that a change concerns."""
    found = {_READERS.get(path[0], _ALL) for path, _, _ in rows}
    return _ALL.split() if _ALL in found else sorted(found)


def restart(rows: Iterable[Row]) -> str:
    """The command that makes a change count."""
    return f"sudo systemctl restart {' '.join(readers(rows))}"


def when(rows: Iterable[Row], alive: bool, recording: bool) -> str:
    """When a change counts, and what to type for it."""
    if not alive:
        return "it counts from the agent's next start on"
    how = f"it counts from the next restart on: {restart(rows)}"
    if recording:
        how += "\na lecture is being recorded, by the former configuration: restart when it is over"
    return f"{how}\n(without a service: end edge-agent run and start it again)"
