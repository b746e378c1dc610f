"""Laws of what a tried device is good for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge_agent.commands.verdict import Tried, remarks, sentences, worst

CAMERA = Tried(
    media="video",
    promised=30.0,
    seconds=3.0,
    samples=90,
    first_ms=300,
    delay_ms=20,
    missing=0,
    per_second=30.0,
    luma=120.0,
    spread=45.0,
    moved=True,
)
MICROPHONE = Tried(
    media="audio",
    promised=48_000,
    seconds=3.0,
    samples=150,
    first_ms=100,
    delay_ms=30,
    missing=0,
    per_second=50.0,
    peak=-14.0,
    rms=-28.0,
)


@pytest.mark.parametrize("tried", [CAMERA, MICROPHONE], ids=lambda it: it.media)
def test_a_device_that_gives_what_it_has_promised_is_good(tried: Tried) -> None:
    [found] = remarks(tried)
    assert (found.grade, found.text) == ("good", "good for a lecture")
    assert worst([found]) == "good"


@pytest.mark.parametrize(
    ("tried", "grade", "text"),
    [
        (replace(CAMERA, per_second=15.0), "doubtful", "15 pictures a second of the 30"),
        (replace(CAMERA, missing=4), "doubtful", "4 pictures are missing of 94"),
        (replace(CAMERA, luma=None, spread=None), "bad", "no picture could be seen"),
        (replace(CAMERA, luma=16.0, spread=1.0), "bad", "the picture is black"),
        (replace(CAMERA, luma=60.0, spread=0.5), "bad", "the picture is of one colour"),
        (replace(CAMERA, luma=40.0, spread=9.0), "doubtful", "very dark"),
        (replace(CAMERA, luma=245.0, spread=9.0), "doubtful", "almost white"),
        (replace(CAMERA, delay_ms=900), "doubtful", "900 ms late"),
        (replace(MICROPHONE, peak=-120.0, rms=-120.0), "bad", "no sound"),
        (replace(MICROPHONE, peak=None, rms=None), "bad", "no sound"),
        (replace(MICROPHONE, peak=-70.0), "doubtful", "hardly a sound"),
        (replace(MICROPHONE, peak=-0.2), "doubtful", "too loud"),
        (replace(MICROPHONE, missing=24_000), "doubtful", "0.50 s of sound are missing"),
        (replace(MICROPHONE, drift_ppm=-900.0), "doubtful", "-900 ppm"),
    ],
)
def test_what_is_wrong_is_told_with_the_next_step(tried: Tried, grade: str, text: str) -> None:
    [found] = remarks(tried)
    assert found.grade == grade
    assert text in found.text
    assert found.hint


def test_the_worst_remark_decides() -> None:
    found = remarks(replace(MICROPHONE, peak=-120.0, missing=480))
    assert [each.grade for each in found] == ["bad", "doubtful"]
    assert worst(found) == "bad"
    assert worst(found[1:]) == "doubtful"


def test_one_picture_is_no_rate() -> None:
    """A screen that stands still, a camera that was watched for half a second."""
    assert worst(remarks(replace(CAMERA, samples=1, per_second=0.0))) == "good"


def test_the_measures_are_told_in_words() -> None:
    assert sentences(replace(CAMERA, missing=2)) == [
        "30 pictures a second of 30",
        "brightness 120 of 255, it moves",
        "90 in 3 s, 2 missing, 20 ms behind",
    ]
    assert sentences(replace(MICROPHONE, drift_ppm=12.0))[:2] == [
        "loudest -14 dBFS, mean -28 dBFS",
        "its clock is off by +12 ppm",
    ]
    assert sentences(replace(MICROPHONE, peak=-120.0, rms=-120.0))[0] == "digital silence"
