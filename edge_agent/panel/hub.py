"""What all viewers share: the state with its revisions, the levels, the latest pictures.

One loop looks at the room; reading happens in a thread. A viewer takes what is newest when its
connection has room for it, so a slow tablet gets less and never holds anybody up.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edge_agent.levels import read_level
from edge_agent.panel.picture import Memory, Wishes, picture
from edge_agent.panel.reading import Reader, Reading
from edge_agent.panel.state import Details, PanelState
from edge_agent.panel.wire import level_frame
from edge_agent.rules.lecture import State
from edge_agent.spool import Runtime

#: The agent writes its status twice a second.
LOOK_S, IDLE_S = 0.2, 1.0
LEVEL_S, PICTURE_S = 0.1, 0.2
#: A level that is older is none.
FRESH_NS = 500_000_000
MOST_JPEG = 1 << 20

#: Makes a text of the room and of how many lectures are in each state.
Telling = Callable[[Reading, PanelState, Memory, Mapping[State, int]], str]


def now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Shot:
    """A source's latest picture; `stamp` tells it from the one before."""

    stamp: int
    ms: int
    jpeg: bytes


class Hub:
    """Used by the server's loop alone. `tell` is called after each good look (the watchdog)."""

    def __init__(
        self,
        reader: Reader,
        runtime: Runtime,
        wishes: Wishes,
        tell: Callable[[], object] = lambda: None,
    ) -> None:
        self._reader = reader
        self._runtime = runtime
        self._wishes = wishes
        self._tell = tell
        self._thread = ThreadPoolExecutor(1, "panel-reader")
        self._memory = Memory()
        self._wake = asyncio.Event()
        self._looking = asyncio.Lock()
        self.state = PanelState(room=wishes.room, word="not_ready")
        self.reading: Reading | None = None
        #: What changed from revision to revision, the latest one only.
        self.changes: dict[str, Any] = {}
        self.levels: dict[int, bytes] = {}
        self.shots: dict[int, Shot] = {}
        #: Called when there is something new, by viewer.
        self.viewers: dict[object, Callable[[], None]] = {}
        #: Viewers that want pictures.
        self.watching: set[object] = set()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look_on())
            tasks.create_task(self._listen_on())
            tasks.create_task(self._watch_on())

    def close(self) -> None:
        self._thread.submit(self._reader.close)
        self._thread.shutdown(wait=True)

    async def read(self, what: Callable[[Reader], Any]) -> Any:
        """Something of the reader's, in its thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, what, self._reader)

    async def look(self, queue_too: bool = False) -> PanelState:
        """See what is so now, and tell the viewers of what has changed."""
        async with self._looking:
            self.reading = await self.read(lambda reader: reader.look(queue_too))
            self._memory, fresh = picture(self._memory, self.reading, self._wishes)
            self._publish(fresh)
            self._tell()
            return self.state

    async def told(self, telling: Telling) -> str:
        """What is so now, in somebody's words; called in the reader's thread, so it may wait."""
        state = await self.look(queue_too=True)
        reading, memory = self.reading, self._memory
        assert reading is not None
        text: str = await self.read(lambda it: telling(reading, state, memory, it.counts()))
        return text

    def look_soon(self) -> None:
        self._wake.set()

    def set_details(self, details: Details) -> None:
        """What the next lecture will be called."""
        self._memory = replace(self._memory, details=details)
        self._wake.set()

    def preview_path(self, number: int) -> Path | None:
        """The picture's file of a source that shows some."""
        source = next((s for s in self.state.sources if s.number == number), None)
        shows = source is not None and source.preview
        return self._runtime.preview(source.track) if source is not None and shows else None

    # ------------------------------------------------------------ loops

    async def _look_on(self) -> None:
        while True:
            await self.look()
            try:
                async with asyncio.timeout(LOOK_S if self.viewers else IDLE_S):
                    await self._wake.wait()
            except TimeoutError:
                continue
            finally:
                self._wake.clear()

    async def _listen_on(self) -> None:
        while True:
            await asyncio.sleep(LEVEL_S)
            if self.viewers:
                self._listen()

    def _listen(self) -> None:
        fresh: dict[int, bytes] = {}
        now_ns = time.monotonic_ns()
        for source in self.state.sources:
            if source.media == "audio":
                level = read_level(self._runtime, source.track)
                if level is not None and now_ns - level.mono_ns < FRESH_NS:
                    ms = level.mono_ns // 1_000_000
                    fresh[source.number] = level_frame(source.number, ms, level.peak, level.rms)
        if fresh != self.levels:
            self.levels = fresh
            self._new()

    async def _watch_on(self) -> None:
        while True:
            await asyncio.sleep(PICTURE_S)
            if self.watching and self._shoot():
                self._new()

    def _shoot(self) -> bool:
        """Read the pictures that are new; from tmpfs, so at once."""
        found: dict[int, Shot] = {}
        for source in self.state.sources:
            path = self.preview_path(source.number)
            old = self.shots.get(source.number)
            try:
                stamp = path.stat().st_mtime_ns if path else 0
                if path is None or (old and old.stamp == stamp):
                    shot = old if path else None
                else:
                    shot = Shot(stamp, now_ms(), path.read_bytes()[:MOST_JPEG])
            except OSError:
                continue
            if shot is not None:
                found[source.number] = shot
        changed = found != self.shots
        self.shots = found
        return changed

    # ------------------------------------------------------------ revisions

    def _publish(self, fresh: PanelState) -> None:
        old = self.state
        before, after = old.model_dump(mode="json"), fresh.model_dump(mode="json")
        ours = ("rev", "turn")
        changes = {k: v for k, v in after.items() if k not in ours and v != before[k]}
        if not changes and old.rev:
            return
        rev = old.rev + 1
        turned = (fresh.word, _id(fresh), fresh.muted) != (old.word, _id(old), old.muted)
        turn = rev if turned or not old.rev else old.turn
        self.changes = {**changes, "rev": rev, "turn": turn}
        self.state = fresh.model_copy(update={"rev": rev, "turn": turn})
        self._new()

    def _new(self) -> None:
        for wake in self.viewers.values():
            wake()


def _id(state: PanelState) -> str:
    return state.lecture.id if state.lecture else ""
