"""The real disk: all that is written stands in the file, in its order."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from encoders.disk import MOST_PIECES, Disk


@pytest.mark.parametrize("taken", [None, 1, 2])
@pytest.mark.parametrize("count", [0, 1, 3, MOST_PIECES + 1, 2 * MOST_PIECES])
def test_all_pieces_are_written_however_many_and_however_little_is_taken_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, taken: int | None
) -> None:
    whole = os.writev

    def stingy(fd: int, pieces: Sequence[bytes]) -> int:
        return whole(fd, pieces[:taken])

    monkeypatch.setattr(os, "writev", stingy)
    disk = Disk()
    pieces = [bytes((number % 251,)) * (number % 5) for number in range(1, count + 1)]
    fd = disk.create(tmp_path / "file")
    disk.write(fd, pieces)
    disk.close(fd)
    assert (tmp_path / "file").read_bytes() == b"".join(pieces)
