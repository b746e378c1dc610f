"""How a letter is posted, and what an answer means: the header scheme of Standard Webhooks. Pure.

https://www.standardwebhooks.com: `webhook-id` is the same in all tries, `webhook-timestamp` is that
of the try, and `webhook-signature` is an HMAC-SHA256 over both and the body. Any 2xx is a receipt.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from uploader.exchange import Core, Lost, Request, Response, retry_after_s, words_of
from uploader.sender import Transient

PREFIX = "whsec_"
#: Of a secret, in bytes.
LEAST_SECRET, MOST_SECRET = 24, 512
#: These refuse the letter; of every other failure people can mend the reason.
_REFUSED = frozenset({400, 405, 406, 409, 411, 413, 414, 415, 417, 422, 431})


@dataclass(frozen=True, slots=True)
class Outcome:
    """`later`: try again. `refused`: this letter is not taken. `gone`: nothing is, ever again."""

    kind: Literal["taken", "later", "refused", "gone"]
    #: For people, with the next step.
    words: str = ""
    retry_after_s: float | None = None


def key_of(secret: str) -> bytes:
    """The bytes to sign with. Raises Transient: people can mend it."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or not LEAST_SECRET <= len(key) <= MOST_SECRET:
        raise Transient(
            f"the secret of this webhook must be {PREFIX} and {LEAST_SECRET} to {MOST_SECRET} "
            'bytes in base64; make one with: echo "whsec_$(openssl rand -base64 32)"'
        )
    return key


def signature(key: bytes, message: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`."""
    signed = f"{message}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def posting(
    url: str, message: str, body: bytes, key: bytes, timestamp: Callable[[], int]
) -> Core[Outcome]:
    """One try."""
    at = timestamp()
    headers = {
        "Content-Type": "application/json",
        "webhook-id": message,
        "webhook-timestamp": str(at),
        "webhook-signature": signature(key, message, at, body),
    }
    answer = yield Request("POST", url, headers, body, terse=True)
    if isinstance(answer, Lost):
        return Outcome("later", ours(answer.reason))
    return judged(answer)


def judged(answer: Response) -> Outcome:
    """What an answer means."""
    if answer.ok:
        return Outcome("taken")
    said = words_of(answer)
    words = f"it answers {answer.status}" + (f": {said}" if said else "")
    if answer.status == 410:
        return Outcome("gone", f"{words}; it wants nothing any more: take it out, or restart")
    if answer.status in _REFUSED:
        return Outcome("refused", f"{words}; ask those who run it")
    if answer.status in (401, 403, 407):
        return Outcome("later", f"{words}; check its secret", retry_after_s(answer))
    if 300 <= answer.status < 400:
        target = answer.headers.get("location", "nowhere")[:200]
        hint = "if that is the network's sign-in page, sign this computer in, else correct its url"
        return Outcome("later", f"{words} and sends us on to {target}; {hint}")
    if answer.status == 404:
        return Outcome("later", f"{words}; check its address", retry_after_s(answer))
    return Outcome("later", words, retry_after_s(answer))


def ours(reason: str) -> str:
    """The sentences of the uploads speak of destinations."""
    return reason.replace("destination", "webhook")
