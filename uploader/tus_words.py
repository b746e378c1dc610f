"""The tus protocol's headers: what a server offers, what it is told of a file. Pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass

from uploader.exchange import Answer, Digest, Lost, Piece, Request, refusal
from uploader.heard import count
from uploader.sender import Artifact

TUS = {"Tus-Resumable": "1.0.0"}
#: From the best to what is better than nothing; as tus and as hashlib call them.
ALGORITHMS = ("sha256", "sha1", "md5")


@dataclass(frozen=True, slots=True)
class Offer:
    """What a server says that it can do."""

    extensions: frozenset[str] = frozenset()
    max_size: int | None = None
    algorithm: str | None = None

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Offer:
        extensions = _list(headers.get("tus-extension", ""))
        known = _list(headers.get("tus-checksum-algorithm", "sha1"))
        usable = [name for name in ALGORITHMS if name in known and "checksum" in extensions]
        return cls(
            frozenset(extensions),
            number(headers, "tus-max-size") or None,
            next(iter(usable), None),
        )


def metadata(lecture: str, artifact: Artifact) -> str:
    """The Upload-Metadata header: what the platform needs to put the file in its place."""
    values = {
        "filename": artifact.name,
        "filetype": artifact.media_type,
        "sha256": artifact.sha256,
        "lecture": lecture,
        "artifact": f"{lecture}/{artifact.name}/{artifact.sha256}",
    }
    return ",".join(f"{k} {base64.b64encode(v.encode()).decode()}" for k, v in values.items())


def bytes_of(
    url: str, offset: int, count: int, offer: Offer | None, *, kept: bool = False
) -> Request:
    """The request that carries these bytes of the file, with their digest where it is offered.

    `kept`: the server was seen to keep what has come of a request that was cut.
    """
    name = offer.algorithm if offer else None
    headers = {
        **TUS,
        "Upload-Offset": str(offset),
        "Content-Type": "application/offset+octet-stream",
    }
    digests = (Digest("Upload-Checksum", name, f"{name} "),) if name else ()
    return Request("PATCH", url, headers, Piece(offset, count), digests, kept)


def number(headers: Mapping[str, str], name: str) -> int | None:
    return count(headers.get(name, ""))


def _list(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def said(why: Answer, artifact: Artifact) -> str:
    """Why a request brought nothing forward, for people."""
    if isinstance(why, Lost):
        return why.reason
    if why.status == 460:
        return f"{artifact.name} arrives damaged again and again; something on the way changes it"
    return refusal(why, f"sending {artifact.name}").reason
