"""Who asks the panel over HTTP: the browser of this PC, and a tablet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from edge_agent.panel import wire
from tests.panel.served import HandMade

START, ACCESS = "/api/v1/commands/start", "/api/v1/access"
TABLET = "10.1.2.3"


@pytest.fixture
def here(room: HandMade) -> Iterator[TestClient]:
    """This PC's own browser."""
    with room.client() as client:
        yield client


def rev(client: TestClient) -> int:
    return int(client.get("/api/v1/state").json()["rev"])


def press(client: TestClient, name: str, key: str = "press-0001", **args: Any) -> Any:
    body = {"key": key, "base": rev(client), "args": args}
    return client.post(f"/api/v1/commands/{name}", json=body)


def code(answer: Any) -> tuple[int, str]:
    """Every refusal has the documented form."""
    return answer.status_code, wire.Failed.model_validate(answer.json()).error.code


def paired(room: HandMade, role: str = "control") -> str:
    with room.client(socket=True) as program:
        answer = program.post("/api/v1/pairings", json={"role": role})
        found = wire.Pairing.model_validate(answer.json())
    assert found.svg.startswith("<svg")
    address, _, key = found.url.partition("#pair=")
    assert address == "http://room-b204:8025/"
    return key
