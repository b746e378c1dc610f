"""A process that records for ever: `python -m tests.recording_child FOLDER h264|hevc|av1|aac`.

After each packet handed to the writer it prints the packet's end in lecture nanoseconds. It goes
on when all but the last second is durable, so what a kill takes does not depend on how fast this
machine is.
"""

from __future__ import annotations

import sys
import threading
from itertools import count
from pathlib import Path

import av
from av.video.frame import PictureType

from encoders.encoder import NANO, AudioSpec, Encoder, VideoSpec, open_audio_encoder
from encoders.ladder import SOFTWARE
from encoders.rungs import open_rung
from encoders.segments import TrackWriter
from tests.lecture_maker import SECOND, picture, seconds, sound


def main(folder: Path, kind: str) -> None:
    video = kind != "aac"
    encoder: Encoder = (
        open_rung(SOFTWARE[kind], VideoSpec(160, 120, 30, kind))
        if video
        else open_audio_encoder(AudioSpec(1))
    )
    durable = threading.Condition()
    reached = [seconds(0) - 1024 * SECOND // 48_000]

    def on_fragment(end_ns: int) -> None:
        with durable:
            reached[0] = end_ns
            durable.notify_all()

    writer = TrackWriter(folder, encoder.template, on_fragment=on_fragment)
    for number in count():
        frame: av.VideoFrame | av.AudioFrame = picture(number % 100) if video else sound(number)
        frame.pts, frame.time_base = seconds(number / (30 if video else 100)), NANO
        if isinstance(frame, av.VideoFrame) and writer.keyframe_due(frame.pts):
            frame.pict_type = PictureType.I
        for packet in encoder.encode(frame):
            at_ns = round(packet.pts * SECOND * packet.time_base)
            writer.write(packet)
            print(at_ns + (SECOND // 30 if video else 1024 * SECOND // 48_000), flush=True)
            with durable:
                if not durable.wait_for(lambda at_ns=at_ns: at_ns - reached[0] < SECOND, 20):
                    sys.exit("a second of media did not reach the disk")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
