"""What the configuration's files said before each change: numbered copies, the newest twenty.

They lie in a folder beside the main file, with its owner and mode, and say what a file held before
the change of that number. Knows no TOML.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, unquote

from edge_agent.durable import make_folder_durably, remove_durably, write_durably

MOST = 20
_FORMAT = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"(?P<number>\d{4,9})-(?P<at>\d{8}T\d{6}Z)-(?P<file>[^/]+)")


@dataclass(frozen=True, slots=True)
class Version:
    """What `file` held before change `number`; `kept` has the bytes, none if there was no file."""

    number: int
    at: datetime
    file: Path
    kept: Path

    def data(self) -> bytes:
        return self.kept.read_bytes()


class History:
    """The kept versions of one configuration."""

    def __init__(self, main: Path) -> None:
        self._home = main.parent
        self.folder = main.with_name(f"{main.name}.history")

    @property
    def lock(self) -> Path:
        """Who changes the configuration holds it."""
        return self.folder / "lock"

    def versions(self) -> list[Version]:
        """The oldest first; a folder that is not there has none."""
        found = []
        for kept in self.folder.iterdir() if self.folder.is_dir() else ():
            match = _NAME.fullmatch(kept.name)
            if match and not kept.name.endswith(".part"):  # torn by a power cut or a full disk
                at = datetime.strptime(match["at"], _FORMAT).replace(tzinfo=UTC)
                file = self._home / unquote(match["file"])
                found.append(Version(int(match["number"]), at, file, kept))
        return sorted(found, key=lambda version: version.number)

    def keep(self, file: Path, at: datetime) -> int:
        """Keep what a file holds now; the number of the change that follows. Raises OSError."""
        make_folder_durably(self.folder)
        number = max((version.number for version in self.versions()), default=0) + 1
        name = quote(str(file.relative_to(self._home)), safe="")
        there = file.stat() if file.is_file() else None
        write_durably(
            self.folder / f"{number:04}-{at.astimezone(UTC):{_FORMAT}}-{name}",
            file.read_bytes() if there else b"",
            mode=there.st_mode & 0o777 if there else 0o600,
            owner=(there.st_uid, there.st_gid) if there else None,
        )
        for old in self.versions()[:-MOST]:
            remove_durably(old.kept)
        return number

    def before(self, number: int) -> dict[Path, bytes]:
        """What the files held before a change and all that came after it.

        Raises KeyError when there is no such version.
        """
        versions = self.versions()
        if number not in {version.number for version in versions}:
            raise KeyError(number)
        held: dict[Path, bytes] = {}
        for version in reversed(versions):
            if version.number >= number:
                held[version.file] = version.data()
        return held
