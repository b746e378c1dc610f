"""A track's encoder and its segment files; an encoder that dies is replaced in place.

The device stays open, so nothing of the lecture is lost but what the dead encoder had taken and
cannot give back. Parameters differ from encoder to encoder, so each one begins a file of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import av
from av.stream import Stream

from encoders.encoder import AnyPacket, Encoder, EncoderError
from encoders.rungs import salvage
from encoders.segments import TrackWriter

#: How long the disk may take to swallow what is queued when a file ends.
CLOSE_S = 10.0

Picture = av.VideoFrame | av.AudioFrame


class Encoding:
    """Frames in, durable segments out, through the first encoder of `rungs` that works."""

    def __init__(
        self,
        rungs: Sequence[str],
        open_encoder: Callable[[str], Encoder],
        make_writer: Callable[[Stream], TrackWriter],
        on_failure: Callable[[str, str, str], None] = lambda *_: None,
    ) -> None:
        """`on_failure(name, reason, next name)` is told of each encoder that fails.

        Raises EncoderError when the last one does not open.
        """
        self._rungs = list(rungs)
        self._open_encoder = open_encoder
        self._make_writer = make_writer
        self._on_failure = on_failure
        self._wanted: Callable[[str], Encoder] | None = None
        self._encoder = self._first_that_opens()
        self._writer = make_writer(self._encoder.template)

    def keyframe_due(self, at_ns: int) -> bool:
        """Ask before each picture: must it be a key frame?"""
        due = self._writer.keyframe_due(at_ns)
        if due and self._wanted is not None:
            self._change_over(at_ns)
        return due

    def change(self, open_encoder: Callable[[str], Encoder]) -> None:
        """Open encoders in this way from the next segment on."""
        self._wanted = open_encoder

    def feed(self, frame: Picture) -> None:
        """Encode and write. Raises DiskProblem, and EncoderError when no encoder is left."""
        try:
            packets = self._encoder.encode(frame)
        except EncoderError as error:
            for owed in self._replace(error):
                self.feed(owed)
            self.feed(frame)  # one that was owed too is refused: its stamp does not advance
            return
        self._write(packets)

    def close(self, end_ns: int | None) -> None:
        """Write out what is left; durable on return. Raises DiskProblem."""
        try:
            packets = self._encoder.flush()
        except EncoderError as error:
            for owed in self._replace(error):
                self.feed(owed)
            packets = self._encoder.flush()
        self._write(packets)
        self._writer.close(end_ns, CLOSE_S)

    def _change_over(self, at_ns: int) -> None:
        """Another encoder from the picture at `at_ns` on, with a file of its own."""
        try:
            packets = self._encoder.flush()
        except EncoderError as error:
            for owed in self._replace(error):
                self.feed(owed)
            return
        self._write(packets)
        self._writer.close(at_ns, CLOSE_S)
        self._open_next()

    def _open_next(self) -> None:
        self._open_encoder, self._wanted = self._wanted or self._open_encoder, None
        self._encoder = self._first_that_opens()
        self._writer = self._make_writer(self._encoder.template)

    def _first_that_opens(self) -> Encoder:
        while True:
            try:
                return self._open_encoder(self._rungs[0])
            except EncoderError as error:
                self._step_down(error)

    def _replace(self, error: EncoderError) -> list[av.VideoFrame]:
        """The next encoder, with a file of its own; the pictures that the dead one owes."""
        packets, pictures = salvage(self._encoder)
        self._write(packets)
        self._step_down(error)
        self._writer.close(None, CLOSE_S)
        self._open_next()
        return pictures

    def _step_down(self, error: EncoderError) -> None:
        if len(self._rungs) == 1:
            raise error
        failed = self._rungs.pop(0)
        self._on_failure(failed, error.reason, self._rungs[0])

    def _write(self, packets: Iterable[AnyPacket]) -> None:
        for packet in packets:
            self._writer.write(packet)
