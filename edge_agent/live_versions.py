"""The small camera of the lecture under way, as the supervisor sees it. Loads no codec.

Every two seconds it looks whether there is time to spare (`edge_agent.rules.beside`), and starts or
kills the process that makes the small pictures. It stores nothing: what was made is found in the
lecture's folder when the lecture has ended.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from edge_agent.children import Child, Recorder
from edge_agent.config_recording import Renditions
from edge_agent.render_messages import LiveJob
from edge_agent.rules.beside import Leave, Scene, Track, look
from edge_agent.rules.health import SECOND, Phase, may_try_again
from edge_agent.rules.lecture import State
from edge_agent.rules.package import PRESENTER
from edge_agent.rules.plan import ActiveFacts, Facts
from edge_agent.rules.renditions import MOST_FAILURES, SILENCE_NS
from edge_agent.spool import Spool

LOOK_NS = 2 * SECOND


class Processors(Protocol):
    """What is known of them: see `edge_agent.spare.Spare`."""

    @property
    def processors(self) -> int: ...
    def free(self, pid: int | None) -> float | None: ...
    def throttled(self) -> int: ...


class LiveProcess(Child, Protocol):
    @property
    def pid(self) -> int | None: ...


class LiveVersions:
    """`process` None: nothing is made beside a recording."""

    def __init__(
        self,
        wishes: Renditions,
        spool: Spool,
        recorders: Mapping[str, Recorder],
        process: LiveProcess | None,
        spare: Processors,
        on_battery: Callable[[], bool],
    ) -> None:
        wanted = wishes.while_recording == "auto" and wishes.camera != "off"
        self._process = process if wanted else None
        self._wishes = wishes
        self._spool = spool
        self._recorders = recorders
        self._spare = spare
        self._on_battery = on_battery
        self._leave = Leave()
        self._lecture: str | None = None
        self._pressed = False
        self._due_ns = 0
        self._heard_ns = 0
        #: Of the lecture under way: failures in a row, when the last one was.
        self._failures = (0, 0)
        self._of = ""

    def step(self, facts: Facts, others: bool) -> None:
        """Once a round; waits for nothing. `others`: other small versions are being made."""
        process = self._process
        if process is None:
            return
        self._hear(process, facts.now_ns)
        lecture = None if facts.stopping else facts.active
        if self._lecture is not None and (lecture is None or lecture.id != self._lecture):
            self._end(process, "")
        if lecture is None or lecture.id != self._of:
            self._of = lecture.id if lecture else ""
            self._leave, self._failures = Leave(), (0, 0)
        if lecture is not None and facts.now_ns >= self._due_ns:
            self._due_ns = facts.now_ns + LOOK_NS
            self._leave = self._look(process, lecture, facts, others)
            self._follow(process, lecture, facts.now_ns)

    def _follow(self, process: LiveProcess, lecture: ActiveFacts, now_ns: int) -> None:
        if self._lecture is not None and not self._leave.granted:
            self._end(process, self._leave.why)
        elif self._lecture is not None and now_ns - self._heard_ns > SILENCE_NS:
            process.signal(signal.SIGKILL)  # it hangs: that is a failure
        elif self._leave.granted and self._may_start(now_ns):
            self._start(process, lecture, now_ns)

    def end(self) -> None:
        """At the agent's end."""
        if self._process is not None and self._lecture is not None:
            self._end(self._process, "")

    def _look(
        self, process: LiveProcess, lecture: ActiveFacts, facts: Facts, others: bool
    ) -> Leave:
        finishing = facts.finishing or facts.edited or facts.finisher
        scene = Scene(
            tracks=tuple(self._tracks(lecture)),
            processors=self._spare.processors,
            free=self._spare.free(process.pid if self._lecture is not None else None),
            throttled=self._spare.throttled(),
            on_battery=self._on_battery(),
            enough_space=facts.enough_space and facts.room_to_record,
            others=others or bool(finishing),
        )
        return look(self._leave, facts.now_ns, scene)

    def _tracks(self, lecture: ActiveFacts) -> Iterator[Track]:
        """In a pause a recorder is armed, as it should be."""
        wanted = Phase.RECORDING if lecture.state is State.RECORDING else Phase.ARMED
        for name in sorted(lecture.tracks):
            it = self._recorders.get(name)
            if it is None:
                yield Track(name, well=False)
            else:
                yield Track(name, it.phase is wanted, it.given_up, it.backlog, it.dropped)

    def _may_start(self, now_ns: int) -> bool:
        few = self._failures[0] < MOST_FAILURES
        return self._lecture is None and few and may_try_again(self._failures, now_ns)

    def _start(self, process: LiveProcess, lecture: ActiveFacts, now_ns: int) -> None:
        track = self._presenter(lecture)
        if track is None:
            return
        job = LiveJob(
            lecture=lecture.id,
            lecture_dir=str(self._spool.lecture(lecture.id)),
            track=track,
            camera=self._wishes.camera,  # type: ignore[arg-type]  # "off" has no process
            camera_kbps=self._wishes.camera_kbps,
        )
        process.start(job)  # raises OSError where there is no room for it: then none is at work
        self._lecture, self._heard_ns, self._pressed = lecture.id, now_ns, False

    def _presenter(self, lecture: ActiveFacts) -> str | None:
        """The track that becomes presenter.mp4: the first one there is anything of."""
        for name, it in self._recorders.items():
            spec, folder = it.spec, self._spool.track(lecture.id, name)
            camera = spec.media == "video" and spec.flavor == PRESENTER
            if camera and name in lecture.tracks and _any_segment(folder):
                return name
        return None

    def _hear(self, process: LiveProcess, now_ns: int) -> None:
        """Its words are signs of life and nothing else."""
        if process.lines():
            self._heard_ns, self._failures = now_ns, (0, 0)
        if process.reap() is None or self._lecture is None:
            return
        if not self._pressed:
            self._failures = (self._failures[0] + 1, now_ns)
        self._lecture = None

    def _end(self, process: LiveProcess, why: str) -> None:
        """Killed: what is whole on the disk is all that counts."""
        if why and not self._pressed:
            print(f"the small camera is made after the lecture: {why}", file=sys.stderr)
        self._pressed = True
        process.signal(signal.SIGKILL)


def _any_segment(folder: Path) -> bool:
    return next(folder.glob("*.mp4"), None) is not None
