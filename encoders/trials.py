"""Have encoders tried, each in a child with a deadline. Loads no codec itself.

The children of a trial (FFmpeg) live in its process group and end with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from encoders.ladder import Candidate, TrialFacts, Verdict, judge

#: A trial may take this long: loading the codecs, waking the hardware, two seconds of pictures.
DEADLINE_S = 25.0
_KILL_S = 1.0


@dataclass(frozen=True, slots=True)
class Pictures:
    """What a trial encodes."""

    width: int = 1920
    height: int = 1080
    fps: float = 30.0
    frames: int = 45


class Trials:
    """Runs one trial after the other; `end` may be called from a signal handler."""

    def __init__(self, pictures: Pictures, deadline_s: float = DEADLINE_S) -> None:
        self._pictures = pictures
        self._deadline_s = deadline_s
        self._child: subprocess.Popen[bytes] | None = None

    def run(
        self, candidates: Iterable[Candidate], tell: Callable[[Verdict], None] = lambda _: None
    ) -> list[Verdict]:
        """A verdict for each; `tell` hears each as it is found."""
        verdicts = []
        for candidate in candidates:
            size = (self._pictures.width & ~1, self._pictures.height & ~1)
            verdicts.append(judge(candidate, self._facts(candidate), size))
            tell(verdicts[-1])
        return verdicts

    def end(self) -> None:
        """Kill the trial under way and all that it has started."""
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)

    def _facts(self, candidate: Candidate) -> TrialFacts:
        reading, writing = os.pipe()
        try:
            with subprocess.Popen(
                [sys.executable, "-m", "encoders.trial", str(writing)],
                stdin=subprocess.PIPE,
                stdout=2,  # native libraries print, and stdout is for results
                pass_fds=[writing],
                process_group=0,
                bufsize=0,  # nothing is left to write when a child that died at once is closed
            ) as self._child:
                os.close(writing)
                return self._watch(self._child, candidate, reading)
        finally:
            self._child = None
            os.close(reading)

    def _watch(
        self, child: subprocess.Popen[bytes], candidate: Candidate, reading: int
    ) -> TrialFacts:
        pictures = self._pictures
        request = {
            "name": candidate.name,
            "codec": candidate.codec,
            "width": pictures.width & ~1,
            "height": pictures.height & ~1,
            "fps": pictures.fps,
            "frames": pictures.frames,
        }
        assert child.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            child.stdin.write(json.dumps(request).encode() + b"\n")  # open: its end ends the child
        try:
            status = child.wait(self._deadline_s)
        except subprocess.TimeoutExpired:
            return TrialFacts(error=f"did not finish its trial within {self._deadline_s:g} s")
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
        return _answer(reading, status)


def _answer(reading: int, status: int) -> TrialFacts:
    os.set_blocking(reading, False)
    try:
        line = os.read(reading, 65536)
    except BlockingIOError:
        line = b""
    if status == 0 and line:
        return TrialFacts(**json.loads(line))
    if status < 0:
        return TrialFacts(error=f"crashed its trial ({signal.Signals(-status).name})")
    return TrialFacts(error=f"ended its trial with status {status}")
