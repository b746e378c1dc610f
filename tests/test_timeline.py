"""Package time: pauses vanish for all, single tracks keep their holes, nothing is invented."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.rules.timeline import (
    COLLAPSE_NS,
    SEAM_NS,
    SECOND,
    START_NS,
    Cause,
    Gap,
    Span,
    Timeline,
    build,
    gaps,
    holes,
    merge,
)


def at(value: float) -> int:
    return START_NS + round(value * SECOND)


def span(start: float, end: float) -> Span:
    return Span(at(start), at(end))


def built(*tracks: list[Span], end: float | None = None) -> Timeline:
    line = build(tracks, START_NS, None if end is None else at(end))
    assert line is not None
    return line


def test_without_media_there_is_no_time_line() -> None:
    assert build([]) is None
    assert build([[], [Span(5, 5)]]) is None


def test_an_unbroken_lecture_starts_at_zero_and_keeps_its_length() -> None:
    line = built([span(0, 3600)], [span(0.2, 3599.9)], end=3600)
    assert line.at(START_NS) == 0
    assert line.duration_ns == 3600 * SECOND
    assert line.cuts == ()


def test_a_pause_vanishes_but_for_a_seam() -> None:
    line = built([span(0, 10), span(70, 80)], [span(0, 10), span(70, 80)])
    assert line.duration_ns == 20 * SECOND + SEAM_NS
    assert line.at(at(10)) == 10 * SECOND
    assert line.at(at(40)) == line.at(at(70)) == 10 * SECOND + SEAM_NS


def test_two_pauses_add_up() -> None:
    line = built([span(0, 10), span(70, 80), span(100, 101)])
    assert line.at(at(101)) == 21 * SECOND + 2 * SEAM_NS


def test_a_hole_of_one_track_stays_when_another_has_media() -> None:
    line = built([span(0, 10), span(40, 50)], [span(0, 50)])
    assert line.cuts == ()
    assert line.duration_ns == 50 * SECOND


def test_a_hole_of_a_second_is_not_worth_collapsing() -> None:
    assert built([span(0, 10), span(11, 20)]).cuts == ()


def test_waiting_for_devices_before_the_first_media_is_left_out() -> None:
    line = built([span(5, 20)], [span(5.3, 20)], end=20)
    assert line.at(at(5)) == 0
    assert line.duration_ns == 15 * SECOND


def test_a_little_late_is_no_reason_to_move_zero() -> None:
    assert built([span(0.4, 20)]).at(at(0.4)) == 400_000_000


def test_an_empty_end_is_left_out_and_a_short_one_is_kept() -> None:
    assert built([span(0, 10)], end=60).duration_ns == 10 * SECOND
    assert built([span(0, 10)], end=10.5).duration_ns == round(10.5 * SECOND)


def test_media_outside_of_the_limits_is_never_cut_off() -> None:
    line = built([span(-0.5, 12)], end=10)
    assert line.at(at(-0.5)) == 0
    assert line.duration_ns == round(12.5 * SECOND)


def test_spans_that_touch_are_one() -> None:
    assert merge([span(5, 6), span(0, 5), span(5.5, 7)]) == [span(0, 7)]
    assert merge([span(0, 1), span(1.1, 2)], join_ns=SECOND) == [span(0, 2)]


def test_holes_are_what_spans_leave() -> None:
    found = holes([span(1, 2), span(3, 4)], at(0), at(6))
    assert found == [span(0, 1), span(2, 3), span(4, 6)]


def found_gaps(
    track: list[Span], other: list[Span], causes: list[Cause], end: float
) -> list[tuple[float, float, str, bool]]:
    line = built(track, other, end=end)
    result = gaps(line, "cam", track, causes, START_NS, at(end))
    return [_readable(gap) for gap in result]


def _readable(gap: Gap) -> tuple[float, float, str, bool]:
    start, end = gap.start_ns - START_NS, gap.end_ns - START_NS
    return (start / SECOND, end / SECOND, gap.cause, gap.collapsed)


def test_a_gap_tells_its_cause() -> None:
    causes = [Cause("cam", at(9), at(21), "unplugged"), Cause("mic", at(9), at(21), "muted")]
    assert found_gaps([span(0, 10), span(20, 30)], [span(0, 30)], causes, 30) == [
        (10, 20, "unplugged", False)
    ]


def test_a_gap_nobody_can_explain_says_so() -> None:
    assert found_gaps([span(0, 10), span(20, 30)], [span(0, 30)], [], 30)[0][2] == "unknown"


def test_the_cause_that_covers_most_of_a_gap_wins_and_the_tracks_own_before_the_lectures() -> None:
    causes = [
        Cause(None, at(10), at(12), "pause"),
        Cause(None, at(10), None, "power cut"),
        Cause("cam", at(10), at(20), "crashed"),
    ]
    assert found_gaps([span(0, 10), span(20, 30)], [span(0, 30)], causes, 30)[0][2] == "crashed"
    assert found_gaps([span(0, 10)], [span(0, 30)], causes, 30)[0][2] == "power cut"


def test_a_collapsed_gap_is_marked_and_split_from_the_part_that_stays() -> None:
    track, other = [span(0, 10), span(70, 80)], [span(0, 20), span(60, 80)]
    assert found_gaps(track, other, [Cause(None, at(20), at(60), "pause")], 80) == [
        (10, 20, "unknown", False),
        (20, 60, "pause", True),
        (60, 70, "unknown", False),
    ]


def test_a_track_that_never_came_has_one_gap() -> None:
    assert found_gaps([], [span(0, 30)], [], 30) == [(0, 30, "unknown", False)]


def test_restarts_faster_than_a_blink_are_not_gaps() -> None:
    assert found_gaps([span(0, 10), span(10.1, 30)], [span(0, 30)], [], 30) == []


spans = st.lists(
    st.tuples(st.integers(0, 600), st.integers(1, 200)).map(lambda t: span(t[0], t[0] + t[1])),
    max_size=6,
)


@given(tracks=st.lists(spans, min_size=1, max_size=3), end=st.integers(0, 900))
def test_package_time_never_goes_back_and_media_keep_their_length(
    tracks: list[list[Span]], end: int
) -> None:
    line = build(tracks, START_NS, at(end))
    if line is None:
        return
    moments = sorted({ns for track in tracks for s in track for ns in (s.start_ns, s.end_ns)})
    mapped = [line.at(ns) for ns in moments]
    assert mapped == sorted(mapped)
    assert mapped[0] >= 0
    assert mapped[-1] <= line.duration_ns
    for track in tracks:
        for one in track:
            assert line.at(one.end_ns) - line.at(one.start_ns) == one.end_ns - one.start_ns
    assert all(cut.end_ns - cut.start_ns > COLLAPSE_NS for cut in line.cuts)
