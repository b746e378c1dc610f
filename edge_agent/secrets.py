"""Credentials by name, read when they are needed; they stand nowhere else.

systemd's credentials come first ($CREDENTIALS_DIRECTORY), then the folder `credentials` beside the
configuration, whose files nobody else may read. A new secret counts from the next request on.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from uploader.sender import Transient

#: More than any token or key; less than what a wrong file would have.
MOST_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class Secrets:
    """Where credentials are looked for, in order."""

    #: systemd's own folder is the service's alone already, with a mode of systemd's.
    given: Path | None
    own: Path

    @classmethod
    def of(cls, env: Mapping[str, str], config_folder: Path) -> Secrets:
        given = env.get("CREDENTIALS_DIRECTORY")
        return cls(Path(given) if given else None, config_folder / "credentials")

    def read(self, name: str) -> str:
        """The secret, without the line end of an editor. Raises Transient: people can mend it."""
        if self.given is not None and (self.given / name).is_file():
            return _text(self.given / name)
        file = self.own / name
        try:
            mode = file.stat().st_mode
        except OSError as error:
            raise Transient(
                f"the credential {name!r} is missing; put it into {file}, mode 0600"
            ) from error
        if stat.S_IMODE(mode) & 0o077:
            raise Transient(f"others may read the credential {file}; run: chmod 600 {file}")
        return _text(file)


def _text(file: Path) -> str:
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        try:
            text = os.read(descriptor, MOST_BYTES).decode().strip()
        finally:
            os.close(descriptor)
    except OSError as error:
        raise Transient(
            f"the credential {file} cannot be read ({error.strerror}); give it to the agent's user"
        ) from error
    except UnicodeDecodeError:
        raise Transient(f"the credential {file} is not text; save it again") from None
    if not text or "\n" in text:
        raise Transient(f"the credential {file} must be one line; save it again")
    return text
