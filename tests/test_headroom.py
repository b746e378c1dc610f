"""Laws of how much work the pictures of a room may be."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.encoder_book import Book, load, save
from encoders.headroom import (
    EFFORTS,
    FREE,
    LEAST_SPEED,
    Effort,
    Fit,
    Load,
    Track,
    at_once,
    choose,
    fit,
    words,
)
from encoders.load import Crowd, Request, request_for


def soft(cpu: float, speed: float = 1.0, track: str = "camera") -> Load:
    return Load(track, cpu, speed)


CARD = Load("slides", cpu=0.05, speed=8.0, software=False)


@pytest.mark.parametrize(
    ("loads", "processors", "fits", "reason"),
    [
        ([soft(0.6)], 1, True, "leaves 40% of the processors free"),
        ([soft(0.66)], 1, False, "leaves 34% of the processors free, and 35% are wanted"),
        ([soft(0.6), soft(0.6)], 1, False, "leaves 0% of the processors free, and 35% are wanted"),
        ([soft(0.6), soft(0.6)], 2, True, "leaves 40% of the processors free"),
        # Software that shares the processor is slow while all run at full speed: cost counts.
        ([soft(0.5, speed=0.3)], 2, True, "leaves 75% of the processors free"),
        ([soft(0.5), CARD], 1, True, "leaves 45% of the processors free"),
        (
            [Load("slides", 0.05, LEAST_SPEED - 0.1, software=False)],
            4,
            False,
            "slides is encoded at 1.1 × real time only",
        ),
        (
            [Load("slides", error="cannot be encoded: no card")],
            4,
            False,
            "slides cannot be encoded: no card",
        ),
    ],
)
def test_a_third_of_all_processors_stays_free(
    loads: list[Load], processors: int, fits: bool, reason: str
) -> None:
    found = fit(Effort(), loads, processors)
    assert (found.fits, found.reason) == (fits, reason)


def test_the_first_effort_that_fits_is_chosen_else_the_cheapest() -> None:
    fits = [Fit(effort, number >= 2, 0.5, "") for number, effort in enumerate(EFFORTS)]
    assert choose(fits).effort == EFFORTS[2]
    assert choose([Fit(effort, False, 0.9, "") for effort in EFFORTS]).effort == EFFORTS[-1]
    with pytest.raises(ValueError, match="nothing was measured"):
        choose([])


def test_each_effort_is_less_work_than_the_one_before_and_has_its_words() -> None:
    assert EFFORTS[0] == Effort()
    assert len({words(effort) for effort in EFFORTS}) == len(EFFORTS)
    given_up = [(effort.preset != "veryfast", effort.sparse, effort.small) for effort in EFFORTS]
    assert given_up == sorted(given_up)


@pytest.mark.parametrize(
    ("cpu", "processors", "count"), [(0.3, 2, 4), (0.65, 1, 1), (1.0, 1, 0), (0.0, 1, 65)]
)
def test_how_many_such_tracks_go_at_once(cpu: float, processors: int, count: int) -> None:
    assert at_once([soft(cpu), soft(cpu)], processors) == count
    assert count * max(cpu, 0.01) <= processors * (1 - FREE)


def test_tracks_are_measured_together_and_less_effort_costs_less() -> None:
    track = Track("camera", 640, 360, 30.0, jpeg=True)
    tracks = [("camera", request_for(track, Effort(), (640, 360)))]
    sparing = request_for(track, EFFORTS[-1], (426, 240))
    assert (sparing.fps, sparing.preset) == (15.0, "ultrafast")
    dear, cheap = Crowd().measure([*tracks, ("sparing", sparing)])
    assert (dear.track, cheap.track) == ("camera", "sparing")
    assert dear.error == cheap.error == ""
    assert 0 < cheap.cpu < dear.cpu
    assert dear.speed > 0


def test_a_track_that_cannot_be_measured_has_its_reason() -> None:
    missing = Request("h264_nvenc", 320, 240, 30.0, "veryfast", False)
    [load] = Crowd().measure([("camera", missing)])
    assert "h264_nvenc" in load.error
    long = Request("libx264", 1920, 1080, 30.0, "veryslow", False)
    [late] = Crowd(deadline_s=0.0).measure([("camera", long)])
    assert "took more than 0 s" in late.error


def test_the_book_keeps_what_was_found_and_forgives_another_versions(tmp_path: Path) -> None:
    book = Book({"kernel": "6"}, "", ()).with_headroom({"effort": {"preset": "ultrafast"}})
    save(tmp_path / "book", book)
    assert load(tmp_path / "book", {"kernel": "6"}).effort() == Effort("ultrafast")
    assert load(tmp_path / "book", {"kernel": "7"}).effort() == Effort()
    assert book.with_headroom({"effort": {"magic": 1}}).effort() == Effort()
    assert book.with_verdicts("h264", [], "now").effort() == Effort("ultrafast")
