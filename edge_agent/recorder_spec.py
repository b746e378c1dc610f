"""What a recorder is told at its start: a track of the configuration as its first line."""

from __future__ import annotations

from edge_agent import messages as say
from edge_agent.config import TrackConfig
from edge_agent.spool import Runtime


def recorder_spec(name: str, track: TrackConfig, runtime: Runtime, dark: float) -> say.RecorderSpec:
    """`dark`: below which level a picture of this room is that of a covered camera."""
    return say.RecorderSpec(
        track=name,
        media=track.media,
        kind=track.kind,
        device=track.device,
        size=track.size,
        fps=track.fps,
        format=track.format,
        options=track.options,
        codec=track.codec,
        crf=track.crf,
        max_kbps=track.max_kbps,
        still=track.stands_still,
        channels=track.channels,
        audio_kbps=track.audio_kbps,
        preview=str(runtime.preview(name)),
        lock=str(runtime.recorder_lock(name)),
        flavor=track.flavor,
        dark=dark,
    )
