"""What is heard: a voice, how loud it is, how wrong the card's clock is."""

from __future__ import annotations

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from capture.drift import Drift
from capture.hearing import Heard, Hearing
from capture.loudness import NO_PEAK, NOTHING, Loudness
from capture.testsound import TestSound, load_speech

RATE, BLOCK = 48_000, 960
NS = 1_000_000_000
#: Long enough for six seconds of doubt at the beginning to be a small part.
LENGTH_S = 24

Mono = NDArray[np.float64]


def at(sound: Mono, dbfs: float) -> Mono:
    """With this RMS."""
    return sound / np.sqrt((sound**2).mean()) * 10 ** (dbfs / 20)


def seconds(sound: Mono, length: float = LENGTH_S) -> Mono:
    return np.resize(sound, round(length * RATE))


def speech() -> Mono:
    return seconds(load_speech().astype(np.float64))


def fan() -> Mono:
    """Pink noise: as much power in each octave."""
    white = np.fft.rfft(np.random.default_rng(3).normal(size=LENGTH_S * RATE))
    hertz = np.fft.rfftfreq(LENGTH_S * RATE, 1 / RATE)
    return np.asarray(np.fft.irfft(white / np.sqrt(np.maximum(hertz, 20.0))))


def hum() -> Mono:
    return np.sin(2 * np.pi * 120 * np.arange(LENGTH_S * RATE) / RATE)


def music(beats_a_minute: float) -> Mono:
    """Chords with overtones that die away, on each half beat: notes swing as syllables do."""
    song, rng = np.zeros(LENGTH_S * RATE), np.random.default_rng(5)
    time = np.arange(RATE) / RATE
    for start_s in np.arange(0, LENGTH_S - 1, 30 / beats_a_minute):
        first = int(start_s * RATE)
        for hertz in rng.choice([220.0, 261.6, 329.6, 392.0, 440.0, 523.3], 3, replace=False):
            for overtone in range(1, 8):
                wave = np.sin(2 * np.pi * hertz * overtone * time) / overtone
                song[first : first + RATE] += wave * np.exp(-4 * time)
    return song


def melody() -> Mono:
    made = TestSound(channels=1, ppm=0, speech=False, click=False)
    blocks = [made.make(n, dark=False).to_ndarray()[0] for n in range(LENGTH_S * 50)]
    return np.concatenate(blocks).astype(np.float64)


def drum(beats_a_minute: float) -> Mono:
    """Brushes on a snare drum, two in each beat: noise that swings as syllables do."""
    song, rng = np.zeros(LENGTH_S * RATE), np.random.default_rng(7)
    length = RATE // 8
    for start_s in np.arange(0, LENGTH_S - 1, 30 / beats_a_minute):
        first = int(start_s * RATE)
        song[first : first + length] += rng.normal(size=length) * np.exp(-np.arange(length) / 1200)
    return song


def telephoned(sound: Mono) -> Mono:
    """What a narrow microphone or a headset's radio leaves of it: 300 to 3400 Hz."""
    lines = np.fft.rfft(sound)
    hertz = np.fft.rfftfreq(sound.size, 1 / RATE)
    lines[(hertz < 300) | (hertz > 3400)] = 0
    return np.fft.irfft(lines, sound.size)


def echoing(sound: Mono, echo_db: float) -> Mono:
    """In a hall that goes on sounding for 0.6 s; its echo against what comes straight."""
    length = round(0.6 * RATE)
    decay = 10 ** (-3 * np.arange(length) / length)
    hall = np.random.default_rng(2).normal(size=length) * decay
    hall = at(hall, 0) * 10 ** (echo_db / 20) / np.sqrt(length)
    hall[0] = 1.0
    both = 2 * sound.size
    echo = np.fft.irfft(np.fft.rfft(sound, both) * np.fft.rfft(hall, both), both)
    return np.asarray(echo[: sound.size])


def frames(sound: Mono, channels: int = 1) -> list[av.AudioFrame]:
    samples = np.rint(np.clip(sound, -1, 1) * 32767).astype(np.int16)
    made = []
    for number, block in enumerate(samples[: samples.size // BLOCK * BLOCK].reshape(-1, BLOCK)):
        packed = np.repeat(block, channels).reshape(1, -1)
        layout = "stereo" if channels == 2 else "mono"
        frame = av.AudioFrame.from_ndarray(packed, format="s16", layout=layout)
        frame.sample_rate, frame.pts = RATE, number * BLOCK * NS // RATE
        made.append(frame)
    return made


def hear(sound: Mono, channels: int = 1) -> Heard:
    hearing = Hearing(RATE)
    for frame in frames(sound, channels):
        hearing.add(frame)
    return hearing.heard


def share(heard: Heard) -> float:
    return heard.speech_s / heard.heard_s


@pytest.mark.parametrize("dbfs", [-6, -20, -46])
def test_speech_is_a_voice_whether_cut_off_loud_or_faint(dbfs: float) -> None:
    heard = hear(at(speech(), dbfs))
    assert heard.speaking
    assert share(heard) > 0.6  # it is known after four to six seconds
    assert not heard.tonal


@pytest.mark.parametrize("below_db", [15, 10])
def test_speech_is_a_voice_beside_a_fan(below_db: float) -> None:
    assert share(hear(at(speech(), -26) + at(fan(), -26 - below_db))) > 0.6


def test_speech_is_a_voice_through_a_narrow_microphone() -> None:
    assert share(hear(at(telephoned(speech()), -26))) > 0.6


def test_speech_is_a_voice_from_the_far_end_of_a_hall() -> None:
    assert share(hear(at(echoing(speech(), -10), -26))) > 0.6
    assert share(hear(at(echoing(speech(), 0), -26) + at(fan(), -41))) > 0.6


@pytest.mark.parametrize(
    "sound",
    [
        *(hum(), fan(), melody(), np.zeros(20 * RATE)),
        *(music(60), music(90), music(120), music(160), drum(90), drum(140)),
    ],
    ids=["hum", "fan", "melody", "nothing", "60", "90", "120", "160", "drum 90", "drum 140"],
)
def test_what_is_no_speech_is_no_voice(sound: Mono) -> None:
    loud = at(sound, -26) if sound.any() else sound
    assert hear(loud).speech_s == 0


def test_only_a_steady_tone_hums() -> None:
    assert hear(at(hum(), -26)).tonal
    assert not any(hear(at(sound, -26)).tonal for sound in (fan(), melody(), music(90)))


def test_a_voice_ends_within_seconds_of_the_last_word() -> None:
    hearing = Hearing(RATE)
    for frame in frames(np.concatenate([at(speech(), -26), np.zeros(8 * RATE)])):
        hearing.add(frame)
    assert not hearing.heard.speaking
    assert hearing.heard.speech_s < LENGTH_S


@pytest.mark.parametrize("channels", [1, 2])
def test_a_full_sine_has_the_loudness_that_the_standard_says(channels: int) -> None:
    tone = np.sin(2 * np.pi * 997 * np.arange(6 * RATE) / RATE)
    loudness = hear(tone * 10 ** (-20 / 20), channels).loudness
    lufs = -23.0 if channels == 1 else -20.0  # EBU Tech 3341: -23 dBFS in both is -23 LUFS
    for value in (loudness.momentary, loudness.short_term, loudness.integrated):
        assert value == pytest.approx(lufs, abs=0.1)
    assert loudness.true_peak == pytest.approx(-20.0, abs=0.2)


def test_a_peak_between_two_samples_is_seen() -> None:
    """A sine at a quarter of the rate, 45° off, has samples 3 dB below its peaks."""
    time = np.arange(4 * RATE) / RATE
    wave = 0.5 * np.minimum(1, time) * np.sin(2 * np.pi * 12_000 * time + np.pi / 4)
    assert hear(wave).loudness.true_peak == pytest.approx(-6.0, abs=0.3)
    assert 20 * np.log10(np.abs(wave).max()) < -8.9


def test_digital_silence_has_no_loudness() -> None:
    assert hear(np.zeros(2 * RATE)).loudness == Loudness(NOTHING, NOTHING, NOTHING, NO_PEAK)


def test_a_recording_counts_anew_and_still_knows_who_speaks() -> None:
    hearing = Hearing(RATE)
    for frame in frames(at(speech(), -10)):
        hearing.add(frame)
    hearing.begin()
    assert hearing.heard.speaking
    assert (hearing.heard.speech_s, hearing.heard.heard_s) == (0, 0)
    for frame in frames(at(speech()[: 4 * RATE], -40)):
        hearing.add(frame)
    assert hearing.heard.loudness.integrated < -30
    assert hearing.heard.speech_s == pytest.approx(4, abs=0.2)


def test_clipping_is_the_share_of_the_last_three_seconds() -> None:
    square = np.sign(np.sin(2 * np.pi * 100 * np.arange(4 * RATE) / RATE))
    assert hear(square).clipped > 0.9
    assert hear(np.concatenate([square, 0.5 * square])).clipped == 0


def test_the_stamps_of_what_is_heard_stay_as_they_are() -> None:
    frame = frames(at(speech(), -26))[7]
    Hearing(RATE).add(frame)
    assert frame.pts == 7 * BLOCK * NS // RATE


def drifted(ppm: float, length_s: float, hole_s: float = 0.0) -> Drift:
    """Blocks of a card that is `ppm` fast, stamped up to a millisecond late, a hole in between."""
    drift, rng = Drift(RATE), np.random.default_rng(1)
    rate = RATE * (1 + ppm * 1e-6)
    for number in range(int(length_s * rate / BLOCK)):
        begin_s = number * BLOCK / rate
        begin_s += hole_s if begin_s > length_s / 2 else 0.0
        drift.add(round((begin_s + rng.uniform(0, 1e-3)) * NS), BLOCK)
    return drift


@pytest.mark.parametrize("ppm", [-1400, -30, 0, 250])
@pytest.mark.parametrize("hole_s", [0.0, 0.5, 100.0])
def test_ten_minutes_tell_the_drift_whatever_is_missing(ppm: float, hole_s: float) -> None:
    assert drifted(ppm, 600, hole_s).ppm == pytest.approx(ppm, abs=5)


def test_less_than_a_minute_tells_nothing() -> None:
    assert drifted(-1400, 60).ppm is None
    assert drifted(-1400, 75).ppm is not None
