"""The streams that every program has: always there here, and what they refuse is no traceback."""

from __future__ import annotations

import os
import sys
from typing import TextIO


def all_open() -> None:
    """What whoever started us has closed is the null device from now on.

    Else the next file to be opened, the ledger say, would be stdout to all who print. To be called
    first of all: a file that is opened takes the lowest number that is free.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    sys.stdin = sys.stdin or os.fdopen(0)
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(2, "w")


def let_go(stream: TextIO) -> None:
    """What still waits to be written goes nowhere, so that Python complains of nothing at its end.

    For a stream that has refused: a pipe without a reader, a file on a full disk.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def aside(line: str) -> None:
    """To people, on stderr; one that takes nothing is no reason to fail."""
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        let_go(sys.stderr)
