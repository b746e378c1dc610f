"""The way of the upload beside curl, alone on a link, as root: 1, 8, 100 Mbit/s, and a lossy one.

    python -m benchmarks.upload_speed [--pairs 3] [ROW …]     rows: 1 8 100 loss

Counted at the far end, from the first word of a sender to the last byte of its file, so with all
questions and pauses of the tus protocol; one request of curl's beside it, in turn. Both use the
congestion control that this kernel gives them; the plain sender beside the lossy row uses CUBIC.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks import politeness
from benchmarks.far_end import running, uploads
from benchmarks.link import PAYLOAD, FastLink, Link
from benchmarks.measure import Row, machine
from benchmarks.upload_room import PORT, random_file

LOSSY_MBIT, LOSSY_S, LOSS = 4.0, 0.3, 0.01


@dataclass(frozen=True)
class Way:
    """A file, and the link that it is sent over."""

    link: Link
    file: Path
    sha256: str

    @property
    def url(self) -> str:
        return f"http://{Link.FAR}:{PORT}/files/"

    def curl(self) -> float:
        patch = ["-sf", "-X", "PATCH", "-T", str(self.file), "-H", "Expect:"]
        return self._rate(["curl", *patch, f"{self.url}{len(self._told())}"])

    def ours(self, mode: str) -> float:
        send = [sys.executable, "-m", "benchmarks.send_tus", self.url, str(self.file), self.sha256]
        return self._rate([*send, mode, "--known"])

    def _rate(self, command: list[str]) -> float:
        """Bytes per second at the far end."""
        subprocess.run([*self.link.near, *command], check=True, stdout=subprocess.DEVNULL)
        last = self._told()[-1]
        return float(last["came"] / (last["last_s"] - last["first_s"]))

    def _told(self) -> list[dict[str, float]]:
        return uploads(self.link.far, f"http://{Link.FAR}:{PORT}/")


@contextlib.contextmanager
def way(link: Link, size: int):  # type: ignore[no-untyped-def]
    """A link with a server at its far end."""
    with tempfile.TemporaryDirectory() as home, link, running(link.far, "sink", PORT):
        file = Path(home) / "presenter.mp4"
        yield Way(link, file, random_file(file, size))


def clean(link: Link, mbit: int, size: int, count: int) -> list[Row]:
    with way(link, size) as found:
        ratios = [found.ours("full") / found.curl() for _ in range(count)]
    ratio = statistics.median(ratios)
    what = f"full mode alone, {mbit} Mbit/s, {size / 1e6:.0f} MB: of curl's rate"
    return [Row(what, "≥ 97 %", f"{ratio:.1%}", ratio >= 0.97)]


def lossy(count: int) -> list[Row]:
    link = Link(mbit=LOSSY_MBIT, round_trip_s=LOSSY_S, queue_s=0.5, loss=LOSS)
    with way(link, 12_000_000) as found:
        full = statistics.median(found.ours("full") for _ in range(count))
        polite = statistics.median(found.ours("polite") for _ in range(count))
        sink = [*link.far, sys.executable, "-m", "benchmarks.politeness", "--sink"]
        with subprocess.Popen(sink, stdout=subprocess.PIPE, text=True) as taker:
            assert taker.stdout is not None
            taker.stdout.readline()
            looks = politeness.looks_of(politeness.start(link, "plain", 40.0))
            taker.kill()
    capacity = LOSSY_MBIT * 1e6 / 8 * PAYLOAD
    cubic = politeness.rate(looks, looks[0].at, looks[-1].at) / capacity
    what = "4 Mbit/s, 300 ms, 1 % random loss: of the link"
    return [
        Row(f"{what}, full", "≥ 60 %", f"{full / capacity:.0%}", full >= 0.6 * capacity),
        Row(f"{what}, polite", "≥ 60 %", f"{polite / capacity:.0%}", polite >= 0.6 * capacity),
        Row(f"{what}, plain CUBIC", "", f"{cubic:.0%}"),
    ]


def benchmarks(count: int) -> dict[str, Callable[[], list[Row]]]:
    def slow(mbit: int, size: int) -> list[Row]:
        return clean(Link(mbit=mbit, round_trip_s=0.05), mbit, size, count)

    return {
        "1": lambda: slow(1, 7_500_000),
        "8": lambda: slow(8, 50_000_000),
        "100": lambda: clean(FastLink(mbit=100), 100, 400_000_000, count),
        "loss": lambda: lossy(count),
    }


def rows(count: int) -> list[Row]:
    return [row for make in benchmarks(count).values() for row in make()]


def main() -> None:
    words = argparse.ArgumentParser(prog="python -m benchmarks.upload_speed")
    words.add_argument("--pairs", type=int, default=3)
    words.add_argument("rows", nargs="*")
    options = words.parse_args()
    known = benchmarks(options.pairs)
    print(f"{machine()}\n")
    print("| what | target | measured | |\n|---|---|---|---|")
    for name in options.rows or known:
        for row in known[name]():
            print(row, flush=True)


if __name__ == "__main__":
    main()
