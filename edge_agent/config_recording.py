"""The configuration of how a lecture is recorded, watched over, and made smaller afterwards."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from edge_agent.rules import voices
from edge_agent.rules.health import SECOND


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Recording(_Section):
    """How long an interrupted or stopped lecture may be resumed, and how long one may last."""

    resume_minutes: float = Field(default=15, ge=0, le=240)
    max_hours: float = Field(default=8.0, gt=0, le=24)
    headroom: bool = True
    undo_seconds: float = Field(default=120, ge=0, le=600)


class Guards(_Section):
    """When people are warned: what depends on the room, and on how it is used."""

    unheard_seconds: float = Field(default=30, ge=10, le=3600)
    silent_seconds: float = Field(default=90, ge=10, le=3600)
    quiet_lufs: float = Field(default=-38.0, ge=-70, le=-20)
    clipped_percent: float = Field(default=0.5, gt=0, le=100)
    dark_level: float = Field(default=25.0, ge=0, le=100)

    @property
    def hearing(self) -> voices.Hearing:
        return voices.Hearing(
            never_ns=round(self.unheard_seconds * SECOND),
            silent_ns=round(self.silent_seconds * SECOND),
            quiet_lufs=self.quiet_lufs,
            clipped=self.clipped_percent / 100,
        )


class Renditions(_Section):
    """Small versions of a finished lecture, made while the room is at rest; the small camera also
    while the lecture is recorded, where there is time to spare."""

    audio: bool = True
    audio_kbps: int = Field(default=24, ge=12, le=96)
    camera: Literal["h264", "h264-baseline", "av1", "off"] = "h264"
    camera_kbps: int = Field(default=105, ge=50, le=1000)
    wait_minutes: float = Field(default=30, ge=0, le=1440)
    while_recording: Literal["auto", "never"] = "auto"

    @property
    def any(self) -> bool:
        """Is anything to be made?"""
        return self.audio or self.camera != "off"
