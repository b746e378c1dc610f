"""A package whose lecture goes on makes way, in one step that a power cut leaves done or undone.

It becomes what a finisher that was killed leaves behind, which the next one clears away.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

from edge_agent.durable import sync_folder


def unwanted(lecture: Path) -> Path:
    """Half a package, or one that has made way: of no use to anybody."""
    return lecture / "package.part"


def make_way(lecture: Path) -> None:
    """Durable on return; nothing to do where there is no package.

    Raises OSError, also (BlockingIOError) while a finisher of an earlier agent works on it.
    """
    folder = os.open(lecture, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        package, part = lecture / "package", unwanted(lecture)
        if package.exists():
            if part.exists():
                shutil.rmtree(part)
            package.rename(part)
        sync_folder(lecture)  # also for one that was killed before it could
    finally:
        os.close(folder)
