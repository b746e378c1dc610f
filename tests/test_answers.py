"""Every answer with --json is published: as a schema that is made from one readable list."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from tests.published import SCHEMAS
from tests.test_docs import COMMANDS
from tools.answers import SHAPES, Parser, published

SOURCES = Path(__file__).parents[1] / "edge_agent/commands"


def reported() -> set[str]:
    """What stands in `reporting("…", as_json)`: without that word there is no document."""
    found = set()
    for file in SOURCES.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "reporting":
                name, *more = node.args
                if more and isinstance(name, ast.Constant):
                    found.add(str(name.value))
    return found


@pytest.mark.parametrize("name", sorted(reported()))
def test_each_command_with_json_has_a_published_schema(name: str) -> None:
    schema = json.loads((SCHEMAS / f"{name}-1.json").read_text())
    assert schema["properties"]["schema"] == {"const": f"edge-agent/{name}/1"}


#: They go on until they are stopped; or what they say is a document of another kind.
WITHOUT = {
    "alerts run": "a service", "light run": "a service", "mqtt run": "a service",
    "panel run": "a service", "run": "a service", "schedule run": "a service",
    "upload run": "a service", "fleet watch": "a service", "demo": "for people to look at",
    "panel open": "becomes the browser", "fleet page": "HTML", "man": "roff",
    "metrics": "Prometheus's text format", "mqtt acl": "a file for mosquitto",
    "mqtt schema": "AsyncAPI", "alerts schema": "JSON Schema", "config schema": "JSON Schema",
}  # fmt: skip


def test_each_command_answers_with_json_but_for_those_that_cannot() -> None:
    without = {name for name, options in COMMANDS.items() if "--json" not in options}
    assert without == {f"edge-agent {name}" for name in WITHOUT}


def test_what_is_published_is_what_the_list_says() -> None:
    for name, schema in published(SHAPES.read_text()).items():
        told = json.loads((SCHEMAS / f"{name}-1.json").read_text())
        assert told == schema, f"python -m tools.answers, after a change of {SHAPES.name}: {name}"


@pytest.mark.parametrize(
    ("shape", "schema"),
    [
        ("S", {"type": "string"}),
        ("N|null", {"type": ["number", "null"]}),
        ("[I]", {"type": "array", "items": {"type": "integer"}}),
        ("map(B)", {"type": "object", "additionalProperties": {"type": "boolean"}}),
        ("ANY", {}),
        ("$one", {"type": "null"}),
        (
            "{a: S, b?: I}",
            {
                "type": "object",
                "required": ["a"],
                "properties": {"a": {"type": "string"}, "b": {"type": "integer"}},
            },
        ),
        ("[S]|null", {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "null"}]}),
    ],
)
def test_a_shape_becomes_a_schema(shape: str, schema: dict[str, Any]) -> None:
    assert Parser(shape, {"$one": {"type": "null"}}).whole() == schema


@pytest.mark.parametrize("shape", ["", "[S", "{a S}", "S I", "{a: S", "map S", "§"])
def test_what_is_no_shape_is_refused(shape: str) -> None:
    with pytest.raises(ValueError, match=r"missing|follow|understood"):
        Parser(shape, {}).whole()
