"""Peak and RMS of sound."""

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.levels import SILENCE, Level, Meter, measure
from capture.source import NS, TIME_BASE

RATE = 48_000


def frame(samples: np.ndarray, pts: int = 0) -> av.AudioFrame:
    """samples × channels of int16 → a packed frame."""
    layout = "stereo" if samples.shape[1] == 2 else "mono"
    packed = np.ascontiguousarray(samples.reshape(1, -1))
    made = av.AudioFrame.from_ndarray(packed, format="s16", layout=layout)
    made.sample_rate, made.pts, made.time_base = RATE, pts, TIME_BASE
    return made


def sine(amplitude: float, seconds: float = 0.1, channels: int = 1) -> np.ndarray:
    wave = amplitude * np.sin(2 * np.pi * 1000 * np.arange(round(seconds * RATE)) / RATE)
    return np.repeat(
        np.rint(wave * 32768).clip(-32768, 32767).astype(np.int16)[:, None], channels, 1
    )


@pytest.mark.parametrize(
    ("amplitude", "peak", "rms"),
    [(1.0, 0.0, -3.01), (0.5, -6.02, -9.03), (0.1, -20.0, -23.01), (0.001, -60.0, -63.0)],
)
def test_a_sine_has_its_amplitude_as_peak_and_3_db_less_as_rms(amplitude, peak, rms) -> None:
    assert measure(sine(amplitude)) == pytest.approx((peak, rms), abs=0.3)


def test_digital_silence_is_minus_120() -> None:
    assert measure(np.zeros((4800, 1), np.int16)) == (SILENCE, SILENCE)
    assert measure(np.zeros((0, 2), np.int16)) == (SILENCE, SILENCE)


def test_the_louder_channel_counts() -> None:
    both = sine(0.5, channels=2)
    both[:, 0] = 0
    assert measure(both) == pytest.approx((-6.02, -9.03), abs=0.1)


def test_only_a_cut_off_peak_is_clipped() -> None:
    assert Level(0, *measure(sine(1.2))).clipped
    assert not Level(0, *measure(sine(0.9))).clipped


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=40))
def test_blocks_are_100_ms_however_the_frames_are_cut(lengths: list[int]) -> None:
    meter, at, levels = Meter(RATE), 0, []
    for length in lengths:
        levels += meter.add(frame(sine(0.5, length / RATE), pts=at * NS // RATE))
        at += length
    assert len(levels) == at // 4800
    for number, level in enumerate(levels):
        assert level.pts == pytest.approx(number * NS // 10, abs=50_000)


@given(st.lists(st.integers(-32768, 32767), min_size=1, max_size=200))
def test_the_rms_never_exceeds_the_peak_nor_the_peak_full_scale(values: list[int]) -> None:
    peak, rms = measure(np.array(values, np.int16)[:, None])
    assert SILENCE <= rms <= peak + 1e-9
    assert peak <= 0.0
