"""Files that others read at any moment, and that may be lost with the power."""

from __future__ import annotations

from pathlib import Path


def replace(file: Path, text: str) -> None:
    """Whoever reads it sees the old text or the new one. Raises OSError."""
    fresh = file.with_name(f".{file.name}.new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(file)
