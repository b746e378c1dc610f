"""Fixtures of the tests beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sticks.drawer import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)
