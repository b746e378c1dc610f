"""HTTP Digest authentication (RFC 7616), as servers of a certain age ask for it. Pure.

The password itself never leaves. `auth-int`, for which a body would have to be read twice, is not
spoken; no server known to us offers nothing else.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from uploader.exchange import Response

#: The stronger one first, as the RFC demands of who answers.
_ALGORITHMS = {"SHA-256": "sha256", "MD5": "md5"}
_PAIR = re.compile(r'\s*([A-Za-z][\w-]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))\s*(?:,|$)')
_SCHEME = re.compile(r"(?:^|,)\s*Digest\s+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a server asks for. `algorithm` as it wrote it; `qop` empty: one of RFC 2069."""

    realm: str
    nonce: str
    algorithm: str = "MD5"
    opaque: str | None = None
    qop: str = ""
    #: The answer was right and the nonce too old.
    stale: bool = False

    @property
    def hash_name(self) -> str:
        """As hashlib calls it."""
        return _ALGORITHMS[self.algorithm.upper().removesuffix("-SESS")]

    @property
    def session(self) -> bool:
        return self.algorithm.upper().endswith("-SESS")


def challenge(answer: Response) -> Challenge | None:
    """The strongest challenge in a 401 that can be met."""
    if answer.status != 401:
        return None
    header = answer.headers.get("www-authenticate", "")
    found = [made for text in _SCHEME.split(header)[1:] if (made := _challenge(text))]
    order = list(_ALGORITHMS.values())
    return min(found, key=lambda each: order.index(each.hash_name), default=None)


def authorization(
    asked: Challenge,
    user: str,
    password: str,
    *,
    method: str,
    url: str,
    cnonce: str,
    count: int,
) -> str:
    """The header's value. `count`: how often this nonce has been answered, this time included."""
    parts = urlsplit(url)
    uri = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def hashed(*texts: str) -> str:
        joined = ":".join(texts).encode()
        return hashlib.new(asked.hash_name, joined, usedforsecurity=False).hexdigest()

    who = hashed(user, asked.realm, password)
    if asked.session:
        who = hashed(who, asked.nonce, cnonce)
    what = hashed(method, uri)
    number = f"{count:08x}"
    middle = (number, cnonce, asked.qop) if asked.qop else ()
    pairs = [
        f'username="{_quoted(user)}"',
        f'realm="{_quoted(asked.realm)}"',
        f'nonce="{_quoted(asked.nonce)}"',
        f'uri="{_quoted(uri)}"',
        f'response="{hashed(who, asked.nonce, *middle, what)}"',
        f"algorithm={asked.algorithm}",
    ]
    if asked.opaque is not None:
        pairs.append(f'opaque="{_quoted(asked.opaque)}"')
    if asked.qop:
        pairs.append(f"qop={asked.qop}, nc={number}")
    if asked.qop or asked.session:
        pairs.append(f'cnonce="{_quoted(cnonce)}"')
    return "Digest " + ", ".join(pairs)


def _challenge(text: str) -> Challenge | None:
    pairs = dict(_pairs(text))
    offered = [each.strip().lower() for each in pairs.get("qop", "").split(",") if each.strip()]
    algorithm = pairs.get("algorithm", "MD5")
    known = algorithm.upper().removesuffix("-SESS") in _ALGORITHMS
    if not known or "nonce" not in pairs or (offered and "auth" not in offered):
        return None
    return Challenge(
        realm=pairs.get("realm", ""),
        nonce=pairs["nonce"],
        algorithm=algorithm,
        opaque=pairs.get("opaque"),
        qop="auth" if offered else "",
        stale=pairs.get("stale", "").lower() == "true",
    )


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    """Up to where the next scheme begins."""
    at = 0
    while match := _PAIR.match(text, at):
        name, quoted, plain = match.groups()
        yield name.lower(), re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain
        at = match.end()


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
