"""The renderer's process as the supervisor sees it: one at a time, killed for a recording."""

from __future__ import annotations

import signal
import sys
from dataclasses import dataclass

from edge_agent.children import Child
from edge_agent.finish_messages import FinishFailed, Progress
from edge_agent.messages import BadMessage
from edge_agent.render_messages import Rendered, RenderJob, parse_render_report
from edge_agent.rules.health import may_try_again
from edge_agent.rules.renditions import MOST_FAILURES, RendererFacts


@dataclass(frozen=True, slots=True)
class RenderResult:
    """What has been made, or that it cannot be: then the lecture goes without."""

    lecture: str
    report: Rendered | FinishFailed


class Renderer:
    """At most one renderer process."""

    def __init__(self, process: Child) -> None:
        self._process = process
        self._lecture: str | None = None
        self._heard_ns = 0
        self._pressed = False
        self._hung = False
        self._complete = False
        self._failed: FinishFailed | None = None
        self.fraction = 0.0
        #: lecture → (failures in a row, monotonic ns of the last one)
        self._failures: dict[str, tuple[int, int]] = {}

    @property
    def lecture(self) -> str | None:
        return self._lecture

    def facts(self) -> RendererFacts | None:
        if self._lecture is None:
            return None
        return RendererFacts(self._lecture, self._heard_ns, self._pressed)

    def due(self, lecture: str, now_ns: int) -> bool:
        """After a failure it is tried again later and later."""
        return may_try_again(self._failures.get(lecture, (0, 0)), now_ns)

    def fileno(self) -> int:
        return self._process.fileno()

    def start(self, job: RenderJob, now_ns: int) -> None:
        """Raises OSError: there is no room for a process now; then none is at work."""
        self._process.start(job)
        self._lecture, self._heard_ns, self.fraction = job.lecture, now_ns, 0.0
        self._pressed, self._hung, self._complete, self._failed = False, False, False, None

    def hear(self, now_ns: int) -> list[RenderResult]:
        """Read what it says; after its end also whether the lecture has to go without."""
        found: list[RenderResult] = []
        for line in self._process.lines():
            self._heard_ns = now_ns
            try:
                report = parse_render_report(line)
            except BadMessage as error:
                print(f"renderer: {error}", file=sys.stderr)
                continue
            match report:
                case Progress(fraction=fraction):
                    self.fraction = fraction
                case Rendered() if self._lecture is not None:
                    self._complete = self._complete or report.complete
                    found.append(RenderResult(self._lecture, report))
                case FinishFailed():
                    self._failed = report
        status = self._process.reap()
        if status is not None and self._lecture is not None:
            lecture, self._lecture = self._lecture, None
            found += self._ended(lecture, status, now_ns)
        return found

    def kill(self, hung: bool = False) -> None:
        """It need not be asked: what is whole on the disk is all that counts.

        Only one that hung has failed.
        """
        self._pressed, self._hung = True, hung
        self._process.signal(signal.SIGKILL)

    def _ended(self, lecture: str, status: int, now_ns: int) -> list[RenderResult]:
        if self._complete or (self._pressed and not self._hung):
            self._failures.pop(lecture, None)
            return []
        count = self._failures.get(lecture, (0, 0))[0] + 1
        self._failures[lecture] = (count, now_ns)
        failed = self._failed or FinishFailed(reason=f"the renderer ended with status {status}")
        if failed.passing or count < MOST_FAILURES:
            return []
        return [RenderResult(lecture, failed)]
