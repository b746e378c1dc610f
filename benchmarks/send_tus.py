"""Sends one file to a tus server as the upload process does: its way, its pace, its tries.

    python -m benchmarks.send_tus URL FILE SHA256 MODE [--known] [--ca-file FILE]

MODE is full or polite. With --known the file is not compared before it is sent: what is left is
the cost of sending. Prints the seconds that it took, as JSON.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from uploader.exchange import Memory
from uploader.http import Http
from uploader.pacer import Pacer
from uploader.pacing import Pace
from uploader.sender import Artifact, Transient
from uploader.tus import Sending, Server
from uploader.tus_destination import TusDestination


class Notes:
    """A memory for as long as this process lives."""

    def __init__(self) -> None:
        self._notes: dict[tuple[str, Artifact], Mapping[str, Any]] = {}

    def get(self, lecture: str, artifact: Artifact) -> dict[str, Any] | None:
        found = self._notes.get((lecture, artifact))
        return dict(found) if found is not None else None

    def put(self, lecture: str, artifact: Artifact, note: Mapping[str, Any]) -> None:
        self._notes[lecture, artifact] = note

    def forget(self, lecture: str, artifact: Artifact) -> None:
        self._notes.pop((lecture, artifact), None)


def insist(send: Any) -> None:
    """The pauses of the upload process."""
    pace = Pace()
    while True:
        try:
            send()
            return
        except Transient as error:
            now = time.monotonic()
            pace = Pace() if error.progressed else pace
            pace = pace.after_failure(now, random.random(), error.retry_after_s)
            time.sleep(pace.wait_s(now))


def main() -> None:
    words = argparse.ArgumentParser(prog="python -m benchmarks.send_tus")
    words.add_argument("url")
    words.add_argument("file", type=Path)
    words.add_argument("sha256")
    words.add_argument("mode", choices=("full", "polite"))
    words.add_argument("--known", action="store_true")
    words.add_argument("--ca-file", type=Path)
    options = words.parse_args()
    pacer = Pacer(lambda: None, lambda: options.mode == "polite", time.monotonic)
    url: str = options.url
    http = Http(url, opened=pacer.opened, tick=pacer.tick, ca_file=options.ca_file)
    server, notes = Server(url), Notes()
    artifact = Artifact("presenter.mp4", options.file.stat().st_size, options.sha256, "video/mp4")
    memory: Memory = notes
    destination = TusDestination(http, server, memory, "benchmark", lambda: "")

    def send() -> None:
        if options.known:
            sending = Sending(server, memory, "lecture", artifact)
            http.run(sending.deliver(), options.file, lambda _phase, _done: None)
        else:
            destination.send("lecture", artifact, options.file, lambda _phase, _done: None)

    began = time.monotonic()
    insist(send)
    http.close()
    print(json.dumps(time.monotonic() - began))


if __name__ == "__main__":
    main()
