#!/usr/bin/python3
"""In the guest: write time and promises into the disk's own stream of writes.

Twenty times a second a block behind the file system (`beat.py DEVICE OFFSET`) gets the monotonic
time, the seconds that the agent calls durable, how full its recorders' queues are, and words from
a FIFO. So the log of the disk tells of each write when it was made and what had been promised by
then. Nothing is flushed here.
"""

import json
import mmap
import os
import re
import sys
import time
from pathlib import Path

STATUS = Path("/run/edge-agent/status.json")
NOTES = "/run/classroom-notes"
MAGIC = b"CLASSROOM-BEAT "
TRACK = re.compile(r'"(\w+)": \{"phase"[^}]*?"durable_s": ([0-9.]+)[^}]*?"backlog": ([0-9.]+)')
LECTURE = re.compile(r'"lecture": \{"id": "([^"]+)"')


def main(device: str, offset: int) -> None:
    disk = os.open(device, os.O_WRONLY | os.O_DIRECT)
    os.mkfifo(NOTES)
    notes = os.open(NOTES, os.O_RDWR | os.O_NONBLOCK)
    sector = mmap.mmap(-1, 4096)
    promised, backlog, lecture, changed = {}, {}, "", 0
    while True:
        # The clock after the promise: what is in this beat was true by then.
        try:
            stamp = STATUS.stat().st_mtime_ns
            if stamp != changed:
                changed = stamp
                text = STATUS.read_text()
                found = LECTURE.search(text)
                lecture = found.group(1) if found else ""
                tracks = TRACK.findall(text)
                promised = {track: float(seconds) for track, seconds, _ in tracks}
                backlog = {track: float(full) for track, _, full in tracks}
        except OSError:
            pass
        try:
            note = os.read(notes, 300).decode().strip()
        except BlockingIOError:
            note = ""
        beat = {"mono_ns": time.monotonic_ns(), "lecture": lecture, "durable_s": promised}
        beat |= {"backlog": backlog, "note": note}
        sector[:] = (MAGIC + json.dumps(beat).encode() + b"\n").ljust(4096, b"\0")
        os.pwrite(disk, sector, offset)
        time.sleep(0.05)


main(sys.argv[1], int(sys.argv[2]))
