"""Laws of how a recorder sees that the PC is too slow."""

from __future__ import annotations

from pathlib import Path

import pytest

from capture.source import SourceInfo
from edge_agent.relief import Relief, cpu_pressure, most_relief
from edge_agent.rules.overload import SECOND, Step


class Queue:
    def __init__(self) -> None:
        self.backlog = 0.0
        self.dropped = 0


def seconds(relief: Relief, count: int, waited: float, at_s: int = 0) -> list[Step]:
    """Looks ten times a second, having waited for this share of the time."""
    steps = []
    for tenth in range(count * 10 + 1):
        relief.waited(round(waited * SECOND / 10))
        if relief.step(at_s * SECOND + tenth * SECOND // 10):
            steps.append(relief.ease.step)
    return steps


@pytest.fixture
def nowhere(tmp_path: Path) -> Path:
    return tmp_path / "no-pressure"


def test_a_recorder_that_waits_for_its_device_gives_up_nothing(nowhere: Path) -> None:
    assert seconds(Relief(Queue(), Step.SIZE, nowhere), 60, waited=0.5) == []


def test_one_that_never_waits_gives_up_one_thing_after_the_other(nowhere: Path) -> None:
    relief = Relief(Queue(), Step.SIZE, nowhere)
    assert seconds(relief, 60, waited=0.0) == [Step.PREVIEW, Step.RATE, Step.SIZE]


def test_what_was_lost_before_does_not_count_for_ever(nowhere: Path) -> None:
    queue = Queue()
    queue.dropped = 500
    relief = Relief(queue, Step.SIZE, nowhere)
    assert seconds(relief, 20, waited=0.5) == []
    queue.dropped += 1
    assert seconds(relief, 20, waited=0.5, at_s=20) == []  # one picture, once
    queue.backlog = 1.0
    assert seconds(relief, 3, waited=0.5, at_s=40) == [Step.PREVIEW, Step.RATE]


def test_sound_gives_up_nothing_whatever_happens(nowhere: Path) -> None:
    queue = Queue()
    queue.backlog = 1.0
    assert seconds(Relief(queue, Step.NONE, nowhere), 60, waited=0.0) == []


def test_a_new_recording_begins_with_everything(nowhere: Path) -> None:
    relief = Relief(Queue(), Step.SIZE, nowhere)
    seconds(relief, 60, waited=0.0)
    relief.begin()
    assert relief.ease.step is Step.NONE
    assert seconds(relief, 3, waited=0.0, at_s=60) == []


def test_where_other_programs_take_the_processor_the_preview_goes(tmp_path: Path) -> None:
    file = tmp_path / "cpu"
    file.write_text("some avg10=77.50 avg60=10.00 avg300=2.00 total=99\nfull avg10=0.00\n")
    relief = Relief(Queue(), Step.SIZE, file)
    assert seconds(relief, 60, waited=0.8) == []  # and here is time enough
    assert seconds(relief, 60, waited=0.2, at_s=60) == [Step.PREVIEW]
    assert "78 %" in relief.ease.why


@pytest.mark.parametrize("text", ["", "nonsense", "full avg10=1.00"])
def test_a_kernel_that_counts_no_pressure_has_none(tmp_path: Path, text: str) -> None:
    file = tmp_path / "cpu"
    assert cpu_pressure(file) is None
    file.write_text(text)
    assert cpu_pressure(file) is None


@pytest.mark.parametrize(
    ("media", "delivers", "still", "most"),
    [
        ("audio", "frames", False, Step.NONE),
        ("video", "h264", False, Step.PREVIEW),
        ("video", "mjpeg", True, Step.RATE),
        ("video", "mjpeg", False, Step.SIZE),
    ],
)
def test_each_kind_of_track_gives_up_what_it_can_spare(
    media: str, delivers: str, still: bool, most: Step
) -> None:
    info = SourceInfo(media, "", "", delivers=delivers)  # type: ignore[arg-type]
    assert most_relief(info, still) is most
