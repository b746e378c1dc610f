"""Is somebody speaking? Google's voice detector alone calls a humming cable a voice, and music too.

So more is asked of the last three seconds, and weighed together, since a voice in a hall that
echoes has less of each. Syllables (the level between 300 and 3400 Hz swings three to eight times a
second) and pauses speak for a voice. Against it speak what music has: lines in the spectrum that
stay, a beat that comes again, high and low that sound together. Where somebody speaks, what is
above 4 kHz are consonants, and those come between the vowels; a drum is struck with its note, and
what is cut off hisses by itself. One look is not believed: two thirds of the looks of the last six
seconds must agree. So a voice is known after four to six seconds.

The weights were fitted to speech in seven languages by a synthesizer, of three people over the
telephone and one on a stage, clean, with the noise of a fan 10 and 15 dB below and in an echoing
room, against 38 pieces of music, noises and tones. How well it hears others: docs/performance.md.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATE = 48_000
BLOCK = 960  # samples: 20 ms, a length that the detector takes
BLOCK_S = BLOCK / RATE
WINDOW = 150  # blocks: three seconds
HOP = 25  # blocks between two looks: half a second
LOOKS, AGREEING = 12, 8  # of the last six seconds
AGGRESSIVENESS = 2  # of the detector, 0 to 3
#: 16-bit samples from here on (-0.2 dBFS) have most likely been cut off.
CUT_OFF = 32_021

LOW_HZ, HIGH_HZ = 300.0, 3400.0
SLOWEST_HZ, FASTEST_HZ = 3.0, 8.0  # of syllables
LAG = 3  # blocks: a voice glides on within 60 ms, a note stays
QUICKEST_BEAT, SLOWEST_BEAT = 12, 60  # blocks: 250 to 50 beats a minute
LINE = 4.0  # times as strong as the spectrum is on the (geometric) average
FAINT = -70.0  # dBFS in the band: below it nothing is judged

LEAST_VOICED = 0.4  # of the blocks, as the detector says
LEAST_SPREAD = 6.0  # equally strong bands of 50 Hz
MOST_HISS = 0.6
LEAST_LIKE_SPEECH = 0.8
MOST_HUM_SPREAD = 4.0
MOST_HUM_MODULATION = 0.05

_HZ = np.fft.rfftfreq(BLOCK, 1 / RATE)
_BAND = (_HZ >= LOW_HZ) & (_HZ <= HIGH_HZ)
_SHAPE = (_HZ >= 200.0) & (_HZ <= 4000.0)
_VOWELS = (_HZ >= 300.0) & (_HZ <= 1000.0)
_UPPER = (_HZ >= 1500.0) & (_HZ <= 3400.0)
_HISSING = (_HZ > 4000.0) & (_HZ <= 12_000.0)
_LOWEST = (_HZ >= 40.0) & (_HZ <= 4000.0)  # where mains hum lives, with its overtones
_TAPER = np.hanning(BLOCK)
_WINDOW_TAPER = np.hanning(WINDOW)
_WINDOW_HZ = np.fft.rfftfreq(WINDOW, BLOCK_S)
_SYLLABLES = (_WINDOW_HZ >= SLOWEST_HZ) & (_WINDOW_HZ <= FASTEST_HZ)

Powers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Features:
    """What three seconds of sound are like."""

    level: float  # dBFS in the band of speech
    voiced: float
    modulation: float  # of the mean level
    pauses: float  # share of the blocks below half the mean level
    hiss: float  # correlation of what is above 4 kHz with the band of speech
    bands: float  # … and of 300 to 1000 Hz with 1500 to 3400 Hz
    beat: float  # correlation of the level with itself, a beat later
    lines: float  # share of the spectrum's lines that have stayed where they were
    spread: float
    hum_spread: float  # as `spread`, with the low frequencies

    @property
    def like_speech(self) -> float:
        return (
            8.3 * self.modulation
            + 17.0 * self.pauses
            - 6.7 * self.hiss
            - 2.0 * self.bands
            - 5.7 * self.beat
            - 14.0 * self.lines
        )


def features(voiced: NDArray[np.bool_], powers: Powers, cut: NDArray[np.bool_]) -> Features:
    """Of `WINDOW` blocks: the detector's word, the power spectrum, and whether samples were cut
    off, which hisses itself."""
    level, whole = _level(powers, _BAND), ~cut
    mean = float(level.mean()) + 1e-12
    swing = np.abs(np.fft.rfft((level - mean) * _WINDOW_TAPER))[_SYLLABLES]
    return Features(
        level=20 * float(np.log10(mean)),
        voiced=float(voiced.mean()),
        modulation=float(np.sqrt(2 * (swing**2).sum() / 0.375) / WINDOW) / mean,
        pauses=float((level < 0.5 * mean).mean()),
        hiss=_together(_level(powers, _HISSING)[whole], level[whole]),
        bands=_together(_level(powers, _VOWELS), _level(powers, _UPPER)),
        beat=_beat(level - mean),
        lines=_lines(powers[:, _SHAPE], level > 0.5 * mean),
        spread=_spread(powers[:, _SHAPE]),
        hum_spread=_spread(powers[:, _LOWEST]),
    )


def is_voice(it: Features) -> bool:
    """Whether these three seconds sound like a person who speaks."""
    return (
        it.level > FAINT
        and it.voiced >= LEAST_VOICED
        and it.spread >= LEAST_SPREAD
        and it.hiss <= MOST_HISS
        and it.like_speech >= LEAST_LIKE_SPEECH
    )


def is_tonal(it: Features) -> bool:
    """A steady tone with few overtones: a cable that hums."""
    return it.hum_spread <= MOST_HUM_SPREAD and it.modulation <= MOST_HUM_MODULATION


class SpeechMeter:
    """Feed it 48 kHz mono; it remembers the last seconds and counts those with a voice."""

    def __init__(self) -> None:
        import webrtcvad  # loads much of the standard library: not for recorders of pictures

        self._detector = webrtcvad.Vad(AGGRESSIVENESS)
        self._rest: NDArray[np.int16] = np.zeros(0, np.int16)
        self._voiced: deque[bool] = deque(maxlen=WINDOW)
        self._powers: deque[Powers] = deque(maxlen=WINDOW)
        self._cut: deque[bool] = deque(maxlen=WINDOW)
        self._looks: deque[bool] = deque(maxlen=LOOKS)
        self._since_look = 0
        #: Somebody speaks, or did a moment ago.
        self.speaking = False
        self.tonal = False
        #: Seconds of sound since `count_anew`, and of a voice among them.
        self.heard_s = 0.0
        self.speech_s = 0.0

    def count_anew(self) -> None:
        """The counts begin again; what is going on is still known."""
        self.heard_s = self.speech_s = 0.0

    def add(self, samples: NDArray[np.int16]) -> None:
        """The next samples, however many."""
        held = np.concatenate([self._rest, samples]) if self._rest.size else samples
        whole = held.size // BLOCK * BLOCK
        for block in held[:whole].reshape(-1, BLOCK):
            self._add_block(block)
        self._rest = held[whole:]

    def _add_block(self, block: NDArray[np.int16]) -> None:
        self._voiced.append(self._detector.is_speech(block.tobytes(), RATE))
        self._cut.append(bool(block.max() >= CUT_OFF or block.min() <= -CUT_OFF))
        spectrum = np.fft.rfft(block * (_TAPER / 32768.0))
        self._powers.append((spectrum.real**2 + spectrum.imag**2) / _SCALE)
        self._since_look += 1
        if self._since_look >= HOP and len(self._powers) == WINDOW:
            self._look()
        self.heard_s += BLOCK_S
        self.speech_s += BLOCK_S if self.speaking else 0.0

    def _look(self) -> None:
        self._since_look = 0
        it = features(np.array(self._voiced), np.array(self._powers), np.array(self._cut))
        self._looks.append(is_voice(it))
        self.speaking = sum(self._looks) >= AGREEING
        self.tonal = is_tonal(it)


#: A sine of full scale gives 0 dB: its power lies in one bin, spread by the taper.
_SCALE = float((_TAPER**2).sum()) * BLOCK / 4


def _level(powers: Powers, band: NDArray[np.bool_]) -> Powers:
    """Of each block."""
    return np.asarray(np.sqrt(powers[:, band].sum(axis=1)))


def _together(one: Powers, other: Powers) -> float:
    """Correlation: 1.0 when both rise and fall alike, 0.0 also where little is known of them."""
    if one.size < WINDOW // 3:
        return 0.0
    one, other = one - one.mean(), other - other.mean()
    return float((one * other).sum() / (np.sqrt((one**2).sum() * (other**2).sum()) + 1e-30))


def _beat(swing: Powers) -> float:
    """The best correlation of a level about its mean with what it was a beat before."""
    power = np.abs(np.fft.rfft(swing, 2 * WINDOW)) ** 2
    alike = np.fft.irfft(power)[:WINDOW]
    alike /= (alike[0] + 1e-30) * (1 - np.arange(WINDOW) / WINDOW)
    return float(alike[QUICKEST_BEAT:SLOWEST_BEAT].max())


def _lines(powers: Powers, loud: NDArray[np.bool_]) -> float:
    """Of the spectrum's peaks in loud blocks, how many were there `LAG` blocks before."""
    usual = np.exp(np.log(powers + 1e-15).mean(axis=1, keepdims=True))
    inner = powers[:, 1:-1]
    peaks = (inner > powers[:, :-2]) & (inner > powers[:, 2:]) & (inner > LINE * usual)
    stayed = (peaks[LAG:] & peaks[:-LAG]).sum(axis=1) / (peaks[LAG:].sum(axis=1) + 1e-9)
    return float(stayed[loud[LAG:]].mean()) if loud[LAG:].any() else 1.0


def _spread(powers: Powers) -> float:
    """How many equally strong bins the mean spectrum is worth."""
    share = powers.mean(axis=0)
    share = share / (share.sum() + 1e-18)
    return float(np.exp(-(share * np.log(share + 1e-18)).sum()))
