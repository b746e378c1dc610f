"""What a protocol says and hears: values and pure functions, no I/O.

A protocol's core is a generator: it yields a `Request`, is sent a `Response` or `Lost`, and returns
its result. `drive` joins it with whatever performs requests: `uploader.http.Http` on a network, a
table of misbehaviour in a test. A core never sleeps, never opens a file, never reads a clock; it
raises `Transient` or `Permanent` when it cannot go on.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Protocol, TypeAlias, TypeVar
from urllib.parse import quote, urljoin, urlsplit

from uploader.addresses import in_ascii
from uploader.heard import document
from uploader.sender import Artifact, Permanent, SendError, Transient

T = TypeVar("T")

#: A server's own words stand in an error text up to this many characters.
WORDS = 160
#: Later than this nobody is told to come back; a server that says a week is asked tomorrow.
LONGEST_RETRY_AFTER_S = 24 * 3600.0
#: The statuses that mean "not now" or "not you, not yet": what people mend at the other end or at
#: this one, and then the same request succeeds. Every other 4xx refuses this one file.
_LATER = {401, 402, 407, 408, 421, 423, 425, 429}
#: Opencast calls the XML of a workflow text/html; a page is never a document of another kind.
_OTHER_XML = re.compile(rb"(?i)\s*(<\?xml[^>]*>\s*<(?!!|html)|<(\w+:)?workflow\b)")
_LONG_NUMBER = re.compile(r"&#\d{8,};?")
#: So it calls its words to a capture agent too: "room-7 set to idle".
_SET_TO = re.compile(rb"[^<>\s]{1,200} set to [a-z_]{1,30}\Z")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the file that is being sent, as the body of a request."""

    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Framed(Piece):
    """A stretch of the file with words before and after it, as forms with files have them.

    `offset` is where in the file the body's first byte would lie (before the stretch by the length
    of `head`), `length` that of the whole body.
    """

    head: bytes = b""
    tail: bytes = b""

    @classmethod
    def of(cls, piece: Piece, head: bytes, tail: bytes) -> Framed:
        whole = len(head) + piece.length + len(tail)
        return cls(piece.offset - len(head), whole, head, tail)


@dataclass(frozen=True, slots=True)
class Digest:
    """A header that carries the body's digest: `<prefix><base64 of the digest>`."""

    header: str
    algorithm: str  # as hashlib calls it
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """One request. Header names in any case; Host and Content-Length are added when it is sent."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Piece = b""
    #: Computed over the body when the request is sent, and added to the headers.
    digests: tuple[Digest, ...] = ()
    #: What has arrived of it counts when it is cut: then it can make way at any moment.
    kept: bool = False
    #: Only the answer's status counts. Many servers call their "ok" HTML; only markup is a page.
    terse: bool = False

    @property
    def length(self) -> int:
        """Bytes of the body."""
        return self.body.length if isinstance(self.body, Piece) else len(self.body)


@dataclass(frozen=True, slots=True)
class Response:
    """An answer of the server that was asked. Header names are small letters."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    #: Bytes of the request's body that left; fewer than all when the answer came before its end.
    sent: int = 0
    #: From the first byte of the request to the end of the answer.
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Lost:
    """No answer: refused, cut, timed out, or something else than the server answered.

    The server may have seen nothing of the request, all of it, or any part.
    """

    reason: str  # a sentence for people, with the next step
    sent: int = 0
    seconds: float = 0.0


Answer: TypeAlias = Response | Lost
Core: TypeAlias = Generator[Request, Answer, T]


class Memory(Protocol):
    """What a destination wants to find again after a restart, one note for each file.

    A note is a JSON object of the destination's own, durable when `put` returns. It may get lost:
    that must never cost more than sending one file again.
    """

    def get(self, lecture: str, artifact: Artifact) -> dict[str, Any] | None:
        """The note for exactly these bytes (name and SHA-256)."""

    def put(self, lecture: str, artifact: Artifact, note: Mapping[str, Any]) -> None: ...

    def forget(self, lecture: str, artifact: Artifact) -> None: ...


def drive(core: Core[T], exchange: Callable[[Request], Answer]) -> T:
    """Run a core to its end. What `exchange` raises ends the core as well."""
    try:
        request = next(core)
        while True:
            request = core.send(exchange(request))
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        core.close()


# ---------------------------------------------------------------- answers in words


def words_of(response: Response) -> str:
    """The server's own words: problem+json, plain text, or the text of a page; "" when none."""
    text = response.body[:8192].decode("utf-8", "replace")
    if "json" in response.headers.get("content-type", ""):
        text = _json_words(text) or text
    elif "html" in response.headers.get("content-type", "") or "<" in text[:1]:
        text = re.sub(r"(?s)<(script|style|head)\b.*?</\1>|<[^>]+>", " ", text)
    text = _LONG_NUMBER.sub("", text)  # as the number of a letter, Python takes none of them
    text = " ".join(html.unescape(text).split())
    return text if len(text) <= WORDS else text[:WORDS].rsplit(" ", 1)[0] + " …"


def refusal(response: Response, what: str) -> SendError:
    """The error for an answer that is neither success nor known to the protocol's table.

    `what` says what was tried ("creating the upload"). Transient for 5xx and for what people mend;
    Permanent for what refuses this file.
    """
    said = words_of(response)
    reason = f"{what}: the server answers {response.status}" + (f": {said}" if said else "")
    if response.status in (401, 407):
        return Transient(f"{reason}; check the credential of this destination")
    if response.status in _LATER or response.status >= 500:
        return Transient(reason, retry_after_s=retry_after_s(response))
    if 300 <= response.status < 400 or response.ok or response.status == 404:
        return Transient(f"{reason}; check the address of this destination")
    return Permanent(f"{reason}; ask those who run the server")


def good(
    answer: Answer, what: str, refused: Callable[[Response, str], SendError] = refusal
) -> Response:
    """The answer, if it is a success. Raises Transient without one, else what `refused` says."""
    if isinstance(answer, Lost):
        raise Transient(answer.reason)
    if not answer.ok:
        raise refused(answer, what)
    return answer


def retry_after_s(response: Response) -> float | None:
    """Seconds that the server wants to be left alone. A date is measured by the server's clock."""
    value = response.headers.get("retry-after", "").strip()
    if value.isdecimal():
        return min(float(value), LONGEST_RETRY_AFTER_S)
    try:
        until = parsedate_to_datetime(value)
        now = parsedate_to_datetime(response.headers.get("date", ""))
        return min(max(0.0, (until - now).total_seconds()), LONGEST_RETRY_AFTER_S)
    except (ValueError, TypeError):
        return None


def portal(response: Response, terse: bool = False) -> str | None:
    """The sentence for an answer that comes from a sign-in page and not from the server."""
    named = response.ok and "html" in response.headers.get("content-type", "")
    page = named and not (_OTHER_XML.match(response.body) or _SET_TO.match(response.body))
    page = page and not (terse and b"<" not in response.body)
    if response.status == 511 or page:
        return (
            "a sign-in page answers; if it is the network's, sign this computer in or let IT "
            "exempt it, if it is the server's own, check the credential of this destination"
        )
    return None


# ---------------------------------------------------------------- addresses


def within(base: str, url: str, location: str) -> str | None:
    """The address that `location` (perhaps relative to `url`) names; None outside `base`'s host.

    A server behind a proxy that ends TLS calls itself http: there the base's scheme and port hold.
    """
    home = urlsplit(base)
    try:
        target = urlsplit(in_ascii(urljoin(url, location)))
    except ValueError:
        return None  # no address at all
    if target.hostname != home.hostname or target.scheme not in ("http", "https"):
        return None
    if home.scheme == "https" and target.scheme == "http":
        target = target._replace(scheme=home.scheme, netloc=home.netloc)
    return target.geturl()


def fill(template: str, lecture: str, artifact: Artifact) -> str:
    """An address with {lecture}, {name} and {sha256} filled in."""
    values = {"{lecture}": lecture, "{name}": artifact.name, "{sha256}": artifact.sha256}
    for mark, value in values.items():
        template = template.replace(mark, quote(value, safe=""))
    return template


def _json_words(text: str) -> str:
    found = document(text)
    if not isinstance(found, dict):
        return ""
    parts = (found.get(key) for key in ("title", "detail", "message", "error"))
    return ": ".join(part for part in parts if isinstance(part, str))
