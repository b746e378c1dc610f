"""Sticks that people carry to the platform and back: no network needed.

A file counts as delivered when a stick brings back the platform's signed receipt for it, never
because it was copied onto one. Then, and only then, its bytes are taken off the stick. A file that
does not fit is divided over several sticks. Which stick has what is noted in `memory`; losing that
costs a second copy, and nothing else. What lies on a stick: `uploader/stick_index.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from uploader import stick_index as plan
from uploader.bodies import Comparison, Source
from uploader.exchange import Memory, Piece
from uploader.receipts import Terms
from uploader.sender import Artifact, Pending, Permanent, Progress, Receipt, Transient
from uploader.stick_acknowledgements import Acknowledgements, Notes
from uploader.stick_files import Room, Stick, find, free_bytes, marker_at, news_of
from uploader.stick_index import Entry, Index


class StickDestination:
    """See the module's text. `folder` is where sticks are mounted, or the stick itself.

    `about` gives a line for people about a lecture. What was taken away for `lost_after` is written
    again, onto another stick. A file of more than `largest` bytes is always divided.
    """

    def __init__(
        self,
        folder: Path,
        room: Callable[[], Room],
        terms: Terms,
        memory: Memory,
        *,
        about: Callable[[str], str] = lambda lecture: lecture,
        lost_after: timedelta = timedelta(days=30),
        piece_bytes: int = plan.PIECE_BYTES,
        largest: int = plan.LARGEST,
        free: Callable[[Path], int] = free_bytes,
    ) -> None:
        self._folder = folder
        self._room = room
        self._terms = terms
        self._about = about
        self._lost_after = lost_after
        self._piece = piece_bytes
        self._largest = largest
        self._free = free
        self._comparison = Comparison(lambda size: plan.grid(size, piece_bytes), _digest)
        self._notes = Notes(memory)
        self._acknowledgements = Acknowledgements(terms, self._notes)

    def news(self) -> object:
        """Which sticks are in, and which acknowledgements they have."""
        return tuple(news_of(root) for root in find(self._folder))

    def receipt(self, lecture: str, artifact: Artifact) -> Receipt | None:
        if (known := self._notes.receipt(lecture, artifact)) is not None:
            return known
        sticks = self._sticks()
        self._take_in(sticks)
        self._acknowledgements.judge(lecture, artifact)
        if (known := self._notes.receipt(lecture, artifact)) is not None:
            return known
        if not sticks and self._missing(lecture, artifact, sticks):
            raise self._none()
        return None

    def send(self, lecture: str, artifact: Artifact, path: Path, progress: Progress) -> Receipt:
        if Path(artifact.name).name != artifact.name:
            raise Permanent(f"{artifact.name!r} is not a file name")
        if (known := self.receipt(lecture, artifact)) is not None:
            return known
        sticks = self._sticks()
        if self._missing(lecture, artifact, sticks):
            digests = self._comparison.of(path, artifact, progress)
            with Source(path) as source:
                while wanted := self._missing(lecture, artifact, sticks):
                    self._write_one(lecture, artifact, wanted, digests, source, progress)
        raise Pending(self._travelling(lecture, artifact))

    # ------------------------------------------------------------ sticks

    def _sticks(self) -> list[Stick]:
        """The sticks of ours that are in. A foreign one, or another platform's, is left alone."""
        found = []
        for root in find(self._folder):
            marker = marker_at(root)
            if marker is not None and marker.is_for(self._terms.keys):
                found.append(Stick(root, marker, self._room(), self._free))
        return found

    def _none(self) -> Transient:
        others = [root for root in find(self._folder) if marker_at(root) is not None]
        if others:
            return Transient(
                f"the stick in {others[0]} is for another platform; put in one of ours, or prepare "
                "one with: edge-agent upload stick prepare FOLDER"
            )
        return Transient(
            f"no prepared stick is in {self._folder}; plug one in, or prepare one with: "
            "edge-agent upload stick prepare FOLDER"
        )

    def _take_in(self, sticks: list[Stick]) -> None:
        """Hear what the sticks bring back, and free what is acknowledged."""
        for stick, gone in self._acknowledgements.take_in(sticks):
            if gone:
                with stick.held():
                    self._write_index(stick, stick.index().without(gone))
                    stick.remove(gone)
        self._acknowledgements.taken_in(sticks)

    # ------------------------------------------------------------ what is where

    def _missing(self, lecture: str, artifact: Artifact, sticks: Iterable[Stick]) -> list[Piece]:
        """The pieces that are on no stick that is in, and on none that is on its way."""
        here = {stick.marker.stick: stick for stick in sticks}
        there = [
            Piece(entry.offset, entry.length)
            for stick in here.values()
            for entry in stick.index().entries
            if entry.is_of(lecture, artifact)
        ]
        there += [
            Piece(int(each["offset"]), int(each["length"]))
            for each in self._notes.pieces(lecture, artifact)
            if each["stick"] not in here and not self._is_lost(each)
        ]
        return plan.missing(artifact.bytes, self._piece, there)

    def _is_lost(self, noted: dict[str, Any]) -> bool:
        """A stick that has not come back for so long is taken for lost."""
        try:
            since = datetime.fromisoformat(noted["utc"])
            return datetime.fromisoformat(self._terms.utc()) - since > self._lost_after
        except (ValueError, TypeError):
            return False

    def _travelling(self, lecture: str, artifact: Artifact) -> str:
        here = {stick.marker.stick: stick.marker.label for stick in self._sticks()}
        noted = self._notes.pieces(lecture, artifact)
        labels = [each["label"] for each in noted] or list(here.values())
        names = ", ".join(dict.fromkeys(labels))
        if doubt := self._acknowledgements.doubt(lecture, artifact):
            return f"{artifact.name} is on the stick {names}; {doubt}"
        if here:
            return (
                f"{artifact.name} is on the stick {names}, which is safe to remove; take it to the "
                "platform and bring it back with its acknowledgements"
            )
        return f"{artifact.name} is on its way on the stick {names}; bring that stick back"

    # ------------------------------------------------------------ writing

    def _write_one(
        self,
        lecture: str,
        artifact: Artifact,
        wanted: list[Piece],
        digests: list[str],
        source: Source,
        progress: Progress,
    ) -> None:
        """One stretch onto the first stick that has room. Raises SendError."""
        sticks = self._sticks()
        if not sticks:
            raise self._none()
        whole = Piece(0, artifact.bytes)
        untouched = len(wanted) == len(plan.grid(artifact.bytes, self._piece))
        choices = [whole] if untouched and artifact.bytes <= self._largest else []
        for stick in sticks:
            for stretch in (*choices, wanted[0]):
                file = plan.file_of(lecture, artifact, stretch, self._piece)
                number = stretch.offset // self._piece
                digest = artifact.sha256 if stretch == whole else digests[number]
                with stick.held():
                    if stick.room_for(file, stretch.length):
                        stick.write(source, stretch, file, digest, progress)
                        self._note(stick, lecture, artifact, stretch, file, digest)
                        return
        raise sticks[0].full()

    def _note(
        self,
        stick: Stick,
        lecture: str,
        artifact: Artifact,
        stretch: Piece,
        file: str,
        digest: str,
    ) -> None:
        """The index first: it travels with the bytes, and our memory may be lost."""
        index, utc = stick.index(), self._terms.utc()
        entry = Entry(
            lecture,
            artifact.name,
            artifact.bytes,
            artifact.sha256,
            artifact.media_type,
            file,
            stretch.offset,
            stretch.length,
            digest,
            index.serial + 1,
            utc,
        )
        self._write_index(stick, index.added(entry))
        noted = {
            "stick": stick.marker.stick,
            "label": stick.marker.label,
            "offset": stretch.offset,
            "length": stretch.length,
            "serial": entry.serial,
            "utc": utc,
        }
        self._notes.add_piece(lecture, artifact, noted)

    def _write_index(self, stick: Stick, index: Index) -> None:
        about = {entry.lecture: self._about(entry.lecture) for entry in index.entries}
        stick.write_index(index, self._terms.utc(), about, self._piece)


def _digest(blocks: Iterator[bytes], _piece: Piece) -> str:
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
    return digest.hexdigest()
