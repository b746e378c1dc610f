"""What sending a GiB costs beside curl, over loopback to a server that keeps nothing.

    python -m benchmarks.upload_cost [--pairs 5] [--mib 1024]

CPU of the sender only. That the file is compared while it leaves costs a SHA-256 more. What a
program takes to start, and for a first MiB, is measured apart and taken off, of curl's too: an
upload process is started once and sends for weeks.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.far_end import running, uploads
from benchmarks.measure import Cost, Row, cost, machine, pairs, python
from benchmarks.upload_room import PORT, Certificate, Room, random_file
from edge_agent.config import TusDestination

MIB = 1 << 20


@dataclass(frozen=True)
class Sent:
    """One file, one server."""

    file: Path
    sha256: str
    url: str
    trust: Path | None = None

    def of_first_mib(self, home: Path) -> Sent:
        """The same way for a file of a MiB."""
        file = home / "first.mp4"
        return replace(self, file=file, sha256=random_file(file, MIB))

    def curl(self) -> Cost:
        trust = ["--cacert", str(self.trust)] if self.trust else []
        patch = ["-s", "-X", "PATCH", "-T", str(self.file), "-H", "Expect:"]
        return cost(["curl", *patch, *trust, f"{self.url}plain"])

    def ours(self, *options: str) -> Cost:
        trust = ["--ca-file", str(self.trust)] if self.trust else []
        arguments = [self.url, str(self.file), self.sha256, "full", *trust, *options]
        return cost(python("send_tus", *arguments))


def of_more(sent: Sent, first: Sent, count: int, *options: str) -> float:
    """The median of what the bytes after the first MiB cost, ours to curl's."""
    start = pairs(lambda: first.ours(*options), first.curl, count)
    ours_s, curls_s = (statistics.median(each[who].cpu_s for each in start) for who in (0, 1))
    whole = pairs(lambda: sent.ours(*options), sent.curl, count)
    return statistics.median((ours.cpu_s - ours_s) / (it.cpu_s - curls_s) for ours, it in whole)


def memory_mib(home: Path, trust: Certificate, size: int) -> float:
    """The most that the real upload process took while it sent a file of this size."""
    url = f"https://127.0.0.1:{PORT}/files/"
    place = TusDestination(type="tus", url=url, ca_file=trust.authority)
    with Room(home, place, "full") as room:
        room.package("L1", {"presenter.mp4": size}, more_to_come=False)
        room.upload([])
        while not all(row.receipt is not None for row in room.rows()):
            time.sleep(0.2)
        return room.peak_mib()


def overhead(url: str, trust: Path) -> float:
    """Bytes of heads, of all that came."""
    told = [one for one in uploads([], url, trust) if one["length"]]
    return float(sum(one["heads"] for one in told) / sum(one["came"] for one in told))


def rows(count: int, mib: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        trust = Certificate.made(home)
        file = home / "presenter.mp4"
        sha256 = random_file(file, mib * MIB)
        with (
            running([], "sink", PORT, "--certificate", trust.file),
            running([], "sink", PORT + 1),
        ):
            plain = Sent(file, sha256, f"http://127.0.0.1:{PORT + 1}/files/")
            secure = Sent(file, sha256, f"https://127.0.0.1:{PORT}/files/", trust.authority)
            found = []
            for what, sent in (("TLS", secure), ("no TLS", plain)):
                first = sent.of_first_mib(home)
                known = of_more(sent, first, count, "--known")
                whole = of_more(sent, first, count)
                found += [
                    Row(
                        f"CPU of a GiB to curl's, {what}",
                        "≤ 2.5 ×",
                        f"{known:.2f} ×",
                        known <= 2.5,
                    ),
                    Row(
                        f"… with the comparison, {what}",
                        "≤ 2.5 ×",
                        f"{whole:.2f} ×",
                        whole <= 2.5,
                    ),
                ]
            share = overhead(f"https://127.0.0.1:{PORT}/", trust.authority)
            found.append(
                Row("heads of requests, of the bytes", "< 1 %", f"{share:.4%}", share < 0.01)
            )
            peak = memory_mib(home / "room", trust, mib * MIB)
            small = memory_mib(home / "small", trust, MIB)
            found.append(
                Row(
                    "memory of the upload process at most",
                    "≤ 60 MiB",
                    f"{peak:.0f} MiB ({small:.0f} with a file of 1 MiB)",
                    peak <= 60,
                )
            )
    return found


def main() -> None:
    words = argparse.ArgumentParser(prog="python -m benchmarks.upload_cost")
    words.add_argument("--pairs", type=int, default=5)
    words.add_argument("--mib", type=int, default=1024)
    options = words.parse_args()
    print(f"{machine()}\n")
    print("| what | target | measured | |\n|---|---|---|---|")
    for row in rows(options.pairs, options.mib):
        print(row, flush=True)


if __name__ == "__main__":
    main()
