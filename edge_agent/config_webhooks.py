"""The configuration of webhooks: who is called when a room needs somebody."""

from __future__ import annotations

from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from edge_agent.config_destinations import LOCAL, AbsolutePath, CredentialName
from edge_agent.rules.alerts import ALERTS, Alert


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError("must be an address that begins with https://")
    if parts.username or parts.password:
        raise ValueError("must have no password in it; what is sent is signed")
    return url


class WebhookConfig(BaseModel):
    """One address that is told of alerts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[str, AfterValidator(_address)]
    #: The secret that everything is signed with.
    credential: CredentialName
    alerts: Annotated[list[Alert], Field(min_length=1)] = list(ALERTS)
    ca_file: AbsolutePath | None = None
    unencrypted: bool = False

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        parts = urlsplit(self.url)
        if parts.scheme == "http" and not (self.unencrypted or parts.hostname in LOCAL):
            raise ValueError(
                "url begins with http://, so that anybody on the way could read it; write "
                "https://, or set unencrypted = true on a network that is yours alone"
            )
        return self
