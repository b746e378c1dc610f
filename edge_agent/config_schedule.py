"""The configuration of the timetable: whether lectures begin by themselves, and whose calendars."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from edge_agent.config_destinations import LOCAL, AbsolutePath, CredentialName


def _zone(text: str) -> str:
    try:
        return text and ZoneInfo(text).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{text!r} is no time zone; write one such as 'Asia/Phnom_Penh'") from None


def _address(text: str) -> str:
    """webcal:// is what some programs call the address of a calendar."""
    scheme, _, rest = text.partition("://")
    if scheme.lower() in ("webcal", "webcals"):
        text = f"https://{rest}"
    parts = urlsplit(text)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError("must be an address that begins with https://, http:// or webcal://")
    if parts.username or parts.password:
        raise ValueError("must have no password in it; name a credential instead")
    return text


Zone = Annotated[str, AfterValidator(_zone)]
CalendarUrl = Annotated[str, AfterValidator(_address)]


class Schedule(BaseModel):
    """What booked lectures do by themselves."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    record: bool = True
    zone: Zone = ""
    overrun_minutes: float = Field(default=15, ge=0, le=60)


class CalendarConfig(BaseModel):
    """A calendar that the room asks for its bookings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: CalendarUrl
    location: str = ""
    every_minutes: float = Field(default=15, ge=1, le=1440)
    credential: CredentialName | None = None
    auth: Literal["basic", "bearer"] = "basic"
    ca_file: AbsolutePath | None = None

    @model_validator(mode="after")
    def _keeps_its_secret(self) -> Self:
        parts = urlsplit(self.url)
        if self.credential and parts.scheme != "https" and parts.hostname not in LOCAL:
            raise ValueError("a credential crosses the network over https only; change the url")
        return self
