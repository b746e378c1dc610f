"""Publish what commands answer with --json, as JSON Schemas in edge_agent/schemas.

    python -m tools.answers

`edge_agent/schemas/answers.txt` has a line for each command: its name, and what its "data" is.

    S I N B     text, a whole number, a number, true or false; null is null; ANY is anything
    [S]         a list            {a: S, b?: I}   an object; b may be missing
    map(S)      an object with names that are not ours, such as those of tracks
    $lecture    the shape of this name, from a line that begins with $

A command whose schema lies there already, written by hand, has no line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "edge_agent/schemas"
SHAPES = FOLDER / "answers.txt"
_TYPES = {"S": "string", "I": "integer", "N": "number", "B": "boolean", "null": "null"}
_TOKEN = re.compile(r"\s*([A-Za-z_$][\w.-]*\??|[{}\[\]():,|])")

Schema = dict[str, Any]


class Parser:
    """One shape. Raises ValueError for what is none."""

    def __init__(self, text: str, known: Mapping[str, Schema]) -> None:
        self._tokens, self._known, self._at = list(_tokens(text)), known, 0

    def whole(self) -> Schema:
        found = self._either()
        if self._at != len(self._tokens):
            raise ValueError(f"nothing may follow: {self._tokens[self._at :]}")
        return found

    def _either(self) -> Schema:
        options = [self._one()]
        while self._next() == "|":
            self._at += 1
            options.append(self._one())
        if len(options) == 1:
            return options[0]
        if all(set(each) == {"type"} for each in options):
            return {"type": [each["type"] for each in options]}
        return {"anyOf": options}

    def _one(self) -> Schema:
        token = self._take()
        if token in _TYPES:
            return {"type": _TYPES[token]}
        if token == "ANY":
            return {}
        if token == "[":
            found = {"type": "array", "items": self._either()}
            self._take("]")
            return found
        if token == "map":
            self._take("(")
            found = {"type": "object", "additionalProperties": self._either()}
            self._take(")")
            return found
        if token == "{":
            return self._object()
        return self._known[token]

    def _object(self) -> Schema:
        fields: dict[str, Schema] = {}
        needed = []
        while self._next() != "}":
            name = self._take()
            if not name.endswith("?"):
                needed.append(name)
            self._take(":")
            fields[name.removesuffix("?")] = self._either()
            if self._next() == ",":
                self._at += 1
        self._take("}")
        return {"type": "object", "required": needed, "properties": fields}

    def _next(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self, wanted: str = "") -> str:
        token = self._next()
        if not token or (wanted and token != wanted):
            raise ValueError(f"{wanted or 'more'} is missing at token {self._at}: {self._tokens}")
        self._at += 1
        return token


def _tokens(text: str) -> Iterator[str]:
    at = 0
    while at < len(text.rstrip()):
        found = _TOKEN.match(text, at)
        if found is None:
            raise ValueError(f"not understood: {text[at : at + 20]!r}")
        yield found[1]
        at = found.end()


def published(text: str) -> dict[str, Schema]:
    """The schemas by the name of their command. A line that begins with a space goes on."""
    shapes: dict[str, Schema] = {}
    answers: dict[str, Schema] = {}
    for line in re.sub(r"\n +", " ", text).splitlines():
        if not line or line.startswith("#"):
            continue
        name, _, shape = line.partition(" ")
        data = Parser(shape, shapes).whole()
        if name.startswith("$"):
            shapes[name] = data
        else:
            answers[name] = _document(name, data)
    return answers


def _document(name: str, data: Schema) -> Schema:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"edge-agent {name.replace('.', ' ')} --json",
        "type": "object",
        "required": ["schema", "ok", "data", "warnings"],
        "properties": {
            "schema": {"const": f"edge-agent/{name}/1"},
            "ok": {"type": "boolean", "description": "the exit code is 0"},
            "data": data,
            "warnings": {"type": "array", "items": {"type": "string"}},
        },
    }


def main() -> None:
    for name, schema in published(SHAPES.read_text()).items():
        file = FOLDER / f"{name}-1.json"
        file.write_text(json.dumps(schema, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
