"""How far first forecasts of a lecture's arrival are off, over simulated days. No device, no link.

Run: python -m benchmarks.forecasts [--days 21] [--seeds 5]

Three lectures a day of 30 MB and 2 GB; a link of 60 kB/s by day and 180 kB/s by night that is cut a
tenth of the time, steady else or changing by 40 % from minute to minute and by 20 % from day to
day. The error is the share of the time that the arrival took; the first eight days do not count.
"""

from __future__ import annotations

import argparse
import random
from statistics import median

from benchmarks.measure import Row
from tests.simulated_days import Days, Link
from uploader.limits import Limits
from uploader.policy import Policy
from uploader.timetable import Timetable

LEARNING_DAYS = 8
LIMITS = {
    "no limit": "off",
    "64 KiB/s by day": "08:00,64k 18:00,off",
    "nothing by day": "06:00,pause 19:00,off",
}


def rows(days: int, seeds: int) -> list[Row]:
    return [
        _row(name, text, unsteady, first, days, seeds)
        for name, text in LIMITS.items()
        for unsteady in (0.0, 0.4)
        for first in (True, False)
    ]


def _row(name: str, text: str, unsteady: float, first: bool, days: int, seeds: int) -> Row:
    errors = []
    for seed in range(seeds):
        link = Link(60e3, 180e3, unsteady, cut_share=0.1, chance=random.Random(seed))
        played = Days(link, Policy(Timetable(Limits.parse(text)))).run(days)
        counted = played.promises[2 * len(played.lecture_hours) * LEARNING_DAYS :]
        errors += [
            abs(each.error)
            for each in counted
            if each.first is first and each.expected is not None and each.arrived is not None
        ]
    errors.sort()
    what = f"{name}, {'unsteady' if unsteady else 'steady'}: {'watchable' if first else 'whole'}"
    worst = errors[int(0.9 * len(errors))]
    measured = f"{median(errors):.1%} (nine of ten: {worst:.0%}; {len(errors)} lectures)"
    return Row(what, "", measured)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.forecasts")
    parser.add_argument("--days", type=int, default=21)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    print("| what | target | error, median | |\n|---|---|---|---|")
    for row in rows(options.days, options.seeds):
        print(row, flush=True)


if __name__ == "__main__":
    main()
