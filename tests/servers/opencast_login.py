"""Who is it? A strict Opencast's answer, by basic or digest authentication."""

from __future__ import annotations

import base64
import re
import secrets
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.servers.opencast_notes import Heard, Notes, Said, md5

USER, PASSWORD = "room-7", "the password of room 7"
PAGE = b"<!DOCTYPE html><html><head><title>Login</title></head><body>Sign in</body></html>"


@dataclass
class Login:
    """`nonces`: how often each was used; they die with the process."""

    notes: Notes
    base: str
    nonces: dict[str, int]

    def stranger(self, heard: Heard) -> Said | None:
        given = heard.headers.get("authorization", "")
        if self.notes.wishes().get("auth") == "digest":
            if heard.headers.get("x-requested-auth") != "Digest":
                self.notes.violation("no X-Requested-Auth")
                return Said(302, b"", "text/html", {"Location": f"{self.base}/login.html"})
            return None if self._digest(heard, given) else self._ask()
        wanted = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if not given:
            return Said(302, b"", "text/html", {"Location": f"{self.base}/login.html"})
        return None if given == f"Basic {wanted}" else Said(401, b"Bad credentials", "text/plain")

    def _ask(self) -> Said:
        nonce = secrets.token_hex(8)
        self.nonces[nonce] = 0
        words = f'Digest realm="Opencast", qop="auth", nonce="{nonce}"'
        return Said(401, b"", "text/plain", {"WWW-Authenticate": words})

    def _digest(self, heard: Heard, given: str) -> bool:
        said = dict(re.findall(r'(\w+)="?([^",]*)"?', given.removeprefix("Digest ")))
        nonce, count = said.get("nonce", ""), int(said.get("nc", "0"), 16)
        if nonce not in self.nonces:
            return False
        if count <= self.nonces[nonce]:
            self.notes.violation(f"nc {count} was used")
            return False
        parts = urlsplit(heard.url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        who = md5(f"{USER}:Opencast:{PASSWORD}".encode())
        what = md5(f"{heard.method}:{target}".encode())
        text = f"{who}:{nonce}:{said.get('nc')}:{said.get('cnonce')}:auth:{what}"
        self.nonces[nonce] = count
        return said.get("response") == md5(text.encode()) and said.get("uri") == target
