"""What is sent is what was packaged: the comparison before the first byte, once for each file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from uploader.bodies import TOLD, Comparison, Source
from uploader.exchange import Framed, Piece, Response, portal
from uploader.sender import Artifact, Permanent, Phase

DATA = bytes(range(256)) * 10_000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "camera.mp4"
    path.write_bytes(DATA)
    return path


def artifact(data: bytes = DATA) -> Artifact:
    return Artifact("camera.mp4", len(data), hashlib.sha256(data).hexdigest(), "video/mp4")


class Readings:
    """Counts how often a file was read; what it finds in each piece is the piece's bytes."""

    def __init__(self) -> None:
        self.begun = 0
        self.told: list[int] = []
        self.comparison = Comparison(self._halves, lambda blocks, _piece: b"".join(blocks))

    def _halves(self, size: int) -> list[Piece]:
        self.begun += 1
        return [Piece(0, size // 2), Piece(size // 2, size - size // 2)]

    def of(self, path: Path, wanted: Artifact) -> list[bytes]:
        return self.comparison.of(path, wanted, self._tell)

    def _tell(self, phase: Phase, done: int) -> None:
        assert phase == "verifying"
        self.told.append(done)


def test_each_piece_is_looked_at_in_the_one_reading(file: Path) -> None:
    readings = Readings()
    assert readings.of(file, artifact()) == [DATA[: len(DATA) // 2], DATA[len(DATA) // 2 :]]
    assert readings.begun == 1


def test_a_file_that_has_not_changed_is_not_read_again(file: Path) -> None:
    readings = Readings()
    first = readings.of(file, artifact())
    assert readings.of(file, artifact()) is first
    assert readings.begun == 1


def test_a_file_that_was_touched_or_is_wanted_otherwise_is_read_again(file: Path) -> None:
    readings = Readings()
    readings.of(file, artifact())
    os.utime(file, (1, 1))
    readings.of(file, artifact())
    with pytest.raises(Permanent, match="no longer the file that was packaged"):
        readings.of(file, artifact(DATA[:-1] + b"x"))
    assert readings.begun == 3


@pytest.mark.parametrize("spoilt", [DATA[:-1] + b"x", DATA[:-1]], ids=["a byte", "the length"])
def test_another_content_is_refused_for_good_and_at_each_try(file: Path, spoilt: bytes) -> None:
    file.write_bytes(spoilt)
    readings = Readings()
    for _ in range(2):
        with pytest.raises(Permanent, match="edge-agent lectures verify"):
            readings.of(file, artifact())
    assert readings.begun == 2


def test_whoever_waits_hears_of_each_mebibyte_and_of_the_end(file: Path) -> None:
    def blocks_only(blocks: Iterator[bytes], _piece: Piece) -> int:
        return sum(map(len, blocks))

    told: list[int] = []
    comparison = Comparison(lambda size: [Piece(0, size)], blocks_only)
    assert comparison.of(file, artifact(), lambda _phase, done: told.append(done)) == [len(DATA)]
    assert told == [TOLD, 2 * TOLD, len(DATA)]


def test_what_is_gone_is_told_with_the_next_step(file: Path) -> None:
    file.unlink()
    with pytest.raises(Permanent, match="edge-agent storage check"):
        Readings().of(file, artifact())


@pytest.mark.parametrize("most", [1, 7, 1000, 1 << 20])
def test_a_framed_piece_is_its_head_its_bytes_and_its_tail(file: Path, most: int) -> None:
    for piece in (Piece(0, len(DATA)), Piece(100, 5), Piece(3, 0)):
        body = Framed.of(piece, b"the head", b"the tail")
        wanted = b"the head" + DATA[piece.offset : piece.offset + piece.length] + b"the tail"
        assert body.length == len(wanted)
        with Source(file) as source:
            at = 0
            for _ in range(40):
                data = source.block(body, at, most)
                assert data == wanted[at : at + len(data)]
                assert 0 < len(data) <= most
                at += len(data)
                if at == len(wanted):
                    break


@pytest.mark.parametrize(
    ("body", "page"),
    [
        (b"<!DOCTYPE html><html></html>", True),
        (b'<?xml version="1.0"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0"><html/>', True),
        (b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"/>', True),
        (b"Please sign in", True),
        (b"", True),
        (b"room-7 set to idle", False),
        (b"<p>room-7 set to idle", True),
        (b"Your device is set to offline by the network", True),
        (b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?><workflow id="7"/>', False),
        (b'<wf:workflow xmlns:wf="http://workflow.opencastproject.org" id="7"/>', False),
    ],
)
def test_a_page_is_known_from_xml_that_is_only_called_one(body: bytes, page: bool) -> None:
    answer = Response(200, {"content-type": "text/html;charset=UTF-8"}, body)
    assert (portal(answer) is not None) is page
