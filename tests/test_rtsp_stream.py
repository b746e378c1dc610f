"""Interleaved RTP to pictures: whatever the cuts, and whatever else a camera sends."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.rtsp_stream import Picture, Pictures, Wire
from capture.units import START, with_length
from tests.hardware.rtsp_server import MTU, rtp_payloads

KIND = 96
SPS, PPS = b"\x67\x42\0\x2a", b"\x68\xce"
IDR, SLICE = b"\x65" + bytes(3000), b"\x41abc"
RECOVERY = b"\x06\x01\x02xx\x06\x01\x80"


def rtp(payload: bytes, sequence: int, stamp: int, kind: int = KIND) -> bytes:
    return struct.pack(">BBHII", 0x80, kind, sequence & 0xFFFF, stamp & 0xFFFFFFFF, 1) + payload


def framed(packet: bytes, channel: int = 0) -> bytes:
    return struct.pack(">cBH", b"$", channel, len(packet)) + packet


def sent(*pictures: tuple[int, list[bytes]], first: int = 65_530) -> list[bytes]:
    """RTP packets of pictures, given as (time, units)."""
    packets: list[bytes] = []
    for stamp, units in pictures:
        for payload in (part for unit in units for part in rtp_payloads(unit)):
            packets.append(rtp(payload, first + len(packets), stamp))
    return packets


def put_together(packets: list[bytes]) -> list[Picture]:
    pictures = Pictures()
    pictures.payload_type = KIND
    for number, packet in enumerate(packets):
        pictures.add(packet, number)
    return list(pictures.ready)


def stored(*units: bytes) -> bytes:
    return b"".join(map(with_length, units))


LAST = (90_000, [SLICE])  # shows that the one before it is whole


# ---- pictures ------------------------------------------------------------------------------------


UNITS = st.binary(min_size=1, max_size=3 * MTU).map(lambda rest: b"\x41\0" + rest)


@given(st.lists(st.lists(UNITS, min_size=1, max_size=3), max_size=8))
def test_every_unit_arrives_in_its_picture(units: list[list[bytes]]) -> None:
    film = [(3000 * number, each) for number, each in enumerate([*units, [SLICE]])]
    assert [picture.data for picture in put_together(sent(*film))] == [
        stored(*each) for each in units
    ]


def test_a_picture_is_told_with_its_time_its_kind_and_its_arrival() -> None:
    packets = sent((4_294_967_000, [SPS, PPS, IDR]), (2704, [SLICE]), (5704, [SLICE]))
    key, other = put_together(packets)
    assert (key.key, other.key) == (True, False)
    assert other.time - key.time == 3000, "the 32 bits go round"
    assert (key.arrived_ns, other.arrived_ns) == (0, len(packets) - 2), "of its first packet"


def test_a_time_that_goes_back_goes_back() -> None:
    first, second, third = put_together(
        sent((3000, [SLICE]), (9000, [SLICE]), (6000, [SLICE]), LAST)
    )
    assert [second.time - first.time, third.time - second.time] == [6000, -3000]


def test_markers_are_not_believed() -> None:
    packets = [rtp(each, n, 7, KIND | 0x80) for n, each in enumerate((SPS, PPS, SLICE, SLICE))]
    pictures = put_together([*packets, rtp(SLICE, 4, 3007)])
    assert [picture.data for picture in pictures] == [stored(SPS, PPS, SLICE, SLICE)]


@pytest.mark.parametrize("length", [2, 3 * MTU])
def test_two_first_slices_are_two_pictures_also_at_one_time(length: int) -> None:
    """As of a camera whose clock stands still."""
    first, more = b"\x41\x9a".ljust(length, b"x"), b"\x41\x10".ljust(length, b"x")
    pictures = put_together(sent((0, [first, more]), (0, [first]), LAST))
    assert [picture.data for picture in pictures] == [stored(first, more), stored(first)]
    assert pictures[0].time == pictures[1].time


@pytest.mark.parametrize("time", [0, 1500])
def test_parameter_sets_belong_to_the_picture_after_them(time: int) -> None:
    """Whether they have the time of the one before, or one of their own."""
    packets = sent((0, [SLICE]), (time, [SPS, PPS]), (3000, [IDR]), LAST)
    before, key = put_together(packets)
    assert before.data == stored(SLICE)
    assert key.data == stored(SPS, PPS, IDR)
    assert key.time - before.time == 3000


def test_a_packet_may_carry_several_units() -> None:
    pack = b"\x18" + b"".join(struct.pack(">H", len(unit)) + unit for unit in (SPS, PPS, b"\x65x"))
    (key,) = put_together([rtp(pack, 1, 0), rtp(SLICE, 2, 3000)])
    assert (key.data, key.key) == (stored(SPS, PPS, b"\x65x"), True)


def test_decoding_can_begin_at_a_recovery_point_too() -> None:
    picture, plain = put_together(
        sent((0, [RECOVERY, SLICE]), (3000, [b"\x06\x05\x01x\x80", SLICE]), LAST)
    )
    assert (picture.key, plain.key) == (True, False)


def test_a_unit_of_which_a_piece_is_missing_is_left_out_and_nothing_else() -> None:
    packets = sent((0, [b"\x41" + bytes(3 * MTU), SLICE]), (3000, [SLICE]), LAST)
    del packets[1]
    assert [picture.data for picture in put_together(packets)] == [stored(SLICE)] * 2


def test_a_unit_whose_last_piece_does_not_say_so_is_whole() -> None:
    unit = b"\x41" + bytes(2 * MTU)
    *most, last = sent((0, [unit]))
    silent = last[:13] + bytes([last[13] & ~0x40]) + last[14:]
    (picture,) = put_together([*most, silent, rtp(SLICE, 65_530 + len(most) + 1, 3000)])
    assert picture.data == stored(unit)


def test_other_kinds_contributors_extensions_and_padding_are_left_out() -> None:
    head = struct.pack(">BBHII", 0x80 | 0x30 | 2, KIND, 1, 0, 1)
    extended = head + bytes(8) + struct.pack(">HH", 0xABAC, 1) + b"more" + SLICE + b"\0\0\3"
    packets = [extended, rtp(b"sound", 2, 0, kind=8), rtp(SLICE, 2, 3000)]
    (picture,) = put_together(packets)
    assert picture.data == stored(SLICE)


@given(st.lists(st.binary(max_size=60)), st.lists(st.binary(max_size=40)))
def test_nothing_that_a_camera_sends_is_an_error(packets: list[bytes], units: list[bytes]) -> None:
    put_together(packets + [rtp(unit, number, number // 3) for number, unit in enumerate(units)])


def test_a_unit_that_holds_others_is_noticed() -> None:
    pictures = Pictures()
    pictures.payload_type = KIND
    for packet in sent((0, [SPS + START + PPS, SLICE]), LAST):
        pictures.add(packet, 0)
    assert pictures.nested


# ---- the connection ------------------------------------------------------------------------------


class Packets(list[bytes]):
    """All that come."""

    def add(self, packet: bytes, now_ns: int) -> None:
        self.append(packet)

    def follow(self, buffer: bytes, at: int, after: int) -> int:
        return after


ANSWER = b"RTSP/1.0 200 OK\r\nCSeq: 5\r\nContent-Length: 4\r\n\r\n$0\r\n"
QUESTION = b"OPTIONS * RTSP/1.0\r\nCSeq: 9\r\n\r\n"


@given(st.data())
def test_cuts_of_the_connection_change_nothing(data: st.DataObject) -> None:
    pieces = [
        framed(b"one"),
        ANSWER,
        framed(b"report", 1),
        framed(b"RTSP/1.0 $"),
        QUESTION,
        framed(b""),
    ]
    whole = b"".join(data.draw(st.permutations(pieces)))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)))))
    wire, found = Wire(), Packets()
    for begin, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        wire.feed(whole[begin:end], 0, found, 0)
    assert sorted(found) == [b"", b"RTSP/1.0 $", b"one"]
    assert sorted(message.header("cseq") for message in wire.messages) == ["5", "9"]
    assert next(message.body for message in wire.messages if message.status) == b"$0\r\n"
    assert wire.skipped == 0


@given(st.data())
def test_packets_that_are_taken_together_make_the_pictures_of_each_alone(
    data: st.DataObject,
) -> None:
    """Whatever is lost, comes twice, or is of another kind; and whatever the cuts."""
    sizes = st.lists(st.integers(2, 6 * MTU), min_size=1, max_size=2)
    film = [
        (3000 * number, [b"\x41" + bytes((each % 251,)) * each for each in shape])
        for number, shape in enumerate(data.draw(st.lists(sizes, min_size=1, max_size=4)))
    ]
    packets = sent(*film, LAST)
    for _ in range(data.draw(st.integers(0, 3))):
        place = data.draw(st.integers(0, len(packets) - 1))
        it = bytearray(packets[place])
        at = data.draw(st.sampled_from([0, 1, 3, 7, 8, 12, 13]))
        it[at] ^= 1 << data.draw(st.integers(0, 7))
        packets[place : place + data.draw(st.integers(0, 1))] = [bytes(it)]
    whole = b"".join(map(framed, packets))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=3)))
    wire, pictures = Wire(), Pictures()
    pictures.payload_type = KIND
    for begin, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        wire.feed(whole[begin:end], 0, pictures, 0)
    together = [(it.data, it.time, it.key) for it in pictures.ready]
    assert together == [(it.data, it.time, it.key) for it in put_together(packets)]


@pytest.mark.parametrize(
    "rubbish",
    [
        b"\0\1\2",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\r\n\r\n",
        b"X" * 20_000,
        b"RTSP/1.0 200 OK\r\nContent-Length: 999999999\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: " + b"1" * 5000 + b"\r\n\r\n",
        b"RTSP/1.0 200 OK\r\nWWW-Authenticate: Digest " + b"a" * 20_000 + b"\r\n\r\n",
    ],
)
def test_after_rubbish_the_next_packet_is_found(rubbish: bytes) -> None:
    wire, found = Wire(), Packets()
    wire.feed(framed(b"a") + rubbish + framed(b"b"), 0, found, 0)
    assert found == [b"a", b"b"]


@given(st.lists(st.binary(max_size=300)))
def test_no_bytes_are_an_error(chunks: list[bytes]) -> None:
    wire = Wire()
    for chunk in chunks:
        wire.feed(chunk, 0, Pictures(), 0)
