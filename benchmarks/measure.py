"""How programs are compared: CPU time of the process in pairs, one after the other, in turn.

CPU time is user and system time; a busy machine changes both of a pair alike, and the median of
the pairs' ratios forgets the worst of it.
"""

from __future__ import annotations

import os
import platform
import re
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process took. `peak_mib` is the most memory that was resident."""

    cpu_s: float
    peak_mib: float


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table. `met` None: there is no target."""

    what: str
    target: str
    measured: str
    met: bool | None = None

    def __str__(self) -> str:
        verdict = {None: "", True: "met", False: "**misses the target**"}[self.met]
        return f"| {self.what} | {self.target} | {self.measured} | {verdict} |"


def cost(command: Sequence[str], feed: Sequence[str] | None = None) -> Cost:
    """Run a program to its end, another one's output as its input. Raises SystemExit."""
    feeder = subprocess.Popen(feed, stdout=subprocess.PIPE) if feed else None
    source = feeder.stdout if feeder else subprocess.DEVNULL
    child = subprocess.Popen(command, stdin=source, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if feeder is not None:
        assert feeder.stdout is not None
        feeder.stdout.close()
        feeder.wait()
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} failed with {child.returncode}")
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def pairs(
    ours: Callable[[], Cost], theirs: Callable[[], Cost], count: int
) -> list[tuple[Cost, Cost]]:
    """Each pair in the other order than the one before."""
    found = []
    for number in range(count):
        first = theirs() if number % 2 else None
        mine = ours()
        found.append((mine, first or theirs()))
    return found


def ratio(found: Sequence[tuple[Cost, Cost]]) -> float:
    """The median of ours to theirs."""
    return statistics.median(mine.cpu_s / other.cpu_s for mine, other in found)


def bytes_in(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())


def likeness(
    film: Path,
    source: Sequence[str],
    feed: Sequence[str] | None = None,
    rate: int = 30,
    full: bool = False,
) -> float:
    """Mean SSIM (luma) of a film to its source, at each of the source's pictures; `full`: the film
    is in full range, and compared so."""
    form = "scale=out_range=pc,format=yuvj420p" if full else "scale=out_range=tv,format=yuv420p"
    graph = f"[0:v]fps={rate}[a];[1:v]{form}[b];[a][b]ssim"
    command = ["ffmpeg", "-nostdin", "-i", str(film), *source, "-lavfi", graph, "-f", "null", "-"]
    feeder = subprocess.Popen(feed, stdout=subprocess.PIPE) if feed else None
    done = subprocess.run(
        command, stdin=feeder.stdout if feeder else None, stderr=subprocess.PIPE, check=False
    )
    if feeder is not None:
        feeder.wait()
    found = re.search(rb"SSIM Y:([\d.]+)", done.stderr)
    if found is None:
        raise SystemExit(done.stderr.decode(errors="replace")[-2000:])
    return float(found.group(1))


def joined(folder: Path) -> Path:
    """A recording's segments as one film, copied by ffmpeg."""
    listing, out = folder.parent / "segments.txt", folder.parent / "joined.mp4"
    listing.write_text("".join(f"file '{file}'\n" for file in sorted(folder.iterdir())))
    merge = ["ffmpeg", "-y", "-loglevel", "error", "-f", "concat", "-safe", "0", "-i", str(listing)]
    subprocess.run([*merge, "-c", "copy", str(out)], check=True)
    return out


def machine() -> str:
    """The machine in one line: processor, cores, kernel, Python, ffmpeg."""
    names = re.findall(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    version = subprocess.run(["ffmpeg", "-version"], capture_output=True, text=True, check=True)
    ffmpeg = version.stdout.split()[2]
    return (
        f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores, "
        f"Linux {platform.release()}, Python {platform.python_version()}, ffmpeg {ffmpeg}, "
        f"load {os.getloadavg()[0]:.1f}"
    )


def python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", f"benchmarks.{module}", *arguments]
