"""How much of the processors is free, by the kernel's counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.spare import Spare

PID = 42


class Kernel:
    """Counts as the kernel writes them: ticks of two processors."""

    def __init__(self, root: Path) -> None:
        self.proc, self.sys = root / "proc", root / "sys"
        (self.proc / str(PID)).mkdir(parents=True)

    def says(self, *, busy: int, idle: int, waiting: int = 0, own: int = 0) -> None:
        lines = f"cpu  {busy} 0 0 {idle} {waiting} 0 0 0 7 7\ncpu0 1 1 1 1 1 1 1 1 0 0\n"
        (self.proc / "stat").write_text(lines)
        # A name may hold anything, spaces and brackets too.
        fields = f"{PID} (a) b (c) S 1 1 1 0 -1 0 0 0 0 0 {own // 2} {own - own // 2} 9 9 39 19\n"
        (self.proc / str(PID) / "stat").write_text(fields)

    def hot(self, processor: int, times: str) -> None:
        folder = self.sys / f"devices/system/cpu/cpu{processor}/thermal_throttle"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "core_throttle_count").write_text(times)


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    return Kernel(tmp_path)


@pytest.mark.parametrize(
    ("after", "pid", "free"),
    [
        ({"busy": 100, "idle": 100}, None, 0.5),
        ({"busy": 100, "idle": 50, "waiting": 50}, None, 0.5),
        ({"busy": 200, "idle": 0}, None, 0.0),
        ({"busy": 150, "idle": 50, "own": 80}, PID, 0.65),
        ({"busy": 150, "idle": 50, "own": 80}, None, 0.25),
    ],
)
def test_free_is_what_is_idle_and_what_the_work_itself_takes(
    kernel: Kernel, after: dict[str, int], pid: int | None, free: float
) -> None:
    spare = Spare(kernel.proc, kernel.sys)
    kernel.says(busy=0, idle=0)
    assert spare.free(pid) is None
    kernel.says(**after)
    assert spare.free(pid) == pytest.approx(free)


def test_of_another_process_and_of_one_that_is_gone_nothing_is_known(kernel: Kernel) -> None:
    spare = Spare(kernel.proc, kernel.sys)
    kernel.says(busy=0, idle=0)
    spare.free(None)
    kernel.says(busy=100, idle=100, own=50)
    assert spare.free(PID) is None
    kernel.says(busy=200, idle=200, own=100)
    assert spare.free(PID) == pytest.approx(0.75)
    (kernel.proc / str(PID) / "stat").unlink()
    assert spare.free(PID) is None


def test_heat_is_counted_where_the_kernel_counts_it(kernel: Kernel) -> None:
    spare = Spare(kernel.proc, kernel.sys)
    assert spare.throttled() == 0
    kernel.hot(0, "3\n")
    kernel.hot(1, "4\n")
    kernel.hot(2, "what?")
    assert spare.throttled() == 7


def test_this_computer_can_be_asked() -> None:
    spare = Spare()
    assert spare.processors >= 1
    spare.free(None)
    free = spare.free(None)
    assert free is None or 0.0 <= free <= 1.0
