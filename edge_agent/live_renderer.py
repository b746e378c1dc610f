"""Make the small camera's pictures while their lecture is recorded, at the lowest priority.

`python -m edge_agent.live_renderer FD` reads a LiveJob as a JSON line on stdin and gives a sign of
life on FD as a JSON line after each look. It is killed without a word whenever somebody needs the
computer, and ends by itself when its stdin ends. What it makes is in `edge_agent.live_work`.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from edge_agent.finish_messages import Progress
from edge_agent.locks import AlreadyRunning, only_one
from edge_agent.low_priority import end_with_stdin, stand_back
from edge_agent.pipes import Inlet
from edge_agent.render_messages import LiveJob

#: A segment is closed about every ten seconds.
LOOK_S = 5.0
_JOB_S = 10.0


def main(argv: list[str] | None = None) -> int:
    fd = int((sys.argv[1:] if argv is None else argv)[0])
    stand_back()
    job = LiveJob.model_validate_json(Inlet(sys.stdin.fileno()).line(_JOB_S))
    end_with_stdin()
    work = Path(job.lecture_dir) / "renditions"
    try:
        work.mkdir(exist_ok=True)
        with only_one(work / "lock", "renderer"):
            _go_on(job, fd)
    except BrokenPipeError:
        return 1
    except (AlreadyRunning, OSError) as error:
        print(f"no small pictures beside the recording: {error}", file=sys.stderr)
    return 1


def _go_on(job: LiveJob, fd: int) -> None:
    """Until it is killed, or the pipe is closed. Raises OSError."""
    # Only now: to load the codecs is work too, and this process has stood back.
    from edge_agent.live_work import Live

    live = Live(job)
    while True:
        made = live.step()
        os.write(fd, Progress(fraction=0.0).line())
        time.sleep(0.0 if made else LOOK_S)


if __name__ == "__main__":
    sys.exit(main())
