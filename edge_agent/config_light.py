"""The configuration of small USB lights and buttons."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Light(BaseModel):
    """What they show, and what they do."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scheme: Literal["red", "green"] = "red"
    tap: Literal["pause", "mark", "none"] = "pause"
