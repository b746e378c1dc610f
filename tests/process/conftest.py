"""Fixtures of the tests with real agents."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.process.classroom import Classroom, classroom

MakeRoom = Callable[..., Classroom]


@pytest.fixture
def make_room(tmp_path: Path) -> Iterator[MakeRoom]:
    """Make a room in the test's folder; it is cleared up afterwards, its log shown on failure."""
    with ExitStack() as stack:

        def make(tracks: dict[str, Any], **options: Any) -> Classroom:
            room = stack.enter_context(classroom(tmp_path, tracks, **options))
            stack.callback(lambda: print(room.log()))
            return room

        yield make
