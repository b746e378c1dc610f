"""What is said to an S3 store, and what its answers mean. Pure: values in, values out.

Source: Amazon S3 API Reference (PutObject, CreateMultipartUpload, UploadPart, ListParts,
ListMultipartUploads, CompleteMultipartUpload, HeadObject), read where "compatible" stores differ.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from xml.etree import ElementTree

from uploader.exchange import Piece, Response, words_of
from uploader.heard import count, tree
from uploader.sender import Transient

MIB = 1 << 20
#: The least that S3 takes as a part other than the last, and the best for thin links.
LEAST_PART = 5 * MIB
MOST_PARTS = 10_000
#: A store without conditional writes says so with these.
NO_CONDITIONS = {"NotImplemented", "InvalidArgument", "InvalidRequest"}
#: What we say of the object lies beside it, under this ending.
RECEIPT = ".receipt.json"
SHA256 = "x-amz-checksum-sha256"
#: Where a file that comes in pieces lies: the pieces, and then what says how to join them.
STRETCHES, STRETCH_TYPE = ".pieces/", "application/octet-stream"
INDEX = ".pieces.json"


@dataclass(frozen=True, slots=True)
class Sum:
    """One part and its digests."""

    piece: Piece
    md5: bytes
    sha256: bytes

    @property
    def headers(self) -> dict[str, str]:
        """Both: MD5 is the one that every store checks, SHA-256 the one that proves something."""
        return {
            "Content-MD5": base64.b64encode(self.md5).decode(),
            SHA256: self.sha256_text,
        }

    @property
    def sha256_text(self) -> str:
        return base64.b64encode(self.sha256).decode()


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the API on one object. `operation` is its name in S3's reference."""

    operation: str
    method: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Piece = b""
    #: On the bucket and not on the object.
    of_bucket: bool = False
    #: Added to the object's key: what belongs to the object lies beside it.
    suffix: str = ""


# ---------------------------------------------------------------- parts and what they add up to


def part_size(size: int) -> int:
    """Bytes of each part but the last: the same for the same file, after any restart."""
    least = -(-size // MOST_PARTS)
    return max(LEAST_PART, -(-least // MIB) * MIB)


def pieces(size: int) -> list[Piece]:
    """The parts of a file; one of nothing when it is empty."""
    return divided(size, part_size(size))


def divided(size: int, each: int) -> list[Piece]:
    """Stretches of `each` bytes, the last one shorter; one of nothing when the file is empty."""
    return [Piece(at, min(each, size - at)) for at in range(0, size, each)] or [Piece(0, 0)]


def summed(blocks: Iterable[bytes], piece: Piece) -> Sum:
    """The digests of one part that comes in blocks."""
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    for block in blocks:
        md5.update(block)
        sha256.update(block)
    return Sum(piece, md5.digest(), sha256.digest())


def etag_of(parts: Sequence[Sum]) -> str:
    """What S3 calls an unencrypted object that holds these parts."""
    if len(parts) == 1:
        return parts[0].md5.hex()
    whole = hashlib.md5(b"".join(part.md5 for part in parts), usedforsecurity=False)
    return f"{whole.hexdigest()}-{len(parts)}"


def checksum_of(parts: Sequence[Sum]) -> str:
    """The SHA-256 that S3 reports of it; of several parts the digest of their digests."""
    if len(parts) == 1:
        return parts[0].sha256_text
    whole = hashlib.sha256(b"".join(part.sha256 for part in parts)).digest()
    return f"{base64.b64encode(whole).decode()}-{len(parts)}"


# ---------------------------------------------------------------- calls


def head() -> Call:
    return Call("HeadObject", "HEAD", headers={"x-amz-checksum-mode": "ENABLED"})


def put(part: Sum, media_type: str, *, only_new: bool) -> Call:
    headers = {"Content-Type": media_type, **part.headers, **_condition(only_new)}
    return Call("PutObject", "PUT", headers=headers, body=part.piece)


def put_beside(suffix: str, data: bytes, media_type: str) -> Call:
    """A small object beside the object."""
    digests = summed([data], Piece(0, len(data))).headers
    headers = {"Content-Type": media_type, **digests}
    return Call("PutObject", "PUT", headers=headers, body=data, suffix=suffix)


def put_lie() -> Call:
    """Bytes with the SHA-256 of others, in the receipt's place: who checks refuses them."""
    lie = put_beside(RECEIPT, b"{}", "application/json")
    return replace(lie, headers={**lie.headers, SHA256: summed([b""], Piece(0, 0)).sha256_text})


def get_beside(suffix: str) -> Call:
    return Call("GetObject", "GET", suffix=suffix)


def put_stretch(part: Sum, *, only_new: bool) -> Call:
    """A stretch of the file as an object of its own beside where the file would lie."""
    headers = {"Content-Type": STRETCH_TYPE, **part.headers, **_condition(only_new)}
    return Call("PutObject", "PUT", headers=headers, body=part.piece, suffix=stretch(part.piece))


def stretch(piece: Piece) -> str:
    """Its name behind the file's key; sorted by name is sorted by place."""
    return f"{STRETCHES}{piece.offset:015}"


def list_stretches(key: str, token: str = "") -> Call:
    query = {"list-type": "2", "prefix": key + STRETCHES}
    if token:
        query["continuation-token"] = token
    return Call("ListObjectsV2", "GET", query, of_bucket=True)


def list_uploads(key: str) -> Call:
    query = {"uploads": "", "prefix": key, "max-uploads": "100"}
    return Call("ListMultipartUploads", "GET", query, of_bucket=True)


def create(media_type: str) -> Call:
    headers = {"Content-Type": media_type, "x-amz-checksum-algorithm": "SHA256"}
    return Call("CreateMultipartUpload", "POST", {"uploads": ""}, headers)


def list_parts(upload: str, after: int = 0) -> Call:
    query = {"uploadId": upload, **({"part-number-marker": str(after)} if after else {})}
    return Call("ListParts", "GET", query)


def put_part(upload: str, number: int, part: Sum) -> Call:
    """`number` begins at 1."""
    query = {"partNumber": str(number), "uploadId": upload}
    return Call("UploadPart", "PUT", query, part.headers, part.piece)


def complete(upload: str, etags: Sequence[str], parts: Sequence[Sum], *, only_new: bool) -> Call:
    root = ElementTree.Element(
        "CompleteMultipartUpload", xmlns="http://s3.amazonaws.com/doc/2006-03-01/"
    )
    for number, (etag, part) in enumerate(zip(etags, parts, strict=True), 1):
        entry = ElementTree.SubElement(root, "Part")
        for name, value in (
            ("PartNumber", str(number)),
            ("ETag", f'"{etag}"'),
            ("ChecksumSHA256", part.sha256_text),
        ):
            ElementTree.SubElement(entry, name).text = value
    headers = {"Content-Type": "application/xml", **_condition(only_new)}
    body: bytes = ElementTree.tostring(root)
    return Call("CompleteMultipartUpload", "POST", {"uploadId": upload}, headers, body)


def abort(upload: str) -> Call:
    return Call("AbortMultipartUpload", "DELETE", {"uploadId": upload})


def read(offset: int, length: int) -> Call:
    headers = {"Range": f"bytes={offset}-{offset + length - 1}"}
    return Call("GetObject", "GET", headers=headers)


def delete() -> Call:
    return Call("DeleteObject", "DELETE")


def _condition(only_new: bool) -> dict[str, str]:
    return {"If-None-Match": "*"} if only_new else {}


# ---------------------------------------------------------------- answers


def error_code(response: Response) -> str:
    """The store's own code, such as NoSuchUpload; "" when the answer carries none."""
    if b"<Error" not in response.body[:4096]:
        return ""
    return _text(_parsed(response), "Code")


def etag(response: Response) -> str:
    return response.headers.get("etag", "").strip('"').lower()


def upload_id(response: Response) -> str:
    """Of a new upload. Raises Transient."""
    found = _text(_parsed(response), "UploadId")
    if not found:
        raise Transient(f"the store began an upload without naming it: {words_of(response)}")
    return found


def upload_of(response: Response, key: str) -> str | None:
    """The newest unfinished upload of exactly this object."""
    found = [
        (_text(entry, "Initiated"), _text(entry, "UploadId"))
        for entry in _all(_parsed(response), "Upload")
        if _text(entry, "Key") == key
    ]
    return max(found)[1] if found else None


def parts_of(response: Response) -> tuple[dict[int, tuple[int, str]], int]:
    """(size, ETag) of each stored part by number; and after which one the list goes on, or 0."""
    root = _parsed(response)
    found = {
        count(_text(entry, "PartNumber")) or 0: (
            count(_text(entry, "Size")) or 0,
            _text(entry, "ETag").strip('"').lower(),
        )
        for entry in _all(root, "Part")
    }
    more = _text(root, "IsTruncated").lower() == "true"
    marker = count(_text(root, "NextPartNumberMarker")) or 0
    return found, marker if more else 0


def stretches_of(response: Response, key: str) -> tuple[dict[int, tuple[int, str]], str]:
    """(size, ETag) of each stored stretch by its place; and the token of the list's next page."""
    root = _parsed(response)
    found: dict[int, tuple[int, str]] = {}
    for entry in _all(root, "Contents"):
        place = count(_text(entry, "Key").removeprefix(key + STRETCHES))
        if place is not None:
            size, etag = count(_text(entry, "Size")), _text(entry, "ETag").strip('"').lower()
            found[place] = (-1 if size is None else size, etag)
    more = _text(root, "IsTruncated").lower() == "true"
    return found, _text(root, "NextContinuationToken") if more else ""


def _parsed(response: Response) -> ElementTree.Element:
    root = tree(response.body)
    if root is None:
        raise Transient("the store's answer is no XML; check the address of this destination")
    return root


def _all(root: ElementTree.Element, name: str) -> Iterable[ElementTree.Element]:
    """Stores differ in the namespace, so it does not count."""
    return (entry for entry in root if entry.tag.rpartition("}")[2] == name)


def _text(root: ElementTree.Element, name: str) -> str:
    return next(((entry.text or "").strip() for entry in _all(root, name)), "")
