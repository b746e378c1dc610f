"""What supervisor and renderer say to each other, as JSON lines."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from edge_agent.finish_messages import Artifact, FinishFailed, Progress
from edge_agent.messages import BadMessage, Message


class RenderJob(Message):
    """The lecture whose package gets small versions, and which ones."""

    lecture: str
    lecture_dir: str
    audio_kbps: int | None
    camera: Literal["h264", "h264-baseline", "av1"] | None
    camera_kbps: int


class LiveJob(Message):
    """The lecture under way, and the track of it that becomes the small camera."""

    lecture: str
    lecture_dir: str
    track: str
    camera: Literal["h264", "h264-baseline", "av1"]
    camera_kbps: int


class Rendered(Message):
    """The package has a new revision with these files; `complete`: it is the last one."""

    kind: Literal["rendered"] = "rendered"
    artifacts: list[Artifact]
    complete: bool


RenderReport = Annotated[Progress | Rendered | FinishFailed, Field(discriminator="kind")]
_reports: TypeAdapter[Progress | Rendered | FinishFailed] = TypeAdapter(RenderReport)


def parse_render_report(line: bytes) -> Progress | Rendered | FinishFailed:
    """A renderer's report; BadMessage if it is none."""
    try:
        return _reports.validate_json(line)
    except ValidationError as error:
        raise BadMessage(f"{error.errors()[0]['msg']} in {line[:120]!r}") from None
