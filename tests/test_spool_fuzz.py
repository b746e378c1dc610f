"""Laws of a spool in which files have been mutated at random: the agent starts, nothing is deleted.

The seed of each trial stands in the test's name.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from edge_agent import lecture_file
from edge_agent.aside import set_aside
from edge_agent.finisher import DAMAGE, Unfinishable, finish
from edge_agent.ledger import Ledger
from edge_agent.ledger_rescue import open_ledger
from edge_agent.recovery import Recovery
from edge_agent.rows import Lecture, Track
from edge_agent.rules.lecture import State
from edge_agent.rules.timeline import START_NS
from edge_agent.spool import Spool
from edge_agent.storage_check import findings, gather
from tests.fixed_clock import FixedClock
from tests.lecture_maker import job, record_pictures, record_sound, tear

LECTURE = "0192d3c4-0000-7000-8000-000000000001"
TRACKS = [
    Track(LECTURE, "camera", "presenter/source", "video"),
    Track(LECTURE, "microphone", "presenter/source", "audio"),
]
CLOCK = FixedClock()
#: 20 seeds × 8 spools × 1 to 4 mutated files each.
SEEDS, SPOOLS = 20, 8
ODD_NAMES = (
    "999999999999999999999999.mp4",
    "000001.mp4.part",
    "000007.mp4.part.part",
    "-1.mp4",
    "\udcff\udcfe.mp4",
    "a" * 240 + ".mp4",
    "000001.MP4",
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lecture that a power cut has ended: closed segments, a torn one, its ledger."""
    root = tmp_path_factory.mktemp("template") / "spool"
    spool = Spool(root)
    spool.lectures.mkdir(parents=True)
    now = CLOCK.now()
    lecture = Lecture(
        LECTURE, State.RECORDING, now.utc_text, now.trust, now.boot, now.mono_ns - START_NS
    )
    lecture_file.write(spool.facts(LECTURE), lecture, TRACKS)
    record_pictures(spool.track(LECTURE, "camera"), 0, 22)
    record_sound(spool.track(LECTURE, "microphone"), 0, 22)
    tear(spool.track(LECTURE, "camera"))
    with opened(Ledger.create(spool.ledger)) as ledger:
        ledger.add_lecture(lecture, TRACKS)
        recover(spool, ledger)
        tear(spool.track(LECTURE, "microphone"))
    return root


@contextmanager
def opened(ledger: Ledger) -> Iterator[Ledger]:
    try:
        yield ledger
    finally:
        ledger.close()


def recover(spool: Spool, ledger: Ledger) -> None:
    Recovery(spool, ledger, timedelta(minutes=15)).run(CLOCK.now())


@dataclass
class Mutator:
    """Does to files what failing disks and people do."""

    chance: random.Random

    def file(self, path: Path) -> None:
        """One mutation of one file."""
        ways = (
            self._flip,
            self._flip_head,
            self._cut,
            self._zero,
            self._insert,
            self._twice,
            self._replace,
            self._rename,
            self._other_kind,
        )
        self.chance.choice(ways)(path)

    def _write(self, path: Path, data: bytes) -> None:
        path.write_bytes(data)

    def _flip(self, path: Path, within: int | None = None) -> None:
        data = bytearray(path.read_bytes())
        for _ in range(self.chance.choice((1, 1, 3, 30))):
            at = self.chance.randrange(min(len(data), within or len(data)))
            data[at] ^= 1 << self.chance.randrange(8)
        self._write(path, bytes(data))

    def _flip_head(self, path: Path) -> None:
        self._flip(path, 1200)

    def _cut(self, path: Path) -> None:
        os.truncate(path, self.chance.randrange(path.stat().st_size))

    def _zero(self, path: Path) -> None:
        data = bytearray(path.read_bytes())
        at = self.chance.randrange(len(data)) // 512 * 512
        stop = min(len(data), at + 512 * self.chance.choice((1, 1, 8)))
        data[at:stop] = bytes(stop - at)
        self._write(path, bytes(data))

    def _insert(self, path: Path) -> None:
        data = path.read_bytes()
        at = self.chance.randrange(len(data))
        self._write(path, data[:at] + self.chance.randbytes(16) + data[at:])

    def _twice(self, path: Path) -> None:
        data = path.read_bytes()
        at = self.chance.randrange(len(data))
        self._write(path, data + data[at:])

    def _replace(self, path: Path) -> None:
        self._write(path, self.chance.randbytes(self.chance.choice((1, 7, 8, 2000))))

    def _rename(self, path: Path) -> None:
        name = self.chance.choice(ODD_NAMES)
        if not (path.parent / name).exists():
            path.rename(path.parent / name)

    def _other_kind(self, path: Path) -> None:
        """Its place is taken by something that is no file at all."""
        path.unlink()
        make = self.chance.choice((os.mkdir, os.mkfifo, lambda p: p.symlink_to("nowhere")))
        make(path)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def adopted(spool: Spool, ledger: Ledger) -> None:
    """Rows and files agree as `edge-agent storage check` compares them, byte by byte."""
    found = findings(gather(spool, ledger, frozenset(), hashes=True))
    assert [f for f in found if f.invariant != "I3"] == []


def try_to_finish(spool: Spool) -> None:
    """A package or a failure that is told; never another end."""
    tracks = [(t.name, t.flavor, t.media) for t in TRACKS]
    try:
        finish(job(spool.lecture(LECTURE), tracks), lambda message: None)
    except (Unfinishable, *DAMAGE):
        return


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(SEEDS))
def test_mutated_segments_without_rows_are_adopted_or_set_aside_and_nothing_is_deleted(
    template: Path, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    for number in range(SPOOLS):
        spool = Spool(tmp_path / f"{number}")
        shutil.copytree(template, spool.root)
        for path in spool.root.glob("ledger.db*"):
            path.unlink()
        tracks = files(spool.tracks(LECTURE))
        hurt = chance.sample(tracks, chance.randint(1, 4))
        whole = {path: path.read_bytes() for path in tracks if path not in hurt}
        for path in hurt:
            Mutator(chance).file(path)
        before = sorted(path.read_bytes() for path in files(spool.lectures))
        with opened(open_ledger(spool, CLOCK.now())) as ledger:
            recover(spool, ledger)
            adopted(spool, ledger)
            named = {f"{s.track}/{s.name}" for s in ledger.segments(LECTURE)}
            recover(spool, ledger)
            assert named == {f"{s.track}/{s.name}" for s in ledger.segments(LECTURE)}
        for path, data in whole.items():
            if path.suffix == ".mp4":
                assert path.read_bytes() == data, "what was whole is what it was"
                assert f"{path.parent.name}/{path.name}" in named
        after = [path.read_bytes() for path in [*files(spool.lectures), *files(spool.aside)]]
        for data in before:
            kept = any(data.startswith(each) for each in after if each) or not data
            assert kept, "a file is gone, and no beginning of it is left"
        if number < 2:
            try_to_finish(spool)
        shutil.rmtree(spool.root)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_ledger_of_mutated_bytes_is_built_anew_or_was_sound(
    template: Path, tmp_path: Path, seed: int
) -> None:
    """Flipped bits in a title pass unseen; whatever passes can be read to its last row."""
    chance = random.Random(seed)
    for number in range(SPOOLS):
        spool = Spool(tmp_path / f"{number}")
        shutil.copytree(template, spool.root)
        mutator = Mutator(chance)
        way = chance.choice(
            (mutator._flip, mutator._flip_head, mutator._cut, mutator._zero, mutator._replace)
        )
        way(spool.ledger)
        with opened(open_ledger(spool, CLOCK.now())) as ledger:
            recover(spool, ledger)
            assert ledger.integrity_problems() == []
            assert ledger.lecture(LECTURE) is not None or spool.lecture(LECTURE).exists()
            recover(spool, ledger)
        shutil.rmtree(spool.root)


def test_a_ledger_of_random_bytes_is_kept_aside_and_the_lecture_is_adopted(
    template: Path, tmp_path: Path
) -> None:
    spool = Spool(tmp_path / "spool")
    shutil.copytree(template, spool.root)
    rubbish = random.Random(1).randbytes(spool.ledger.stat().st_size)
    spool.ledger.write_bytes(rubbish)
    with opened(open_ledger(spool, CLOCK.now())) as ledger:
        recover(spool, ledger)
        assert ledger.existing(LECTURE).state is State.RECORDING, "nobody has ended it"
        assert len(ledger.segments(LECTURE)) >= 4
        adopted(spool, ledger)
    assert (spool.aside / "ledger.db").read_bytes() == rubbish


def test_a_ledger_that_cannot_be_used_now_is_not_taken_for_damaged(
    template: Path, tmp_path: Path
) -> None:
    spool = Spool(tmp_path / "spool")
    shutil.copytree(template, spool.root)
    spool.ledger.unlink()
    spool.ledger.mkdir()
    with pytest.raises(Exception, match="unable to open"):
        open_ledger(spool, CLOCK.now())
    assert not spool.aside.exists()


def test_what_is_set_aside_never_replaces_what_is_there(tmp_path: Path) -> None:
    for text in ("one", "two", "three"):
        (tmp_path / "stray").write_text(text)
        set_aside(tmp_path / "aside", tmp_path / "stray", "stray")
    assert [p.read_text() for p in files(tmp_path / "aside")] == ["one", "two", "three"]
