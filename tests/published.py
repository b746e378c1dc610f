"""The schemas that are published for the answers of commands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema

SCHEMAS = Path(__file__).parents[1] / "edge_agent/schemas"


def demand_published(document: Mapping[str, Any]) -> None:
    """An answer is as its published schema says; a refusal has no data to speak of."""
    if "error" in document:
        return
    name = str(document["schema"]).removeprefix("edge-agent/").replace("/", "-")
    schema = json.loads((SCHEMAS / f"{name}.json").read_text())
    jsonschema.validate(document, _strict(schema), cls=jsonschema.Draft202012Validator)


def answer_of(text: str) -> dict[str, Any]:
    """The document that a command with --json has written; it is as published."""
    document: dict[str, Any] = json.loads(text)
    demand_published(document)
    return document


def _strict(schema: Any) -> Any:
    """Programs pass over fields that they do not know; here each must be documented."""
    if isinstance(schema, list):
        return [_strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _strict(value) for key, value in schema.items()}
    if isinstance(found.get("properties"), dict) and found.get("type") == "object":
        found.setdefault("additionalProperties", False)
    return found
