"""The configuration of destinations, one model for each kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from uploader import opencast_wire
from uploader.keys import Key

#: What this PC calls itself: nothing crosses a network there.
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


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
    local = parts.scheme == "http" and parts.hostname in LOCAL
    if not parts.hostname or not (parts.scheme == "https" or local):
        raise ValueError("must be an address that begins with https://")
    if parts.username or parts.password:
        raise ValueError("must have no password in it; name a credential instead")
    if parts.port == 0:  # which raises where it is none at all
        raise ValueError("must have a port from 1 to 65535, or none")
    return url


def _receipt_key(text: str) -> str:
    Key.of(text)
    return text


def _at_least_one(keys: tuple[str, ...]) -> tuple[str, ...]:
    """An empty list would look like a demand and be none."""
    if not keys:
        raise ValueError("must name at least one key; without any, leave it out")
    return keys


AbsolutePath = Annotated[Path, AfterValidator(_absolute)]
SecureUrl = Annotated[str, AfterValidator(_secure)]
#: The name of a file in the folder of credentials.
CredentialName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]

#: A key that the platform signs its receipts with: `id:base64` or `id:base64:last day`.
ReceiptKey = Annotated[str, AfterValidator(_receipt_key)]
ReceiptKeys = Annotated[tuple[ReceiptKey, ...], AfterValidator(_at_least_one)]
Needs = Literal["received", "verified", "replicated"]

#: As Opencast calls a workflow; "": the booking's, or else its own.
WorkflowName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]*$")]
MediaName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\.(mp4|m4a|vtt)$")
]
OpencastFlavor = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9_-]+/[A-Za-z0-9_+-]+)?$")]

#: It stands in addresses.
AgentName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]*$", max_length=64)]

KeyPrefix = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9._-]+/)*$")]


class FolderDestination(_Section):
    """A folder that receives finished lectures: a mounted share, or a disk that stays."""

    type: Literal["folder"]
    path: AbsolutePath


class TusDestination(_Section):
    """A server that speaks tus 1.0."""

    type: Literal["tus"]
    url: SecureUrl
    receipts_url: SecureUrl | None = None
    credential: CredentialName | None = None
    auth: Literal["bearer", "basic"] = "bearer"
    receipt_keys: ReceiptKeys | None = None
    #: Unset: verified where receipts are asked for, else the server's word.
    needs: Needs | None = None
    ca_file: AbsolutePath | None = None

    @model_validator(mode="after")
    def _has_receipts(self) -> Self:
        asked = self.receipt_keys or self.needs not in (None, "received")
        if asked and self.receipts_url is None:
            raise ValueError("receipt_keys and needs want receipts; set receipts_url too")
        return self


class S3Destination(_Section):
    """A store that speaks S3; with an access key of its own, or with tickets from the platform."""

    type: Literal["s3"]
    url: SecureUrl
    region: str = "us-east-1"
    prefix: KeyPrefix = ""
    tickets_url: SecureUrl | None = None
    #: `access key:secret key`, or the token for the tickets.
    credential: CredentialName
    #: Larger files come as objects of so many KiB, which the platform joins.
    pieces_kib: Annotated[int, Field(ge=64, le=65536)] | None = None
    receipt_keys: ReceiptKeys | None = None
    #: Unset: verified.
    needs: Needs | None = None
    ca_file: AbsolutePath | None = None

    @property
    def pieces(self) -> int | None:
        """Bytes."""
        return self.pieces_kib and self.pieces_kib << 10

    @model_validator(mode="after")
    def _can_be_proven(self) -> Self:
        if self.needs == "replicated" and self.receipt_keys is None:
            raise ValueError(
                "only the platform can say that a file is replicated; set receipt_keys too"
            )
        return self


class StickDestination(_Section):
    """Sticks that people carry to the platform and back."""

    type: Literal["stick"]
    path: AbsolutePath
    receipt_keys: ReceiptKeys
    #: Unset: verified.
    needs: Needs | None = None
    lost_after_days: int = Field(default=30, ge=1, le=365)


class OpencastDestination(_Section):
    """An Opencast, in which each lecture becomes an event."""

    type: Literal["opencast"]
    url: SecureUrl
    #: `user:password`.
    credential: CredentialName
    auth: Literal["basic", "digest"] = "basic"
    workflow: WorkflowName = ""
    settings: dict[str, str] = {}
    series: str = ""
    #: By file name; "" leaves a file out.
    flavors: dict[MediaName, OpencastFlavor] = {}
    needs: Literal["received", "verified"] = "received"
    ca_file: AbsolutePath | None = None
    #: The room's name as a capture agent there; "": it is none.
    agent: AgentName = ""

    @model_validator(mode="after")
    def _can_be_handed_over(self) -> Self:
        late = opencast_wire.OWN_VERSIONS & self.flavors.keys()
        if late:
            raise ValueError(
                f"{min(late)} may be made when the lecture has been handed over already; "
                "Opencast makes versions of its own"
            )
        if "mediaPackage" in self.settings:
            raise ValueError("mediaPackage is no setting of a workflow")
        return self

    def left_out(self, names: Iterable[str]) -> frozenset[str]:
        """What of a package it has no use for."""
        there = frozenset(names)
        return there - opencast_wire.flavors_of(there, self.flavors).keys()


DestinationConfig = Annotated[
    FolderDestination | TusDestination | S3Destination | OpencastDestination | StickDestination,
    Field(discriminator="type"),
]
#: By what stands in `type`.
KINDS: dict[str, type[BaseModel]] = {
    "folder": FolderDestination,
    "tus": TusDestination,
    "s3": S3Destination,
    "opencast": OpencastDestination,
    "stick": StickDestination,
}


def agent_calendar(destination: str) -> str:
    """What the calendar of a capture agent is called here; no other calendar can be."""
    return f"@{destination}"


def agent_calendars(destinations: Mapping[str, BaseModel]) -> set[str]:
    """Those of the Opencasts that know this room by a name."""
    places = destinations.items()
    agents = (n for n, it in places if isinstance(it, OpencastDestination) and it.agent)
    return {agent_calendar(name) for name in agents}


def left_out(
    destinations: Mapping[str, BaseModel], names: Iterable[str]
) -> dict[str, frozenset[str]]:
    """The files of a package that do not go to a destination, by its name."""
    there = frozenset(names)
    return {
        name: place.left_out(there)
        for name, place in destinations.items()
        if isinstance(place, OpencastDestination)
    }
