"""One recording of a camera that delivers H.264 itself: its packets, as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from av.stream import Stream

from capture.source import CODED, TIME_BASE, Coded, Sample
from capture.units import UnitPacket
from edge_agent.encoding import CLOSE_S
from edge_agent.messages import Record
from edge_agent.rules.overload import Step
from edge_agent.window import Window
from encoders import fragments
from encoders.passthrough import PassThrough, open_pass_through, ticks
from encoders.segments import TrackWriter

#: The smallest step of a video track's time stamps (90 kHz), rounded up.
TICK_NS = 11_112


class PacketRecording:
    """A camera's own H.264, never decoded.

    It can only begin with a key frame. The recorder keeps the packets since the last one; they are
    stamped a tick apart at the start, so that the first picture seen is the one that was showing.
    """

    def __init__(self, command: Record, make_writer: Callable[[Stream], TrackWriter]) -> None:
        self.lecture = command.lecture
        self.window = Window(command)
        self._make_writer = make_writer
        self._early_count = 0
        self._through: PassThrough | None = None
        self._stored: Callable[[bytes], bytes] = bytes
        self._writer: TrackWriter | None = None

    def open_with(self, recent: Iterable[Sample]) -> None:
        for sample in recent:
            self._early(sample)

    def take(self, sample: Sample) -> bool:
        assert isinstance(sample, CODED)
        assert sample.pts is not None
        at_ns = sample.pts - self.window.epoch_ns
        if self.window.ended(at_ns):
            return True
        if at_ns < self.window.start_ns:  # late from the network, and later ones refer to it
            self._early(sample)
        else:
            dts = sample.pts if sample.dts is None else sample.dts
            self._write(sample, at_ns, dts - self.window.epoch_ns)
        return False

    def _early(self, sample: Sample) -> None:
        if isinstance(sample, CODED):
            at_ns = self.window.start_ns + self._early_count * TICK_NS
            self._early_count += 1
            self._write(sample, at_ns, at_ns)

    def mute(self, mono_ns: int) -> None:
        """The next key frame opens another file; between the two is a gap."""
        writer, self._writer = self._writer, None
        if writer is not None:
            end_ns = mono_ns - self.window.epoch_ns
            writer.close(min(end_ns, self.window.end_ns or end_ns), CLOSE_S)

    def ease(self, step: Step) -> None:
        """Nothing to give up: what is not decoded costs next to nothing."""

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close(self.window.end_ns, CLOSE_S)

    def _write(self, sample: Coded, pts_ns: int, dts_ns: int) -> None:
        if self._through is None or self._writer is None:
            if not sample.is_keyframe:
                return
            packet = sample.packet() if isinstance(sample, UnitPacket) else sample
            self._through = open_pass_through(packet)
            self._stored = fragments.stored_as(self._through.template)
            self._writer = self._make_writer(self._through.template)
        self.window.began(pts_ns)
        pts, dts, key = ticks(pts_ns, TIME_BASE), ticks(dts_ns, TIME_BASE), sample.is_keyframe
        if self._through.takes(dts, key):
            data = sample.data if isinstance(sample, UnitPacket) else self._stored(bytes(sample))
            self._writer.put(fragments.Coded(data, pts, dts, key))
