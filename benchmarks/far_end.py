"""What stands at the far end of a link for a benchmark: servers, and what cuts the way to them."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def running(
    prefix: Sequence[str], module: str, *arguments: object
) -> Iterator[subprocess.Popen[str]]:
    """A program of this folder from its "ready" on; `prefix` says at which end of a link."""
    command = [*prefix, sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        if process.stdout.readline() != "ready\n":
            raise SystemExit(f"{' '.join(command)} did not begin")
        yield process
    finally:
        process.terminate()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def asked(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What `benchmarks.unreliable` has to tell."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("\n")
    found: dict[str, Any] = json.loads(process.stdout.readline())
    return found


def uploads(prefix: Sequence[str], url: str, authority: Path | None = None) -> list[dict[str, Any]]:
    """What `benchmarks.sink` has to tell; asked at its own end, so the link carries nothing."""
    trust = [] if authority is None else ["--cacert", str(authority)]
    command = [*prefix, "curl", "-sf", *trust, url]
    done = subprocess.run(command, capture_output=True, check=True)
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return list(found.values())
