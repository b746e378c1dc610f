"""The transcripts of docs/control-systems.md, from a real agent and a real mosquitto.

    python -m tests.transcripts

Below `<!-- run -->` each line that begins with "$" is run, in order, in one room; what it says is
written below it. `<!-- run: WORD -->` waits until the room says that word. What differs from run to
run (times, ids, figures of this PC) is replaced by what it was in the first run.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from edge_agent import __version__
from edge_agent.mqtt.acl import Account, acl
from edge_agent.mqtt.topics import Topics
from tests.process.classroom import CAMERA, HANG_S, MICROPHONE, Classroom, classroom, until
from tests.servers.mosquitto import Mosquitto

DOCUMENT = Path(__file__).parents[1] / "docs/control-systems.md"
TOPICS = Topics("royal", "b-204")
PASSWORDS = {"room": "r00m-secret", "desk": "desk-secret"}
#: Marker, the word to wait for, the block.
_RUNS = re.compile(r"(<!-- run(?:: (\w+))? -->\n```\n)(.*?)(```)", re.DOTALL)
FIXED: dict[str, Any] = {
    "at": "2026-11-23T03:00:05.120Z",
    "started_utc": "2026-11-23T03:00:04.900Z",
    "until_utc": "2026-11-23T04:30:00.000Z",
    "lecture": "019aaee4-5b1c-7f70-9c51-3f6e8b2d4a10",
    "id": "019aaee4-5b1c-7f70-9c51-3f6e8b2d4a10",
    "turn": "5f2c0a9d41be",
    "mic": "ok",  # or "say", until the voice has been heard for long enough
    "warning": "",  # the space here may not last
    "version": __version__,
}
_LECTURE = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
#: They say something of this PC's clock and disk, not of the room.
_OF_THIS_PC = {"clock.unsure", "space.low", "computer.busy"}


class Runs:
    """One room on one broker."""

    def __init__(self, root: Path, room: Classroom, broker: Mosquitto) -> None:
        self._root, self._room, self._broker = root, room, broker
        folder = root / "tools"
        folder.mkdir()
        for tool in ("pub", "sub", "rr"):
            words = [shlex.quote(word) for word in broker.tool(tool, "desk")[1:]]
            lines = [f"{a} {b}" for a, b in zip(words[::2], words[1::2], strict=True)]
            (folder / f"mosquitto_{tool}").write_text("\n".join(lines) + "\n")
        self._env = os.environ | {"XDG_CONFIG_HOME": str(folder)}

    def again(self, text: str) -> str:
        """A document with its transcripts as they are now."""
        return _RUNS.sub(self._block, text)

    def _block(self, found: re.Match[str]) -> str:
        head, word, block, end = found.groups()
        if word:
            until(f"the room is {word}", lambda: self._word() == word)
        lines = [line for line in block.splitlines() if line.startswith("$ ")]
        return head + "".join(f"{line}\n{self._said(line[2:])}" for line in lines) + end

    def _word(self) -> str:
        state = self._broker.retained("desk", TOPICS.state)
        return str(state["word"]) if state else ""

    def _said(self, command: str) -> str:
        words = shlex.split(command)
        ours = words[0] == "edge-agent"
        argv = self._room.cli(*words[1:]) if ours else [*words, "-W", "60"]
        done = subprocess.run(
            argv, capture_output=True, text=True, env=self._env, timeout=HANG_S * 2, check=False
        )
        return "".join(f"{settled(line)}\n" for line in (done.stdout + done.stderr).splitlines())


def settled(line: str) -> str:
    """A line of output without what differs from run to run."""
    start = line.find("{")
    if start < 0:
        return line
    return line[:start] + json.dumps(_settled(json.loads(line[start:])), separators=(",", ":"))


def _settled(part: Any) -> Any:
    if isinstance(part, list):
        return [_settled(it) for it in part if not _of_this_pc(it)]
    if not isinstance(part, dict):
        return _LECTURE.sub(FIXED["lecture"], part) if isinstance(part, str) else part
    if part.get("running"):
        part = part | {"recorded_s": 2}
    return {
        key: FIXED[key] if _differs(key, value) else _settled(value) for key, value in part.items()
    }


def _of_this_pc(part: Any) -> bool:
    return isinstance(part, dict) and part.get("key") in _OF_THIS_PC


def _differs(key: str, value: Any) -> bool:
    """An id of a lecture does; one that the sender has chosen does not."""
    if key not in FIXED or isinstance(value, dict) or value is None:
        return False
    return key != "id" or len(str(value)) == len(FIXED["id"])


def document(root: Path) -> str:
    """The document as it has to be."""
    folder = root / "broker"
    folder.mkdir()
    broker = Mosquitto(folder, PASSWORDS, acl([Account(TOPICS, "room")], ["desk"]))
    (root / "credentials").mkdir(mode=0o700)
    (root / "credentials/mqtt").write_text(PASSWORDS["room"])
    (root / "credentials/mqtt").chmod(0o600)
    settings = {
        "url": f"mqtts://localhost:{broker.port}",
        "ca_file": str(broker.ca),
        "site": TOPICS.site,
        "room": TOPICS.room,
        "username": "room",
        "credential": "mqtt",
    }
    broker.start()
    tracks = {"camera": CAMERA, "microphone": _voice()}
    try:
        with classroom(root, tracks, mqtt=settings, room={"name": "Room B-204"}) as room:
            room.start_agent()
            room.until_armed()
            mqtt = subprocess.Popen(room.cli("mqtt", "run"), cwd=root, stderr=subprocess.DEVNULL)
            try:
                return Runs(root, room, broker).again(DOCUMENT.read_text())
            finally:
                mqtt.terminate()
                mqtt.wait(HANG_S)
    finally:
        broker.kill()


def _voice() -> dict[str, Any]:
    return MICROPHONE | {"options": {"stream": "audio", "sound": "speech"}}


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        DOCUMENT.write_text(document(Path(folder)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
