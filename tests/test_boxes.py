"""A torn segment file gives back exactly its whole fragments; nothing else is ever opened."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from encoders.boxes import header, read_index, samples, segment_facts, trim_and_close, whole_length
from tests.lecture_maker import record_pictures, record_sound, seconds, tear


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    record_pictures(folder, 0, 6, size=(64, 48), fps=5)
    return folder / "000001.mp4"


def box_ends(data: bytes) -> list[int]:
    """The end of each mdat, found in the simplest way."""
    ends, at = [], 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        at += size
        if kind == b"mdat":
            ends.append(at)
    return ends


def test_a_cut_at_every_single_byte_gives_back_exactly_the_whole_fragments(
    whole: Path, tmp_path: Path
) -> None:
    data = whole.read_bytes()
    ends = box_ends(data)
    assert len(ends) == 6
    torn = tmp_path / "000001.mp4.part"
    torn.write_bytes(data)
    for length in range(len(data), -1, -1):
        with torn.open("r+b") as file:
            file.truncate(length)
        assert whole_length(torn) == max((end for end in ends if end <= length), default=0)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(fraction=st.floats(0, 1))
def test_a_recovered_file_opens_and_holds_what_was_whole(
    whole: Path, tmp_path: Path, fraction: float
) -> None:
    data = whole.read_bytes()
    length = round(len(data) * fraction)
    folder = tmp_path / str(length)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    part = folder / "000001.mp4.part"
    part.write_bytes(data[:length])
    segment = trim_and_close(part)
    kept = max((end for end in box_ends(data) if end <= length), default=0)
    if segment is None:
        assert kept == 0
        assert part.read_bytes() == data[:length]
        return
    assert segment.recovered
    assert (folder / segment.name).read_bytes() == data[:kept]
    with av.open(str(folder / segment.name)) as container:
        found = [p for p in container.demux() if p.dts is not None]
    assert len(found) == segment.packets
    assert segment.start_ns == seconds(0)
    end = (found[-1].pts + found[-1].duration) * 1_000_000_000 // 90_000
    assert abs(segment.end_ns - end) <= 1


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_flipped_bytes_never_raise_and_never_make_a_file_longer(
    whole: Path, tmp_path: Path, data: st.DataObject
) -> None:
    content = bytearray(whole.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "flipped.mp4"
    path.write_bytes(content)
    index = read_index(path)
    assert index.length <= len(content)
    assert sum(1 for _ in samples(path)) == index.packets


def garbage(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("nothing", b""),
        ("zeros", bytes(5000)),
        ("a few bytes", b"\0\0\0"),
        ("text", b"this is not a film " * 300),
        ("a box that claims too much", struct.pack(">I4s", 1 << 30, b"ftyp") + bytes(100)),
        ("a box of size one", struct.pack(">I4sQ", 1, b"mdat", 16)),
        ("a fragment without a header", struct.pack(">I4sI4s", 8, b"moof", 8, b"mdat")),
        ("an empty moov", struct.pack(">I4sI4sI4s", 8, b"moov", 8, b"moof", 8, b"mdat")),
    ],
)
def test_what_is_not_a_segment_has_nothing_to_keep(
    tmp_path: Path, name: str, content: bytes
) -> None:
    part = garbage(tmp_path / "000001.mp4.part", content)
    assert whole_length(part) == 0, name
    assert trim_and_close(part) is None
    assert part.read_bytes() == content
    assert segment_facts(garbage(tmp_path / "000002.mp4", content)) is None


def test_a_header_without_a_fragment_has_nothing_to_keep(whole: Path, tmp_path: Path) -> None:
    part = garbage(tmp_path / "000001.mp4.part", header(whole))
    assert trim_and_close(part) is None


def test_a_foreign_mp4_has_nothing_to_keep(whole: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "000001.mp4.part"
    with av.open(str(whole)) as source, av.open(str(foreign), "w", format="mp4") as out:
        stream = out.add_stream_from_template(source.streams[0])
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    assert whole_length(foreign) == 0


@pytest.mark.parametrize("name", ["notes.mp4.part", "1.mp4.part", "000001.mov.part"])
def test_a_file_whose_name_is_not_ours_is_left_alone(
    whole: Path, tmp_path: Path, name: str
) -> None:
    part = garbage(tmp_path / name, whole.read_bytes())
    assert trim_and_close(part) is None
    assert segment_facts(part) is None
    assert part.read_bytes() == whole.read_bytes()


def test_recovery_twice_is_recovery_once(tmp_path: Path) -> None:
    record_pictures(tmp_path, 0, 4)
    part = tear(tmp_path, 10)
    torn = part.read_bytes()
    first = trim_and_close(part)
    closed = (tmp_path / "000001.mp4").read_bytes()
    (tmp_path / "000001.mp4").unlink()
    part.write_bytes(torn[: len(closed)])  # Killed after the cut, before the name.
    assert trim_and_close(part) == first


def test_recovery_never_overwrites_a_closed_segment(tmp_path: Path) -> None:
    record_pictures(tmp_path, 0, 4)
    content = (tmp_path / "000001.mp4").read_bytes()
    (tmp_path / "000001.mp4.part").write_bytes(content[:-1])
    segment = trim_and_close(tmp_path / "000001.mp4.part")
    assert segment is not None
    assert segment.name == "000002.mp4"
    assert (tmp_path / "000001.mp4").read_bytes() == content


@pytest.mark.parametrize("record", [record_pictures, record_sound])
def test_our_reading_of_a_segment_is_ffmpegs_reading(tmp_path: Path, record: object) -> None:
    assert callable(record)
    record(tmp_path, 0, 12)
    for path in sorted(tmp_path.iterdir()):
        with av.open(str(path)) as container:
            theirs = [
                (bytes(p), p.pts, p.dts, p.duration, p.is_keyframe)
                for p in container.demux()
                if p.dts is not None
            ]
        ours = [(s.data, s.pts, s.dts, s.duration, s.key) for s in samples(path)]
        assert ours == theirs
