"""Which segments of a track have a header (ftyp and moov) that can be used.

What FFmpeg makes of a flipped bit there is anything from an error to another size of picture, and
one bad header would spoil the whole file that is joined. So they are judged before anything is
built on them. Damage does not strike two files alike: a header that several share is sound.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import av
from av.packet import Packet
from av.stream import Stream

from encoders.boxes import header, samples
from encoders.encoder import AUDIO_RATE
from encoders.fragments import codec_name, opened
from encoders.inserts import Unknown, parameter_sets
from encoders.ladder import SOFTWARE

#: What opening and decoding may end in. PyAV wants the texts in a header to be UTF-8 (ValueError).
_ERRORS = (av.FFmpegError, OSError, ValueError, IndexError, OverflowError, Unknown)


def unusable(paths: Sequence[Path], sound: bool) -> dict[Path, str]:
    """The segments of one track whose header is damaged, with what is wrong. Raises OSError.

    When no header stands the trial, a camera may have its ways: then all are used that open.
    """
    heads = {path: header(path) for path in paths}
    number = Counter(heads.values())
    example = {head: path for path, head in heads.items()}
    opening = {head: _fault(path, sound, number[head] == 1) for head, path in example.items()}
    if all(opening.values()):
        opening = {head: _fault(path, sound, False) for head, path in example.items()}
    return {path: opening[head] for path, head in heads.items() if opening[head]}


def reference(paths: Sequence[Path]) -> Path:
    """The segment whose header says how most of a track is encoded."""
    number = Counter(header(path) for path in paths)
    return max(paths, key=lambda path: number[header(path)])


def _fault(path: Path, sound: bool, strict: bool) -> str:
    """What is wrong with a segment's header; with `strict` its first packets are decoded."""
    try:
        with opened(path) as source:
            if len(source.streams) != 1:
                return "it does not have one stream"
            stream = source.streams[0]
            return _stream_fault(stream, sound) or (_trial_fault(path, stream) if strict else "")
    except _ERRORS as error:
        return f"it cannot be used: {error}"


def _stream_fault(stream: Stream, sound: bool) -> str:
    context = stream.codec_context  # none at all when FFmpeg does not know the codec
    if sound:
        good = isinstance(context, av.AudioCodecContext) and codec_name(stream) == "aac"
        good = good and context.sample_rate == AUDIO_RATE  # type: ignore[attr-defined]
        return "" if good else "it is not that of our sound"
    good = isinstance(context, av.VideoCodecContext) and codec_name(stream) in SOFTWARE
    return "" if good else "it is not that of pictures"


def _trial_fault(path: Path, stream: Stream) -> str:
    """Raises one of `_ERRORS`."""
    context = stream.codec_context
    context.thread_count = 1  # PyAV was seen to wait for ever for threads that it had ended
    if codec_name(stream) in ("h264", "hevc"):
        parameter_sets(path)
    for sample in samples(path):
        for frame in context.decode(Packet(sample.data)):  # type: ignore[attr-defined]
            return "what follows it does not decode" if frame.is_corrupt else ""
    return "" if context.decode(None) else "nothing that follows it decodes"  # type: ignore[attr-defined]
