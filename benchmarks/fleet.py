"""Ten thousand rooms after an outage of the platform: a model, with the product's own pauses.

    python -m benchmarks.fleet [--rooms 10000] [--plot docs/fleet.svg]

Each room tries whenever `uploader.pacing.Pace` lets it and fails while the platform is away. What a
room asks for when it is back (`REQUESTS`) is an estimate for four files of a lecture; the peak
over the mean does not depend on it.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

from benchmarks.measure import Row
from uploader.pacing import LONGEST_S, Pace

OUTAGE_S, SEEN_S, BIN_S = 7200.0, 900.0, 10.0
#: OPTIONS once, then for each of four files POST and one to six PATCHes, within a minute or so.
REQUESTS = 16
#: So many times the mean is still no herd.
HERD = 3.0


def attempts(rooms: int, chance: random.Random) -> list[float]:
    """When rooms try: seconds, the platform is away until 0 and answers from then on."""
    found = []
    for _ in range(rooms):
        now, pace = -OUTAGE_S + chance.random() * 60, Pace()  # their last file was under way
        while now < 0:
            found.append(now)
            pace = pace.after_failure(now, chance.random())
            now = pace.not_before
        found.append(now)
    return found


def a_second(times: list[float], begin: float, end: float) -> list[float]:
    """Attempts a second, bin by bin."""
    bins = [0] * round((end - begin) / BIN_S)
    for at in times:
        if begin <= at < end:
            bins[int((at - begin) / BIN_S)] += 1
    return [count / BIN_S for count in bins]


def plot(values: list[float], begin: float) -> str:
    """An SVG of attempts a second over the time around the return."""
    width, height, left, bottom = 720, 240, 50, 30
    top = max(values)
    step = (width - left - 10) / len(values)
    points = " ".join(
        f"{left + number * step:.1f},{height - bottom - value / top * (height - bottom - 20):.1f}"
        for number, value in enumerate(values)
    )
    back = left - begin / BIN_S * step
    text = 'font-family="sans-serif" font-size="12"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">'
        "<title>Attempts a second of ten thousand rooms around the end of an outage</title>"
        f'<rect width="{width}" height="{height}" fill="white"/>'
        f'<path d="M{left} 20V{height - bottom}H{width - 10}" fill="none" stroke="#444"/>'
        f'<path d="M{back:.0f} 20V{height - bottom}" stroke="#b00" stroke-dasharray="4"/>'
        f'<text x="{back + 5:.0f}" y="32" {text}>the platform answers again</text>'
        f'<text x="5" y="24" {text}>{top:.0f}/s</text>'
        f'<text x="5" y="{height - bottom}" {text}>0</text>'
        f'<text x="{left}" y="{height - 8}" {text}>{begin / 60:.0f} min</text>'
        f'<text x="{width - 60}" y="{height - 8}" {text}>+{SEEN_S / 60:.0f} min</text>'
        f'<polyline points="{points}" fill="none" stroke="#05a" stroke-width="1.5"/></svg>\n'
    )


def rows(rooms: int = 10_000, file: Path | None = None) -> list[Row]:
    times = attempts(rooms, random.Random(1))
    if file is not None:
        file.write_text(plot(a_second(times, -SEEN_S, SEEN_S), -SEEN_S))
    back = [at for at in times if at >= 0]
    peak, last = max(a_second(times, 0, LONGEST_S)), max(back)
    mean = rooms / last
    return [
        Row(
            f"{rooms} rooms after an outage of 2 h (model): attempts a second, peak to mean",
            f"≤ {HERD:g} ×",
            f"{peak / mean:.1f} × ({peak:.0f} to {mean:.0f}; the last after {last:.0f} s)",
            peak <= HERD * mean,
        ),
        Row("… requests a second then, at most", "", f"{peak * REQUESTS:.0f}"),
    ]


def main() -> None:
    words = argparse.ArgumentParser(prog="python -m benchmarks.fleet")
    words.add_argument("--rooms", type=int, default=10_000)
    words.add_argument("--plot", type=Path)
    options = words.parse_args()
    print("| what | target | measured | |\n|---|---|---|---|")
    for row in rows(options.rooms, options.plot):
        print(row)


if __name__ == "__main__":
    main()
