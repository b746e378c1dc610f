"""Keep what cannot be used where people can look at it: nothing of the spool is ever deleted."""

from __future__ import annotations

import os
from pathlib import Path

from edge_agent.durable import make_folder_durably, sync_folder

#: Bytes of a name that every file system takes, with room for a number at its end.
LONGEST_NAME = 240


def set_aside(folder: Path, path: Path, name: str) -> Path:
    """Move `path` into `folder` as `name`, or `name.2` … if there is one. Returns its new place.

    Names that are too long lose their beginning; what is no UTF-8 in them is written out.

    Durable on return. Raises OSError.
    """
    make_folder_durably(folder)
    name = readable(name).encode()[-LONGEST_NAME:].decode(errors="ignore")
    kept = folder / name
    number = 1
    while os.path.lexists(kept):
        number += 1
        kept = folder / f"{name}.{number}"
    path.rename(kept)
    sync_folder(path.parent)
    sync_folder(kept.parent)
    return kept


def readable(name: str) -> str:
    """A file's name as text that can be stored and printed: names are bytes, of any kind."""
    return name.encode("utf-8", "backslashreplace").decode()
