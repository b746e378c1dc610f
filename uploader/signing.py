"""Signed statements: JWS in its compact form (RFC 7515) with Ed25519 (RFC 8037). Pure.

One line of text that any JOSE library makes and reads, so that nobody has to agree on how JSON is
written: what is signed is what is sent. The key's id in the header chooses among the keys that the
reader knows; a key that comes with the statement itself is never believed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from uploader.keys import Key, decoded, encoded

#: The header's `typ`: a platform's key may sign other things, which are no receipts.
RECEIPT = "receipt+jws"
#: EdDSA in RFC 8037, Ed25519 in RFC 9864.
_ALGORITHMS = ("EdDSA", "Ed25519")
_TOKEN = re.compile(rb"\s*[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*){2}\s*")


class Worthless(Exception):
    """A statement that proves nothing; `reason` says why, to follow "the receipt"."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def is_signed(text: bytes) -> bool:
    """Does it look like a signed statement, rather than like plain JSON?"""
    return _TOKEN.fullmatch(text) is not None


def sealed(said: Mapping[str, Any], kind: str, key: Ed25519PrivateKey, key_id: str) -> str:
    """The signed statement; `kind` is its `typ`."""
    header = {"alg": "EdDSA", "kid": key_id, "typ": kind}
    parts = [encoded(_json(header)), encoded(_json(said))]
    return ".".join([*parts, encoded(key.sign(".".join(parts).encode()))])


def opened(text: bytes | str, kind: str, keys: Iterable[Key], now: str) -> dict[str, Any]:
    """What it says, if one of the keys has signed it. Raises Worthless.

    `now` is UTC as RFC 3339. A key past its last day proves nothing, whatever date is claimed.
    """
    head, body, signature = _parts(text)
    header = _object(head)
    if header.get("alg") not in _ALGORITHMS or "crit" in header or header.get("typ") != kind:
        raise Worthless(f"is not signed as {kind} with EdDSA")
    key = next((each for each in keys if each.id == header.get("kid")), None)
    if key is None:
        raise Worthless(f"is signed with a key that is not configured ({header.get('kid')!r})")
    try:
        Ed25519PublicKey.from_public_bytes(key.raw).verify(decoded(signature), _signed(head, body))
    except (InvalidSignature, ValueError):
        raise Worthless(f"has a wrong signature for the key {key.id!r}") from None
    said = _object(body)
    if key.until and not (_day(said.get("utc")) <= key.until and _day(now) <= key.until):
        raise Worthless(f"is signed with the key {key.id!r}, which ended with {key.until}")
    return said


def unproven(text: bytes | str) -> dict[str, Any]:
    """What it says, with nothing checked. Raises Worthless."""
    return _object(_parts(text)[1])


def _parts(text: bytes | str) -> tuple[str, str, str]:
    data = text.encode() if isinstance(text, str) else text
    if not is_signed(data):
        raise Worthless("is not signed")
    head, body, signature = data.decode().strip().split(".")
    return head, body, signature


def _signed(head: str, body: str) -> bytes:
    return f"{head}.{body}".encode()


def _day(utc: object) -> str:
    """A date's day; a missing date is later than every last day."""
    return utc[:10] if isinstance(utc, str) and re.match(r"\d{4}-\d\d-\d\d", utc) else "never"


def _object(part: str) -> dict[str, Any]:
    try:
        found = json.loads(decoded(part))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Worthless("cannot be read")
    return found


def _json(said: Mapping[str, Any]) -> bytes:
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
