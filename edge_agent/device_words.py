"""What a recorder says of its device and its recording, in the messages' words."""

from __future__ import annotations

from capture.hearing import Hearing
from capture.pump import Pump
from capture.source import DeviceSilent, SourceError, SourceInfo, SourceSpec
from capture.vision import Sight
from edge_agent import messages as say
from edge_agent.preview import Preview
from edge_agent.rules.overload import Ease, Step, words
from encoders.segment import Segment


def cause_of(error: SourceError) -> str:
    """The gap's cause for a device's error, in the words that stand in the manifest."""
    return {
        "DeviceMissing": "device missing",
        "DeviceBusy": "device busy",
        "NoUsableMode": "no usable mode",
        "NotMedia": "not media",
        "DeviceLost": "device lost",
        "DeviceSilent": "no signal",
    }.get(type(error).__name__, "device")


def wanted(spec: say.RecorderSpec) -> SourceSpec:
    return SourceSpec(
        spec.kind, spec.device, spec.size, spec.fps, spec.format, spec.options, spec.identity
    )


def opened(info: SourceInfo, encoder: str) -> say.Opened:
    return say.Opened(
        media=info.media,
        description=info.description,
        identity=info.identity,
        width=info.width,
        height=info.height,
        fps=info.fps,
        codec=info.codec or info.delivers,
        encoder=encoder,
    )


def fell_silent(spec: say.RecorderSpec, what: str) -> SourceError:
    return DeviceSilent(
        f"{spec.device or spec.kind} {what}",
        "check its plug and what feeds it; edge-agent devices test " + spec.track,
    )


def beat(
    lecture: str | None,
    durable_ns: int | None,
    pump: Pump,
    hearing: Hearing | None,
    preview: Preview,
) -> say.Beat:
    """`lecture`: what is being recorded, with the time up to which it is on the disk."""
    return say.Beat(
        recording=lecture,
        durable_ns=durable_ns,
        dropped=pump.dropped,
        backlog=pump.backlog,
        sound=heard(hearing),
        moved=preview.has_moved(),
        sight=seen(preview.sight()),
    )


def heard(hearing: Hearing | None) -> say.Sound | None:
    """What a beat tells of the sound; None of a camera."""
    if hearing is None:
        return None
    it = hearing.heard
    return say.Sound(
        momentary=round(it.loudness.momentary, 1),
        short_term=round(it.loudness.short_term, 1),
        integrated=round(it.loudness.integrated, 1),
        true_peak=round(it.loudness.true_peak, 1),
        speaking=it.speaking,
        speech_s=round(it.speech_s, 1),
        heard_s=round(it.heard_s, 1),
        tonal=it.tonal,
        clipped=round(it.clipped, 4),
        drift_ppm=None if it.drift_ppm is None else round(it.drift_ppm, 1),
    )


def seen(sight: Sight | None) -> say.Sight | None:
    """What a beat tells of a camera's picture."""
    if sight is None:
        return None
    return say.Sight(
        luma=round(sight.luma, 1),
        spread=round(sight.spread, 1),
        plain=round(sight.plain, 2),
        change=None if sight.change is None else round(sight.change, 3),
    )


def segment_done(lecture: str, segment: Segment) -> say.SegmentDone:
    return say.SegmentDone(
        lecture=lecture,
        seq=segment.seq,
        name=segment.name,
        bytes=segment.bytes,
        sha256=segment.sha256,
        start_ns=segment.start_ns,
        end_ns=segment.end_ns,
        packets=segment.packets,
    )


def eased(lecture: str, ease: Ease) -> say.Eased:
    given_up = words(ease.step) if ease.step is not Step.NONE else ""
    return say.Eased(lecture=lecture, given_up=given_up, why=ease.why, more=not ease.climbed)
