"""A piece made beside a recording counts only where the finished file is what it was made of."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoders.live_pieces import (
    LivePiece,
    Packed,
    Source,
    _Bare,
    digest,
    placed,
    places,
    read_live,
    write_live,
)
from encoders.picture_pieces import FOREVER, missing
from encoders.pieces import Unit

#: Few of them, so that pictures are like others, as black ones are while a room is muted.
LOOKS = "abc"
STEP = 3000


def recorded(looks: str, at: int = 90_000) -> list[Source]:
    return [Source(at + STEP * n, 10, n == 0, look) for n, look in enumerate(looks)]


def finished(looks: str, at: int = 0) -> list[Packed]:
    return [Packed(at + STEP * n, (look,)) for n, look in enumerate(looks)]


def found(pieces: list[list[Source]], packets: list[Packed]) -> dict[int, range]:
    return dict(places(pieces, packets))


LECTURES = st.lists(st.text(LOOKS, min_size=1, max_size=6), max_size=6)


@given(LECTURES)
def test_of_a_file_that_is_what_was_recorded_every_piece_is_used(runs: list[str]) -> None:
    pieces, at = [], 90_000
    for run in runs:
        pieces.append(recorded(run, at))
        at += STEP * len(run)
    used = found(pieces, finished("".join(runs)))
    assert set(used) == set(range(len(pieces)))


@given(LECTURES, st.text(LOOKS, max_size=30), st.integers(0, 10**9))
def test_whatever_the_file_is_a_piece_stands_for_its_own_packets_only(
    runs: list[str], looks: str, at: int
) -> None:
    packets = finished(looks, at)
    used = found([recorded(run) for run in runs], packets)
    for number, where in used.items():
        assert looks[where.start : where.stop] == runs[number]
    taken = sorted(used.values(), key=lambda where: where.start)
    assert all(one.stop <= other.start for one, other in pairwise(taken))


@pytest.mark.parametrize(
    ("case", "file", "uses"),
    [
        ("as it was", finished("xabc"), True),
        ("something is missing", finished("xac"), False),
        ("something was put in", finished("xabyc"), False),
        ("it ends before", finished("xab"), False),
        ("a key frame got parameter sets", [*finished("x"), Packed(STEP, ("sets+a", "a")),
                                            *finished("bc", 2 * STEP)], True),
        ("a pause in it was left out", [*finished("xab"), Packed(2 * STEP + 90, ("c",))], False),
        ("rounding", [*finished("xab"), Packed(3 * STEP + 1, ("c",))], True),
        ("its first picture stands from the beginning on",
         [Packed(0, ("a",)), *finished("bc", 5 * STEP)], True),
        ("another picture does not", [*finished("x", -STEP), Packed(0, ("a",)),
                                      *finished("bc", 5 * STEP)], False),
    ],
)  # fmt: skip
def test_when_a_piece_counts(case: str, file: list[Packed], uses: bool) -> None:
    assert bool(found([recorded("abc")], file)) is uses, case


def test_small_pictures_take_the_times_of_the_finished_file() -> None:
    piece = LivePiece(b"", [Unit(90_000, 90_000, True, b"1"), Unit(96_000, 96_000, False, b"2")],
                      recorded("abc"))  # fmt: skip
    file = finished("abc", 7)
    assert [unit.pts for unit in placed(piece, file) or []] == [7, 7 + 2 * STEP]
    foreign = LivePiece(b"", [Unit(90_001, 90_001, True, b"1")], recorded("abc"))
    assert placed(foreign, file) is None


def test_parameter_sets_are_found_in_front_of_whatever_key_frame() -> None:
    """And looked for once: each look reads the picture, and in hours of them all are alike."""
    keys = [bytes([number]) * (90_000 + 7 * number) for number in range(200)]
    bare = _Bare(Source(0, len(key), True, digest(key)) for key in keys)
    sets, longer = b"\0\0\0\1sets", b"\0\0\0\1longer sets"
    for key in keys:
        for before in (b"", sets, longer, sets):
            assert set(bare.looks(before + key)) == {digest(before + key), digest(key)}
    assert bare.looks(b"of another camera" * 6000) == (digest(b"of another camera" * 6000),)
    assert bare._sets == [0, len(sets), len(longer)]


def test_a_torn_piece_is_none(tmp_path: Path) -> None:
    path = tmp_path / "000001-000006.live"
    piece = LivePiece(b"how", [Unit(1, 1, True, b"data")], [Source(1, 4, True, digest(b"data"))])
    write_live(path, piece)
    whole = path.read_bytes()
    assert read_live(path) == piece
    for torn in (whole[:-1], b"", whole[:64], whole[:-1] + b"\0", b"\0" * len(whole)):
        path.write_bytes(torn)
        assert read_live(path) is None


@given(st.lists(st.integers(0, 50), unique=True).map(sorted))
def test_what_is_missing_and_what_is_there_are_all_of_time(edges: list[int]) -> None:
    there = list(zip(edges[::2], edges[1::2], strict=False))
    whole = sorted([*there, *missing(there)])
    assert [begin for begin, _ in whole] == [0, *(end for _, end in whole[:-1])]
    assert whole[-1][1] == FOREVER
