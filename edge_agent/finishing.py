"""The finisher's process as the supervisor sees it: one at a time, restarted when it dies."""

from __future__ import annotations

import signal
import sys
from dataclasses import dataclass

from edge_agent.children import Launch, Process
from edge_agent.finish_messages import FinishFailed, FinishJob, Packaged, Progress, parse_finisher
from edge_agent.messages import BadMessage
from edge_agent.rules.plan import FinisherFacts

#: A finisher that dies without a word this often has met something that will not go away.
MOST_CRASHES = 5


@dataclass(frozen=True, slots=True)
class Result:
    """How a finisher ended. `report` None: it died, and will be started again."""

    lecture: str
    report: Packaged | FinishFailed | None


class Finisher:
    """At most one finisher process."""

    def __init__(self, launch: Launch = Process) -> None:
        self._process = launch("edge_agent.finisher", ["--fd"])
        self._lecture: str | None = None
        self._report: Packaged | FinishFailed | None = None
        self._heard_ns = 0
        self._pressed = self._unwanted = False
        self.fraction = 0.0
        #: lecture → (failures in a row that are tried again, monotonic ns of the last one)
        self.failures: dict[str, tuple[int, int]] = {}
        self._deaths: dict[str, int] = {}

    @property
    def lecture(self) -> str | None:
        return self._lecture

    def facts(self) -> FinisherFacts | None:
        if not self._lecture:
            return None
        return FinisherFacts(self._lecture, self._heard_ns, self._pressed)

    def fileno(self) -> int:
        return self._process.fileno()

    def start(self, job: FinishJob, now_ns: int) -> None:
        """Raises OSError: there is no room for a process now; then none is at work."""
        self._process.start(job, whole=True)
        self._lecture, self._report = job.lecture.id, None
        self._pressed = self._unwanted = False
        self._heard_ns, self.fraction = now_ns, 0.0

    def hear(self, now_ns: int) -> list[Result]:
        """Read what it says; the result once it has ended."""
        for line in self._process.lines():
            self._heard_ns = now_ns
            try:
                report = parse_finisher(line)
            except BadMessage as error:
                print(f"finisher: {error}", file=sys.stderr)
                continue
            if isinstance(report, Progress):
                self.fraction = report.fraction
            else:
                self._report = report
        status = self._process.reap()
        if status is None or self._lecture is None:
            return []
        lecture, self._lecture = self._lecture, None
        if self._unwanted and self._report is None:
            return []
        ended = self._report or self._died(lecture, status)
        if ended is None or (isinstance(ended, FinishFailed) and ended.passing):
            self.put_off(lecture, now_ns)
        else:
            self.failures.pop(lecture, None)
            self._deaths.pop(lecture, None)
        return [Result(lecture, ended)]

    def put_off(self, lecture: str, now_ns: int) -> None:
        """It is tried again later and later, so that other lectures have their turn."""
        self.failures[lecture] = (self.failures.get(lecture, (0, 0))[0] + 1, now_ns)

    def kill(self, unwanted: bool = False) -> None:
        """`unwanted`: nobody needs its package any more, so that it has not failed."""
        self._pressed, self._unwanted = True, unwanted
        self._process.signal(signal.SIGKILL)

    def end(self) -> None:
        """At the agent's end: it starts anew next time, so it need not be waited for."""
        self.kill()

    def _died(self, lecture: str, status: int) -> FinishFailed | None:
        count = self._deaths[lecture] = self._deaths.get(lecture, 0) + 1
        if count < MOST_CRASHES:
            return None
        return FinishFailed(
            reason=f"the finisher ended {count} times with status {status}",
            hint=f"edge-agent lectures retry {lecture}",
        )
