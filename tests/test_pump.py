"""Laws of the pump."""

from __future__ import annotations

import threading
import time

import av
import pytest

from capture.pump import Pump
from capture.source import DeviceLost, Frame, Sample, SourceInfo
from capture.units import UnitPacket


class Script:
    """A source that gives what it is told, then waits, then fails."""

    def __init__(self, samples: list[Sample]) -> None:
        self._samples = samples
        self.given = threading.Event()
        self.fail = threading.Event()

    def open(self) -> SourceInfo:
        return SourceInfo("video", "script", "script")

    def read(self) -> Sample:
        if self._samples:
            return self._samples.pop(0)
        self.given.set()
        self.fail.wait(10)
        raise DeviceLost("unplugged")

    def decode(self, sample: Sample) -> list[Frame]:
        return []

    def close(self) -> None:
        self.fail.set()


def packet(number: int, key: bool) -> Sample:
    it: Sample = av.Packet(bytes([number]))
    it.pts = number
    assert isinstance(it, av.Packet)
    it.is_keyframe = key
    return it


def pump_all(samples: list[Sample], capacity: int, inter_coded: bool) -> tuple[Pump, Script]:
    source = Script(samples)
    pump = Pump(source, capacity, inter_coded)
    pump.start()
    assert source.given.wait(60)
    return pump, source


def drain(pump: Pump) -> list[int]:
    taken = []
    while samples := pump.take(0.0):
        taken += stamps(samples)
    return taken


def stamps(samples: list[Sample]) -> list[int]:
    return [sample.pts for sample in samples if sample.pts is not None]


def unit(number: int, more: bool) -> Sample:
    return UnitPacket(b"", number, number, is_keyframe=False, more=more)


def test_samples_come_out_as_they_went_in() -> None:
    pump, _ = pump_all([packet(n, True) for n in range(5)], 10, False)
    assert drain(pump) == [0, 1, 2, 3, 4]
    assert pump.dropped == 0


def test_a_full_queue_drops_the_newest_and_counts() -> None:
    pump, _ = pump_all([packet(n, True) for n in range(5)], 3, False)
    assert pump.backlog == 1.0
    assert drain(pump) == [0, 1, 2]
    assert pump.dropped == 2


def test_after_a_dropped_inter_coded_packet_nothing_comes_until_a_key_frame() -> None:
    source = Script([packet(0, True), packet(1, False)])
    pump = Pump(source, 1, inter_coded=True)
    pump.start()
    assert source.given.wait(60)
    assert drain(pump) == [0]
    for number, key in ((2, False), (3, True), (4, False)):
        pump._put(packet(number, key))
        if number != 3:
            continue
        assert drain(pump) == [3]
    assert drain(pump) == [4]
    assert pump.dropped == 2


def test_the_devices_error_comes_after_its_last_sample() -> None:
    pump, source = pump_all([packet(0, True)], 3, False)
    source.fail.set()
    pump._thread.join(60)
    assert pump.take(1.0)
    with pytest.raises(DeviceLost, match="unplugged"):
        pump.take(1.0)


def test_what_is_collected_comes_out_in_its_order_and_the_error_last() -> None:
    source = Script([packet(n, n == 0) for n in range(3)])
    pump = Pump(source, 10, inter_coded=True, batch_s=0.01)
    pump.start()
    assert source.given.wait(60)
    assert stamps(pump.take(0.0)) == [0, 1, 2]
    pump._put(packet(3, False))
    source.fail.set()
    pump._thread.join(60)
    assert stamps(pump.take(0.0)) == [3]
    for _ in range(2):
        with pytest.raises(DeviceLost, match="unplugged"):
            pump.take(0.0)


def test_to_wait_for_what_is_collected_is_a_wait() -> None:
    """Who only waits must not seem to be at work: a preview was given up for it."""
    source = Script([packet(0, True)])
    pump = Pump(source, 10, inter_coded=True, batch_s=0.02)
    pump.start()
    assert source.given.wait(60)
    begun_s = time.monotonic()
    assert pump.take(0.0)
    assert time.monotonic() - begun_s >= 0.02


def test_what_comes_together_is_handed_on_together() -> None:
    pump, source = pump_all([unit(n, more=n != 2) for n in range(4)], 10, True)
    assert stamps(pump.take(0.0)) == [0, 1, 2]
    assert pump.take(0.0) == [], "more was promised than has come"
    source.fail.set()
    assert stamps(pump.take(60.0)) == [3], "and is not kept back for ever"


def test_what_comes_together_is_dropped_and_counted_one_by_one() -> None:
    pump, _ = pump_all([unit(n, more=n != 4) for n in range(5)], 3, True)
    assert (pump.backlog, pump.dropped) == (1.0, 2)
    assert stamps(pump.take(0.0)) == [0, 1, 2]
    assert pump.backlog == 0.0
