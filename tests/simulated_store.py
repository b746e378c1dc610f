"""An S3 store in memory, with the misbehaviour of real ones. Takes requests, gives responses."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.etree import ElementTree

from uploader.exchange import Answer, Lost, Piece, Request, Response

LEAST = 5 << 20


@dataclass
class Stored:
    data: bytes
    etag: str
    checksum: str = ""


@dataclass
class Store:
    """`file` is what pieces are cut from. Quirks are switched on by name:

    no-conditions    If-None-Match is not implemented, and said so
    overwrites       If-None-Match is ignored
    no-checksums     digests are neither checked nor kept
    echoes           digests are not checked, and what was told is what it tells
    opaque           ETags say nothing, as of encrypted objects
    cannot-list      ListMultipartUploads is refused
    complete-once    a second Complete finds no upload
    may-delete       objects may be deleted by whoever may write
    error-in-200     Complete fails after its 200 was sent, once
    """

    file: bytes
    quirks: set[str] = field(default_factory=set)
    objects: dict[str, Stored] = field(default_factory=dict)
    uploads: dict[str, tuple[str, dict[int, Stored]]] = field(default_factory=dict)
    #: Called before a request is looked at; an answer is given at once, else the store's own.
    before: Callable[[Request], Answer | None] = lambda _request: None
    #: The same afterwards: the store did it, and this is what the client hears.
    after: Callable[[Request, Response], Answer] = lambda _request, answer: answer
    sent: int = 0
    calls: list[str] = field(default_factory=list)

    def __call__(self, request: Request) -> Answer:
        early = self.before(request)
        if early is not None:
            return early
        return self.after(request, self._answer(request))

    def _answer(self, request: Request) -> Response:
        url = urlsplit(request.url)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        key = unquote(url.path).removeprefix("/bucket").removeprefix("/")
        headers = {name.lower(): value for name, value in request.headers.items()}
        data = self._body(request)
        self.sent += len(data) if isinstance(request.body, Piece) else 0
        name = f"{request.method}{'?' + min(query, default='') if query else ''}"
        self.calls.append(name)
        match request.method:
            case "HEAD" | "GET" if not query:
                return self._get(key, headers, request.method == "HEAD")
            case "GET" if "list-type" in query:
                return self._list_objects(query["prefix"], query.get("continuation-token", ""))
            case "GET" if "uploads" in query:
                return self._list_uploads(query["prefix"])
            case "GET":
                return self._list_parts(query["uploadId"], int(query.get("part-number-marker", 0)))
            case "POST" if "uploads" in query:
                return self._create(key)
            case "POST":
                return self._complete(key, query["uploadId"], data, headers)
            case "PUT" if "uploadId" in query:
                return self._put_part(query["uploadId"], int(query["partNumber"]), data, headers)
            case "PUT":
                return self._put(key, data, headers)
            case "DELETE":
                return self._delete(key, query.get("uploadId"))
        raise AssertionError(request)

    def _body(self, request: Request) -> bytes:
        if isinstance(request.body, Piece):
            return self.file[request.body.offset : request.body.offset + request.body.length]
        return request.body

    def _get(self, key: str, headers: dict[str, str], head: bool) -> Response:
        found = self.objects.get(key)
        if found is None:
            return Response(404) if head else error(404, "NoSuchKey")
        answer = {"etag": f'"{found.etag}"', "content-length": str(len(found.data))}
        if found.checksum and "x-amz-checksum-mode" in headers:
            answer["x-amz-checksum-sha256"] = found.checksum
        if head:
            return Response(200, answer)
        first, _, last = headers.get("range", "bytes=0-").removeprefix("bytes=").partition("-")
        return Response(206, answer, found.data[int(first) : int(last or len(found.data)) + 1])

    def _refused(self, key: str, data: bytes, headers: dict[str, str]) -> Response | None:
        if "if-none-match" in headers:
            if "no-conditions" in self.quirks:
                return error(501, "NotImplemented")
            if key in self.objects and "overwrites" not in self.quirks:
                return error(412, "PreconditionFailed")
        return None if self._whole(data, headers) else error(400, "BadDigest")

    def _whole(self, data: bytes, headers: dict[str, str]) -> bool:
        if {"no-checksums", "echoes"} & self.quirks:
            return True
        return (
            headers.get("content-md5", _md5(data)) == _md5(data)
            and headers.get("x-amz-checksum-sha256", _sha256(data)) == _sha256(data)
        )  # fmt: skip

    def _stored(self, data: bytes, headers: dict[str, str] | None = None) -> Stored:
        etag = hashlib.md5(data).hexdigest()
        told = (headers or {}).get("x-amz-checksum-sha256") if "echoes" in self.quirks else None
        return Stored(data, etag, "" if "no-checksums" in self.quirks else told or _sha256(data))

    def _put(self, key: str, data: bytes, headers: dict[str, str]) -> Response:
        refused = self._refused(key, data, headers)
        if refused:
            return refused
        self.objects[key] = self._keep(self._stored(data, headers))
        return Response(200, {"etag": f'"{self.objects[key].etag}"'})

    def _keep(self, stored: Stored) -> Stored:
        if "opaque" in self.quirks:
            return Stored(stored.data, "0123abcd" + stored.etag[8:], stored.checksum)
        return stored

    def _delete(self, key: str, upload: str | None) -> Response:
        if upload is not None:
            self.uploads.pop(upload, None)
        elif "may-delete" in self.quirks:
            del self.objects[key]
        else:
            return error(403, "AccessDenied")
        return Response(204)

    def _create(self, key: str) -> Response:
        upload = f"upload-{len(self.calls)}"
        self.uploads[upload] = (key, {})
        return _xml("InitiateMultipartUploadResult", {"UploadId": upload, "Key": key})

    def _list_uploads(self, prefix: str) -> Response:
        if "cannot-list" in self.quirks:
            return error(501, "NotImplemented")
        entries = [
            ("Upload", {"Key": key, "UploadId": upload, "Initiated": f"2026-{number:04}"})
            for number, (upload, (key, _)) in enumerate(self.uploads.items())
            if key.startswith(prefix)
        ]
        return _xml("ListMultipartUploadsResult", {}, entries)

    def _list_objects(self, prefix: str, after: str) -> Response:
        """Two a page, as parts."""
        if "cannot-list" in self.quirks:
            return error(403, "AccessDenied")
        keys = sorted(key for key in self.objects if key.startswith(prefix) and key > after)
        entries = [
            (
                "Contents",
                {
                    "Key": key,
                    "Size": str(len(self.objects[key].data)),
                    "ETag": f'"{self.objects[key].etag}"',
                },
            )
            for key in keys[:2]
        ]
        more = {"IsTruncated": "true", "NextContinuationToken": keys[1]} if len(keys) > 2 else {}
        return _xml("ListBucketResult", more, entries)

    def _list_parts(self, upload: str, after: int) -> Response:
        """Two a page, so that a client must turn pages."""
        if upload not in self.uploads:
            return error(404, "NoSuchUpload")
        parts = sorted(self.uploads[upload][1].items())
        rest = [(number, stored) for number, stored in parts if number > after]
        entries = [
            ("Part", {"PartNumber": str(n), "Size": str(len(s.data)), "ETag": f'"{s.etag}"'})
            for n, s in rest[:2]
        ]
        more = {}
        if len(rest) > 2:
            more = {"IsTruncated": "true", "NextPartNumberMarker": entries[-1][1]["PartNumber"]}
        return _xml("ListPartsResult", more, entries)

    def _put_part(self, upload: str, number: int, data: bytes, headers: dict[str, str]) -> Response:
        if upload not in self.uploads:
            return error(404, "NoSuchUpload")
        if not self._whole(data, headers):
            return error(400, "BadDigest")
        self.uploads[upload][1][number] = self._stored(data, headers)
        return Response(200, {"etag": f'"{hashlib.md5(data).hexdigest()}"'})

    def _complete(self, key: str, upload: str, body: bytes, headers: dict[str, str]) -> Response:
        if upload not in self.uploads:
            return error(404, "NoSuchUpload")
        if "error-in-200" in self.quirks:
            self.quirks.discard("error-in-200")
            return Response(200, {}, error(500, "InternalError").body)
        if "if-none-match" in headers and (
            refused := self._refused(key, b"", {"if-none-match": "*"})
        ):
            return refused
        stored = self.uploads[upload][1]
        wanted = [
            (int(part[0].text or 0), (part[1].text or "").strip('"'))
            for part in ElementTree.fromstring(body)
        ]
        if any(n not in stored or stored[n].etag != etag for n, etag in wanted):
            return error(400, "InvalidPart")
        if any(len(stored[n].data) < LEAST for n, _ in wanted[:-1]):
            return error(400, "EntityTooSmall")
        parts = [stored[n] for n, _ in wanted]
        md5s = b"".join(bytes.fromhex(part.etag) for part in parts)
        told = [part.checksum if "echoes" in self.quirks else _sha256(part.data) for part in parts]
        shas = b"".join(map(base64.b64decode, told))
        kept = Stored(
            b"".join(part.data for part in parts),
            f"{hashlib.md5(md5s).hexdigest()}-{len(parts)}",
            "" if "no-checksums" in self.quirks else f"{_sha256(shas)}-{len(parts)}",
        )
        self.objects[key] = self._keep(kept)
        del self.uploads[upload]
        return _xml("CompleteMultipartUploadResult", {"ETag": kept.etag})


def error(status: int, code: str) -> Response:
    answer = _xml("Error", {"Code": code, "Message": f"the store says {code}"})
    return Response(status, answer.headers, answer.body)


def lost() -> Lost:
    return Lost("the connection was cut")


def _xml(
    name: str, fields: dict[str, str], entries: list[tuple[str, dict[str, str]]] | None = None
) -> Response:
    root = ElementTree.Element(name, xmlns="http://s3.amazonaws.com/doc/2006-03-01/")
    for key, value in fields.items():
        ElementTree.SubElement(root, key).text = value
    for kind, values in entries or []:
        entry = ElementTree.SubElement(root, kind)
        for key, value in values.items():
            ElementTree.SubElement(entry, key).text = value
    return Response(200, {"content-type": "application/xml"}, ElementTree.tostring(root))


def _md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data).digest()).decode()


def _sha256(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()
