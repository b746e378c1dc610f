"""A tus server in memory, with the faults and habits of real ones; and a memory for its clients."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from uploader.exchange import Answer, Lost, Piece, Request, Response
from uploader.sender import Artifact

URL = "https://platform.test/files/"
RECEIPTS = "https://platform.test/receipts/{lecture}/{name}/{sha256}"

#: What may happen to one exchange: all is well; the server hears nothing; the server does it and
#: the answer is lost; or of the body only this part (0 to 1) arrives before the cut.
Fault = None | str | float


class Notes:
    """A memory that counts its writes."""

    def __init__(self) -> None:
        self.notes: dict[tuple[str, str, str], str] = {}

    def get(self, lecture: str, artifact: Artifact) -> dict[str, Any] | None:
        found = self.notes.get((lecture, artifact.name, artifact.sha256))
        return json.loads(found) if found else None

    def put(self, lecture: str, artifact: Artifact, note: Mapping[str, Any]) -> None:
        self.notes[lecture, artifact.name, artifact.sha256] = json.dumps(note)

    def forget(self, lecture: str, artifact: Artifact) -> None:
        self.notes.pop((lecture, artifact.name, artifact.sha256), None)


@dataclass
class Upload:
    length: int
    metadata: dict[str, str]
    data: bytearray = field(default_factory=bytearray)


@dataclass
class Model:
    """`data` is the file that its clients send."""

    data: bytes
    faults: Iterable[Fault] = ()
    keeps_parts: bool = True
    forgets_complete: bool = False
    receipts: bool = True
    receipt_delay: int = 0  # questions that get no receipt yet
    #: Says and signs, given "<lecture>/<name>/<sha256>" and what is to be said.
    speak: Callable[[str, dict[str, Any]], str] = lambda _artifact, found: json.dumps(found)
    limit: int | None = None  # a proxy's largest body
    extensions: str = "creation,termination"
    location: str = "https://platform.test/files/{id}"
    #: Answers given instead of what the request deserves: (method, status, headers), each once.
    instead: list[tuple[str, int, dict[str, str]]] = field(default_factory=list)
    uploads: dict[str, Upload] = field(default_factory=dict)
    stored: list[tuple[str, bytes]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    again: int = 0  # bytes that came although they were held
    heard: int = 0  # bytes of the file that came at all

    def __post_init__(self) -> None:
        self._faults: Iterator[Fault] = iter(self.faults)

    def exchange(self, request: Request) -> Answer:
        self.requests.append(request)
        fault = next(self._faults, None)
        if fault == "refused":
            return Lost("refused")
        if isinstance(fault, float):
            return self._cut(request, fault)
        answer = self._answer(request)
        return Lost("unheard", request.length, 1.0) if fault == "unheard" else answer

    def methods(self) -> list[str]:
        return [request.method for request in self.requests]

    def _cut(self, request: Request, part: float) -> Answer:
        if isinstance(request.body, Piece):
            upload = self.uploads.get(request.url)
            count = int(request.length * part)
            self.heard += count
            if upload and self.keeps_parts and self._at(request) == len(upload.data):
                start = request.body.offset
                upload.data += self.data[start : start + count]
                self._settle(request.url)
            return Lost("cut", count, 1.0)
        return Lost("cut")

    def _answer(self, request: Request) -> Response:
        for place, (method, status, headers) in enumerate(self.instead):
            if method == request.method:
                del self.instead[place]
                return Response(status, headers)
        if request.method == "GET":
            return self._receipt(request)
        if request.method == "OPTIONS":
            return Response(204, {"tus-version": "1.0.0", "tus-extension": self.extensions,
                                  "tus-checksum-algorithm": "md5,sha1"})  # fmt: skip
        if request.method == "POST":
            return self._create(request)
        upload = self.uploads.get(request.url)
        if upload is None:
            return Response(404)
        if request.method == "DELETE":
            del self.uploads[request.url]
            return Response(204)
        if request.method == "PATCH":
            return self._patch(request, upload)
        return Response(200, _offset(upload) | {"upload-length": str(upload.length)})

    def _create(self, request: Request) -> Response:
        pairs = (part.split(" ") for part in request.headers["Upload-Metadata"].split(","))
        metadata = {key: base64.b64decode(value).decode() for key, value in pairs}
        number = len(self.uploads) + len(self.stored)
        url = f"https://platform.test/files/{number}"
        self.uploads[url] = Upload(int(request.headers["Upload-Length"]), metadata)
        self._settle(url)
        return Response(201, {"location": self.location.format(id=number)})

    def _patch(self, request: Request, upload: Upload) -> Response:
        if self.limit is not None and request.length > self.limit:
            return Response(413, {"content-type": "text/html"}, b"<h1>413 Too Large</h1>")
        self.heard += request.length
        start = self._at(request)
        if start != len(upload.data):
            self.again += max(0, len(upload.data) - start)
            return Response(409)
        assert isinstance(request.body, Piece)
        assert request.body.offset == start
        upload.data += self.data[start : start + request.length]
        self._settle(request.url)
        return Response(204, _offset(upload), seconds=1.0)

    def _at(self, request: Request) -> int:
        return int(request.headers["Upload-Offset"])

    def _settle(self, url: str) -> None:
        upload = self.uploads[url]
        if len(upload.data) == upload.length and upload not in self._done:
            self._done.append(upload)
            self.stored.append((upload.metadata["artifact"], bytes(upload.data)))
            if self.forgets_complete:
                del self.uploads[url]

    @property
    def _done(self) -> list[Upload]:
        return self.__dict__.setdefault("done", [])

    def _receipt(self, request: Request) -> Response:
        for artifact, data in self.stored if self.receipts else ():
            if request.url.endswith("/receipts/" + artifact):
                if self.receipt_delay > 0:
                    self.receipt_delay -= 1
                    break
                found = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
                text = self.speak(artifact, found | {"state": "verified"})
                return Response(200, {}, text.encode())
        return Response(404)


def _offset(upload: Upload) -> dict[str, str]:
    return {"upload-offset": str(len(upload.data))}
