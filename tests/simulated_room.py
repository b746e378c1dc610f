"""The real supervisor, ledger, recovery and delivery of one room in simulated time and boots."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from capture.plugs import Plugs
from edge_agent.config import Config
from edge_agent.delivery import Delivery
from edge_agent.ledger import Ledger
from edge_agent.room import furnish
from edge_agent.rules.lecture import ACTIVE, State
from edge_agent.spool import Runtime, Spool
from edge_agent.supervisor import Supervisor
from tests.fixed_clock import SECOND, FixedClock
from tests.simulated_children import Outside, SimulatedFinisher, SimulatedRecorder
from uploader.sender import Artifact, Progress, Receipt, Transient

TRACKS: dict[str, Any] = {
    "camera": {"kind": "synthetic"},
    "microphone": {"kind": "synthetic", "options": {"stream": "audio"}},
}
#: For so long a stop can be taken back, where the stop asks for it.
UNDO_S = 3.0
#: More rounds than this, and one for each command that waits, without coming to rest: the plan
#: goes in circles.
MOST_ROUNDS = 20
UNSET = datetime(1970, 1, 1, 0, 3, tzinfo=UTC)


class Died(BaseException):
    """The process was killed; nothing may catch it."""


class MortalConnection(sqlite3.Connection):
    """Dies before or after its n-th writing statement."""

    left: int | None = None
    after = False

    def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:  # type: ignore[override]
        if self.left is None or sql.lstrip().startswith(("SELECT", "PRAGMA", "ROLLBACK")):
            return super().execute(sql, *arguments)
        self.left -= 1
        if self.left > 0:
            return super().execute(sql, *arguments)
        if self.after:
            super().execute(sql, *arguments)
        self.left = None
        raise Died


class Platform:
    """A destination that counts; once it can fail before or after a file has arrived."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], str] = {}
        self.arrivals: list[tuple[str, str]] = []
        #: With the checksum: of one name there may be several contents.
        self.contents: list[tuple[str, str, str]] = []
        self.trouble: Exception | Died | None = None
        self.trouble_after = False

    def receipt(self, lecture: str, artifact: Artifact) -> Receipt | None:
        known = self.held.get((lecture, artifact.name))
        return {"sha256": known} if known == artifact.sha256 else None

    def send(self, lecture: str, artifact: Artifact, path: Path, progress: Progress) -> Receipt:
        trouble, self.trouble = self.trouble, None
        if trouble is not None and not self.trouble_after:
            raise trouble
        assert path.stat().st_size == artifact.bytes
        self.held[lecture, artifact.name] = artifact.sha256
        self.arrivals.append((lecture, artifact.name))
        self.contents.append((lecture, artifact.name, artifact.sha256))
        if trouble is not None:
            raise trouble
        return {"sha256": artifact.sha256}


class SimulatedRoom:
    """One room. Its supervisor is up, or (None) dead."""

    def __init__(
        self, root: Path, tracks: Mapping[str, Any] = TRACKS, plugs: Plugs | None = None
    ) -> None:
        self._plugs = plugs
        self.spool, self.runtime = Spool(root / "spool"), Runtime(root / "run")
        for folder in (self.spool.root, self.spool.lectures, self.runtime.root):
            folder.mkdir()
        self.config = Config.model_validate(
            {
                "storage": {
                    "spool": self.spool.root,
                    "runtime": self.runtime.root,
                    "least_free_mib": 0,
                },
                "tracks": tracks,
                "recording": {"undo_seconds": UNDO_S},
                "destinations": {"platform": {"type": "folder", "path": root}},
            }
        )
        self.clock = FixedClock()
        self.true_utc = self.clock.utc
        self.outside = Outside(self.clock, set(tracks))
        self.platform = Platform()
        self.supervisor: Supervisor | None = None
        self.finisher = SimulatedFinisher(self.outside)
        self._boots = 1
        Ledger.create(self.spool.ledger).close()
        #: How clients and the upload process see the ledger.
        self.ledger = Ledger.write(self.spool.ledger)
        self.restart_uploader()
        self.start()

    def close(self) -> None:
        self._forget_supervisor()
        self.ledger.close()

    # ------------------------------------------------------------ processes

    def launch(self, module: str, arguments: Sequence[str]) -> Any:
        if module == "edge_agent.finisher":
            self.finisher = SimulatedFinisher(self.outside)
            return self.finisher
        recorder = SimulatedRecorder(self.outside)
        self.recorders[list(self.config.tracks)[len(self.recorders)]] = recorder
        return recorder

    def start(self, dies_at: int | None = None) -> None:
        """Start the supervisor; with `dies_at` it may die at that write of its recovery."""
        self._connection = sqlite3.connect(
            self.spool.ledger, factory=MortalConnection, isolation_level=None
        )
        self._connection.execute("PRAGMA foreign_keys=ON")
        self._connection.execute("PRAGMA synchronous=OFF")
        self._connection.left = dies_at
        self.recorders: dict[str, SimulatedRecorder] = {}
        try:
            ledger = Ledger(self._connection)
            self.room = furnish(self.config, self.clock, ledger, self.launch, plugs=self._plugs)
        except Died:
            self._forget_supervisor()
        else:
            self.supervisor = Supervisor(self.room)

    def restart_uploader(self) -> None:
        places = {"platform": self.platform}
        self.delivery = Delivery(self.ledger, self.spool, places, self.clock, chance=lambda: 0.0)

    def kill_supervisor(self, finisher_ends: bool = True) -> None:
        """Its recorders close their files; its finisher is killed or comes to its end."""
        for recorder in self.recorders.values():
            recorder.quit()
        if self.finisher.alive and finisher_ends:
            self.finisher.finish()
        self._forget_supervisor()

    def die_soon(self, writes: int | None, after: bool = False) -> None:
        """The supervisor dies at one of its next writes to the ledger (None: no more)."""
        self._connection.left, self._connection.after = writes, after

    def _forget_supervisor(self) -> None:
        self.supervisor = None
        self._connection.close()

    def cut_power(self, off_s: float, utc: datetime | None) -> None:
        """Everything ends at once. After the reboot the clock says `utc` (None: the truth)."""
        for recorder in self.recorders.values():
            recorder.die()
        self.finisher.end(-9)
        self._forget_supervisor()
        self._boots += 1
        self.clock.reboot(off_s, f"boot-{self._boots}")
        self.true_utc += timedelta(seconds=off_s)
        self.set_clock(utc)
        self.restart_uploader()

    def set_clock(self, utc: datetime | None) -> None:
        """Untrusted from now on, or (None) synchronised."""
        self.clock.utc = utc or self.true_utc
        unset = self.clock.utc.year < 2026
        self.clock.trust = "synchronised" if utc is None else "unset" if unset else "plausible"

    # ------------------------------------------------------------ time

    def run(self, seconds: float) -> None:
        """Let time pass; a supervisor that was to die is dead afterwards."""
        self.settle()
        for _ in range(round(seconds * 2)):
            self.clock.pass_time(0.5)
            self.true_utc += timedelta(seconds=0.5)
            for child in (*self.recorders.values(), self.finisher):
                child.advance()
            self.settle()

    def settle(self) -> None:
        if self.supervisor is None:
            return
        try:
            for _ in range(MOST_ROUNDS + len(self.ledger.new_commands())):
                if not self.supervisor.step():
                    return
        except Died:
            self.kill_supervisor()
            return
        wanted = self.supervisor._plan(self.clock.now())
        raise AssertionError(f"the plan does not come to rest; it still wants {wanted}")

    def upload(self, steps: int) -> None:
        """Nothing of a lecture that is held or goes on ever arrives."""
        for _ in range(steps):
            staying = {*self.ledger.ids(State.HELD, *ACTIVE)}
            before = len(self.platform.arrivals)
            try:
                self.delivery.step()
            except Died:
                self.restart_uploader()
            sent = {arrival[0] for arrival in self.platform.arrivals[before:]}
            assert not sent & staying, "a lecture that has to stay was sent"

    # ------------------------------------------------------------ people

    def post(
        self, verb: str, args: Mapping[str, Any], key: str, ttl_s: float = 30, boot: str = ""
    ) -> int:
        now = self.clock.now()
        if boot:
            now = type(now)(now.mono_ns, now.utc, boot, now.trust)
        ttl_ns = int(ttl_s * SECOND)
        return self.ledger.post(verb, args, key=key, origin="test", now=now, ttl_ns=ttl_ns)


NO_LINK = Transient("the network is down")


@pytest.fixture
def room(tmp_path: Path) -> Iterator[SimulatedRoom]:
    """One that has been through its first round."""
    room = SimulatedRoom(tmp_path)
    room.run(1)
    yield room
    room.close()
