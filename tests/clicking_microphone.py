"""What a sound card does, into the pipe of a sound server: samples at their time, a click a second.

The clicks are at whole seconds of the monotonic clock, when the synthetic cameras flash. Its own
clock is wrong by some parts per million. Run: python -m tests.clicking_microphone PIPE PPM
"""

from __future__ import annotations

import fcntl
import sys
import time
from pathlib import Path

from capture.source import NS
from capture.testsound import BLOCK, TestSound

#: A sound card gives out 5 ms at once.
PARTS = 4
#: What a card and its driver hold when nobody comes for it, 0.34 s, and when that was too late.
PIPE_BYTES = 32 * 1024
STALE_NS = NS // 2


def main(pipe: str, ppm: float) -> None:
    """Until the pipe is closed. Each part is written when its last sample was heard."""
    sound = TestSound(1, ppm, speech=False, click=True)
    number = sound.number(time.monotonic_ns()) + 1
    part_ns = sound.due(0) // PARTS
    samples = BLOCK // PARTS
    with Path(pipe).open("wb", buffering=0) as out:
        fcntl.fcntl(out, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        while True:
            behind_ns = time.monotonic_ns() - sound.due(number)
            if behind_ns > STALE_NS:
                print(f"the sound server came {behind_ns / NS:.2f} s late", file=sys.stderr)
                number = sound.number(time.monotonic_ns()) + 1
            block = sound.make(number, dark=False).to_ndarray().tobytes()
            for part in range(PARTS):
                due_ns = sound.start(number) + (part + 1) * part_ns
                time.sleep(max(0, due_ns - time.monotonic_ns()) / NS)
                out.write(block[2 * samples * part : 2 * samples * (part + 1)])
            number += 1


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
