"""A reference receiver for sticks: verifies, joins, and writes the acknowledgements.

For tests, demonstrations and as an example for those who build a platform; not for production. It
knows nothing of the agent's code: Python 3.11 and the package `cryptography` are enough. What it
reads and writes is described in docs/platform.md, "Sticks".

    python receive_stick.py make-key KEYFILE ID          prints what rooms get as receipt_keys
    python receive_stick.py receive STICK INTO KEYFILE ROOMSFILE

KEYFILE has `id:base64` of the private key. ROOMSFILE has the rooms' public keys, one a line, as
`edge-agent upload stick key` prints them; what others have signed is not touched.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

FORMAT = "edge-agent stick 1"
BLOCK = 1 << 20
Json = dict[str, Any]


class Refused(Exception):
    """What is on the stick is not what a room has signed; the text says what."""


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# ---------------------------------------------------------------- JWS, RFC 7515 and RFC 8037


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def seal(said: Json, kind: str, key_id: str, key: Ed25519PrivateKey) -> str:
    header = {"alg": "EdDSA", "kid": key_id, "typ": kind}
    text = ".".join(b64(json.dumps(part).encode()) for part in (header, said))
    return f"{text}.{b64(key.sign(text.encode()))}"


def unseal(text: str, kind: str, keys: dict[str, bytes]) -> Json:
    """Raises Refused. A key that comes with the text is not believed."""
    try:
        head, body, signature = text.strip().split(".")
        header = json.loads(unb64(head))
        if header["alg"] not in ("EdDSA", "Ed25519") or header["typ"] != kind:
            raise Refused("it is not signed as it should be")
        if header["kid"] not in keys:
            raise Refused(f"the room with the key {header['kid']} is not known here")
        public = Ed25519PublicKey.from_public_bytes(keys[header["kid"]])
        public.verify(unb64(signature), f"{head}.{body}".encode())
        said = json.loads(unb64(body))
    except (ValueError, KeyError, TypeError, InvalidSignature) as error:
        raise Refused("its signature is wrong") from error
    if not isinstance(said, dict):
        raise Refused("it says nothing")
    return said


def read_key(file: Path) -> tuple[str, Ed25519PrivateKey]:
    key_id, _, private = file.read_text().strip().partition(":")
    return key_id, Ed25519PrivateKey.from_private_bytes(unb64(private))


def make_key(file: Path, key_id: str) -> str:
    """Make a key, readable for its owner alone; what rooms get as receipt_keys."""
    key = Ed25519PrivateKey.generate()
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(f"{key_id}:{b64(key.private_bytes_raw())}\n")
    return f"{key_id}:{b64(key.public_key().public_bytes_raw())}"


def read_rooms(file: Path) -> dict[str, bytes]:
    lines = (line.strip() for line in file.read_text().splitlines())
    pairs = (line.split(":")[:2] for line in lines if line and not line.startswith("#"))
    return {key_id: unb64(public) for key_id, public in pairs}


# ---------------------------------------------------------------- the stick


def newest_index(folder: Path, stick: str, rooms: dict[str, bytes]) -> Json:
    """The one of the two indexes with the higher serial number; a torn one does not count.

    Raises Refused.
    """
    found: list[Json] = []
    why = "there is no index"
    for name in ("index-a.jws", "index-b.jws"):
        try:
            said = unseal((folder / name).read_text(), "stick-index+jws", rooms)
        except (OSError, UnicodeDecodeError):
            continue
        except Refused as error:
            why = str(error)
            continue
        if said.get("format") == FORMAT and said.get("stick") == stick:
            found.append(said)
        else:
            why = "its index belongs to another stick"
    if not found:
        raise Refused(why)
    return max(found, key=lambda said: int(said["serial"]))


def blocks(file: Path, length: int) -> Iterator[bytes]:
    """Raises Refused when the file is not there, is no plain file, or has another length."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise Refused(f"cannot be read ({error.strerror})") from error
    with os.fdopen(descriptor, "rb") as stream:
        left = length
        while left and (data := stream.read(min(BLOCK, left))):
            left -= len(data)
            yield data
        if left or stream.read(1):
            raise Refused("has another length")


def copied(parts: list[tuple[Path, int]], target: Path, sha256: str) -> None:
    """Join files into one; it has its name only when it is whole and right. Raises Refused."""
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(target.name + ".part")
    digest = hashlib.sha256()
    with fresh.open("wb") as stream:
        for file, length in parts:
            for data in blocks(file, length):
                digest.update(data)
                stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    if digest.hexdigest() != sha256:
        fresh.unlink()
        raise Refused("was altered")
    fresh.replace(target)


@dataclass
class Receiver:
    """`into` gets the lectures; `say` tells people what happens."""

    into: Path
    key_id: str
    key: Ed25519PrivateKey
    rooms: dict[str, bytes]
    say: Callable[[str], None] = print

    def receive(self, stick: Path) -> None:
        """All that is on a stick; its acknowledgements are on it afterwards. Raises Refused."""
        try:
            marker = json.loads((stick / "edge-agent-stick.json").read_text())
        except (OSError, ValueError) as error:
            raise Refused("this is not a prepared stick") from error
        folders = sorted((stick / "rooms").glob("*")) if (stick / "rooms").is_dir() else []
        for folder in folders:
            try:
                index = newest_index(folder, str(marker.get("stick")), self.rooms)
            except Refused as error:
                self.say(f"{folder.name}: refused, {error}")
                continue
            self._room(stick, folder, index)

    def _room(self, stick: Path, folder: Path, index: Json) -> None:
        room = re.sub(r"[^a-z0-9-]", "", folder.name.lower())
        self.into.mkdir(parents=True, exist_ok=True)
        known = self.into / f"receipts-{room}.txt"
        lines = known.read_text().splitlines() if known.exists() else []
        for entry in sorted(index["files"], key=lambda entry: str(entry["utc"])):
            lines += self._entry(folder, index, entry)
        fresh = known.with_name(known.name + ".part")
        with fresh.open("w") as stream:
            stream.write("".join(f"{line}\n" for line in dict.fromkeys(lines)))
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(known)
        acknowledgements = stick / "acknowledgements"
        acknowledgements.mkdir(exist_ok=True)
        with (acknowledgements / f"{room}.txt").open("w", newline="\r\n") as stream:
            stream.write(known.read_text())
            stream.flush()
            os.fsync(stream.fileno())
        os.sync()

    def _entry(self, folder: Path, index: Json, entry: Json) -> list[str]:
        """One stretch: taken over, and what is to be said about it."""
        what = f"{entry['lecture']}/{entry['name']} from byte {entry['offset']}"
        try:
            done = self._take(folder, entry)
        except Refused as error:
            self.say(f"{what}: {error}; the room is asked for it again")
            place = {"stick": index["stick"], "serial": index["serial"]}
            return [self._said(entry, "damaged", offset=entry["offset"], **place)]
        self.say(f"{what}: {'held' if done else 'taken; other pieces are missing'}")
        return [self._said(entry, "verified")] if done else []

    def _said(self, entry: Json, state: str, **more: Any) -> str:
        file = {name: entry[name] for name in ("lecture", "name", "bytes", "sha256")}
        said = {**file, "state": state, "utc": now(), **more}
        return seal(said, "receipt+jws", self.key_id, self.key)

    def _take(self, folder: Path, entry: Json) -> bool:
        """Is the whole file held now? Raises Refused."""
        source = folder.joinpath(*_inside(entry["file"]))
        lecture = self.into / _plain(entry["lecture"])
        versions = lecture / "versions" / entry["sha256"]
        target = versions / _plain(entry["name"])
        if not target.exists():
            pieces = lecture / "pieces" / entry["sha256"]
            piece = pieces / f"{entry['offset']:020d}-{entry['length']}"
            if not piece.exists():
                copied([(source, entry["length"])], piece, entry["piece_sha256"])
            parts = _joined(pieces, entry["bytes"])
            if parts is None:
                return False
            copied(parts, target, entry["sha256"])
            for file, _ in parts:
                file.unlink()
        _show(lecture, target, entry["utc"])
        return True


def _show(lecture: Path, target: Path, utc: str) -> None:
    """The version that the room wrote last has the plain name; sticks come in any order."""
    book = lecture / "versions" / "newest.json"
    newest = json.loads(book.read_text()) if book.exists() else {}
    if utc < newest.get(target.name, ""):
        return
    shown = lecture / target.name
    if not (shown.exists() and shown.samefile(target)):
        shown.unlink(missing_ok=True)
        os.link(target, shown)
    book.write_text(json.dumps(newest | {target.name: utc}))


def _joined(pieces: Path, size: int) -> list[tuple[Path, int]] | None:
    """The pieces from the first byte to the last; None while some are missing."""
    found: list[tuple[Path, int]] = []
    at = 0
    for file in sorted(file for file in pieces.iterdir() if file.suffix != ".part"):
        offset, length = map(int, file.name.split("-"))
        if offset == at:
            found.append((file, length))
            at += length
    return found if at == size and found else None


def _plain(name: str) -> str:
    if not name or "/" in name or "\\" in name or name.startswith("."):
        raise Refused(f"has a name that cannot be: {name!r}")
    return name


def _inside(name: str) -> tuple[str, ...]:
    parts = PurePosixPath(name).parts
    for part in parts:
        _plain(part)
    return parts


def main(arguments: list[str]) -> int:
    match arguments:
        case ["make-key", file, key_id]:
            print(make_key(Path(file), key_id))
        case ["receive", stick, into, key, rooms]:
            key_id, private = read_key(Path(key))
            try:
                Receiver(Path(into), key_id, private, read_rooms(Path(rooms))).receive(Path(stick))
            except Refused as error:
                print(error, file=sys.stderr)
                return 1
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
