"""A configuration in a folder of its own, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.config import ConfigError, load


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path / "home")}


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def problems(tmp_path: Path, text: str) -> list[str]:
    """The error texts that a configuration gets, without the file's name in front."""
    file = write(tmp_path / "config.toml", text)
    with pytest.raises(ConfigError) as caught:
        load(file, {"HOME": str(tmp_path)})
    assert all(p.startswith(f"{file}: ") for p in caught.value.problems)
    return [p.removeprefix(f"{file}: ") for p in caught.value.problems]
