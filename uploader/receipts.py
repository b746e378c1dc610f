"""The proof that a file is held: the platform's, asked for by address, or our own.

Pure. Described by `edge_agent/schemas/receipt-1.json` and docs/platform.md.
"""

from __future__ import annotations

import json
from typing import Any

from uploader.exchange import Core, Lost, Request, Response, fill, refusal
from uploader.sender import Artifact, Receipt, Transient

STATES = ("received", "verified", "replicated")


class Damaged(Exception):
    """The platform holds other bytes under this file's name than those that were sent."""


def ask(template: str, lecture: str, artifact: Artifact) -> Core[Receipt | None]:
    """The receipt, or None when the platform knows nothing of these bytes yet.

    Raises Damaged, and Transient when there is no answer that can be understood.
    """
    url = fill(template, lecture, artifact)
    answer = yield Request("GET", url, {"Accept": "application/json"})
    if isinstance(answer, Lost):
        raise Transient(answer.reason)
    if answer.status in (202, 204, 404):
        return None
    if answer.status != 200:
        raise refusal(answer, "asking for the receipt")
    return _checked(answer, artifact)


def own(lecture: str, artifact: Artifact, state: str, utc: str, agent: str) -> dict[str, Any]:
    """What this agent says of a file that a destination holds."""
    return {
        "lecture": lecture,
        "name": artifact.name,
        "bytes": artifact.bytes,
        "sha256": artifact.sha256,
        "state": state,
        "utc": utc,
        "agent": agent,
    }


def stored(text: bytes, artifact: Artifact) -> dict[str, Any] | None:
    """A receipt of our own that lies beside the file, if it is one for these bytes."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    wanted = {"bytes": artifact.bytes, "sha256": artifact.sha256, "state": "verified"}
    return found if isinstance(found, dict) and wanted.items() <= found.items() else None


def _checked(answer: Response, artifact: Artifact) -> Receipt | None:
    try:
        found = json.loads(answer.body)
    except ValueError:
        found = None
    if not isinstance(found, dict) or "state" not in found:
        raise Transient(
            "what answers at the receipts' address gives no receipt; "
            "check receipts_url of this destination"
        )
    if found["state"] not in STATES:
        return None
    if found.get("bytes") != artifact.bytes or found.get("sha256") != artifact.sha256:
        raise Damaged
    return found
