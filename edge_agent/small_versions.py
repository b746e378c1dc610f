"""When small versions of lectures are made, as the supervisor sees it. Loads no codec.

Once a round it looks whether the room is at rest, starts or kills the renderer, and stores what it
has said. What the ledger refuses is stored in a later round. What counts as rest is decided in
`edge_agent.rules.renditions`.
"""

from __future__ import annotations

import shutil
import sys
from collections import deque
from typing import Any

from edge_agent.clock import Now
from edge_agent.config_recording import Renditions
from edge_agent.ledger import Ledger
from edge_agent.render_messages import Rendered, RenderJob
from edge_agent.rendering import Renderer, RenderResult
from edge_agent.rows import Lecture
from edge_agent.rules.health import SECOND
from edge_agent.rules.lecture import State
from edge_agent.rules.plan import Facts
from edge_agent.rules.renditions import RestFacts, busy, hangs, may_render
from edge_agent.spool import Spool

#: Which lectures want small versions is looked up this often.
LOOK_NS = SECOND


class SmallVersions:
    """`renderer` None: none are made, and nothing waits for them."""

    def __init__(
        self, wishes: Renditions, spool: Spool, ledger: Ledger, renderer: Renderer | None
    ) -> None:
        self._wishes = wishes
        self._spool = spool
        self._ledger = ledger
        self._renderer = renderer
        self._rest = RestFacts()
        self._due_ns = 0
        self._news: deque[RenderResult] = deque()

    @property
    def active(self) -> bool:
        """The renderer is at work."""
        return self._renderer is not None and self._renderer.lecture is not None

    def packaged(self, lecture: str, now: Now) -> dict[str, Any]:
        """What the ledger notes with a new package.

        Where nothing is wished any more, what was made beside the recording goes: no renderer will
        ever take it away. Files first, as always.
        """
        wanted = self._renderer is not None and self._wishes.any
        if not wanted:
            self._clear(lecture)
        return {
            "renditions": "wanted" if wanted else "",
            "packaged_boot": now.boot,
            "packaged_ns": now.mono_ns,
        }

    def fileno(self) -> int:
        return self._renderer.fileno() if self._renderer is not None else -1

    def make_way(self, facts: Facts, trying: bool) -> None:
        """First of all: a recording that begins has the whole computer. Waits for nothing.

        `trying`: encoders are being tried.
        """
        self._rest = self._at_rest(facts, trying)
        at_work = self._renderer.facts() if self._renderer is not None else None
        if self._renderer is None or at_work is None or at_work.pressed:
            return
        if busy(self._rest, _commands(facts)):
            self._renderer.kill()
        elif hangs(at_work, facts.now_ns):
            self._renderer.kill(hung=True)

    def go_on(self, facts: Facts, now: Now) -> None:
        """Store what has been made, and begin what is due. Raises what the ledger refuses."""
        renderer = self._renderer
        if renderer is None:
            return
        self._news.extend(renderer.hear(facts.now_ns))
        while self._news:
            self._store(self._news[0], now)
            self._news.popleft()
        if not self.active and facts.now_ns >= self._due_ns:
            self._due_ns = facts.now_ns + LOOK_NS
            may = may_render(self._rest, facts.now_ns, _commands(facts))
            self._begin(renderer, facts, may, now)

    def leave(self, lecture: str) -> None:
        """People have thrown it away: what is being made of it is of no use."""
        if self._renderer is not None and self._renderer.lecture == lecture:
            self._renderer.kill()

    def end(self) -> None:
        """At the agent's end."""
        if self._renderer is not None:
            self._renderer.kill()

    def _at_rest(self, facts: Facts, trying: bool) -> RestFacts:
        at_work = facts.active or facts.finishing or facts.edited or facts.finisher
        at_rest = not (at_work or facts.stopping)
        since_ns = facts.now_ns if self._rest.since_ns is None else self._rest.since_ns
        return RestFacts(since_ns if at_rest else None, trying)

    def _begin(self, renderer: Renderer, facts: Facts, may: bool, now: Now) -> None:
        """The newest lecture first. One that has arrived in full needs no space for small ones."""
        for lecture in reversed(self._ledger.wanting_renditions()):
            if not self._wishes.any:
                self._settle(lecture.id, "", "small versions are switched off", now)
            elif not facts.enough_space and self._arrived(lecture):
                self._settle(lecture.id, "failed", "the disk is short of space", now)
            elif may and facts.enough_space and renderer.due(lecture.id, facts.now_ns):
                renderer.start(self._job(lecture), facts.now_ns)
                return

    def _arrived(self, lecture: Lecture) -> bool:
        rows = self._ledger.outbox(lecture.id)
        return bool(rows) and all(row.receipt is not None for row in rows)

    def _job(self, lecture: Lecture) -> RenderJob:
        wishes = self._wishes
        return RenderJob(
            lecture=lecture.id,
            lecture_dir=str(self._spool.lecture(lecture.id)),
            audio_kbps=wishes.audio_kbps if wishes.audio else None,
            camera=None if wishes.camera == "off" else wishes.camera,
            camera_kbps=wishes.camera_kbps,
        )

    def _store(self, result: RenderResult, now: Now) -> None:
        lecture = self._ledger.lecture(result.lecture)
        if lecture is None or lecture.state is State.PURGED:
            return  # its files are gone, or going; an older ledger may not know it at all
        match result.report:
            case Rendered(artifacts=artifacts, complete=complete):
                self._ledger.enqueue_changed(result.lecture, artifacts)
                if complete:
                    self._settle(result.lecture, "made", "", now)
            case failed:
                text = f"{failed.reason}. {failed.hint}".strip()
                print(f"lecture {result.lecture}: {text}", file=sys.stderr)
                self._settle(result.lecture, "failed", text, now)

    def _settle(self, lecture: str, state: str, why: str, now: Now) -> None:
        """Nothing waits any more. Files first: a row that says so is the end of it."""
        self._clear(lecture)
        with self._ledger.transaction():
            self._ledger.set_lecture(lecture, renditions=state)
            if why:
                self._ledger.add_event(now, "no small versions", why, lecture)

    def _clear(self, lecture: str) -> None:
        shutil.rmtree(self._spool.renditions(lecture), ignore_errors=True)


def _commands(facts: Facts) -> list[str]:
    return [command.verb for command in facts.commands if not command.expired]
