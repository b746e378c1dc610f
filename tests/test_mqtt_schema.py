"""The documents about MQTT are what the models are, and what a room sends is what they say."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from jsonschema.validators import validator_for

from edge_agent.commands.mqtt import documents
from edge_agent.mqtt import messages as say
from edge_agent.mqtt.asyncapi import MODELS
from edge_agent.mqtt.packets import Post
from edge_agent.mqtt.topics import Topics
from edge_agent.mqtt.view import View
from tests.test_mqtt_view import LARGE

ROOT = Path(__file__).parents[1]
DOCUMENTS = documents()
ASYNCAPI = json.loads(DOCUMENTS["asyncapi.json"])
META = ROOT / "tests/vendor/asyncapi-3.0.0.json.gz"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_is_written_down_is_what_the_program_does(name: str) -> None:
    """After a change of the models: edge-agent mqtt schema --to docs/mqtt"""
    assert (ROOT / "docs/mqtt" / name).read_text() == DOCUMENTS[name]


def test_nothing_is_written_down_that_the_program_does_not_make() -> None:
    assert {file.name for file in (ROOT / "docs/mqtt").iterdir()} == set(DOCUMENTS)


def test_the_document_is_what_asyncapi_3_allows() -> None:
    meta = json.loads(gzip.decompress(META.read_bytes()))
    validator_for(meta)(meta).validate(ASYNCAPI)


def test_the_document_is_refused_when_something_in_it_is_misspelt() -> None:
    meta = json.loads(gzip.decompress(META.read_bytes()))
    operations = ASYNCAPI["operations"] | {"cmd": {"action": "recieve"}}
    with pytest.raises(jsonschema.ValidationError):
        validator_for(meta)(meta).validate(ASYNCAPI | {"operations": operations})


def _referred(part: Any) -> list[str]:
    if isinstance(part, dict):
        found = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return found + [ref for each in part.values() for ref in _referred(each)]
    return [ref for each in part for ref in _referred(each)] if isinstance(part, list) else []


def test_every_reference_leads_somewhere() -> None:
    for reference in _referred(ASYNCAPI):
        place: Any = ASYNCAPI
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
        assert place


def _schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(DOCUMENTS[f"{name}-1.json"])
    return found


def _told() -> list[Post]:
    topics = Topics("royal", "b-204")
    return View(topics).due(0, LARGE)


@pytest.mark.parametrize("post", _told(), ids=lambda post: post.topic)
def test_what_a_room_tells_fits_its_schema(post: Post) -> None:
    name = post.topic.split("/")[4]
    jsonschema.validate(json.loads(post.payload), _schema(name))


@pytest.mark.parametrize(
    "answer",
    [
        say.Answer(id="press-0001", ok=True, lecture="x"),
        say.Answer(ok=False, error=say.Fault(code="stale", message="x")),
    ],
)
def test_an_answer_fits_its_schema(answer: say.Answer) -> None:
    jsonschema.validate(json.loads(answer.model_dump_json(exclude_none=True)), _schema("answer"))


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_room_may_tell_more_some_day_and_a_command_may_not(name: str) -> None:
    parts = [_schema(name), *_schema(name).get("$defs", {}).values()]
    closed = [part for part in parts if part.get("additionalProperties") is False]
    assert bool(closed) is (name == "command")


def test_a_command_without_an_id_does_not_fit() -> None:
    jsonschema.validate({"id": "press-0001"}, _schema("command"))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({}, _schema("command"))


def test_each_verb_and_each_message_stands_in_the_document() -> None:
    assert ASYNCAPI["channels"]["cmd"]["parameters"]["verb"]["enum"] == list(say.COMMANDS)
    assert set(ASYNCAPI["components"]["schemas"]) >= {it.__name__ for it in MODELS.values()}
