"""The door of the panel: which requests come in at all, and with which role.

`Host` must be a name of ours or an address (against DNS rebinding); what changes something, and the
WebSocket, must not come from another site's page. Headers that keep the page to itself go out.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge_agent.panel.refusal import Refused
from edge_agent.panel.sessions import RANK, Sessions
from edge_agent.panel.state import Role

COOKIE = "edge-agent-panel"
ROLE = "edge_agent.role"
TOKEN = "edge_agent.token"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; connect-src 'self';"
    " img-src 'self' blob: data:; media-src 'self' blob:; manifest-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Gate:
    """ASGI middleware. `trusted`: the socket, whose file says who may use it."""

    def __init__(
        self, app: ASGIApp, sessions: Sessions, hosts: Iterable[str], *, trusted: bool = False
    ) -> None:
        self._app = app
        self._sessions = sessions
        self._hosts = frozenset({"localhost", *(host.lower() for host in hosts)})
        self._trusted = trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            self._check(scope, headers)
        except Refused as refusal:
            await _deny(refusal, scope, receive, send)
            return
        token = _token(headers.get("cookie", ""))
        scope[TOKEN], scope[ROLE] = token, self._role(scope, token)

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                out = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    out.setdefault(name, value)
                out.setdefault("cache-control", "no-cache")
            await send(message)

        await self._app(scope, receive, dressed)

    def _check(self, scope: Scope, headers: Headers) -> None:
        host = headers.get("host", "")
        if not self._trusted and not self._ours(host):
            raise Refused(
                421,
                "foreign-host",
                "this server does not go by that name",
                "use its address, or add the name to hosts in [panel]",
            )
        origin = headers.get("origin")
        changes = scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD", "OPTIONS")
        if changes and origin is not None and origin not in (f"http://{host}", f"https://{host}"):
            raise Refused(403, "foreign-origin", "that page belongs to another site")

    def _ours(self, host: str) -> bool:
        """A bare address cannot be rebound to another one."""
        name = host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host
        if name.lower().rstrip(".") in self._hosts:
            return True
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return False
        return True

    def _role(self, scope: Scope, token: str | None) -> Role:
        """This PC's own browser may press the buttons; a session may give more."""
        if self._trusted:
            return "it"
        session = self._sessions.role(token)
        here: Role = "control" if _is_here(scope) else "none"
        return max(session, here, key=lambda role: RANK[role])


def _is_here(scope: Scope) -> bool:
    client = scope.get("client")
    try:
        return client is not None and ipaddress.ip_address(client[0]).is_loopback
    except ValueError:
        return False


def _token(cookies: str) -> str | None:
    try:
        morsel = SimpleCookie(cookies).get(COOKIE)
    except CookieError:
        return None
    return morsel.value if morsel else None


async def _deny(refusal: Refused, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await refusal.response()(scope, receive, send)
    else:
        await send({"type": "websocket.close", "code": 4403, "reason": refusal.fault.code})
