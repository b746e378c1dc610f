"""What a strict Opencast hears, says, and keeps in its folder."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Said:
    status: int
    body: bytes = b""
    kind: str = "text/xml"
    headers: dict[str, str] = field(default_factory=dict)
    #: Everything has been done, and the answer never arrives.
    lost: bool = False


@dataclass
class Heard:
    method: str
    url: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Notes:
    """Files in a folder, which outlive a kill: the state, and the wishes of a test."""

    folder: Path

    def state(self) -> dict[str, Any]:
        default: dict[str, Any] = {
            "events": {}, "violations": [], "begun": [], "requests": [],
            "agents": {}, "recordings": {},
        }  # fmt: skip
        file = self.folder / "state.json"
        return default | (json.loads(file.read_text()) if file.exists() else {})

    def wish(self, **wishes: Any) -> None:
        self.write("wishes.json", {**self.wishes(), **wishes})

    def wishes(self) -> dict[str, Any]:
        file = self.folder / "wishes.json"
        return json.loads(file.read_text()) if file.exists() else {}

    def fault(self, path: str) -> str | int | None:
        faults = self.wishes().get("faults", [])
        for at, (where, what) in enumerate(faults):
            if path.startswith(where):
                self.wish(faults=faults[:at] + faults[at + 1 :])
                found: str | int = what
                return found
        return None

    def violation(self, words: str) -> None:
        state = self.state()
        state["violations"].append(words)
        self.write("state.json", state)

    def write(self, name: str, data: dict[str, Any]) -> None:
        part = self.folder / f"{name}.part"
        part.write_text(json.dumps(data))
        part.rename(self.folder / name)


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()
