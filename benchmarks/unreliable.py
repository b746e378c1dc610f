"""A way that is cut and refuses: stands before a server, at the far end of a link.

    python -m benchmarks.unreliable PORT SERVER_PORT CUT_S REFUSED [CERTIFICATE]

A connection is cut after CUT_S seconds on average (exponentially, as nobody remembers how long it
has lasted), both ways at once and with what was still under way; of the attempts to connect a share
REFUSED is reset. With a certificate it speaks TLS for the server. Prints "ready", and on a line of
input what it has carried, as JSON.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import ssl
import sys


class Way:
    """See the module's text."""

    def __init__(self, server: int, cut_s: float, refused: float) -> None:
        self._server = server
        self._cut_s = cut_s
        self._refused = refused
        self.told = {"carried": 0, "connections": 0, "refused": 0, "cut": 0}

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.told["connections"] += 1
        if random.random() < self._refused:
            self.told["refused"] += 1
            writer.transport.abort()
            return
        with contextlib.suppress(OSError):
            far, near = await asyncio.open_connection("127.0.0.1", self._server)
            try:
                async with asyncio.timeout(random.expovariate(1 / self._cut_s)):
                    await asyncio.gather(self._carry(reader, near, True), self._carry(far, writer))
            except TimeoutError:
                self.told["cut"] += 1
            finally:
                near.transport.abort()
        writer.transport.abort()

    async def _carry(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, count: bool = False
    ) -> None:
        while data := await source.read(1 << 15):
            self.told["carried"] += len(data) if count else 0
            target.write(data)
            await target.drain()
        raise ConnectionResetError  # one end hung up: so does the other


async def main(port: int, way: Way, certificate: str | None) -> None:
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    async with await asyncio.start_server(way.connected, "0.0.0.0", port, ssl=context):
        print("ready", flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(way.told), flush=True)


if __name__ == "__main__":
    _, own, server, cut_s, refused, *more = sys.argv
    made = Way(int(server), float(cut_s), float(refused))
    asyncio.run(main(int(own), made, more[0] if more else None))
