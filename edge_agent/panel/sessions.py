"""Who may do what: sessions by cookie, the PIN, and the pairing of tablets.

Tokens are kept as hashes. Those of paired tablets outlive the process, in a file; those that a PIN
has made do not. Nothing here waits: who tries too often is told when to come again.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from edge_agent.durable import write_durably
from edge_agent.panel.refusal import Refused
from edge_agent.panel.state import Role

PIN_S, TABLET_S = 12 * 3600, 30 * 24 * 3600
CODE_S = 60
#: Wrong tries that cost nothing but a try; after them 2, 4, 8 … seconds, up to five minutes.
FREE_TRIES, LONGEST_S = 3, 300
#: More addresses than any room has tablets; the oldest is forgotten.
MOST_ADDRESSES, MOST_SESSIONS, MOST_CODES = 1000, 200, 20
RANK: dict[Role, int] = {"none": 0, "view": 1, "control": 2, "it": 3}


@dataclass(frozen=True, slots=True)
class _Session:
    role: Role
    ends_utc: str
    tablet: bool

    def over(self, now: datetime) -> bool:
        return datetime.fromisoformat(self.ends_utc) <= now


class Backoff:
    """Counts wrong tries of an address and says how long it must wait. Times in seconds."""

    def __init__(self, clock_s: Callable[[], float]) -> None:
        self._clock_s = clock_s
        #: address → (wrong tries in a row, the time from which it may try again)
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def demand(self, address: str) -> None:
        """Raises Refused while the address must wait."""
        _, free_s = self._wrong.get(address, (0, 0.0))
        left_s = free_s - self._clock_s()
        if left_s > 0:
            raise Refused(
                429,
                "slow-down",
                "too many wrong tries",
                "wait, then try again",
                retryable=True,
                retry_after_s=int(left_s) + 1,
            )

    def wrong(self, address: str) -> None:
        count = self._wrong.pop(address, (0, 0.0))[0] + 1
        wait_s = min(LONGEST_S, 2 ** min(20, count - FREE_TRIES)) if count > FREE_TRIES else 0
        self._wrong[address] = (count, self._clock_s() + wait_s)
        while len(self._wrong) > MOST_ADDRESSES:
            self._wrong.popitem(last=False)

    def right(self, address: str) -> None:
        self._wrong.pop(address, None)


class Sessions:
    """Used by the server's loop alone."""

    def __init__(self, file: Path, clock_s: Callable[[], float]) -> None:
        self.backoff = Backoff(clock_s)
        self._file = file
        self._clock_s = clock_s
        self._sessions: OrderedDict[str, _Session] = OrderedDict()
        #: One-time codes: hash → (role, the time until which it is good).
        self._codes: OrderedDict[str, tuple[Role, float]] = OrderedDict()

    def load(self) -> None:
        """Paired tablets of before. A file that is broken costs a pairing, no more."""
        try:
            found = json.loads(self._file.read_bytes())
            tablets = {str(key): _Session(**value) for key, value in found.items()}
            known = {key: it for key, it in tablets.items() if it.role in RANK and not _over(it)}
        except (OSError, ValueError, TypeError, AttributeError):
            return
        self._sessions.update(known)

    def role(self, token: str | None) -> Role:
        """What the bearer of this cookie may; "none" for anything that is no token."""
        session = self._sessions.get(_hash(token)) if token else None
        return "none" if session is None or _over(session) else session.role

    def open(self, role: Role, *, tablet: bool) -> tuple[str, int]:
        """A new token and its seconds. Raises OSError when it cannot be remembered."""
        token, seconds = secrets.token_urlsafe(32), TABLET_S if tablet else PIN_S
        ends = datetime.now(UTC) + timedelta(seconds=seconds)
        self._sessions[_hash(token)] = _Session(role, ends.isoformat(), tablet)
        while len(self._sessions) > MOST_SESSIONS:
            self._sessions.popitem(last=False)
        if tablet:
            self._save()
        return token, seconds

    def close(self, token: str | None) -> None:
        session = self._sessions.pop(_hash(token), None) if token else None
        if session is not None and session.tablet:
            self._save()

    def code(self, role: Role) -> str:
        """A way in for one tablet, for a minute."""
        code = secrets.token_hex(8)
        self._codes[_hash(code)] = (role, self._clock_s() + CODE_S)
        while len(self._codes) > MOST_CODES:
            self._codes.popitem(last=False)
        return code

    def redeem(self, code: str) -> Role | None:
        """The role that a code gives, once."""
        role, until_s = self._codes.pop(_hash(code), ("none", 0.0))
        return role if self._clock_s() < until_s else None

    def _save(self) -> None:
        kept = {k: asdict(v) for k, v in self._sessions.items() if v.tablet and not _over(v)}
        write_durably(self._file, json.dumps(kept).encode())


def pin_fits(hashed: str, pin: str) -> bool:
    """Takes a tenth of a second of CPU on purpose. Raises InvalidHashError for what is no hash."""
    try:
        return PasswordHasher().verify(hashed, pin)
    except InvalidHashError:
        raise
    except VerificationError:
        return False


def hash_pin(pin: str) -> str:
    return PasswordHasher().hash(pin)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _over(session: _Session) -> bool:
    return session.over(datetime.now(UTC))
