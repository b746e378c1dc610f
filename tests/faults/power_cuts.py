"""Power cuts in several rooms at once: `python -m tests.faults.power_cuts --cuts 30`.

Prints a table; the exit code is 1 when any law was broken. Needs root: each room mounts its own
disk, in a mount namespace that ends with it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.figures import spread
from tests.faults.power_room import KINDS

ROOT = Path(__file__).parent.parent.parent
#: The promise: the fragment in flight, and what the encoder holds.
LOST_AT_MOST_S = 1.1
#: Each moment comes equally often; recording is cut up to three times in one lecture.
MIXED = KINDS


@dataclass(slots=True)
class Outcome:
    """What all rooms have reported."""

    cuts: Counter[str] = field(default_factory=Counter)
    lost_s: list[float] = field(default_factory=list)
    up_s: list[float] = field(default_factory=list)
    back_s: list[float] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def add(self, fact: Mapping[str, Any]) -> None:
        if "cut" in fact:
            self.cuts[fact["cut"]] += 1
            self.lost_s += fact["lost_s"].values()
        if "back_s" in fact:
            self.up_s.append(fact["up_s"])
            self.back_s.append(fact["back_s"])
        if "broken" in fact:
            self.broken.append(fact["broken"])

    @property
    def sound(self) -> bool:
        return not self.broken and max(self.lost_s, default=0) <= LOST_AT_MOST_S

    def table(self) -> str:
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(self.cuts.items()))
        return "\n".join(
            [
                f"power cuts             {self.cuts.total()} ({kinds})",
                f"lost per track         {spread(self.lost_s)}",
                f"agent start to status  {spread(self.up_s)}",
                f"agent start to record  {spread(self.back_s)}",
                f"laws broken            {len(self.broken)}",
            ]
        )


def run(cuts: int, rooms: int, seed: int, kinds: Iterable[str], old: int = 0) -> Outcome:
    """So many cuts, spread over so many rooms, each of which keeps so many old lectures."""
    if os.geteuid() != 0:
        raise SystemExit("power cuts mount disks of their own: run this as root")
    print(f"seed {seed}", flush=True)
    outcome = Outcome()
    with tempfile.TemporaryDirectory(prefix="power-cuts-") as folder:
        shares = [cuts // rooms + (number < cuts % rooms) for number in range(rooms)]
        processes = [
            _room(Path(folder) / str(number), f"{seed}{number:03}", share, old, kinds)
            for number, share in enumerate(shares)
            if share
        ]
        for process in processes:
            with process:  # closes its pipe, and waits for its end
                for line in process.stdout or ():
                    print(line, end="", flush=True)
                    outcome.add(json.loads(line))
            if process.returncode and not outcome.broken:
                outcome.broken.append(f"a room ended with status {process.returncode}")
    return outcome


def _room(
    root: Path, seed: str, cuts: int, old: int, kinds: Iterable[str]
) -> subprocess.Popen[str]:
    words = [str(root), seed, str(cuts), str(old)]
    module = [sys.executable, "-m", "tests.faults.power_room", *words]
    return subprocess.Popen(
        # The new PID namespace ends whatever a room leaves behind.
        ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", *module, *kinds],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cuts", type=int, default=30)
    parser.add_argument("--rooms", type=int, default=8)
    parser.add_argument("--seed", type=int, default=random.randrange(1, 10**6))
    parser.add_argument("--lectures", type=int, default=0, help="past ones in each room's spool")
    parser.add_argument("--kinds", nargs="*", choices=KINDS, default=MIXED)
    options = parser.parse_args()
    outcome = run(options.cuts, options.rooms, options.seed, options.kinds, options.lectures)
    print(outcome.table())
    for broken in outcome.broken:
        print(broken, file=sys.stderr)
    return 0 if outcome.sound else 1


if __name__ == "__main__":
    sys.exit(main())
