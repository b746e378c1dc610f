"""The configuration of the control panel."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from edge_agent.config_destinations import CredentialName

#: What the panel is translated into.
LANGUAGES = ["en", "fr", "ar", "zh-Hans", "km", "mn", "ur", "si", "am", "sw"]
HostName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,252})$")]


def _address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise ValueError(
            "must be an address: 127.0.0.1 for this PC only, 0.0.0.0 for the network too"
        ) from None


def _translated(text: str) -> str:
    if text not in LANGUAGES:
        raise ValueError(f"{text!r} is none of {', '.join(LANGUAGES)}")
    return text


Address = Annotated[str, AfterValidator(_address)]
Translation = Annotated[str, AfterValidator(_translated)]


class Panel(BaseModel):
    """Where it listens, who comes in, what it offers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    listen: Address = "127.0.0.1"
    port: int = Field(default=8025, ge=1, le=65535)
    hosts: list[HostName] = []
    pin: CredentialName | None = None
    metrics_token: CredentialName | None = None
    languages: list[Translation] = Field(default=LANGUAGES, min_length=1)
    language: Translation = "en"
    digits: Literal["latin", "native"] = "latin"
    phone: str = ""
    help_text: str = ""
    help_url: str = ""

    @model_validator(mode="after")
    def _offers_its_own_language(self) -> Self:
        if self.language not in self.languages:
            raise ValueError(f"language {self.language!r} must be one of languages")
        return self
