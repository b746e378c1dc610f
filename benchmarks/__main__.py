"""Every benchmark, as a table of targets beside what was measured.

Run: python -m benchmarks [--pairs 5] [--quick] [ROW …]   rows: slides camera pass-through start
armed growth finishing. `--quick` shortens the clips: for trying it out, its figures mean nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from benchmarks import camera, growth, passthrough, start_latency, stillness
from benchmarks.measure import Row, machine


def benchmarks(pairs: int, quick: bool) -> dict[str, Callable[[], list[Row]]]:
    return {
        "slides": lambda: stillness.rows(pairs, 10 if quick else 120),
        "camera": lambda: camera.rows(pairs, 90 if quick else 600),
        "pass-through": lambda: passthrough.rows(pairs, 10 if quick else 60),
        "start": lambda: start_latency.rows(3 if quick else 15),
        "armed": lambda: growth.armed_rows(5 if quick else 20),
        "growth": lambda: growth.recording_rows(1, 3 if quick else 60),
        "finishing": lambda: growth.finishing_rows(5 if quick else 15, 10 if quick else 240),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("rows", nargs="*")
    options = parser.parse_args()
    known = benchmarks(options.pairs, options.quick)
    if unknown := set(options.rows) - set(known):
        parser.error(f"no benchmark called {', '.join(sorted(unknown))}; one of {', '.join(known)}")
    print(f"{machine()}; medians of {options.pairs} pairs\n")
    print("| what | target | measured | |\n|---|---|---|---|")
    for name in options.rows or known:
        for row in known[name]():
            print(row, flush=True)


if __name__ == "__main__":
    main()
