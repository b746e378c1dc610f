"""A central platform behind TLS on the host: a tus server that nobody here wrote, with receipts.

Run as a process (FOLDER PORT CERTIFICATE KEY NOTES): it notes for each request with bytes how many
came, so that what was sent twice can be counted.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.appliance.cache import PROJECT
from tests.appliance.line import Line
from tests.appliance.machine import GuestFailed, kill
from tests.servers.receiver import TOKEN, application, completed
from tests.servers.running import await_port, free_port

KIND = "tussi"
#: The host, as a guest of QEMU's user network sees it.
HOST = "10.0.2.2"
CA_FILE = "/etc/edge-agent/campus-ca.pem"
_CERTIFICATE = (
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
    f" -subj /CN=campus -addext subjectAltName=IP:{HOST}"
)


class Central:
    """The server, and the line to it that can go dead."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._notes = folder / "held", folder / "came.jsonl"
        self._certificate, self._key = folder / "campus.pem", folder / "campus.key"
        self._log = folder / "central.log"
        self._folder.mkdir(parents=True)
        self._notes.touch()
        made = [*_CERTIFICATE.split(), "-keyout", self._key, "-out", self._certificate]
        subprocess.run(made, check=True, capture_output=True)
        port = free_port()
        words = [self._folder, str(port), self._certificate, self._key, self._notes]
        command = [sys.executable, "-m", "tests.appliance.central", *words]
        with self._log.open("ab") as log:
            self._server = subprocess.Popen(command, cwd=PROJECT, stdout=log, stderr=log)
        await_port(port, self._server, self._log)
        self.line = Line(port)

    def config(self, ca_file: str = CA_FILE) -> str:
        """The destination's table, for the guest's configuration."""
        base = f"https://{HOST}:{self.line.port}"
        return f"""
type = "tus"
url = "{base}/files/"
receipts_url = "{base}/receipts/{{lecture}}/{{name}}/{{sha256}}"
credential = "campus"
ca_file = "{ca_file}"
"""

    @property
    def certificate(self) -> str:
        """What the guest has to trust."""
        return self._certificate.read_text()

    def credentials(self) -> list[str]:
        """Shell commands for the guest, as IT staff would run them."""
        secret = "/etc/edge-agent/credentials/campus"
        owner = "edge-agent:edge-agent"
        return [
            f"cat > {CA_FILE} <<'E'\n{self.certificate}\nE",
            f"install -d -m 0700 {Path(secret).parent}",
            f"printf %s '{TOKEN}' > {secret} && chmod 0600 {secret}",
            f"chown -R {owner} {Path(secret).parent}",
        ]

    def came(self) -> int:
        """Bytes of files that have come in, those that came twice counted twice."""
        return sum(came for _, came in self._requests())

    def held(self) -> int:
        """Bytes of the files that are whole here."""
        return sum(len(data) for _, data in completed(KIND, self._folder))

    def cut_requests(self) -> list[int]:
        """Of each request that did not come whole: how many bytes came."""
        return [came for announced, came in self._requests() if came < announced]

    def files(self) -> dict[str, Counter[str]]:
        """lecture → "name sha256" of its whole files, and how often each is here."""
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for metadata, data in completed(KIND, self._folder):
            name = f"{metadata['filename']} {hashlib.sha256(data).hexdigest()}"
            found[metadata["lecture"]][name] += 1
        return found

    def manifest(self, lecture: str) -> dict[str, Any]:
        for metadata, data in completed(KIND, self._folder):
            if (metadata["lecture"], metadata["filename"]) == (lecture, "manifest.json"):
                return dict(json.loads(data))
        raise GuestFailed(f"{lecture} has no manifest at the platform")

    def until_came(self, count: int, limit_s: float) -> None:
        deadline = time.monotonic() + limit_s
        while self.came() < count:
            if time.monotonic() > deadline:
                words = self._log.read_text(errors="replace")[-1000:]
                raise GuestFailed(f"{self.came()} of {count} bytes came in {limit_s} s\n{words}")
            time.sleep(0.2)

    def close(self) -> None:
        self.line.close()
        kill(self._server)

    def _requests(self) -> list[tuple[int, int]]:
        """The bytes that each announced, and those that came."""
        announced: dict[int, int] = {}
        came: Counter[int] = Counter()
        for line in self._notes.read_text().splitlines():
            request, length, count = json.loads(line)
            announced[request] = length
            came[request] += count
        return [(announced[request], count) for request, count in came.items()]


@contextmanager
def platform(folder: Path) -> Iterator[Central]:
    """It ends with the scenario, whatever happens."""
    central = Central(folder)
    try:
        yield central
    finally:
        central.close()


class _Counted:
    """An ASGI application; each block of bytes that comes gets a line: request, announced, came."""

    def __init__(self, app: Any, notes: Path) -> None:
        self._app, self._notes, self._requests = app, notes, 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["method"] != "PATCH":
            await self._app(scope, receive, send)
            return
        self._requests += 1
        request, length = self._requests, int(dict(scope["headers"])[b"content-length"])

        async def counted() -> Any:
            message = await receive()
            if count := len(message.get("body", b"")):
                with self._notes.open("a") as notes:
                    notes.write(f"[{request}, {length}, {count}]\n")
            return message

        await self._app(scope, counted, send)


def main(folder: str, port: str, certificate: str, key: str, notes: str) -> None:
    import uvicorn

    uvicorn.run(
        _Counted(application(KIND, Path(folder)), Path(notes)),
        host="127.0.0.1",
        port=int(port),
        ssl_certfile=certificate,
        ssl_keyfile=key,
        log_level="warning",
        timeout_keep_alive=60,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
