"""Takes secrets out of what is handed to others. Pure.

Two nets, one behind the other: what is known to be secret is taken out wherever it stands, and what
looks like a secret is taken out whatever it is. Rather too much than too little.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, unquote

REMOVED = "(removed)"
#: A shorter secret would take half of every text along; patterns alone guard it.
SHORTEST = 4

_SECRET_KEY = re.compile(r"(?i)pass|pwd|secret|token|(^|[_-])key$|authorization|cookie|signature")
#: Words of people, and of lectures: nobody needs them to mend a room.
_PERSONAL = frozenset({"title", "course", "lecturer", "phone"})
#: Greedy up to the last @: passwords with / and @ in them exist, whatever the standard says.
_USER_IN_URL = re.compile(r"(?P<head>[A-Za-z][A-Za-z0-9+.-]*://)[^\s\"'<>]*@")
_QUERY = re.compile(r"(?P<head>[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>?]*\?)[^\s\"'<>]+")
_NAMED = re.compile(
    r"(?i)(?P<head>\b[\w.-]*(?:password|passwd|pass|pwd|secret|token|signature|api[_-]?key|"
    r"x-amz-[a-z-]+|cookie)[\w-]*[\"']?\s*[=:]\s*)(?!\s*\(removed\))(?:\"[^\"\n]*\"|'[^'\n]*'|[^\s,;]+)"
)
_HEADER = re.compile(r"(?i)(?P<head>\b(?:bearer|basic|digest)\s+)[A-Za-z0-9+/=._~:-]{8,}[^\n]*")
_AUTHORIZATION = re.compile(r"(?i)(?P<head>authorization[\"']?\s*[=:]\s*)[^\n]+")
_PEM = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S
)
_HASH = re.compile(r"\$argon2[a-z]*\$[^\s\"']+")
#: As the events of the timetable name a booking; its title may hold whatever it likes.
_BOOKING = re.compile(r"(?P<head>\bbooking )[^\n]*(?=, \d{4}-\d\d-\d\d \d\d:\d\d UTC)")
_PATTERNS = (_BOOKING, _AUTHORIZATION, _HEADER, _USER_IN_URL, _QUERY, _NAMED)


class Redactor:
    """Knows some secrets, and what others look like."""

    def __init__(self, known: Iterable[str]) -> None:
        forms = {form for secret in known for form in _forms(secret) if len(form) >= SHORTEST}
        longest_first = sorted(forms, key=len, reverse=True)
        either = "|".join(map(re.escape, longest_first))
        self._known = re.compile(either, re.IGNORECASE) if forms else None

    def text(self, text: str) -> str:
        found = self._known.sub(REMOVED, text) if self._known else text
        found = _HASH.sub(REMOVED, _PEM.sub(REMOVED, found))
        for pattern in _PATTERNS:
            found = pattern.sub(rf"\g<head>{REMOVED}", found)
        return found

    def values(self, value: Any, key: str = "") -> Any:
        """The same of tables and lists; by their keys too."""
        if isinstance(value, Mapping):
            return {self.text(str(k)): self.values(v, str(k)) for k, v in value.items()}
        if key in _PERSONAL and value:
            return REMOVED
        if _SECRET_KEY.search(key) and isinstance(value, str | int | list | tuple) and value:
            return REMOVED
        if isinstance(value, list | tuple):
            return [self.values(each) for each in value]
        return self.text(value) if isinstance(value, str) else value


def secrets_in(value: Any, key: str = "") -> set[str]:
    """What in a configuration is a secret: passwords in addresses, options with such names."""
    if isinstance(value, Mapping):
        found = set().union(*(secrets_in(each, str(name)) for name, each in value.items()))
        return found | (_addresses(value) if key == "calendars" else set())
    if isinstance(value, list | tuple):
        return set().union(*(secrets_in(each, key) for each in value))
    if not isinstance(value, str):
        return set()
    found = {value} if _SECRET_KEY.search(key) else set()
    for match in _USER_IN_URL.finditer(value):
        found.add(match[0].removeprefix(match["head"]).removesuffix("@"))
    return found


def _addresses(calendars: Mapping[str, Any]) -> set[str]:
    """Who knows the address of a private calendar can read it: all but the host is a secret."""
    urls = [each.get("url") for each in calendars.values() if isinstance(each, Mapping)]
    ways = {url.partition("://")[2].partition("/")[2] for url in urls if isinstance(url, str)}
    return ways - {""}


def _forms(secret: str) -> set[str]:
    """A secret as it is, in parts (user:password), and as requests and addresses carry it."""
    parts = {secret, unquote(secret)}
    if ":" in secret:
        parts.add(secret.partition(":")[2])
        parts.add(unquote(secret.partition(":")[2]))
    written = {quote(part, safe="") for part in parts} | {quote(part) for part in parts}
    coded = {base64.b64encode(part.encode()).decode().rstrip("=") for part in parts}
    escaped = {json.dumps(part)[1:-1] for part in parts}
    return parts | written | coded | escaped
