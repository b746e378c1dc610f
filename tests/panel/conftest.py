"""One browser for all tests of the panel, since starting it takes longer than they do; a room."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.panel.looking import chromium
from tests.panel.served import HandMade


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def room(tmp_path: Path) -> Iterator[HandMade]:
    """A room whose agent lives; what its panel reads is written by hand."""
    room = HandMade(tmp_path)
    with room.alive():
        yield room
    room.ledger.close()
