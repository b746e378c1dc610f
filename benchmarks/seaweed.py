"""A real S3 store for the length of a benchmark: python -m benchmarks.seaweed FOLDER.

Prints "ready", then the port of its S3 door.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from tests.servers.seaweed import Seaweed

if __name__ == "__main__":
    ends = {signal.SIGTERM}
    store = Seaweed(Path(sys.argv[1]) / "store").start()
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    print("ready", flush=True)
    print(store.ports["s3"], flush=True)
    signal.sigwait(ends)
    store.kill()
