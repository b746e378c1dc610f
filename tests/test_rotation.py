"""When segments end and key frames are asked for."""

from __future__ import annotations

import pytest

from encoders.rotation import FRAGMENT_NS, SECOND, Rotation, fragment_full


def test_the_first_packet_opens_a_segment_whatever_it_is() -> None:
    assert Rotation().opens_segment(5 * SECOND, is_keyframe=False)


@pytest.mark.parametrize(
    ("age_s", "key", "opens"),
    [
        (9.9, True, False),
        (10, True, True),
        (10, False, False),
        (29.9, False, False),
        (30, False, True),
    ],
)
def test_a_segment_ends_at_a_key_frame_after_10_s_or_anyhow_after_30_s(
    age_s: float, key: bool, opens: bool
) -> None:
    rotation = Rotation()
    rotation.opens_segment(0, is_keyframe=True)
    assert rotation.opens_segment(round(age_s * SECOND), key) is opens


def test_a_key_frame_is_asked_for_once_and_again_only_when_none_came() -> None:
    rotation = Rotation()
    rotation.opens_segment(0, is_keyframe=True)
    asked = [ms for ms in range(0, 12_000, 100) if rotation.keyframe_due(ms * 1_000_000)]
    assert asked == [10_000, 11_000]


def test_no_key_frame_is_asked_for_before_the_first_packet() -> None:
    assert not Rotation().keyframe_due(100 * SECOND)


def test_a_fragment_is_cut_early_enough_to_be_synced_within_the_promise() -> None:
    assert not fragment_full(SECOND, SECOND + FRAGMENT_NS - 1)
    assert FRAGMENT_NS < SECOND
    assert fragment_full(SECOND, SECOND + FRAGMENT_NS)


def test_a_track_of_slides_has_longer_segments_and_key_frames_as_rarely() -> None:
    rotation = Rotation(segment_ns=60 * SECOND)
    assert rotation.opens_segment(0, True)
    assert not rotation.keyframe_due(59 * SECOND)
    assert not rotation.opens_segment(40 * SECOND, False)
    assert rotation.keyframe_due(60 * SECOND)
    assert rotation.opens_segment(60 * SECOND, True)


def test_a_still_track_that_moves_gets_its_key_frame_before_seeking_takes_long() -> None:
    rotation = Rotation(segment_ns=120 * SECOND, most_packets=100)
    for n in range(100):
        assert not rotation.keyframe_due(n * SECOND // 30)
        rotation.opens_segment(n * SECOND // 30, is_keyframe=n == 0)
    assert not rotation.keyframe_due(9 * SECOND)
    assert rotation.keyframe_due(10 * SECOND)
    assert rotation.opens_segment(10 * SECOND, is_keyframe=True)
    assert not rotation.keyframe_due(30 * SECOND)
