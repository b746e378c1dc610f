"""Laws of the levels beside the status: the latest one, whole, and never in anybody's way."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.levels import LevelNow, read_level, write_level
from edge_agent.spool import Runtime


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    return Runtime(tmp_path)


def test_the_latest_level_is_read(runtime: Runtime) -> None:
    for peak in (-20.0, -10.5):
        write_level(runtime, "microphone", LevelNow(7, peak, -30.25))
    assert read_level(runtime, "microphone") == LevelNow(7, -10.5, -30.25)
    assert read_level(runtime, "another") is None


@pytest.mark.parametrize("left", [0, 1, 12, 23])
def test_a_level_that_is_half_written_is_none(runtime: Runtime, left: int) -> None:
    write_level(runtime, "microphone", LevelNow(1, -20.0, -30.0))
    old = runtime.level("microphone").read_bytes()
    write_level(runtime, "microphone", LevelNow(2, -10.0, -15.0))
    new = runtime.level("microphone").read_bytes()
    runtime.level("microphone").write_bytes(new[: left + 1] + old[left + 1 :])
    torn = read_level(runtime, "microphone")
    assert torn is None or torn in (LevelNow(1, -20.0, -30.0), LevelNow(2, -10.0, -15.0))
    runtime.level("microphone").write_bytes(new[:left])
    assert read_level(runtime, "microphone") is None


def test_a_runtime_folder_that_is_gone_or_in_the_way_costs_the_level_only(tmp_path: Path) -> None:
    gone = Runtime(tmp_path / "gone")
    write_level(gone, "microphone", LevelNow(1, -20.0, -30.0))
    assert read_level(gone, "microphone") is None
    Runtime(tmp_path).level("microphone").mkdir()
    write_level(Runtime(tmp_path), "microphone", LevelNow(1, -20.0, -30.0))
    assert read_level(Runtime(tmp_path), "microphone") is None
