"""Performs requests over HTTP/1.1: one connection to one host, for links of 64 kbit/s and more.

On httpcore, the engine of httpx, because its network streams are open to us (see `uploader.wire`).
Never decides: what an answer means is the protocol core's business. Never follows a redirect to
another host, never sends the credential to one, never skips the check of a certificate.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpcore

from uploader.addresses import in_ascii, in_bytes
from uploader.bodies import Source, Witness, with_digests
from uploader.exchange import Answer, Core, Lost, Piece, Request, Response, T, drive, portal, within
from uploader.sender import MakesWay, Progress, Transient
from uploader.sizing import ends_first
from uploader.wire import SOCKET_OPTIONS, Backend, tls

#: Blocks of a body: small at first (at 64 kbit/s 16 KiB take two seconds), larger on a fast link.
LEAST_BLOCK, MOST_BLOCK = 16 << 10, 1 << 20
#: A block that left within this time may be followed by one of twice the size, seconds.
QUICK_S = 0.1
#: Answers of these protocols are small; a longer one is cut off here.
LONGEST_ANSWER = 4 << 20
REDIRECTS = 5
#: An idle connection is not used again after this time; servers close theirs after 60 s and more.
KEEP_S = 45.0


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds without any movement after which the connection is given up.

    Below the watchdog's 120 s, above what a full queue of 64 kbit/s needs to empty.
    """

    connect: float = 20.0
    write: float = 90.0
    read: float = 90.0


class Http:
    """Requests to the host of `base`. Used by one thread.

    `dress` gives each request its credential just before it leaves (after the digests are in its
    headers, so it may sign them). `opened` is called with every new TCP socket, for pacing:
    TCP_INFO may be read from it and SO_MAX_PACING_RATE set on it while a body leaves. `tick` is
    called with that socket (or its TLS wrapper) after each block and while it waits (`TICK_S`),
    so a controller can act there.
    """

    def __init__(
        self,
        base: str,
        *,
        ca_file: Path | None = None,
        dress: Callable[[Request], Request] = lambda request: request,
        opened: Callable[[socket.socket], None] = lambda _socket: None,
        tick: Callable[[socket.socket], None] = lambda _socket: None,
        patience: Patience = Patience(),
        agent: str = "edge-agent",
    ) -> None:
        self._base = base
        self._ca_file = ca_file
        self._dress = dress
        self._tick = tick
        self._timeouts = {
            "connect": patience.connect,
            "write": patience.write,
            "read": patience.read,
        }
        self._agent = agent
        self._backend = Backend(opened)
        self._pool: httpcore.ConnectionPool | None = None
        #: The request that was on its way might end; the next one does not begin.
        self._way: MakesWay | None = None

    def close(self) -> None:
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    def run(
        self, core: Core[T], path: Path | None, progress: Progress, witness: Witness | None = None
    ) -> T:
        """Run a core whose `Piece` bodies are stretches of the file at `path`.

        Raises what the core and `progress` raise, and Permanent when the file cannot be read.
        MakesWay is raised between two requests, where one would be lost and soon comes to its end.
        """
        self._way = None
        with Source(path, witness) as source:
            return drive(core, lambda request: self.exchange(request, source, progress))

    def exchange(self, request: Request, source: Source, progress: Progress) -> Answer:
        """One request and its answer; redirects are followed within the host only."""
        if self._way is not None:
            raise self._way
        request = with_digests(request, source)
        for _ in range(REDIRECTS):
            answer = self._once(self._dress(request), source, progress)
            if isinstance(answer, Lost) or not _sends_on(request, answer):
                break
            target = within(self._base, request.url, answer.headers.get("location", ""))
            if target is None:
                return Lost(_elsewhere(answer), answer.sent, answer.seconds)
            request = replace(request, url=target)
        if isinstance(answer, Response) and (sentence := portal(answer, request.terse)):
            return Lost(sentence, answer.sent, answer.seconds)
        return answer

    def _once(self, request: Request, source: Source, progress: Progress) -> Answer:
        try:
            url = in_ascii(request.url)
        except ValueError:
            return Lost(f"{request.url[:200]!r} is no address; check the one of this destination")
        sending = _Sending(request, source, progress, self._backend, self._tick)
        began = time.monotonic()
        own = [*request.headers.items(), *self._own_headers(request)]
        try:
            with self._opened_pool().stream(
                request.method,
                url,
                headers=[(name.encode(), in_bytes(value)) for name, value in own],
                content=iter(sending) if request.length else None,
                extensions={"timeout": self._timeouts},
            ) as got:
                headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in got.headers}
                body = _limited(got.iter_stream())
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
            self.close()  # nothing of this connection is worth keeping
            return Lost(_words(error, url), sending.sent, time.monotonic() - began)
        finally:
            self._backend.waiting = None
            self._way = sending.way
        return Response(got.status, headers, body, sending.sent, time.monotonic() - began)

    def _own_headers(self, request: Request) -> list[tuple[str, str]]:
        own = [("User-Agent", self._agent), ("Accept-Encoding", "identity")]
        if request.length or request.method in ("POST", "PUT", "PATCH"):
            own.append(("Content-Length", str(request.length)))
        return own

    def _opened_pool(self) -> httpcore.ConnectionPool:
        """Raises Transient when the authorities' file cannot be used."""
        if self._pool is None:
            self._pool = httpcore.ConnectionPool(
                ssl_context=_context(self._ca_file),
                max_connections=1,
                keepalive_expiry=KEEP_S,
                socket_options=SOCKET_OPTIONS,
                network_backend=self._backend,
            )
        return self._pool


class _Sending:
    """The body of one request, block by block, and how much of it has left."""

    def __init__(
        self,
        request: Request,
        source: Source,
        progress: Progress,
        backend: Backend,
        tick: Callable[[socket.socket], None],
    ) -> None:
        self.sent = 0
        self._request = request
        self._source = source
        self._progress = progress
        self._backend = backend
        self._tick = tick
        self._began = time.monotonic()
        #: It has to make way, and may end first.
        self.way: MakesWay | None = None
        backend.waiting = self._report
        self._report()

    def __iter__(self) -> Iterator[bytes]:
        block = LEAST_BLOCK
        while self.sent < self._request.length:
            wire = self._backend.wire
            if wire is not None and wire.answered():
                raise httpcore.WriteError("answered before the end")  # httpcore reads the answer
            data = self._source.leaving(self._request.body, self.sent, block)
            began = time.monotonic()
            yield data
            self.sent += len(data)
            quick = time.monotonic() - began < QUICK_S
            block = min(2 * block, MOST_BLOCK) if quick else max(block // 2, LEAST_BLOCK)
            if wire is not None:
                wire.give_room(block)
            self._report()

    def _report(self) -> None:
        wire = self._backend.wire
        if wire is not None:
            self._tick(wire.socket)
        try:
            self._tell()
        except MakesWay as way:
            self.way = self.way or way
        if self.way is not None and not self._ends_first():
            raise self.way

    def _tell(self) -> None:
        body = self._request.body
        if isinstance(body, Piece):
            self._progress("copying", body.offset + self.sent)
        else:
            self._progress("asking", 0)

    def _ends_first(self) -> bool:
        seconds = time.monotonic() - self._began
        return not self._request.kept and ends_first(self.sent, self._request.length, seconds)


def _sends_on(request: Request, answer: Response) -> bool:
    """A server that means "send your body there" says 307 or 308."""
    reads = request.method in ("GET", "HEAD", "OPTIONS")
    return answer.status in (307, 308) or (answer.status in (301, 302, 303) and reads)


def _elsewhere(answer: Response) -> str:
    return (
        f"we are sent on to {answer.headers.get('location', 'nowhere')!r}, another host; if that "
        "is the network's sign-in page, sign this computer in, else correct the destination's url"
    )


def _context(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return tls(ca_file)
    except OSError as error:
        raise Transient(
            f"the certificates in {ca_file} cannot be used ({error.strerror or error}); "
            "correct ca_file of this destination"
        ) from error


def _limited(stream: Iterable[bytes]) -> bytes:
    body = bytearray()
    for data in stream:
        body += data
        if len(body) >= LONGEST_ANSWER:
            break
    return bytes(body)


def _words(error: Exception, url: str) -> str:
    """A failure of the way as a sentence: what was tried, what happened, what to look at."""
    host = httpcore.URL(url).host.decode()
    cause = error.args[0] if error.args else None  # httpcore wraps what the system said
    match cause:
        case ssl.SSLCertVerificationError():
            return (
                f"the certificate of {host} is not trusted ({cause.verify_message}); check this "
                "computer's date, and the destination's ca_file if the campus has its own authority"
            )
        case ssl.SSLError():
            return f"no secure connection to {host} ({cause.reason}); ask those who run the server"
        case socket.gaierror():
            return f"the name {host} is not known here; check the network and the address"
        case ConnectionRefusedError():
            return f"{host} refuses the connection; the server may be down"
    if isinstance(error, httpcore.TimeoutException):
        return f"{host} has not answered for a long time; check the network"
    return f"the connection to {host} was cut ({error or 'no answer'}); check the network"
