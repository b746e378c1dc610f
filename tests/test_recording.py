"""Laws of cutting sound at the sample."""

from __future__ import annotations

import av
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from capture.source import NS, TIME_BASE
from edge_agent.recording import cut_sound

RATE = 48_000


def block(samples: int, channels: int = 1) -> av.AudioFrame:
    """Samples numbered 0, 1, 2 … on each channel."""
    data = np.repeat(np.arange(samples, dtype=np.int16), channels).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(data, "s16", "mono" if channels == 1 else "stereo")
    frame.sample_rate, frame.pts, frame.time_base = RATE, 77, TIME_BASE
    return frame


def numbers(frame: av.AudioFrame | None) -> list[int]:
    if frame is None:
        return []
    return [int(n) for n in frame.to_ndarray().reshape(-1, frame.layout.nb_channels)[:, 0]]


def test_a_block_inside_is_taken_whole_and_the_original_stays_as_it_was() -> None:
    frame = block(960)
    cut = cut_sound(frame, 5 * NS, NS, None)
    assert numbers(cut) == list(range(960))
    assert cut is not None
    assert (cut.pts, frame.pts) == (5 * NS, 77)


def test_the_first_sample_is_the_first_at_or_after_the_start() -> None:
    cut = cut_sound(block(480), 0, 5 * NS // 1000, None)  # 5 ms are 240 samples
    assert numbers(cut) == list(range(240, 480))
    assert cut is not None
    assert cut.pts == 5 * NS // 1000


def test_sound_before_the_start_or_after_the_end_is_not_taken() -> None:
    assert cut_sound(block(480), 0, NS, None) is None
    assert cut_sound(block(480), NS, 0, NS) is None


@given(
    st.integers(1, 2000),
    st.integers(1, 2),
    st.integers(-NS // 10, NS // 10),
    st.integers(-NS // 10, NS // 10),
)
def test_two_cuts_at_one_instant_share_no_sample_and_lose_none(
    samples: int, channels: int, at_ns: int, border_ns: int
) -> None:
    before = cut_sound(block(samples, channels), at_ns, -NS, border_ns)
    after = cut_sound(block(samples, channels), at_ns, border_ns, NS)
    both = numbers(before) + numbers(after)
    missing = set(range(samples)) - set(both)
    assert both == sorted(set(both))
    assert len(missing) <= 1  # the sample that the border lies in belongs to neither side
