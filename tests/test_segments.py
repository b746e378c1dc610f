"""Segment files: what was durable stays, whatever the disk does; nobody waits for it."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from pathlib import Path

import av
import pytest
from av.video.frame import PictureType

from encoders.boxes import read_index, segment_facts, trim_and_close
from encoders.encoder import NANO, AnyPacket, VideoSpec, open_video_encoder
from encoders.fragments import Fragment, FragmentMuxer
from encoders.segment import Segment, next_sequence
from encoders.segments import DiskFailed, DiskStalled, SegmentWriter, TrackWriter
from tests.failing_disk import FailingDisk, StuckDisk
from tests.lecture_maker import PLENTY_NS, picture, record_pictures, record_sound, seconds


def encoded(count: int, fps: float = 10.0) -> tuple[av.VideoStream, list[AnyPacket]]:
    encoder = open_video_encoder(VideoSpec(160, 120, fps))
    packets: list[AnyPacket] = []
    for number in range(count):
        frame = picture(number)
        frame.pts, frame.time_base = seconds(number / fps), NANO
        frame.pict_type = PictureType.I if number % 100 == 0 else PictureType.NONE
        packets += encoder.encode(frame)
    keep_alive.append(encoder)
    return encoder.template, packets


#: A template lives as long as its encoder.
keep_alive: list[object] = []


def fragments(count_s: int) -> tuple[bytes, list[Fragment]]:
    template, packets = encoded(count_s * 10)
    muxer = FragmentMuxer(template)
    found = [muxer.add(muxer.coded(packet)) for packet in packets] + [
        muxer.finish(seconds(count_s))
    ]
    return muxer.header, [fragment for fragment in found if fragment is not None]


def demuxed(path: Path) -> list[tuple[bytes, int, bool]]:
    with av.open(str(path)) as container:
        return [(bytes(p), p.pts, p.is_keyframe) for p in container.demux() if p.dts is not None]


def test_a_segment_file_carries_lecture_time_and_every_packet(tmp_path: Path) -> None:
    (one, two) = record_pictures(tmp_path, 0, 13.35)
    assert (one.name, two.name) == ("000001.mp4", "000002.mp4")
    assert (one.start_ns, one.end_ns) == (seconds(0), seconds(10))
    assert (two.start_ns, two.end_ns) == (seconds(10), seconds(13.35))
    assert (one.packets, two.packets) == (100, 34)
    stamps = [pts for path in sorted(tmp_path.iterdir()) for _, pts, _ in demuxed(path)]
    assert stamps == [90_000 + 9_000 * number for number in range(134)]


def test_each_segment_begins_with_its_only_key_frame(tmp_path: Path) -> None:
    record_pictures(tmp_path, 0, 25)
    for path in sorted(tmp_path.iterdir()):
        keys = [key for _, _, key in demuxed(path)]
        assert keys[0]
        assert not any(keys[1:])


@pytest.mark.parametrize("record", [record_pictures, record_sound])
def test_facts_told_at_the_close_are_the_facts_of_the_file(
    tmp_path: Path, record: Callable[[Path, float, float], list[Segment]]
) -> None:
    told = record(tmp_path, 0, 12)
    assert told == [segment_facts(path) for path in sorted(tmp_path.iterdir())]


def test_the_last_picture_is_held_until_the_end(tmp_path: Path) -> None:
    (segment,) = record_pictures(tmp_path, 0, 5.07)
    with av.open(str(tmp_path / segment.name)) as container:
        last = [p for p in container.demux() if p.dts is not None][-1]
    assert last.pts + last.duration == round(6.07 * 90_000)


def test_sound_is_not_stretched(tmp_path: Path) -> None:
    (segment,) = record_sound(tmp_path, 0, 3)
    with av.open(str(tmp_path / segment.name)) as container:
        packets = [p for p in container.demux() if p.dts is not None]
    assert {p.duration for p in packets[:-1]} == {1024}
    assert segment.end_ns == seconds(3)
    assert packets[0].pts == 48_000 - 1024


def test_numbers_go_on_after_what_is_there_closed_or_not() -> None:
    assert next_sequence([]) == 1
    assert next_sequence(["000001.mp4", "000007.mp4.part", "000003.mp4"]) == 8
    assert next_sequence(["notes.txt", "000002.mp4.orig", "1.mp4"]) == 1


def test_a_second_run_writes_behind_the_first(tmp_path: Path) -> None:
    record_pictures(tmp_path, 0, 3)
    (tmp_path / "000002.mp4.part").write_bytes(b"left by a kill")
    (segment,) = record_pictures(tmp_path, 5, 8)
    assert segment.name == "000003.mp4"


def write_all(
    folder: Path, disk: FailingDisk, media: tuple[bytes, list[Fragment]]
) -> Segment | None:
    header, parts = media
    writer = SegmentWriter(folder, 1, header, disk)
    try:
        for part in parts:
            writer.append(part)
        return writer.close()
    except OSError:
        disk.fail_at = None
        writer.abandon()
        raise


def test_whichever_disk_call_fails_what_was_synced_before_is_recovered(tmp_path: Path) -> None:
    media = fragments(4)
    healthy = FailingDisk()
    folder = tmp_path / "healthy"
    folder.mkdir()
    assert write_all(folder, healthy, media) is not None
    assert healthy.calls.count("sync") == len(media[1])
    for number in range(len(healthy.calls)):
        folder = tmp_path / str(number)
        folder.mkdir()
        disk = FailingDisk(fail_at=number)
        with pytest.raises(OSError, match="fails here"):
            write_all(folder, disk, media)
        assert disk.synced_after_failure == []
        _assert_recoverable(folder, disk.durable, media)


def _assert_recoverable(folder: Path, durable: int, media: tuple[bytes, list[Fragment]]) -> None:
    """Recovery gives back at least what a sync had covered, and only whole fragments."""
    for part in folder.glob("*.part"):
        trim_and_close(part)
    closed = list(folder.glob("*.mp4"))
    kept = read_index(closed[0]).length if closed else 0
    header, parts = media
    sizes = [len(header)]
    for part_ in parts:
        sizes.append(sizes[-1] + part_.size)
    assert kept >= durable
    assert kept in (0, *sizes[1:])
    if closed:
        whole = (header + b"".join(piece for p in parts for piece in p.pieces))[:kept]
        assert closed[0].read_bytes() == whole


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC])
def test_a_disk_error_reaches_the_writer_at_its_next_packet(tmp_path: Path, error: int) -> None:
    template, packets = encoded(200)
    disk = FailingDisk(fail_at=6, error=error)  # the write of what comes after the first fragment
    begun, failed = threading.Event(), threading.Event()
    writer = TrackWriter(
        tmp_path,
        template,
        disk=_Telling(disk, failed),
        queue_ns=PLENTY_NS,
        on_fragment=lambda _ns: begun.set(),
    )
    _write_all(writer, packets[:15])
    assert begun.wait(60)
    for packet in packets[15:100]:
        if not failed.is_set():
            writer.write(packet)
    assert failed.wait(60)
    with pytest.raises(DiskFailed) as caught:
        _write_all(writer, packets[100:])
    assert caught.value.error.errno == error
    assert str(tmp_path) in caught.value.reason
    with pytest.raises(DiskFailed):
        writer.close()
    assert disk.synced_after_failure == []
    assert [p.name for p in tmp_path.iterdir()] == ["000001.mp4.part"]
    assert trim_and_close(tmp_path / "000001.mp4.part") is not None


class _Telling(FailingDisk):
    """Hands on to another disk and says when its file was given up."""

    def __init__(self, disk: FailingDisk, closed: threading.Event) -> None:
        super().__init__()
        self._disk = disk
        self._closed = closed
        for name in ("make_folder", "names", "create", "write", "sync", "rename", "sync_folder"):
            setattr(self, name, getattr(disk, name))

    def close(self, fd: int) -> None:
        self._disk.close(fd)
        self._closed.set()


def _write_all(writer: TrackWriter, packets: list[AnyPacket]) -> None:
    for packet in packets:
        writer.write(packet)


def write_until_stalled(writer: TrackWriter, packets: list[AnyPacket]) -> tuple[int, DiskStalled]:
    for number, packet in enumerate(packets):
        try:
            writer.write(packet)
        except DiskStalled as problem:
            return number, problem
    pytest.fail("the queue took everything")


def test_a_stuck_disk_never_blocks_the_writer_until_the_queue_is_full(tmp_path: Path) -> None:
    template, packets = encoded(200)
    disk = StuckDisk()
    writer = TrackWriter(tmp_path, template, disk=disk, queue_ns=10 * 1_000_000_000)
    taken, problem = write_until_stalled(writer, packets)
    assert "s of media" in problem.reason
    assert taken >= 100  # Ten seconds of pictures went in while the disk took none.
    disk.let_go.set()
    with pytest.raises(DiskStalled):
        writer.close(deadline_s=30)
    # What was taken reached the disk all the same.
    assert sum(read_index(p).packets for p in tmp_path.glob("*.mp4")) == taken


def test_fragments_that_waited_for_a_slow_disk_share_its_next_sync(tmp_path: Path) -> None:
    template, packets = encoded(95)
    disk = StuckDisk()
    writer = TrackWriter(tmp_path, template, disk=disk)
    _write_all(writer, packets)
    assert disk.syncing.wait(60)
    disk.let_go.set()
    writer.close(seconds(9.5))
    assert disk.syncs <= 3
    assert sum(read_index(p).packets for p in tmp_path.glob("*.mp4")) == 95


def test_a_full_disk_is_not_filled_with_files_in_which_nothing_is_durable(tmp_path: Path) -> None:
    header, parts = fragments(1)
    for call in ("write", "sync"):
        disk = FailingDisk(fail_at=["create", "sync_folder", "write", "sync"].index(call))
        writer = SegmentWriter(tmp_path, 1, header, disk)
        with pytest.raises(OSError, match="fails here"):
            writer.append(parts[0])
        writer.abandon()
        assert list(tmp_path.iterdir()) == []


def test_the_queue_is_bounded_in_bytes(tmp_path: Path) -> None:
    template, packets = encoded(200)
    disk = StuckDisk()
    writer = TrackWriter(tmp_path, template, disk=disk, queue_bytes=4000, queue_ns=PLENTY_NS)
    taken, _ = write_until_stalled(writer, packets)
    assert taken < 150
    disk.let_go.set()


def test_closing_on_a_stuck_disk_ends_at_the_deadline(tmp_path: Path) -> None:
    template, packets = encoded(20)
    disk = StuckDisk()
    writer = TrackWriter(tmp_path, template, disk=disk)
    for packet in packets:
        writer.write(packet)
    with pytest.raises(DiskStalled, match="at the end"):
        writer.close(deadline_s=0.2)
    disk.let_go.set()


def test_a_track_without_a_packet_leaves_no_file(tmp_path: Path) -> None:
    template, _ = encoded(1)
    writer = TrackWriter(tmp_path / "cam", template)
    writer.close(seconds(5))
    assert not list(tmp_path.rglob("*.mp4*"))


def test_fragments_and_segments_are_told_after_they_are_durable(tmp_path: Path) -> None:
    template, packets = encoded(115)
    disk = FailingDisk()
    told: list[tuple[str, int, int]] = []
    writer = TrackWriter(
        tmp_path,
        template,
        disk=disk,
        on_fragment=lambda ns: told.append(("fragment", ns, disk.calls.count("sync"))),
        on_segment=lambda s: told.append(("segment", s.end_ns, disk.calls.count("rename"))),
    )
    for packet in packets:
        writer.write(packet)
    writer.close(seconds(11.5))
    ends = [ns for kind, ns, _ in told if kind == "fragment"]
    assert {seconds(10), seconds(11.5)} <= set(ends)
    assert ends == sorted(ends)
    syncs = [count for kind, _, count in told if kind == "fragment"]
    assert syncs == list(range(1, len(ends) + 1))
    assert [(ns, n) for kind, ns, n in told if kind == "segment"] == [
        (seconds(10), 1),
        (seconds(11.5), 2),
    ]


def test_at_any_kill_at_most_a_second_and_a_picture_are_not_on_the_disk(tmp_path: Path) -> None:
    template, packets = encoded(150, fps=30)
    muxer = FragmentMuxer(template)
    durable_ns, worst = seconds(0), 0
    for packet in packets:
        done = muxer.add(muxer.coded(packet))
        durable_ns = done.end_ns if done else durable_ns
        worst = max(worst, muxer.ns(packet.pts) + 1_000_000_000 // 30 - durable_ns)
    assert worst <= 1_034_000_000


def test_packets_out_of_order_are_refused(tmp_path: Path) -> None:
    template, packets = encoded(2)
    muxer = FragmentMuxer(template)
    muxer.add(muxer.coded(packets[1]))
    with pytest.raises(ValueError, match="comes after"):
        muxer.add(muxer.coded(packets[0]))
