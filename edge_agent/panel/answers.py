"""What every path does alike: read a body, ask for a role, answer with a document."""

from __future__ import annotations

import functools
import shutil
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import Response

from edge_agent.panel import wire
from edge_agent.panel.buttons import bad_request
from edge_agent.panel.gate import ROLE
from edge_agent.panel.refusal import Refused
from edge_agent.panel.sessions import RANK
from edge_agent.panel.state import Role, Wire

MOST_BODY = 64 * 1024

Model = TypeVar("Model", bound=BaseModel)


@functools.cache
def schema_of_all() -> dict[str, Any]:
    said = [*vars(wire).values(), *wire.COMMANDS.values()]
    models = {it for it in said if isinstance(it, type) and issubclass(it, Wire)}
    wanted = sorted(models - {Wire}, key=lambda it: it.__name__)
    return models_json_schema([(it, "serialization") for it in wanted])[1]


def document(it: BaseModel, status: int = 200) -> Response:
    return Response(it.model_dump_json(), status, media_type="application/json")


async def body_of(request: Request, model: type[Model]) -> Model:
    """The body as a model. Raises Refused for what is too long, no JSON, or not what is asked."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BODY:
            raise Refused(413, "too-large", f"more than {MOST_BODY // 1024} KiB")
    try:
        return model.model_validate_json(bytes(body))
    except ValidationError as error:
        raise bad_request(error) from None


def role_of(request: Request) -> Role:
    role: Role = request.scope[ROLE]
    return role


def higher(one: Role, other: Role) -> Role:
    return max(one, other, key=lambda role: RANK[role])


def demand(request: Request, least: Role) -> None:
    role = role_of(request)
    if RANK[role] >= RANK[least]:
        return
    if role == "none":
        raise Refused(
            401, "sign-in", "this device is not signed in", "pair this device, or give the PIN"
        )
    raise Refused(403, "not-allowed", f"this needs the role {least!r}", "sign in with the PIN")


def address_of(request: Request) -> str:
    return request.client.host if request.client else "socket"


def is_local(request: Request) -> bool:
    """A tablet cannot reach the name that this PC has for itself."""
    name = request.url.hostname or ""
    return name in ("localhost", "127.0.0.1", "::1")


def total_bytes(root: Path) -> int:
    try:
        return shutil.disk_usage(root).total
    except OSError:
        return 0
