"""User name and password as a camera asks for them: Digest (RFC 7616, 2617), else Basic. Pure."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Sequence
from functools import partial

_WORD = re.compile(r'([\w-]+)=(?:"([^"]*)"|([^\s,]+))')


def _hex(kind: str, *words: str) -> str:
    text = ":".join(words).encode()
    return hashlib.new(kind, text, usedforsecurity=False).hexdigest()


#: MD5 is what nearly every camera knows.
_HASHES: dict[str, Callable[..., str]] = {
    "md5": partial(_hex, "md5"),
    "sha-256": partial(_hex, "sha256"),
}


class Login:
    """Says what to show the camera with each request, once it has said how."""

    def __init__(self, user: str, password: str, salt: str) -> None:
        """`salt`: a random text, of which the camera cannot know beforehand."""
        self._user, self._password, self._salt = user, password, salt
        self._asked: dict[str, str] | None = None
        self._basic = False
        self._count = 0

    def challenged(self, offers: Sequence[str]) -> bool:
        """Take the camera's `WWW-Authenticate` lines. False: there is none that can be answered."""
        digests = [_words(offer) for offer in offers if offer.lower().startswith("digest ")]
        usable = [asked for asked in digests if _usable(asked)]
        self._asked = next(iter(usable), None)
        self._basic = any(offer.lower().startswith("basic") for offer in offers)
        self._count = 0
        return bool(self._user) and (self._asked is not None or self._basic)

    def answer(self, method: str, uri: str) -> str:
        """The `Authorization` of one request; empty as long as nobody has asked."""
        if self._asked is not None:
            return self._digest(self._asked, method, uri)
        if not self._basic:
            return ""
        return "Basic " + base64.b64encode(f"{self._user}:{self._password}".encode()).decode()

    def _digest(self, asked: dict[str, str], method: str, uri: str) -> str:
        self._count += 1
        name = asked.get("algorithm", "MD5")
        hashed = _HASHES[name.lower().removesuffix("-sess")]
        realm, nonce = asked.get("realm", ""), asked.get("nonce", "")
        secret = hashed(self._user, realm, self._password)
        if name.lower().endswith("-sess"):
            secret = hashed(secret, nonce, self._salt)
        count = [f"{self._count:08x}", self._salt, "auth"] if asked.get("qop") else []
        proof = hashed(secret, nonce, *count, hashed(method, uri))
        words = {"username": self._user, "realm": realm, "nonce": nonce, "uri": uri}
        said = [f'{key}="{value}"' for key, value in (words | {"response": proof}).items()]
        said += [f'opaque="{asked["opaque"]}"'] if "opaque" in asked else []
        said += [f"algorithm={name}"] if "algorithm" in asked else []
        said += [f'qop=auth, nc={count[0]}, cnonce="{self._salt}"'] if count else []
        return "Digest " + ", ".join(said)


def _words(offer: str) -> dict[str, str]:
    return {key.lower(): quoted or plain for key, quoted, plain in _WORD.findall(offer)}


def _usable(asked: dict[str, str]) -> bool:
    known = asked.get("algorithm", "MD5").lower().removesuffix("-sess") in _HASHES
    ways = [way.strip() for way in asked.get("qop", "auth").split(",")]
    return known and "auth" in ways and "nonce" in asked
