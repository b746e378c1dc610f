"""Public Ed25519 keys as they stand in configurations: `id:base64`. Pure; needs no cryptography."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

_KEY = re.compile(r"([A-Za-z0-9._-]{1,64}):([A-Za-z0-9+/_-]{43}=?)(?::(\d{4}-\d\d-\d\d))?")


@dataclass(frozen=True, slots=True)
class Key:
    """A public key and its id; `until` is its last day (UTC), "" for none."""

    id: str
    raw: bytes
    until: str = ""

    @classmethod
    def of(cls, text: str) -> Key:
        """From `id:base64` or `id:base64:last day`. Raises ValueError with a sentence."""
        found = _KEY.fullmatch(text)
        if found is None:
            raise ValueError(
                "must be a key's id, a colon and the 32 bytes of an Ed25519 public key in base64, "
                "perhaps followed by a colon and its last day, such as 2027-03-31"
            )
        return cls(found[1], decoded(found[2].rstrip("=")), found[3] or "")

    @property
    def text(self) -> str:
        """As it stands in a configuration."""
        return ":".join(filter(None, (self.id, encoded(self.raw), self.until)))


def encoded(data: bytes) -> str:
    """base64url without padding, as JOSE has it."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """Raises ValueError. Takes both alphabets of base64: keys are copied from anywhere."""
    try:
        padded = text.replace("+", "-").replace("/", "_") + "=" * (-len(text) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
