"""A network camera's own pictures: from the units that its client has put together to the file."""

from __future__ import annotations

from pathlib import Path

import av
from hypothesis import given
from hypothesis import strategies as st

from capture.source import NS, Frame, Sample, SourceInfo
from capture.units import START, UnitPacket, annex_b, with_length, with_lengths
from edge_agent.messages import Record, RecorderSpec
from edge_agent.recording import open_recording
from encoders.boxes import read_index, samples
from encoders.rotation import FETCHED_FRAGMENT_NS, FRAGMENT_NS
from tests.test_passthrough import camera

EPOCH_NS = 5 * NS


class Undecoded:
    def decode(self, sample: Sample) -> list[Frame]:
        raise AssertionError("nobody asked for pictures")


@given(st.lists(st.binary(min_size=1, max_size=9).filter(lambda unit: not unit.endswith(b"\0"))))
def test_a_picture_is_the_same_with_lengths_and_with_start_codes(units: list[bytes]) -> None:
    proper = [unit for unit in units if START[1:] not in START + unit + START[:2]]
    whole = b"".join(map(with_length, proper))
    assert with_lengths(annex_b(whole)) == whole
    assert annex_b(whole) == b"".join(START + unit for unit in proper)


def recorded(folder: Path, sent: list[Sample], bursts: bool) -> Path:
    info = SourceInfo("video", "", "", 160, 120, 10.0, delivers="h264", bursts=bursts)
    spec = RecorderSpec(track="camera", media="video", kind="rtsp", preview="", lock="")
    command = Record(
        lecture="x", directory=str(folder), epoch_ns=EPOCH_NS, start_mono_ns=EPOCH_NS + NS
    )
    recording = open_recording(command, spec, info, Undecoded(), lambda _: None, lambda _: None)
    for sample in sent:
        assert not recording.take(sample)
    recording.close()
    return folder / "000001.mp4"


def film(count: int, keys: int) -> tuple[list[Sample], list[Sample]]:
    """Ten pictures a second from the beginning on, as packets and as units."""
    packets: list[Sample] = []
    units: list[Sample] = []
    for number, packet in enumerate(camera(count, keys)):
        at_ns = EPOCH_NS + NS + number * NS // 10
        packet.pts = packet.dts = at_ns
        packets.append(packet)
        units.append(UnitPacket(with_lengths(bytes(packet)), at_ns, at_ns, packet.is_keyframe))
    return packets, units


def test_units_are_in_the_file_as_packets_would_be(tmp_path: Path) -> None:
    packets, units = film(35, keys=20)
    as_packets = recorded(tmp_path / "packets", packets, bursts=False)
    as_units = recorded(tmp_path / "units", units, bursts=False)
    assert list(samples(as_units)) == list(samples(as_packets))
    with av.open(str(as_units)) as container:
        assert len(list(container.decode(video=0))) == 35


def test_what_is_fetched_seldom_is_written_often(tmp_path: Path) -> None:
    """Both together are what a power cut takes."""
    _, units = film(40, keys=40)
    for bursts, limit_ns in ((True, FETCHED_FRAGMENT_NS), (False, FRAGMENT_NS)):
        whole = read_index(recorded(tmp_path / str(bursts), units, bursts))
        lengths_ns = [(it.stop - it.start) * NS // whole.timescale for it in whole.pieces]
        assert len(lengths_ns) > 3
        assert all(limit_ns <= length < limit_ns + NS // 10 for length in lengths_ns[:-1])
