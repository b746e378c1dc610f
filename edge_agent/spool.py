"""Where things lie in the spool and in the runtime folder. Paths only, no I/O.

Paths are made of ids and configured names alone, never of titles or other people's words.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

#: What belongs into the spool's root, and into the folder of a lecture. `lost+found` is there when
#: the spool is a file system of its own; a `lecture.json.part` is of no use after a power cut.
KNOWN_AT_TOP = frozenset(
    {
        "ledger.db",
        "ledger.db-wal",
        "ledger.db-shm",
        "ledger.db-journal",
        "ledger.db.part",
        "ledger.ballast",
        "ledger.mark",
        "ledger.mark.part",
        "encoders.json",
        "encoders.json.part",
        "agent.key",
        "agent.key.part",
        "muted",
        "muted.part",
        "panel.json",
        "panel.json.part",
        "alerts.json",
        "alerts.json.part",
        "schedule",
        "lectures",
        "aside",
        "lost+found",
    }
)
KNOWN_IN_LECTURE = frozenset({"lecture.json", "tracks", "package", "renditions", "captions"})


@dataclass(frozen=True, slots=True)
class Spool:
    """Durable: what must survive."""

    root: Path

    @property
    def ledger(self) -> Path:
        return self.root / "ledger.db"

    @property
    def mark(self) -> Path:
        """How far the ledger had come."""
        return self.root / "ledger.mark"

    @property
    def encoders(self) -> Path:
        """Which encoders work on this computer."""
        return self.root / "encoders.json"

    @property
    def key(self) -> Path:
        """With which this room signs; nobody else may read it."""
        return self.root / "agent.key"

    @property
    def muted(self) -> Path:
        """There while the room is muted, so that a lost ledger does not show it."""
        return self.root / "muted"

    @property
    def panel(self) -> Path:
        """Which tablets are paired with the panel."""
        return self.root / "panel.json"

    @property
    def alerts(self) -> Path:
        """The alerts that stand, and what waits for webhooks."""
        return self.root / "alerts.json"

    @property
    def schedule(self) -> Path:
        """The room's copy of the timetable."""
        return self.root / "schedule"

    @property
    def lectures(self) -> Path:
        return self.root / "lectures"

    @property
    def aside(self) -> Path:
        """What could not be adopted, kept for people to look at."""
        return self.root / "aside"

    def lecture(self, lecture: str) -> Path:
        return self.lectures / lecture

    def facts(self, lecture: str) -> Path:
        """What is known about a lecture apart from the ledger; durable before the first frame."""
        return self.lecture(lecture) / "lecture.json"

    def tracks(self, lecture: str) -> Path:
        return self.lecture(lecture) / "tracks"

    def track(self, lecture: str, track: str) -> Path:
        return self.tracks(lecture) / track

    def package(self, lecture: str) -> Path:
        return self.lecture(lecture) / "package"

    def captions(self, lecture: str) -> Path:
        """What people have put to it; the package has what was there when it was made last."""
        return self.lecture(lecture) / "captions"

    def renditions(self, lecture: str) -> Path:
        """Small versions while they are made; what is ready is in the package."""
        return self.lecture(lecture) / "renditions"


@dataclass(frozen=True, slots=True)
class Runtime:
    """Volatile: gone after a reboot, and nobody minds."""

    root: Path

    @property
    def agent_lock(self) -> Path:
        return self.root / "agent.lock"

    @property
    def upload_lock(self) -> Path:
        return self.root / "upload.lock"

    @property
    def status(self) -> Path:
        return self.root / "status.json"

    @property
    def upload(self) -> Path:
        """What the upload process does and expects; of use only while its lock is held."""
        return self.root / "upload.json"

    @property
    def failed_encoders(self) -> Path:
        """What has failed since the PC started."""
        return self.root / "failed-encoders.json"

    def preview(self, track: str) -> Path:
        return self.root / f"preview-{track}.jpg"

    def level(self, track: str) -> Path:
        """A microphone's level, see `edge_agent.levels`."""
        return self.root / f"level-{track}"

    @property
    def panel_lock(self) -> Path:
        return self.root / "panel.lock"

    @property
    def panel_socket(self) -> Path:
        return self.root / "panel.sock"

    @property
    def schedule_lock(self) -> Path:
        return self.root / "schedule.lock"

    @property
    def light_lock(self) -> Path:
        return self.root / "light.lock"

    @property
    def mqtt_lock(self) -> Path:
        return self.root / "mqtt.lock"

    @property
    def mqtt_events(self) -> Path:
        """Up to which event the broker has them all."""
        return self.root / "mqtt-events.json"

    @property
    def alerts_lock(self) -> Path:
        return self.root / "alerts.lock"

    @property
    def alerts_news(self) -> Path:
        """What the process that posts alerts met; of use only while its lock is held."""
        return self.root / "alerts-news.json"

    def recorder_lock(self, track: str) -> Path:
        return self.root / f"recorder-{track}.lock"
