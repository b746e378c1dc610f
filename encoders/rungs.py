"""Open the encoder of a rung: which options each kind of hardware needs for what we want.

The same wish everywhere: constant quality with an optional ceiling, no B-frames, key frames where
asked, a packet for each picture at once. A track's `crf` is H.264's; the other software encoders
get theirs of about the same look.
"""

from __future__ import annotations

import os

from av.video.frame import VideoFrame

from encoders.encoder import AnyPacket, Encoder, EncoderError, VideoSpec, open_video_encoder
from encoders.ffmpeg_process import FfmpegProcess
from encoders.ladder import SOFTWARE, Candidate, find
from encoders.native import NativeEncoder

#: A group of pictures without any request, in pictures. Segments ask for theirs.
_GOP = ("-g", "600")


def open_rung(name: str, spec: VideoSpec) -> Encoder:
    """The encoder of this name. Raises EncoderError when it cannot be opened."""
    try:
        candidate = find(name)
    except ValueError as error:
        raise EncoderError(str(error), "See the names with: edge-agent encoders") from None
    if candidate.codec != spec.codec:
        raise EncoderError(
            f"{name} makes {candidate.codec}, and {spec.codec} is wanted",
            "Set the track's codec to one that can be recorded.",
        )
    if name == "libx264":
        return open_video_encoder(spec)
    if name == SOFTWARE["av1"]:  # it tells its whole configuration unless asked not to
        os.environ.setdefault("SVT_LOG", "1")
    if candidate.way == "ffmpeg":
        return FfmpegProcess(name, spec, *ffmpeg_arguments(candidate, spec))
    return NativeEncoder(candidate.encoder, spec, native_options(candidate, spec))


def codec_of(name: str) -> str:
    """What an encoder of this name makes. Raises EncoderError when there is none."""
    try:
        return find(name).codec
    except ValueError as error:
        raise EncoderError(str(error), "See the names with: edge-agent encoders") from None


def salvage(encoder: Encoder) -> tuple[list[AnyPacket], list[VideoFrame]]:
    """From an encoder that has failed: its last packets, and the pictures it owes."""
    return encoder.salvage() if isinstance(encoder, FfmpegProcess) else ([], [])


def ffmpeg_arguments(candidate: Candidate, spec: VideoSpec) -> tuple[list[str], list[str]]:
    """FFmpeg's arguments before its input, and those for filter and encoder."""
    node, encoder = candidate.node, ["-c:v", candidate.encoder, *_GOP]
    quality, ceiling = str(spec.crf), _ceiling(spec)
    match candidate.encoder.split("_")[-1]:
        case "vaapi":
            upload = ["-vf", "format=nv12,hwupload"]
            rate = ceiling or ["-rc_mode", "CQP", "-qp", quality]
            return ["-vaapi_device", node], [*upload, *encoder, *rate]
        case "qsv":
            device = ["-init_hw_device", f"vaapi=va:{node}", "-init_hw_device", "qsv=hw@va"]
            upload = ["-vf", "format=nv12,hwupload=extra_hw_frames=16"]
            rate = ceiling or ["-global_quality", quality]
            now = ["-async_depth", "1", "-forced_idr", "1"]
            return [*device, "-filter_hw_device", "hw"], [*upload, *encoder, *now, *rate]
        case _:
            upload = ["-vf", "format=nv12"]
            rate = ceiling or ["-rc_mode", "CQP", "-qp_init", quality]
            return [], [*upload, *encoder, *rate]


def native_options(candidate: Candidate, spec: VideoSpec) -> dict[str, str]:
    """The encoder's own options, as FFmpeg names them."""
    quality = str(spec.crf)
    ceiling = {}
    if spec.max_kbps:
        ceiling = {"maxrate": f"{spec.max_kbps}k", "bufsize": f"{2 * spec.max_kbps}k"}
    match candidate.encoder.split("_")[-1]:
        case "nvenc":
            low = {"preset": "p4", "tune": "ll", "zerolatency": "1", "delay": "0"}
            return {**low, "rc": "vbr", "cq": quality, "forced-idr": "1", "b": "0", **ceiling}
        case "amf":
            low = {"usage": "lowlatency", "forced_idr": "1"}
            same = {"rc": "cqp", "qp_i": quality, "qp_p": quality}
            return {**low, **({"rc": "vbr_peak", **ceiling} if ceiling else same)}
        case "v4l2m2m":
            return {"b": f"{spec.max_kbps or 6000}k"}
        case "libsvtav1":
            # Low delay: the usual way holds a second of pictures, which a crash would take.
            low = {"preset": "10", "svtav1-params": "pred-struct=1:rtc=1"}
            return {**low, "crf": str(min(63, spec.crf * 3 // 2)), **ceiling}
        case _:
            low = {"preset": spec.preset, "tune": "zerolatency", "forced-idr": "1"}
            own = {"x265-params": "open-gop=0:log-level=error"}
            return {**low, **own, "crf": str(min(51, spec.crf + 4)), **ceiling}


def _ceiling(spec: VideoSpec) -> list[str]:
    """Variable rate below the ceiling: these encoders have no ceiling at constant quality."""
    if not spec.max_kbps:
        return []
    rate = ["-b:v", f"{spec.max_kbps * 7 // 10}k", "-maxrate", f"{spec.max_kbps}k"]
    return [*rate, "-bufsize", f"{2 * spec.max_kbps}k"]
