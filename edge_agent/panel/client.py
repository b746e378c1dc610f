"""Ask the running panel over its socket; for the command line."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

#: It answers at once, or it hangs.
ANSWER_S = 15.0


class PanelRefuses(OSError):
    """The panel's own words for why not."""


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=ANSWER_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self.sock.settimeout(ANSWER_S)
        self.sock.connect(str(self._path))


def post(path: Path, where: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """The answer's document. Raises OSError when there is no panel or it refuses."""
    connection = _Connection(path)
    try:
        connection.request("POST", where, json.dumps(body), {"content-type": "application/json"})
        answer = connection.getresponse()
        document = json.loads(answer.read())
    except (http.client.HTTPException, ValueError) as error:
        raise PanelRefuses(f"the panel's answer cannot be read: {error}") from None
    finally:
        connection.close()
    if answer.status >= 400:
        raise PanelRefuses(str(document["error"]["message"]))
    return dict(document)
