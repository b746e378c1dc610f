"""Choosing a camera mode."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.modes import DEFAULT_FORMATS, Mode, Wanted, choose_mode, describe

WEBCAM = (
    Mode("raw", 640, 480, 30, "yuyv422"),
    Mode("raw", 1280, 720, 10, "yuyv422"),
    Mode("raw", 1920, 1080, 5, "yuyv422"),
    Mode("mjpeg", 640, 480, 30),
    Mode("mjpeg", 1280, 720, 30),
    Mode("mjpeg", 1280, 720, 60),
    Mode("mjpeg", 1920, 1080, 30),
    Mode("mjpeg", 3840, 2160, 30),
    Mode("h264", 1920, 1080, 30),
)


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        (Wanted(), "mjpeg 1920×1080 30/s"),  # never more than full HD unasked
        (Wanted(size=(1280, 720)), "mjpeg 1280×720 30/s"),
        (Wanted(size=(1280, 720), fps=60), "mjpeg 1280×720 60/s"),
        (Wanted(size=(1280, 720), fps=50), "mjpeg 1280×720 60/s"),  # the next above
        (Wanted(size=(1280, 720), fps=10), "raw (yuyv422) 1280×720 10/s"),  # exactly enough
        (Wanted(size=(640, 480)), "mjpeg 640×480 30/s"),
        (Wanted(("raw", "mjpeg"), (640, 480)), "raw (yuyv422) 640×480 30/s"),
        (Wanted(("raw",), (1280, 720), 30), "raw (yuyv422) 1280×720 10/s"),  # as fast as it can
        (Wanted(("h264",)), "h264 1920×1080 30/s"),
        (Wanted(size=(1024, 768)), "mjpeg 640×480 30/s"),  # the largest inside
        (Wanted(size=(320, 240)), "mjpeg 640×480 30/s"),  # or the smallest around
        (Wanted(size=(3840, 2160)), "mjpeg 3840×2160 30/s"),
    ],
)
def test_the_mode_nearest_to_what_is_wanted_is_chosen(wanted: Wanted, chosen: str) -> None:
    assert str(choose_mode(WEBCAM, wanted)) == chosen


def test_a_wanted_format_that_is_not_offered_gives_no_mode() -> None:
    assert choose_mode(WEBCAM[:7], Wanted(("h264",))) is None
    assert choose_mode((), Wanted()) is None


def test_the_modes_are_told_by_format_and_size() -> None:
    told = describe(WEBCAM)
    assert "mjpeg 1280×720 at 60/30" in told
    assert told.count("1280×720") == 2


modes = st.builds(
    Mode,
    st.sampled_from(DEFAULT_FORMATS),
    st.integers(16, 8000),
    st.integers(16, 8000),
    st.floats(1, 240),
    st.sampled_from(("", "nv12", "bgr24")),
)
wishes = st.builds(
    Wanted,
    st.permutations(DEFAULT_FORMATS).map(tuple),
    st.none() | st.tuples(st.integers(16, 8000), st.integers(16, 8000)),
    st.none() | st.floats(1, 240),
)


@given(st.lists(modes, min_size=1), wishes, st.randoms())
def test_the_choice_is_offered_and_does_not_depend_on_the_order(offered, wanted, random) -> None:
    chosen = choose_mode(offered, wanted)
    assert chosen in offered
    shuffled = list(offered)
    random.shuffle(shuffled)
    assert choose_mode(shuffled, wanted) == chosen


@given(st.lists(modes, min_size=1), modes)
def test_exactly_what_is_wanted_wins(offered: list[Mode], exact: Mode) -> None:
    chosen = choose_mode(
        [*offered, exact], Wanted((exact.format,), (exact.width, exact.height), exact.fps)
    )
    assert chosen is not None
    assert (chosen.format, chosen.width, chosen.height) == (exact.format, exact.width, exact.height)
    assert chosen.fps == pytest.approx(exact.fps, rel=0.021)
