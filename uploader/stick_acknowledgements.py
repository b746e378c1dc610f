"""What sticks bring back: the platform's signed receipts, and its word of what came damaged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from uploader import receipts, signing
from uploader.exchange import Memory
from uploader.receipts import Damaged, Terms
from uploader.sender import Artifact, Pending, Receipt
from uploader.signing import Worthless
from uploader.stick_files import Stick, news_of
from uploader.stick_index import Entry

#: A lecture, a file's name and its SHA-256.
_Id = tuple[str, str, str]


class Notes:
    """What is remembered of a file: its receipt, or else which stick has which stretch of it."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def receipt(self, lecture: str, artifact: Artifact) -> Receipt | None:
        found = (self._memory.get(lecture, artifact) or {}).get("receipt")
        return found if isinstance(found, dict) else None

    def set_receipt(self, lecture: str, artifact: Artifact, receipt: Receipt) -> None:
        self._memory.put(lecture, artifact, {"receipt": dict(receipt)})

    def pieces(self, lecture: str, artifact: Artifact) -> list[dict[str, Any]]:
        found = (self._memory.get(lecture, artifact) or {}).get("pieces")
        return found if isinstance(found, list) else []

    def add_piece(self, lecture: str, artifact: Artifact, piece: Mapping[str, Any]) -> None:
        place = piece["offset"], piece["length"]
        others = [
            each
            for each in self.pieces(lecture, artifact)
            if (each["offset"], each["length"]) != place
        ]
        self._memory.put(lecture, artifact, {"pieces": [*others, dict(piece)]})

    def drop_damaged(self, lecture: str, artifact: Artifact, damaged: Iterable[Receipt]) -> None:
        noted, damaged = self.pieces(lecture, artifact), list(damaged)
        kept = [each for each in noted if not any(_concerns(d, each) for d in damaged)]
        if kept != noted:
            self._memory.put(lecture, artifact, {"pieces": kept})


class Acknowledgements:
    """Those of the sticks that are in; read again when there are others."""

    def __init__(self, terms: Terms, notes: Notes) -> None:
        self._terms = terms
        self._notes = notes
        self._news: object = None
        self._lines: dict[_Id, list[bytes]] = {}

    def take_in(self, sticks: list[Stick]) -> list[tuple[Stick, list[Entry]]]:
        """Once for each news: what may go from each stick now, or has to be written again.

        What is returned counts as done when `taken_in` is called.
        """
        if _news(sticks) == self._news:
            return []
        self._lines = {}
        for stick in sticks:
            for line in stick.lines():
                for key in _claimed(line):
                    self._lines.setdefault(key, []).append(line)
        return [(stick, self._gone(stick)) for stick in sticks]

    def taken_in(self, sticks: list[Stick]) -> None:
        self._news = _news(sticks)

    def _gone(self, stick: Stick) -> list[Entry]:
        gone = []
        for entry in stick.index().entries:
            damaged = self.judge(entry.lecture, entry.artifact)
            known = self._notes.receipt(entry.lecture, entry.artifact)
            place = {"stick": stick.marker.stick, "offset": entry.offset, "serial": entry.serial}
            if known or any(_concerns(said, place) for said in damaged):
                gone.append(entry)
        return gone

    def judge(self, lecture: str, artifact: Artifact) -> list[Receipt]:
        """Note the receipt if there is one that counts; else what the platform found damaged."""
        if self._notes.receipt(lecture, artifact) is not None:
            return []
        damaged: list[Receipt] = []
        for line in self._lines.get((lecture, artifact.name, artifact.sha256), ()):
            try:
                found = receipts.judged(line, lecture, artifact, self._terms)
            except Damaged as error:
                damaged.append(error.said)
            except (Worthless, Pending):
                continue  # `doubt` tells it
            else:
                if found is not None:
                    self._notes.set_receipt(lecture, artifact, found)
                    return []
        self._notes.drop_damaged(lecture, artifact, damaged)
        return damaged

    def doubt(self, lecture: str, artifact: Artifact) -> str:
        """Why what the sticks brought back does not count; "" when they brought nothing."""
        for line in self._lines.get((lecture, artifact.name, artifact.sha256), ()):
            try:
                receipts.judged(line, lecture, artifact, self._terms)
            except Worthless as error:
                return f"the acknowledgement that came back {error.reason}"
            except Pending as error:
                return error.reason
            except Damaged:
                continue
        return ""


def _news(sticks: list[Stick]) -> object:
    return tuple(news_of(stick.root) for stick in sticks)


def _claimed(line: bytes) -> Iterator[_Id]:
    """Which file a line speaks of, by its own account."""
    try:
        said = signing.unproven(line)
    except Worthless:
        return
    key = said.get("lecture"), said.get("name"), said.get("sha256")
    if all(isinstance(part, str) for part in key):
        yield str(key[0]), str(key[1]), str(key[2])


def _concerns(said: Receipt, place: Mapping[str, Any]) -> bool:
    """Does this word of damage mean what lies there, and not what was written again since?"""
    serial = said.get("serial")
    return (
        said.get("stick") == place["stick"]
        and said.get("offset") == place["offset"]
        and isinstance(serial, int)
        and place["serial"] <= serial
    )
