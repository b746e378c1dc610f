"""This room's own key, with which it signs what it puts on sticks. Made at its first use."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge_agent.durable import sync_folder
from uploader.keys import decoded, encoded
from uploader.sender import Transient


def room_key(file: Path) -> Ed25519PrivateKey:
    """The key in this file, made if there is none. Raises Transient: people can mend it."""
    try:
        if not file.exists():
            _make(file)
        mode = file.stat().st_mode
        text = file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        words = error.strerror if isinstance(error, OSError) else "not text"
        raise Transient(
            f"the room's key {file} cannot be used ({words}); give it to the agent's user"
        ) from error
    if stat.S_IMODE(mode) & 0o077:
        raise Transient(f"others may read the room's key {file}; run: chmod 600 {file}")
    try:
        return Ed25519PrivateKey.from_private_bytes(decoded(text))
    except ValueError:
        raise Transient(
            f"the room's key {file} is damaged; remove it, and tell the platform the new one: "
            "edge-agent upload stick key"
        ) from None


def _make(file: Path) -> None:
    """Whoever is first makes it: a link never replaces a file."""
    fresh = file.with_name(file.name + ".part")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, encoded(Ed25519PrivateKey.generate().private_bytes_raw()).encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    with suppress(FileExistsError):
        os.link(fresh, file)
    fresh.unlink()
    sync_folder(file.parent)
