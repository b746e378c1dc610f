"""Whether a server can be reached at all: name, connection, certificate. Nothing is asked of it."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

from uploader.wire import tls

#: For the name, the connection and the handshake each; a satellite link needs two seconds.
ANSWER_S = 8.0
_PORTS = {"https": 443, "http": 80, "mqtts": 8883, "mqtt": 1883}
_SECURE = ("https", "mqtts")


def trouble(url: str, ca_file: Path | None = None) -> str:
    """What is in the way to the server of an address, as a sentence; empty when nothing is."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        context = tls(ca_file) if parts.scheme in _SECURE else None
    except OSError as error:
        return f"{ca_file} cannot be used ({error.strerror or error})"
    try:
        place = (host, parts.port or _PORTS.get(parts.scheme, 443))
        with socket.create_connection(place, ANSWER_S) as plain:
            if context is not None:
                context.wrap_socket(plain, server_hostname=host).close()
    except (OSError, UnicodeError) as error:
        return _words(error, host)
    return ""


def _words(error: Exception, host: str) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return f"the certificate of {host} is not trusted ({error.verify_message})"
        case ssl.SSLError():
            return f"no secure connection to {host} ({error.reason})"
        case socket.gaierror() | UnicodeError():
            return f"the name {host} is not known here"
        case ConnectionRefusedError():
            return f"{host} refuses the connection"
        case TimeoutError():
            return f"{host} has not answered within {ANSWER_S:.0f} s"
        case _:
            return f"{host} cannot be reached ({error})"
