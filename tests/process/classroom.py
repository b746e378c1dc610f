"""A classroom for tests: the real agent and the real upload process as children.

Everything goes through the same doors that people use: configuration file, inbox, status file,
signals. The doors' other side is read from ledger and spool.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from edge_agent.clock import SystemClock
from edge_agent.config import to_toml
from edge_agent.ledger import Ledger
from edge_agent.rows import Lecture
from edge_agent.rules.lecture import State
from edge_agent.spool import Runtime, Spool
from edge_agent.verify import verify_package
from tests.hardware_fixtures import wait_for

T = TypeVar("T")
#: The agent's unit gives it ten times the share of a processor that others have (CPUWeight=1000),
#: and this priority does the same. For measuring beside other work.
UNIT_NICENESS = -10
#: Nothing in these tests takes longer on a machine that is merely slow.
HANG_S = 60.0

CAMERA = {"kind": "synthetic", "size": [320, 180], "fps": 15.0}
SLIDES = {**CAMERA, "flavor": "presentation/source", "fps": 10.0}
MICROPHONE = {"kind": "synthetic", "options": {"stream": "audio"}}


def until(what: str, condition: Callable[[], T], limit_s: float = HANG_S) -> T:
    """Wait for something true; fail with its name when it does not come."""
    value: T = wait_for(condition, what, limit_s)
    return value


def weigh_session(pid: int, niceness: int) -> None:
    """Give a whole session another share of the processor.

    Linux shares it out between sessions first (autogroup), and what `nice` says counts only within
    one. A service has its own share by its unit.
    """
    with suppress(OSError):  # a kernel without it
        Path(f"/proc/{pid}/autogroup").write_text(str(niceness))


class Classroom:
    """One room: its folders, its agent, its upload process."""

    def __init__(
        self,
        root: Path,
        tracks: Mapping[str, Any],
        env: Mapping[str, str] | None = None,
        **sections: Any,
    ) -> None:
        self.root = root
        self.spool, self.runtime = Spool(root / "spool"), Runtime(root / "run")
        self.platform = root / "platform"
        self.platform.mkdir(exist_ok=True)
        self.config = root / "config.toml"
        self._env = {**os.environ, **(env or {})}
        self._log = (root / "agent.log").open("ab")
        #: The priority of the agent and its recorders; below 0 for root only.
        self.niceness = 0
        self.agent: subprocess.Popen[bytes] | None = None
        self.uploader: subprocess.Popen[bytes] | None = None
        self.configure(tracks, **sections)

    def configure(self, tracks: Mapping[str, Any], **sections: Any) -> None:
        """Write the configuration; it counts from the next start on."""
        storage = {
            "spool": str(self.spool.root),
            "runtime": str(self.runtime.root),
            "least_free_mib": 0,
        }
        values = {
            "storage": {**storage, **sections.pop("storage", {})},
            "destinations": {"central": {"type": "folder", "path": str(self.platform)}},
            # Work that waits for an idle processor would wait long where other tests run.
            "renditions": {"audio": False, "camera": "off"},
            "tracks": tracks,
            **sections,
        }
        self.config.write_text(to_toml(values))

    # ------------------------------------------------------------ processes

    def cli(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "edge_agent.cli", "--config", str(self.config), *words]

    def _spawn(self, *words: str, alone: bool = False) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            words,
            env=self._env,
            stdout=self._log,
            stderr=self._log,
            cwd=self.root,
            start_new_session=alone,
        )

    def spawn_agent(self) -> None:
        """Start the agent and wait for nothing."""
        priority = ["nice", "-n", str(self.niceness)] if self.niceness else []
        self.agent = self._spawn(*priority, *self.cli("run"), alone=bool(self.niceness))
        if self.niceness:
            weigh_session(self.agent.pid, self.niceness)

    def start_agent(self) -> None:
        self.spawn_agent()
        until("the agent writes its status", lambda: self.status().get("pid") == self._agent_pid())

    def start_uploader(self) -> None:
        self.uploader = self._spawn(*self.cli("upload", "run"))

    def _agent_pid(self) -> int:
        assert self.agent is not None
        assert self.agent.poll() is None, f"the agent ended:\n{self.log()}"
        return self.agent.pid

    def stop_agent(self) -> int:
        """As systemd does: SIGTERM, and it ends by itself."""
        assert self.agent is not None
        self.agent.terminate()
        return self.agent.wait(HANG_S)

    def kill_agent(self) -> None:
        assert self.agent is not None
        self.agent.kill()
        self.agent.wait(HANG_S)

    def close(self) -> None:
        for process in (self.agent, self.uploader):
            if process is not None and process.poll() is None:
                process.terminate()
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        for track in self.root.glob("run/recorder-*.lock"):
            _end(int(track.read_text() or 0))
        self._log.close()

    def log(self) -> str:
        return (self.root / "agent.log").read_text(errors="replace")

    def recorder_pid(self, track: str) -> int:
        """The process that records a track, from the lock that it holds."""
        lock = self.runtime.recorder_lock(track)
        return int(until(f"{track} has a recorder", lambda: lock.exists() and lock.read_text()))

    # ------------------------------------------------------------ what it says

    def status(self) -> dict[str, Any]:
        try:
            found = json.loads(self.runtime.status.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return dict(found)

    def track(self, name: str) -> dict[str, Any]:
        return dict(self.status().get("tracks", {}).get(name, {}))

    def until_armed(self, *tracks: str) -> None:
        for name in tracks or list(self.status().get("tracks", {})):
            until(f"{name} is armed", lambda n=name: self.track(n).get("phase") == "armed")  # type: ignore[misc]

    def until_durable(self, seconds: float, *tracks: str) -> None:
        """Until so many seconds of the lecture under way are on the disk."""
        for name in tracks or list(self.status().get("tracks", {})):
            until(
                f"{seconds} s of {name} are on the disk",
                lambda n=name: (self.track(n).get("durable_s") or 0) >= seconds,  # type: ignore[misc]
                HANG_S + seconds,
            )

    @contextmanager
    def ledger(self) -> Iterator[Ledger]:
        ledger = Ledger.read(self.spool.ledger)
        try:
            yield ledger
        finally:
            ledger.close()

    def lecture(self, lecture: str) -> Lecture:
        with self.ledger() as ledger:
            return ledger.existing(lecture)

    def until_state(self, lecture: str, *states: State) -> Lecture:
        until(f"{lecture} is {states}", lambda: self.lecture(lecture).state in states)
        return self.lecture(lecture)

    # ------------------------------------------------------------ commands

    def post(self, verb: str, **args: Any) -> int:
        ledger = Ledger.write(self.spool.ledger)
        try:
            return ledger.post(
                verb,
                args,
                key=str(uuid.uuid4()),
                origin="test",
                now=SystemClock().now(),
                ttl_ns=30_000_000_000,
            )
        finally:
            ledger.close()

    def answer(self, number: int) -> dict[str, Any]:
        def answered() -> dict[str, Any] | None:
            with self.ledger() as ledger:
                command = ledger.command(number)
            return dict(command.answer) if command and command.answer else None

        return until("the command is answered", answered) or {}

    def command(self, verb: str, **args: Any) -> dict[str, Any]:
        return self.answer(self.post(verb, **args))

    def begin(self, **args: Any) -> str:
        answer = self.command("start", **args)
        assert "lecture" in answer, answer
        return str(answer["lecture"])

    # ------------------------------------------------------------ results

    def package(self, lecture: str) -> Path:
        """The package in the room, verified."""
        self.until_state(lecture, State.PACKAGED, State.DELIVERED)
        folder = self.spool.package(lecture)
        assert verify_package(folder) == []
        return folder

    def delivered(self, lecture: str) -> Path:
        """The package at the platform, verified, once."""
        self.until_state(lecture, State.DELIVERED)
        folder = self.platform / lecture
        problems = [p for p in verify_package(folder) if "receipts" not in p.file]
        assert problems == []
        return folder

    def manifest(self, lecture: str) -> dict[str, Any]:
        return dict(json.loads((self.package(lecture) / "manifest.json").read_text()))


@contextmanager
def classroom(root: Path, tracks: Mapping[str, Any], **options: Any) -> Iterator[Classroom]:
    """A room that is cleared up, whatever happened in it."""
    room = Classroom(root, tracks, **options)
    try:
        yield room
    finally:
        room.close()


def _end(pid: int) -> None:
    """End an orphan that a test has left behind."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return
    if b"edge_agent.recorder" in command:
        os.kill(pid, signal.SIGKILL)
