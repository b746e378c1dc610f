"""A camera's own H.264 is recorded as it is."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
from av.video.frame import PictureType

from encoders.boxes import samples
from encoders.encoder import NANO, AnyPacket, EncoderError, VideoSpec, open_video_encoder
from encoders.fragments import length_prefixed
from encoders.passthrough import open_pass_through
from encoders.segment import Segment
from encoders.segments import TrackWriter
from tests.lecture_maker import PLENTY_NS, picture, seconds


def camera(count: int, keys: int, *, in_band: bool = True) -> list[AnyPacket]:
    """Annex B packets as a camera sends them: stamps in nanoseconds, 10 a second."""
    encoder = open_video_encoder(VideoSpec(160, 120, 10))
    sent: list[AnyPacket] = []
    for number in range(count):
        frame = picture(number)
        frame.pts, frame.time_base = seconds(number / 10), NANO
        frame.pict_type = PictureType.I if number % keys == 0 else PictureType.NONE
        (inside,) = encoder.encode(frame)
        head = encoder.extradata if inside.is_keyframe and in_band else b""
        packet: AnyPacket = av.Packet(head + bytes(inside))
        packet.time_base, packet.pts, packet.dts = NANO, frame.pts, frame.pts
        packet.is_keyframe = inside.is_keyframe
        sent.append(packet)
    return sent


def record(folder: Path, packets: list[AnyPacket]) -> list[Segment]:
    key = next(packet for packet in packets if packet.is_keyframe)
    encoder = open_pass_through(key)
    segments: list[Segment] = []
    writer = TrackWriter(folder, encoder.template, on_segment=segments.append, queue_ns=PLENTY_NS)
    for packet in packets:
        for out in encoder.encode(packet):
            writer.write(out)
    writer.close()
    return segments


@pytest.mark.parametrize(
    ("annex_b", "stored"),
    [
        (b"\0\0\0\1\x65ab", b"\0\0\0\3\x65ab"),
        (b"\0\0\1\x67x\0\0\0\1\x68y", b"\0\0\0\2\x67x\0\0\0\2\x68y"),
        (b"\0\0\1\x41a\0\0\3\1b\0\0\0", b"\0\0\0\7\x41a\0\0\3\1b"),
        (b"", b""),
    ],
)
def test_units_carry_their_length_instead_of_a_start_code(annex_b: bytes, stored: bytes) -> None:
    assert length_prefixed(annex_b) == stored


def test_every_packet_is_in_the_file_as_it_came(tmp_path: Path) -> None:
    sent = camera(35, keys=20)
    record(tmp_path, sent)
    stored = [(s.data, s.pts) for s in samples(tmp_path / "000001.mp4")]
    assert stored == [(length_prefixed(bytes(p)), round(p.pts * 9 / 100_000)) for p in sent]
    with av.open(str(tmp_path / "000001.mp4")) as container:
        assert len(list(container.decode(video=0))) == 35


def test_segments_open_at_the_cameras_own_key_frames(tmp_path: Path) -> None:
    segments = record(tmp_path, camera(300, keys=70))
    assert [s.packets for s in segments] == [140, 140, 20]
    for path in sorted(tmp_path.iterdir()):
        assert next(samples(path)).key


def test_a_camera_without_key_frames_is_cut_after_30_s(tmp_path: Path) -> None:
    sent = camera(350, keys=10_000)
    for packet in sent[1:]:
        packet.is_keyframe = False
    segments = record(tmp_path, sent)
    assert [s.packets for s in segments] == [300, 50]


def test_packets_before_the_first_key_frame_are_left_out_and_counted() -> None:
    sent = camera(10, keys=4)
    encoder = open_pass_through(sent[0])
    assert [len(encoder.encode(packet)) for packet in sent[2:6]] == [0, 0, 1, 1]
    assert encoder.refused == 2


def test_stamps_that_go_back_are_refused_and_counted() -> None:
    sent = camera(3, keys=4)
    encoder = open_pass_through(sent[0])
    assert encoder.encode(sent[0])
    assert encoder.encode(sent[0]) == []
    assert encoder.refused == 1


def test_a_file_that_is_h264_already_passes_with_its_own_parameters(tmp_path: Path) -> None:
    record(tmp_path / "a", camera(30, keys=30))
    with av.open(str(tmp_path / "a" / "000001.mp4")) as source:
        packets = [packet for packet in source.demux() if packet.dts is not None]
        encoder = open_pass_through(packets[0])
        assert encoder.extradata[0] == 1
        writer = TrackWriter(tmp_path / "b", encoder.template, queue_ns=PLENTY_NS)
        for packet in packets:
            for out in encoder.encode(packet):
                writer.write(out)
        writer.close()
    assert list(samples(tmp_path / "b" / "000001.mp4")) == list(
        samples(tmp_path / "a" / "000001.mp4")
    )


def test_only_a_key_frame_can_open_it() -> None:
    with pytest.raises(EncoderError, match="key frame"):
        open_pass_through(camera(2, keys=5)[1])


@pytest.mark.parametrize("rubbish", [b"", b"\0\0\1\x09\xf0", b"not h264 at all" * 20])
def test_a_key_frame_that_is_none_is_refused_with_the_next_step(rubbish: bytes) -> None:
    packet: AnyPacket = av.Packet(rubbish)
    packet.is_keyframe = True
    with pytest.raises(EncoderError) as caught:
        open_pass_through(packet)
    assert caught.value.hint
