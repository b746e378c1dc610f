"""The configuration: read once, typed, frozen. Unknown keys are errors; a change needs a restart.

Every key stands with its default and unit in docs/config.sample.toml; a test keeps the two equal.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from edge_agent.config_destinations import (
    KINDS,
    AbsolutePath,
    DestinationConfig,
    FolderDestination,
    OpencastDestination,
    S3Destination,
    StickDestination,
    TusDestination,
)
from edge_agent.config_devices import DeviceConfig, name_twice, with_identities
from edge_agent.config_light import Light
from edge_agent.config_mqtt import Mqtt
from edge_agent.config_panel import Panel
from edge_agent.config_recording import Guards, Recording, Renditions
from edge_agent.config_schedule import CalendarConfig, Schedule
from edge_agent.config_toml import to_toml
from edge_agent.config_upload import Upload
from edge_agent.config_webhooks import WebhookConfig
from edge_agent.places import SERVICE_FOLDER, ConfigError, KeyPath, Written, read

__all__ = [
    "Config",
    "ConfigError",
    "FolderDestination",
    "OpencastDestination",
    "S3Destination",
    "StickDestination",
    "TrackConfig",
    "TusDestination",
    "Upload",
    "load",
    "to_toml",
    "validated",
]

Kind = Literal["v4l2", "rtsp", "screen", "microphone", "file", "synthetic"]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
Flavor = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*/[a-z][a-z0-9-]*$")]
Language = Annotated[str, StringConstraints(pattern=r"^([a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*)?$")]
Side = Annotated[int, Field(ge=16, le=8192)]

#: What the patterns above mean in words, for the error texts.
_PATTERNS = {
    r"^[a-z][a-z0-9-]{0,31}$": "a name of small letters, digits and '-', at most 32, letter first",
    r"^[a-z][a-z0-9-]*/[a-z][a-z0-9-]*$": "two words with a slash, such as 'presenter/source'",
    r"^([a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*)?$": "a language tag such as 'en', 'km' or 'pt-BR'",
    r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,252})$": "the name of a computer, without port or http://",
    r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$": "the name of a file, without any folder",
    r"^[A-Za-z0-9._-]*$": "empty or letters, digits, '.', '_' and '-'",
    r"^[A-Za-z0-9][A-Za-z0-9._-]*\.(mp4|m4a|vtt)$": "the name of a media file, such as 'audio.m4a'",
    r"^([A-Za-z0-9_-]+/[A-Za-z0-9_+-]+)?$": "empty or two words, such as 'audience/source'",
    r"^[a-z0-9][a-z0-9-]{0,62}$": "a name of small letters, digits and '-', at most 63",
    r"^([A-Za-z0-9._-]+/)*$": "empty or names that each end with '/', such as 'rooms/'",
}
#: These say nothing without the device they mean; a screen has $DISPLAY, synthetic needs none.
_NEEDS_DEVICE = {"v4l2", "rtsp", "microphone", "file"}
#: Only one recorder at a time can hold such a device.
_EXCLUSIVE = {"v4l2", "microphone"}


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Room(_Section):
    """Which room this is; stands in every package."""

    name: str = "Room"
    institution: str = ""


class LectureDefaults(_Section):
    """What a lecture says about itself unless its start says otherwise."""

    course: str = ""
    lecturer: str = ""
    language: Language = ""
    licence: str = ""


class Storage(_Section):
    """Where lectures are kept, and the folder for what may vanish at a reboot."""

    spool: AbsolutePath
    runtime: AbsolutePath
    least_free_mib: int = Field(default=2048, ge=0)
    bin_days: int = Field(default=14, ge=0, le=365)


class TrackConfig(_Section):
    """One device, and how it is recorded."""

    kind: Kind
    device: str = ""
    flavor: Flavor = "presenter/source"
    size: tuple[Side, Side] | None = None
    fps: float | None = Field(default=None, gt=0, le=120)
    format: Literal["mjpeg", "raw", "h264"] | None = None
    options: dict[str, str] = {}
    codec: Literal["h264", "hevc", "av1"] = "h264"
    crf: int = Field(default=23, ge=0, le=51)
    max_kbps: int | None = Field(default=None, ge=100, le=100_000)
    still: Literal["auto", "on", "off"] = "auto"
    channels: Literal[1, 2] = 1
    audio_kbps: int = Field(default=96, ge=32, le=320)

    @property
    def stands_still(self) -> bool:
        """Slides and screens: what has not changed is not encoded again."""
        if self.still != "auto":
            return self.still == "on"
        return self.kind == "screen" or self.flavor.startswith("presentation/")

    @property
    def media(self) -> Literal["video", "audio"]:
        """Audio for a microphone, or where the option `stream` asks for a source's sound."""
        sound = self.kind == "microphone" or self.options.get("stream") == "audio"
        return "audio" if sound else "video"

    @model_validator(mode="after")
    def _names_its_device(self) -> Self:
        if self.kind in _NEEDS_DEVICE and not self.device:
            raise ValueError(
                f"a track of kind {self.kind!r} needs a device; "
                "find it with: edge-agent devices list"
            )
        return self


class Config(_Section):
    """Everything the agent can be told. `tracks` empty: what is plugged in is chosen."""

    room: Room = Room()
    lecture: LectureDefaults = LectureDefaults()
    storage: Storage
    recording: Recording = Recording()
    guards: Guards = Guards()
    renditions: Renditions = Renditions()
    upload: Upload = Upload()
    panel: Panel = Panel()
    light: Light = Light()
    mqtt: Mqtt = Mqtt()
    schedule: Schedule = Schedule()
    calendars: dict[Name, CalendarConfig] = {}
    webhooks: dict[Name, WebhookConfig] = {}
    tracks: dict[Name, TrackConfig] = {}
    devices: dict[str, DeviceConfig] = {}
    destinations: dict[Name, DestinationConfig] = {}

    @model_validator(mode="before")
    @classmethod
    def _names_are_devices(cls, values: Any) -> Any:
        return with_identities(values)

    @model_validator(mode="after")
    def _no_name_twice(self) -> Self:
        if name := name_twice(self.devices):
            raise ValueError(f"two devices have the name {name!r}; give one of them another")
        return self

    @model_validator(mode="after")
    def _no_device_twice(self) -> Self:
        seen: dict[tuple[str, str], str] = {}
        for name, track in self.tracks.items():
            key = (track.kind, track.device)
            if track.kind in _EXCLUSIVE and key in seen:
                raise ValueError(
                    f"tracks {seen[key]!r} and {name!r} both want {track.device}; "
                    "a device can serve one track only"
                )
            seen[key] = name
        return self


_TABLES: dict[str, type[BaseModel]] = {
    "room": Room,
    "lecture": LectureDefaults,
    "storage": Storage,
    "recording": Recording,
    "guards": Guards,
    "renditions": Renditions,
    "upload": Upload,
    "panel": Panel,
    "light": Light,
    "mqtt": Mqtt,
    "schedule": Schedule,
    "calendars": CalendarConfig,
    "webhooks": WebhookConfig,
    "tracks": TrackConfig,
    "devices": DeviceConfig,
}


def load(
    path: Path | None, env: Mapping[str, str], service_folder: Path = SERVICE_FOLDER
) -> Config:
    """The configuration in `path` (None: the service's, else the user's, else defaults)."""
    return validated(read(path, env, service_folder))


def validated(written: Written) -> Config:
    """The typed configuration of what is written. Raises ConfigError."""
    try:
        return Config.model_validate(written.values)
    except ValidationError as error:
        raise ConfigError([_sentence(written, dict(e)) for e in error.errors()]) from None


# ---------------------------------------------------------------- error texts


def _sentence(written: Written, error: dict[str, Any]) -> str:
    """One fault: the file, the key, what is wrong, and what would be right."""
    path = tuple(str(part) for part in error["loc"] if part != "[key]")
    kind = None
    if path[0:1] == ("destinations",) and path[2:3] and path[2] in KINDS:
        kind, path = path[2], (*path[:2], *path[3:])  # Pydantic puts the kind into the place
    if error["type"].startswith("union_tag"):
        path = (*path, "type")
    where = f"{written.file_of(path)}: {'.'.join(path) or 'configuration'}"
    return f"{where}: {_fault(path, error, kind)}"


def _fault(path: KeyPath, error: dict[str, Any], kind: str | None) -> str:
    value, context = error.get("input"), error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden":
            return "there is no such key" + _suggest(path[-1], _known_keys(path[:-1], kind))
        case "missing" | "union_tag_not_found":
            return "this key is needed"
        case "union_tag_invalid":
            return f"{context['tag']!r} is not allowed" + _suggest(context["tag"], list(KINDS))
        case "literal_error":
            allowed = re.findall(r"'([^']*)'|(\b\d+\b)", str(context["expected"]))
            words = [text or number for text, number in allowed]
            return f"{value!r} is not allowed" + _suggest(str(value), words)
        case "string_pattern_mismatch":
            return f"{value!r} is not {_PATTERNS[context['pattern']]}"
        case "value_error":
            return str(context["error"])
        case _:
            return f"{error['msg'][0].lower()}{error['msg'][1:]}, not {value!r}"


def _suggest(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; allowed: {', '.join(known)}"


def _known_keys(path: KeyPath, kind: str | None) -> list[str]:
    """The keys of the table at `path`; `kind` when it is a destination."""
    if not path:
        return list(Config.model_fields)
    table = KINDS[kind] if kind else _TABLES.get(path[0])
    return list(table.model_fields) if table else []
