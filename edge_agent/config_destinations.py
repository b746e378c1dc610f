"""The configuration of destinations, one model for each kind."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
)

_LOCAL = {"localhost", "127.0.0.1", "::1"}


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _absolute(path: Path) -> Path:
    expanded = path.expanduser()
    if not expanded.is_absolute():
        raise ValueError("must be an absolute path, such as /media/lectures")
    return expanded


def _secure(url: str) -> str:
    """Lectures and credentials never cross a network in the clear."""
    parts = urlsplit(url)
    local = parts.scheme == "http" and parts.hostname in _LOCAL
    if not parts.hostname or not (parts.scheme == "https" or local):
        raise ValueError("must be an address that begins with https://")
    if parts.username or parts.password:
        raise ValueError("must have no password in it; name a credential instead")
    return url


AbsolutePath = Annotated[Path, AfterValidator(_absolute)]
SecureUrl = Annotated[str, AfterValidator(_secure)]
#: The name of a file in the folder of credentials.
CredentialName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]

KeyPrefix = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9._-]+/)*$")]


class FolderDestination(_Section):
    """A folder that receives finished lectures: a mounted share, a disk, a stick."""

    type: Literal["folder"]
    path: AbsolutePath


class TusDestination(_Section):
    """A server that speaks tus 1.0."""

    type: Literal["tus"]
    url: SecureUrl
    receipts_url: SecureUrl | None = None
    credential: CredentialName | None = None
    auth: Literal["bearer", "basic"] = "bearer"
    ca_file: AbsolutePath | None = None


class S3Destination(_Section):
    """A store that speaks S3; with an access key of its own, or with tickets from the platform."""

    type: Literal["s3"]
    url: SecureUrl
    region: str = "us-east-1"
    prefix: KeyPrefix = ""
    tickets_url: SecureUrl | None = None
    #: `access key:secret key`, or the token for the tickets.
    credential: CredentialName
    ca_file: AbsolutePath | None = None


DestinationConfig = Annotated[
    FolderDestination | TusDestination | S3Destination, Field(discriminator="type")
]
#: By what stands in `type`.
KINDS: dict[str, type[BaseModel]] = {
    "folder": FolderDestination,
    "tus": TusDestination,
    "s3": S3Destination,
}
