"""Each power cut of a logged run, outside of the guest, and what all of them come to."""

from __future__ import annotations

import contextlib
import io
import os
import random
import shutil
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median

from tests.appliance.blocklog import BlockLog
from tests.appliance.continued import deliver_after
from tests.appliance.crash_points import Point, Replay, consecutive
from tests.appliance.logged_run import DISKS, Truth, record
from tests.appliance.report import Row
from tests.appliance.room import Room

#: Seconds of a track that may be missing beyond what the guest had got round to encoding.
LOST_AT_MOST_S = 1.1
#: Each point is tried so often, with other sectors missing …
TEARS = 12
#: … and more often when there are too few points for so many cuts.
CUTS = 3000
#: Cuts at the end of a log from which the flushes of one disk were taken.
FORGOTTEN = 10
#: Cuts after which the real agent is started.
CONTINUED = 20


def every_crash_point(room: Room) -> Row:
    """Migrate, record, stop, finish and deliver; replay every point where the power can fail."""
    row = Row("every crash point")
    folder = room.folder / "replay"
    replay_all(record(room, folder, row), folder, _seed(), row)
    return row


def _seed() -> int:
    return int(os.environ.get("CLASSROOM_SEED") or random.SystemRandom().randrange(2, 1000))


def replay_all(truth: Truth, folder: Path, seed: int, row: Row) -> None:
    """Every point of a log that a run has left."""
    points = BlockLog(truth.log).points()
    tears = max(TEARS, -(-CUTS // len(points)))
    # Nothing of what was not flushed is there; all of it; and some of it, by the dice.
    seeds = [0, 1, *range(seed, seed + tears - 2)]
    shares = consecutive(points, os.cpu_count() or 2)
    with ProcessPoolExecutor(len(shares)) as pool:
        jobs = [
            pool.submit(_replay, truth, f"{folder.parent.name}-{number}", share, seeds)
            for number, share in enumerate(shares)
        ]
        results = [job.result() for job in jobs]
    found = [point for points, _ in results for point in points]
    cpu_s = sum(seconds for _, seconds in results)
    _judge(row, found, seed, cpu_s)
    deliver_after(_sample(found, CONTINUED), truth, folder, row)
    find_forgotten_flushes(truth, folder, row)


def _replay(
    truth: Truth, name: str, points: list[int], seeds: list[int]
) -> tuple[list[Point], float]:
    """One process's share, and its seconds of CPU. In memory: these are many small files."""
    place = Path("/dev/shm") / f"classroom-{os.getpid()}-{name}"
    began = _cpu_s()
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # the rooms' missing devices
            return list(Replay(truth, place).run(points, seeds)), _cpu_s() - began
    finally:
        shutil.rmtree(place, ignore_errors=True)


def find_forgotten_flushes(truth: Truth, folder: Path, row: Row) -> None:
    """Is the replay any good? Without the flushes of one disk, its last cuts break promises."""
    for disk, name in enumerate(DISKS):
        points = BlockLog(truth.log, disk).points()[-FORGOTTEN:]
        replay = Replay(truth, folder / f"deaf-{name}", disk)
        with contextlib.redirect_stderr(io.StringIO()):
            found = list(replay.run(points, [0]))
        unseen = sum(not point.problems for point in found)
        row.expect(not unseen, f"{unseen} cuts of a {name} that is never flushed look good")
        row.notes.append(
            f"{name} disk never flushed: {len(found) - unseen} of {len(found)} found out"
        )


def _cpu_s() -> float:
    """With the children: fsck and debugfs."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _sample(found: list[Point], most: int) -> list[Point]:
    """As many of each moment, spread over its points: finishing takes less time than recording."""
    moments = sorted({point.moment for point in found})
    share = max(1, most // len(moments))
    some: list[Point] = []
    for moment in moments:
        of_it = [point for point in found if point.moment == moment]
        some += of_it[:: max(1, len(of_it) // share)][:share]
    return sorted(some, key=lambda point: point.number)


def _judge(row: Row, found: list[Point], seed: int, cpu_s: float) -> None:
    row.runs = len(found)
    row.lost_s = [seconds for point in found for seconds in point.lost_s.values()]
    row.lectures_lost = sum(point.lectures_lost for point in found)
    row.duplicates = sum(point.duplicates for point in found)
    bad = [point for point in found if point.problems]
    for point in bad[:10]:
        text = "; ".join(point.problems[:3])
        row.problems.append(f"point {point.number}, dice {point.dice}: {text}")
    if len(bad) > 10:
        row.problems.append(f"… and {len(bad) - 10} more points")
    places, states = len({p.number for p in found}), sum(not p.known for p in found)
    row.notes.append(
        f"{places} points, {len(found)} cuts with torn sectors (seed {seed}), {states} different "
        f"states of the disks, {cpu_s / len(found):.2f} s of CPU a cut; {len(bad)} broke a promise"
    )
    moments = sorted({p.moment or "before the first lecture" for p in found})
    counts = [
        f"{sum((p.moment or 'before the first lecture') == moment for p in found)} {moment}"
        for moment in moments
    ]
    row.notes.append(f"cuts by the lecture's state: {', '.join(counts)}")
    row.notes.append(
        f"{sum(p.delivered for p in found)} deliveries, checked to the byte, each one once"
    )
    for track in sorted({track for point in found for track in point.lost_s}):
        lost = [point.lost_s[track] for point in found if track in point.lost_s]
        behind = [point.behind_s[track] for point in found if track in point.behind_s]
        more = sum(seconds > LOST_AT_MOST_S for seconds in lost)
        row.notes.append(
            f"{track}: median {median(lost):.2f} s, most {max(lost):.2f} s, {more} of {len(lost)} "
            f"more than {LOST_AT_MOST_S} s; with the slow guest's queue most {max(behind):.2f} s"
        )
