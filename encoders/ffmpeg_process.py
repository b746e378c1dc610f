"""An encoder in the system's FFmpeg: a child that takes raw pictures and gives packets back.

For hardware that the library in this process cannot reach (VAAPI, QSV, Rockchip). Pictures go in
and packets come out as NUT, FFmpeg's own container, so every packet has its picture's stamp. Three
threads serve the child's three pipes; whoever calls waits at most STALL_S. A stamp's last bit asks
for a key frame: odd milliseconds are key frames.
"""

from __future__ import annotations

import contextlib
import queue
import subprocess
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import av
from av.audio.frame import AudioFrame
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from encoders.canvas import Canvas, black
from encoders.encoder import NANO, VIDEO_SCALE, AnyPacket, EncoderError, VideoSpec
from encoders.ffmpeg_command import NEXT, RawPipe, Stamps, arguments, gist, start
from encoders.passthrough import PassThrough, open_pass_through

#: From the start of FFmpeg to its first packet. A graphics card that wakes up takes a second.
OPEN_S = 4.0
#: A picture that is not answered after this long: the encoder has stalled.
STALL_S = 1.5
#: Pictures inside the child before a caller waits.
MOST_INSIDE = 8
#: How long the last pictures may take at the end.
FLUSH_S = 2.0
#: How much of FFmpeg's complaints is kept: as many bytes of their beginning as of their end.
_COMPLAINTS = 2000
_MS = Fraction(1, 1000)


class FfmpegProcess:
    """The Encoder protocol in front of a child; `before`, `encoder`: its arguments."""

    def __init__(
        self, name: str, spec: VideoSpec, before: Sequence[str], encoder: Sequence[str]
    ) -> None:
        self.name = name
        self._size = (spec.width & ~1, spec.height & ~1)
        self._canvas = Canvas(*self._size, spec.full_range_in)
        self._codec = spec.codec
        self._change = threading.Condition()
        self._pictures: queue.SimpleQueue[VideoFrame | None] = queue.SimpleQueue()
        self._inside: deque[_Inside] = deque()
        self._packets: list[AnyPacket] = []
        self._problem: EncoderError | None = None
        self._ended = self._closing = False
        self._last = -1
        self._stamps = Stamps()
        self._keep: InputContainer | None = None
        self._complaints = self._last_complaints = b""
        #: Frames whose stamp did not advance, and pictures that FFmpeg swallowed.
        self.refused = 0
        fps = Fraction(spec.fps if spec.fps > 0 else 30.0).limit_denominator(1001)
        self._child = start(name, arguments(before, encoder))
        self._threads = [
            threading.Thread(target=self._feed, args=(fps,), name="to ffmpeg", daemon=True),
            threading.Thread(target=self._collect, name="from ffmpeg", daemon=True),
            threading.Thread(target=self._listen, name="ffmpeg's words", daemon=True),
        ]
        # The listener first: the collector asks for its words when the child has died at once.
        for thread in reversed(self._threads):
            thread.start()
        self._through = self._first_packet()

    # ------------------------------------------------------------ the protocol

    @property
    def template(self) -> Stream:
        return self._through.template

    @property
    def extradata(self) -> bytes:
        return self._through.extradata

    def encode(self, frame: VideoFrame | AudioFrame | AnyPacket) -> list[AnyPacket]:
        """The packets that have come back by now, mostly of pictures a little older."""
        if not isinstance(frame, VideoFrame) or frame.pts is None:
            raise EncoderError(
                "a picture encoder takes stamped pictures only", "Check the track's source."
            )
        pts = round(frame.pts * (frame.time_base or NANO) * VIDEO_SCALE)
        if pts <= self._last:
            self.refused += 1
            return []
        self._wait_for_room()
        key = frame.pict_type == PictureType.I or self._last < 0
        self._last = pts
        picture = self._canvas.paint(frame)
        self._put(picture, pts, self._stamps.next(pts, key))
        with self._change:
            self._raise_problem()
            packets, self._packets = self._packets, []
        return packets

    def flush(self) -> list[AnyPacket]:
        """The rest. The child has ended on return, whatever happens."""
        with self._change:
            self._closing = True
        self._pictures.put(None)
        with self._change:
            self._change.wait_for(lambda: self._ended or self._problem, FLUSH_S)
            if self._problem is None and (not self._ended or self._inside):
                self._problem = self._error(f"kept back {len(self._inside)} pictures at the end")
        self._end()
        self._raise_problem()
        packets, self._packets = self._packets, []
        return packets

    @property
    def inside(self) -> int:
        """How many pictures have not been answered yet."""
        with self._change:
            return len(self._inside)

    def salvage(self) -> tuple[list[AnyPacket], list[VideoFrame]]:
        """After an error: packets that have come back, and pictures for the next encoder."""
        self._end()
        packets, self._packets = self._packets, []
        pictures = []
        for each in self._inside:
            each.picture.pts, each.picture.time_base = each.pts, Fraction(1, VIDEO_SCALE)
            pictures.append(each.picture)
        return packets, pictures

    # ------------------------------------------------------------ the caller's side

    def _first_packet(self) -> PassThrough:
        """A black picture through the whole way: its packet says how to decode the others."""
        self._put(black(*self._size), 0, 0)
        with self._change:
            if not self._change.wait_for(lambda: self._packets or self._problem, OPEN_S):
                self._problem = self._error(f"has given nothing {OPEN_S:.0f} s after its start")
            first, self._packets = self._packets, []
        if self._problem is not None:
            self._end()
            raise self._problem
        try:
            return open_pass_through(first[0], self._codec)
        except EncoderError:
            self._end()
            raise

    def _put(self, picture: VideoFrame, pts: int, stamp_ms: int) -> None:
        picture.pts, picture.time_base = stamp_ms, _MS
        with self._change:
            self._inside.append(_Inside(stamp_ms, pts, time.monotonic(), picture))
        self._pictures.put(picture)

    def _wait_for_room(self) -> None:
        """Until there is room inside, at most until the oldest picture counts as stalled."""
        with self._change:
            self._raise_problem()
            if not self._inside:
                return
            left = self._inside[0].since + STALL_S - time.monotonic()
            oldest = self._inside[0]
            self._change.wait_for(
                lambda: self._problem or len(self._inside) < MOST_INSIDE, max(0.0, left)
            )
            late = bool(self._inside) and self._inside[0] is oldest and left <= 0
            if late or len(self._inside) >= MOST_INSIDE:
                self._problem = self._problem or self._error(
                    f"has stalled: no packet for {STALL_S:g} s"
                )
            self._raise_problem()

    def _raise_problem(self) -> None:
        if self._problem is not None:
            raise self._problem

    def _error(self, what: str) -> EncoderError:
        words = gist(self._complaints + b"\n" + self._last_complaints)
        return EncoderError(f"{self.name} {what}" + (f" ({words})" if words else ""), NEXT)

    def _end(self) -> None:
        """End the child for good; its threads follow when their pipes close."""
        with self._change:
            self._closing = True
        self._pictures.put(None)
        if self._child.poll() is None:
            self._child.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(1.0)  # one that hangs in a driver cannot be killed, and is left
        for thread in self._threads:
            thread.join(0.5)

    # ------------------------------------------------------------ the threads' side

    def _feed(self, fps: Fraction) -> None:
        """Pictures to the child, until None. A child that is gone is the collector's news."""
        stdin = self._child.stdin
        assert stdin is not None
        with (
            contextlib.suppress(OSError, av.FFmpegError),
            contextlib.closing(stdin),
            av.open(RawPipe(stdin), "w", format="nut", options={"flush_packets": "1"}) as out,
        ):
            stream = out.add_stream("rawvideo", rate=fps)
            context = stream.codec_context
            assert isinstance(context, VideoCodecContext)
            context.width, context.height = self._size
            context.pix_fmt, context.time_base = "yuv420p", _MS
            while (picture := self._pictures.get()) is not None:
                out.mux(context.encode(picture))

    def _collect(self) -> None:
        problem = ""
        try:
            self._demux()
        except av.FFmpegError as error:
            problem = f"has given no readable stream ({error.strerror})"
        except ValueError as error:
            problem = f"has given {error}"
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(0.3)
        self._threads[2].join(0.3)  # its last words say why
        with self._change:
            status = self._child.returncode
            if not self._closing or (status and self._inside):
                ended = status is not None and (status != 0 or not problem)
                what = f"ended with status {status}" if ended else problem
                self._problem = self._problem or self._error(what or "has closed its output")
            self._ended = True
            self._change.notify_all()

    def _demux(self) -> None:
        assert self._child.stdout is not None
        with self._child.stdout as pipe:
            self._take_from(RawPipe(pipe))

    def _take_from(self, pipe: RawPipe) -> None:
        options = {"probesize": "32", "analyzeduration": "0", "fpsprobesize": "0"}
        source = av.open(pipe, "r", format="nut", options=options)
        assert isinstance(source, InputContainer)
        self._keep = source
        stream: VideoStream = source.streams.video[0]
        if (stream.codec_context.width, stream.codec_context.height) != self._size:
            width, height = stream.codec_context.width, stream.codec_context.height
            raise ValueError(f"{width}×{height} pixels instead of {self._size[0]}×{self._size[1]}")
        for packet in source.demux(stream):
            if packet.size and packet.pts is not None:
                self._arrived(packet)

    def _arrived(self, packet: Packet[VideoStream]) -> None:
        """Give a packet its picture's stamp. Packets answer pictures in order."""
        assert packet.pts is not None
        stamp_ms = round(packet.pts * packet.time_base * 1000)
        with self._change:
            while self._inside and self._inside[0].stamp_ms < stamp_ms:
                self._inside.popleft()
                self.refused += 1
            if not self._inside or self._inside[0].stamp_ms != stamp_ms:
                raise ValueError("a packet that answers no picture")
            answered = self._inside.popleft()
            out: AnyPacket = cast("AnyPacket", packet)
            if answered.stamp_ms:  # the first one, of the black picture, keeps its stream
                out = Packet(bytes(packet))
                out.is_keyframe = packet.is_keyframe
            out.pts = out.dts = answered.pts
            out.time_base = Fraction(1, VIDEO_SCALE)
            self._packets.append(out)
            self._change.notify_all()

    def _listen(self) -> None:
        """Read all it says, keep the end: a child that floods stderr must not block on it."""
        assert self._child.stderr is not None
        with self._child.stderr as pipe:
            while said := pipe.read(65536):
                room = _COMPLAINTS - len(self._complaints)
                self._complaints += said[:room]
                self._last_complaints = (self._last_complaints + said[room:])[-_COMPLAINTS:]


@dataclass(frozen=True, slots=True)
class _Inside:
    """A picture inside the child."""

    stamp_ms: int
    pts: int
    since: float
    picture: VideoFrame
