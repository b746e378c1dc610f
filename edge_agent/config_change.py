"""A change of the configuration: checked as a whole first, written durably, taken back if it fails.

Never touches a running agent: what is written counts from its next start on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_agent import places
from edge_agent.clock import Clock
from edge_agent.config import Config, ConfigError, validated
from edge_agent.config_edit import differences
from edge_agent.config_history import History
from edge_agent.durable import make_folder_durably, remove_durably, write_durably
from edge_agent.locks import only_one
from edge_agent.places import KeyPath, Written

#: For a file that was not there before: the services are of another user, and no secret is in it.
_NEW_MODE = 0o644


class TakenBack(Exception):
    """What was written could not be loaded, so the former files are in place again."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Plan:
    """A valid configuration that is not written yet."""

    texts: Mapping[Path, bytes]
    config: Config
    written: Written
    #: What changes: key, before, after.
    rows: list[tuple[KeyPath, Any | None, Any | None]]


class ConfigDesk:
    """Where the files of one configuration are changed."""

    def __init__(
        self,
        path: Path | None,
        env: Mapping[str, str],
        clock: Clock,
        check: Callable[[Written], object] = validated,
        begins: bool = False,
    ) -> None:
        """`begins`: a named file that is not there yet is an empty one, not a mistake."""
        self._begins = begins
        self._path, self._env, self._clock, self._check = path, env, clock, check
        self.main = path or places.main_file(env)
        self.history = History(self.main)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold others off. Raises AlreadyRunning, OSError."""
        make_folder_durably(self.history.folder)
        with only_one(self.history.lock, "config"):
            yield

    def written(self, instead: Mapping[Path, bytes] = places.NOTHING_ELSE) -> Written:
        """What the files say. Raises ConfigError."""
        if self._begins and self._path is not None and not self._path.exists():
            instead = {self._path: b"", **instead}
        return places.read(self._path, self._env, instead=instead)

    def text(self, file: Path) -> bytes:
        return file.read_bytes() if file.is_file() else b""

    def plan(self, texts: Mapping[Path, bytes]) -> Plan:
        """What these files would come to. Raises ConfigError for all that is wrong with it."""
        new = self.written(texts)
        config = validated(new)
        try:
            old = self.written().values
        except ConfigError:
            old = {}  # a file that cannot be read is being replaced
        return Plan(texts, config, new, differences(old, new.values))

    def write(self, plan: Plan) -> list[int]:
        """Put a plan into place; the numbers of its changes.

        Raises TakenBack when it cannot be loaded from the disk, and OSError; in both cases the
        former files are in place.
        """
        now = self._clock.now().utc
        former = {file: file.read_bytes() if file.is_file() else None for file in plan.texts}
        numbers = [self.history.keep(file, now) for file in plan.texts]
        try:
            for file, data in plan.texts.items():
                _put(file, data)
            self._check(self.written())
        except ConfigError as error:
            _put_back(former)
            raise TakenBack("; ".join(error.problems)) from None
        except OSError:
            _put_back(former)
            raise
        return numbers


def _put(file: Path, data: bytes) -> None:
    """With the owner and mode of the former file; a link stays one."""
    place = file.resolve()
    make_folder_durably(place.parent)
    there = place.stat() if place.exists() else None
    try:
        write_durably(
            place,
            data,
            mode=there.st_mode & 0o777 if there else _NEW_MODE,
            owner=(there.st_uid, there.st_gid) if there else None,
        )
    except OSError:
        place.with_name(place.name + ".part").unlink(missing_ok=True)
        raise


def _put_back(former: Mapping[Path, bytes | None]) -> None:
    """Only what is not as it was: on a full disk nothing can be written again."""
    for file, data in former.items():
        if data is None:
            remove_durably(file)
        elif file.read_bytes() != data:
            _put(file, data)
