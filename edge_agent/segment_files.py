"""What recovery finds in the files of a track. Reads, and changes nothing.

A power cut may leave sectors that cannot be read any more, where it was writing at that moment. One
such file must cost itself, and not the start of the agent.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from edge_agent.rows import Segment
from encoders.boxes import segment_facts, whole_length
from encoders.segment import Segment as File
from encoders.segment import sequence

NOTHING_WHOLE = "holds no whole fragment"
_CHUNK_BYTES = 1 << 20


def fault(path: Path) -> str:
    """Why it cannot be adopted; empty when there is a whole fragment in it and its name is ours."""
    try:
        if not path.is_file() or sequence(path.name) is None:
            return NOTHING_WHOLE
        if path.suffix == ".part":
            length = whole_length(path)
            _read(path, length)
            return "" if length else NOTHING_WHOLE
        return NOTHING_WHOLE if segment_facts(path) is None else ""
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"


def _read(path: Path, length: int) -> None:
    """Whoever closes it reads it as a whole. Raises OSError."""
    with path.open("rb") as file:
        while length > 0 and (chunk := file.read(min(length, _CHUNK_BYTES))):
            length -= len(chunk)


def last_write(paths: Iterable[Path]) -> datetime | None:
    """UTC, by the files' own times; None when there is none."""
    stamps = []
    for path in paths:
        try:
            stamps.append(path.stat().st_mtime)
        except OSError:
            continue  # gone, or not to be read
    return datetime.fromtimestamp(max(stamps), UTC) if stamps else None


def row_of(lecture: str, track: str, file: File) -> Segment:
    return Segment(
        lecture=lecture,
        track=track,
        seq=file.seq,
        name=file.name,
        bytes=file.bytes,
        sha256=file.sha256,
        start_ns=file.start_ns,
        end_ns=file.end_ns,
        packets=file.packets,
        recovered=int(file.recovered),
    )
