"""`/metrics`: the room's figures for Prometheus, for who knows the token.

What the figures are is decided elsewhere. Here is only who gets them: the role of IT staff, or a
program that shows the token as Prometheus can (`authorization:` or `basic_auth:`). The token opens
nothing else.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response

from edge_agent.panel.answers import address_of, demand, role_of
from edge_agent.panel.hub import Hub, Telling
from edge_agent.panel.refusal import Refused
from edge_agent.panel.sessions import Backoff

#: The version of the text format, as Prometheus asks for it.
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Figures:
    """Used by the server's loop alone. `token` gives what is stored, None when there is none."""

    def __init__(
        self, hub: Hub, telling: Telling, token: Callable[[], str | None], backoff: Backoff
    ) -> None:
        self._hub = hub
        self._telling = telling
        self._token = token
        self._backoff = backoff

    async def answer(self, request: Request) -> Response:
        shown = presented(request.headers.get("authorization", ""))
        if shown is None:
            demand(request, "it")
        elif role_of(request) != "it":
            self._compare(shown, f"metrics {address_of(request)}")
        text = await self._hub.told(self._telling)
        return Response(text, headers={"cache-control": "no-store", "content-type": MEDIA_TYPE})

    def _compare(self, shown: str, who: str) -> None:
        """Raises Refused. Who shows wrong tokens may still sign in with a PIN: both count apart."""
        stored = self._token()
        if stored is None:
            raise Refused(
                403,
                "not-allowed",
                "this panel has no token for its figures",
                "IT names one as metrics_token in [panel], and stores it with: "
                "edge-agent secret set NAME",
            )
        self._backoff.demand(who)
        if not hmac.compare_digest(shown.encode(), stored.encode()):
            self._backoff.wrong(who)
            raise Refused(
                401,
                "wrong-token",
                "this is not the token of this room's figures",
                "compare it with the credential that metrics_token in [panel] names",
            )
        self._backoff.right(who)


def presented(header: str) -> str | None:
    """The token of an Authorization header: a bearer's, or anybody's password. None: no token."""
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(rest.strip(), validate=True).decode().partition(":")[2]
        except ValueError:  # not Base64, or not UTF-8: a wrong one
            return ""
    return None
