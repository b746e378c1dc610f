"""One command in many rooms at once, through ssh. Keys, names and jump hosts are ssh's own matter.

A room that does not answer costs its own time and nothing else; no password is ever asked for.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias

from edge_agent.fleet.inventory import Room

#: ssh's own status when it could not run anything there.
NOT_REACHED = 255
_MOST_WORDS = 300


@dataclass(frozen=True, slots=True)
class Result:
    """What came back. `status` None: nothing within the time."""

    room: Room
    status: int | None
    out: str = ""
    err: str = ""

    @property
    def trouble(self) -> str:
        """Why there is no answer, in a line; empty: there is one, whatever its status."""
        if self.status is None:
            return "no answer in time"
        if self.status == NOT_REACHED:
            lines = [line.strip() for line in self.err.splitlines() if line.strip()]
            return (lines[-1] if lines else "ssh could not reach it")[:_MOST_WORDS]
        return ""


#: How a command is run in a room, with what it reads. Raises nothing.
Run: TypeAlias = Callable[[Room, Sequence[str], bytes], Result]


class Ssh:
    """OpenSSH's client, without questions. `wait_s` bounds the whole command."""

    def __init__(self, wait_s: float, connect_s: int = 10, program: str = "ssh") -> None:
        self._wait_s = wait_s
        self._connect_s = connect_s
        self._program = program

    def __call__(self, room: Room, words: Sequence[str], data: bytes = b"") -> Result:
        try:
            done = subprocess.run(
                self.command(room, words), input=data, capture_output=True, timeout=self._wait_s
            )
        except subprocess.TimeoutExpired:
            return Result(room, None)
        except OSError as error:
            return Result(room, NOT_REACHED, "", f"{self._program}: {error.strerror}")
        return Result(room, done.returncode, _text(done.stdout), _text(done.stderr))

    def command(self, room: Room, words: Sequence[str]) -> list[str]:
        """The shell there takes one line apart: every word is quoted for it."""
        options = ["-o", "BatchMode=yes", "-o", f"ConnectTimeout={self._connect_s}", "-T"]
        line = " ".join([*room.command, *map(shlex.quote, words)])
        return [self._program, *options, "--", room.host, line]


def everywhere(
    run: Run, rooms: Iterable[Room], words: Sequence[str], parallel: int, data: bytes = b""
) -> Iterator[Result]:
    """The results in the order of the rooms, as they come; `parallel` rooms at a time."""
    with ThreadPoolExecutor(max_workers=parallel) as pool:
        yield from pool.map(lambda room: run(room, words, data), rooms)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
