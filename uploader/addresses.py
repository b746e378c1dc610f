"""Addresses and header values as they go over the wire, in whatever letters people write. Pure.

A folder of a calendar may be called Hörsaal, and servers send their files' names as they are.
"""

from __future__ import annotations

from urllib.parse import quote, urlsplit, urlunsplit

#: What has a meaning in an address, or is quoted already.
_AS_IT_IS = "/%:;,=&?+~@!$'()*[]"


def in_ascii(url: str) -> str:
    """The same address in the letters that HTTP knows. Raises ValueError for what is none."""
    parts = urlsplit(url)
    port = parts.port  # raises where it is no port
    if url.isascii():
        return url
    place = parts.netloc
    if not place.isascii():
        place = _host(parts.hostname or "") + (f":{port}" if port is not None else "")
    path, query = (quote(it, safe=_AS_IT_IS) for it in (parts.path, parts.query))
    return urlunsplit((parts.scheme, place, path, query, ""))


def _host(name: str) -> str:
    try:
        return name.encode("idna").decode()
    except UnicodeError:
        return quote(name)  # nobody has that name, which people are told then


def in_bytes(value: str) -> bytes:
    """A header's value: as it came where one came, else in UTF-8."""
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode("utf-8", "replace")
