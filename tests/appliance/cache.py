"""Where the built guest is kept, outside the project, and by what it is known."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent


def folder() -> Path:
    """The cache of this user; everything in it can be deleted at any time."""
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    path = Path(root) / "edge-agent-classroom"
    path.mkdir(parents=True, exist_ok=True)
    return path


def key(parts: Iterable[str | bytes | Path]) -> str:
    """Twelve hexadecimal digits that change with any of the parts (a path counts as its file)."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.read_bytes() if isinstance(part, Path) else part
        data = data.encode() if isinstance(data, str) else data
        digest.update(hashlib.sha256(data).digest())
    return digest.hexdigest()[:12]


def kept(kind: str, name: str, build: Callable[[Path], None]) -> Path:
    """The folder `kind`-`name` of the cache, built when absent; older ones of its kind go.

    It takes its name when it is complete, so that an interrupted build leaves none.
    """
    whole = folder() / f"{kind}-{name}"
    if not whole.is_dir():
        for old in folder().glob(f"{kind}-*"):
            shutil.rmtree(old)
        growing = folder() / f"{kind}-{name}.part"
        growing.mkdir()
        build(growing)
        growing.rename(whole)
    return whole


def words(path: Path) -> list[str]:
    """The entries of a list of packages, without its comments."""
    lines = (line.split("#")[0] for line in path.read_text().splitlines())
    return [word for line in lines for word in line.split()]
