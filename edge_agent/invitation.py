"""An invitation: all that makes a fresh PC a known room, sealed with a code that people carry.

The central side needs no program for it: the file may lie on any web server or in any store, as it
says nothing without its code. The code has 80 bits, and each guess costs a scrypt (RFC 7914); what
is sealed is AES-256-GCM. No I/O here but the randomness of `seal` and `new_code`.
"""

from __future__ import annotations

import base64
import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

KIND, VERSION = "edge-agent invitation", 1
#: Crockford's letters: none looks like another. Five bits each.
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LOOKS_LIKE = str.maketrans("OILU", "011V")
CODE_LETTERS = 16
#: As the configuration names credentials.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
#: 32 MiB and about a tenth of a second for each try.
_COST = {"n": 1 << 15, "r": 8, "p": 1}
#: A configuration and some credentials are some KiB.
MOST_BYTES = 1 << 20


class BadInvitation(Exception):
    """It cannot be used; the sentence names the next step."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """`config`: the room's whole configuration, TOML. `secrets`: credentials by name.

    `burn_url`: an address that takes the file away when it gets a DELETE, such as a presigned one.
    """

    room: str
    config: str
    secrets: Mapping[str, str]
    until: datetime
    burn_url: str = ""


def new_code() -> str:
    """Sixteen letters in groups of four, to be read out over a telephone."""
    number = int.from_bytes(os.urandom(CODE_LETTERS * 5 // 8))
    letters = [_LETTERS[(number >> 5 * place) & 31] for place in range(CODE_LETTERS)]
    text = "".join(letters)
    return "-".join(text[at : at + 4] for at in range(0, CODE_LETTERS, 4))


def plain_code(typed: str) -> str:
    """However people typed it. Raises BadInvitation."""
    text = re.sub(r"[\s-]", "", typed).upper().translate(_LOOKS_LIKE)
    if len(text) != CODE_LETTERS or not set(text) <= set(_LETTERS):
        raise BadInvitation(
            f"a code has {CODE_LETTERS} letters and digits, such as 7K3M-…; type it once more"
        )
    return text


def seal(invitation: Invitation, code: str) -> bytes:
    """The file that may lie anywhere."""
    salt, nonce = os.urandom(16), os.urandom(12)
    inside = {
        "room": invitation.room,
        "config": invitation.config,
        "secrets": dict(invitation.secrets),
        "until": invitation.until.isoformat(),
        "burn_url": invitation.burn_url,
    }
    sealed = AESGCM(_key(code, salt)).encrypt(nonce, json.dumps(inside).encode(), KIND.encode())
    parts = {"salt": salt, "nonce": nonce, "sealed": sealed}
    words = {name: base64.b64encode(data).decode() for name, data in parts.items()}
    return json.dumps({"kind": KIND, "version": VERSION, **words}, indent=1).encode()


def unseal(data: bytes, code: str, now: datetime) -> Invitation:
    """Raises BadInvitation. A clock that is behind lets an old one pass; the platform need not."""
    salt, nonce, sealed = _parts(data)
    try:
        inside = json.loads(AESGCM(_key(code, salt)).decrypt(nonce, sealed, KIND.encode()))
    except InvalidTag:
        raise BadInvitation(
            "the code does not open this invitation; type it once more, or ask for another"
        ) from None
    found = _invitation(inside)
    if found.until < now:
        raise BadInvitation(
            f"the invitation was good until {found.until:%Y-%m-%d %H:%M} UTC; ask for another, or "
            "look at this PC's clock with: date"
        )
    return found


def _parts(data: bytes) -> tuple[bytes, bytes, bytes]:
    try:
        outside = json.loads(data)
        if outside["kind"] != KIND:
            raise ValueError
        version = outside["version"]
        salt, nonce, sealed = (
            base64.b64decode(outside[name], validate=True) for name in ("salt", "nonce", "sealed")
        )
    except (ValueError, KeyError, TypeError):
        raise BadInvitation("this is no invitation; look at the address or file") from None
    if version != VERSION:
        raise BadInvitation(
            f"the invitation is of version {version}, which this edge-agent does not know; "
            "bring it up to date"
        )
    if not 8 <= len(nonce) <= 128:
        raise BadInvitation("this is no invitation; look at the address or file")
    return salt, nonce, sealed


def _invitation(inside: Mapping[str, Any]) -> Invitation:
    """Of those who had the code nobody is a stranger; a mistake of theirs is still a sentence."""
    try:
        found = Invitation(
            room=str(inside["room"]),
            config=str(inside["config"]),
            secrets={str(name): str(text) for name, text in inside["secrets"].items()},
            until=datetime.fromisoformat(inside["until"]),
            burn_url=str(inside["burn_url"]),
        )
        tomllib.loads(found.config)
        if not all(_NAME.fullmatch(name) for name in found.secrets):
            raise ValueError("a credential's name is no file name")
        if found.until.tzinfo is None:
            raise ValueError("no zone")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInvitation(f"the invitation was made wrongly ({error}); ask for another") from None
    return found


def _key(code: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, **_COST).derive(plain_code(code).encode())
