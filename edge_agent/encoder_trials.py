"""Find out which encoders work: `python -m edge_agent.encoder_trials FD`, run while nobody records.

A child of the supervisor. If the book in the spool is of this computer, it is told at once; else
every candidate is tried, each in a child of its own. SIGTERM ends it and the trial under way.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from edge_agent.encoder_book import Book, Key, load, save, this_computer
from edge_agent.messages import TryEncoders
from edge_agent.pipes import Inlet
from encoders.ladder import candidates
from encoders.trials import Pictures, Trials

_REQUEST_S = 5.0


def tried(path: Path, key: Key, trials: Trials, codecs: Sequence[str] = ("h264",)) -> Book:
    """The book with a verdict for every candidate of these codecs, from its file or from trials."""
    book = load(path, key)
    for codec in codecs:
        if not book.covers(codec):
            now = datetime.now(UTC).isoformat(timespec="seconds")
            found = trials.run(candidates(codec, book.key["nodes"]))
            book = book.with_verdicts(codec, found, now)
    return book


def main(argv: list[str] | None = None) -> int:
    """One request, one line with all verdicts, one with the effort that leaves the PC headroom."""
    fd = int((sys.argv[1:] if argv is None else argv)[0])
    request = TryEncoders.model_validate_json(Inlet(sys.stdin.fileno()).line(_REQUEST_S))
    trials, key = Trials(Pictures(*request.size)), this_computer(size=request.size)

    def end(*_: object) -> None:
        trials.end()
        os._exit(1)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's ^C is the supervisor's business
    os.nice(10)
    path = Path(request.book)
    if request.may_try:
        book = tried(path, key, trials, request.codecs)
        try:
            save(path, book)
        except OSError as error:
            print(f"the encoders' book cannot be written: {error}", file=sys.stderr)
    else:
        book = load(path, key)
    known = [codec for codec in request.codecs if book.covers(codec)]
    told = [asdict(verdict) for codec in known for verdict in book.of(codec)]
    os.write(fd, json.dumps(told).encode() + b"\n")
    os.write(fd, json.dumps(asdict(book.effort())).encode() + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
