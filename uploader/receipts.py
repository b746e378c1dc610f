"""The proof that a file is held: the platform's, asked for by address, or our own.

Pure. Described by `edge_agent/schemas/receipt-1.json` and docs/platform.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from uploader import signing
from uploader.exchange import Core, Lost, Request, fill, refusal
from uploader.heard import document
from uploader.keys import Key
from uploader.sender import Artifact, Pending, Receipt, Transient
from uploader.signing import Worthless

#: In the order of what they prove.
STATES = ("received", "verified", "replicated")
#: What came is not right: it is to be sent again.
DAMAGED = "damaged"


class Damaged(Exception):
    """The platform holds other bytes under this file's name than those that were sent.

    `said` is its word for it.
    """

    def __init__(self, said: Receipt) -> None:
        super().__init__(said)
        self.said = said


@dataclass(frozen=True, slots=True)
class Terms:
    """What must be so before a receipt counts. `utc` gives this computer's time."""

    needs: str = "received"
    #: Without any, a receipt is believed as it comes.
    keys: tuple[Key, ...] = ()
    utc: Callable[[], str] = lambda: ""


def ask(template: str, lecture: str, artifact: Artifact, terms: Terms) -> Core[Receipt | None]:
    """The receipt, or None when the platform knows nothing of these bytes yet.

    Raises Damaged, Worthless, Pending when the receipt says less than is needed, and Transient
    when there is no answer that can be understood.
    """
    url = fill(template, lecture, artifact)
    answer = yield Request("GET", url, {"Accept": "application/jose, application/json;q=0.9"})
    if isinstance(answer, Lost):
        raise Transient(answer.reason)
    if answer.status in (202, 204, 404):
        return None
    if answer.status != 200:
        raise refusal(answer, "asking for the receipt")
    return judged(answer.body, lecture, artifact, terms)


def judged(text: bytes, lecture: str, artifact: Artifact, terms: Terms) -> Receipt | None:
    """A platform's receipt, if it counts. Raises as `ask`."""
    found = _read(text, terms)
    file = (found.get("lecture", lecture), found.get("name", artifact.name))
    if file != (lecture, artifact.name):
        raise Worthless("is for another file")
    if found.get("state") == DAMAGED:
        raise Damaged(found)
    if found.get("state") not in STATES:
        return None
    if found.get("bytes") != artifact.bytes or found.get("sha256") != artifact.sha256:
        raise Damaged(found)
    if STATES.index(found["state"]) < STATES.index(terms.needs):
        raise Pending(
            f"{artifact.name} has arrived; the platform calls it {found['state']} "
            f"and not yet {terms.needs}"
        )
    return found


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
    found = document(text)
    wanted = {"bytes": artifact.bytes, "sha256": artifact.sha256, "state": "verified"}
    return found if isinstance(found, dict) and wanted.items() <= found.items() else None


def _read(text: bytes, terms: Terms) -> dict[str, Any]:
    if signing.is_signed(text):
        if not terms.keys:
            return signing.unproven(text)
        said = signing.opened(text, signing.RECEIPT, terms.keys, terms.utc())
        if not {"lecture", "name"} <= said.keys():
            raise Worthless("does not say which file it is for")
        return said | {"jws": text.decode().strip()}
    found = document(text)
    if not isinstance(found, dict) or "state" not in found:
        raise Transient(
            "what answers at the receipts' address gives no receipt; "
            "check receipts_url of this destination"
        )
    if terms.keys:
        raise Worthless("is not signed")
    return found
