"""AWS Signature Version 4 for requests to an S3 store. Pure: the time comes in.

Ours, because ready signers read this computer's clock, which may be wrong by years; a store refuses
what is signed more than 15 minutes off. So the time is the store's own (`skew`).

Source: AWS, "Create a signed AWS API request"; the payload is not part of the signature
(UNSIGNED-PAYLOAD), since each part carries its own digests, which are.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qsl, quote, urlsplit

from uploader.exchange import Request, Response

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Key:
    """An access key. Its secret is in no text that anybody prints."""

    access: str
    secret: str = field(repr=False)
    region: str = "us-east-1"


def signed(request: Request, key: Key, now: datetime) -> Request:
    """The request with its signature; `now` is UTC. Header names in any case."""
    url = urlsplit(request.url)
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    headers = {
        **request.headers,
        "x-amz-date": stamp,
        "x-amz-content-sha256": "UNSIGNED-PAYLOAD",
    }
    canon = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    canon = {n: v for n, v in canon.items() if n.startswith(("x-amz-", "content-"))}
    canon["host"] = url.netloc.rpartition("@")[2]
    names = ";".join(sorted(canon))
    canonical = "\n".join(
        (
            request.method,
            url.path or "/",
            canonical_query(parse_qsl(url.query, keep_blank_values=True)),
            *(f"{name}:{canon[name]}" for name in sorted(canon)),
            "",
            names,
            "UNSIGNED-PAYLOAD",
        )
    )
    scope = f"{stamp[:8]}/{key.region}/s3/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    signature = _sign(key, scope, f"{_ALGORITHM}\n{stamp}\n{scope}\n{digest}")
    headers["Authorization"] = (
        f"{_ALGORITHM} Credential={key.access}/{scope}, SignedHeaders={names}, "
        f"Signature={signature}"
    )
    return replace(request, headers=headers)


def canonical_query(pairs: Iterable[tuple[str, str]]) -> str:
    """Sorted and encoded as S3 counts it: everything but A-Z a-z 0-9 - . _ ~."""
    encoded = sorted((quote(name, safe=""), quote(value, safe="")) for name, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded)


def skew(response: Response, now: datetime) -> float | None:
    """Seconds by which the store's clock is ahead of `now`; None when it does not say."""
    try:
        theirs = parsedate_to_datetime(response.headers.get("date", ""))
    except ValueError:
        return None
    return (theirs - now).total_seconds()


def _sign(key: Key, scope: str, text: str) -> str:
    secret = ("AWS4" + key.secret).encode()
    for part in (*scope.split("/"), text):
        secret = hmac.new(secret, part.encode(), hashlib.sha256).digest()
    return secret.hex()
