"""What a recorder says of its device: what it opened, and why it ended."""

from __future__ import annotations

from capture.source import DeviceLost, SourceError, SourceInfo
from edge_agent import messages as say


def cause_of(error: SourceError) -> str:
    """The gap's cause for a device's error, in the words that stand in the manifest."""
    return {
        "DeviceMissing": "device missing",
        "DeviceBusy": "device busy",
        "NoUsableMode": "no usable mode",
        "NotMedia": "not media",
        "DeviceLost": "device lost",
    }.get(type(error).__name__, "device")


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
    return DeviceLost(
        f"{spec.device or spec.kind} {what}",
        "check the plug; edge-agent devices test " + spec.track,
    )
