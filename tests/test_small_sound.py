"""Small sound in pieces is the sound itself: in place to the sample, and no seam can be heard."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from encoders.encoder import AUDIO_RATE
from encoders.pieces import PieceError, read_piece
from encoders.renditions import Recipe, make
from encoders.small_sound import Samples, SoundSpec, pieces_of_sound, read_sound, seam, sound_piece
from tests.chromium import play

LENGTH_S = 190
PIECES = 3
SPECS = [SoundSpec("libopus", 24), SoundSpec("aac", 40)]


def voice(length_s: int) -> Samples:
    """Syllables: vowel-like chirps with pauses between, so that a place is found exactly."""
    at = np.arange(length_s * AUDIO_RATE) / AUDIO_RATE
    pitch = 120 + 30 * np.sin(2 * np.pi * 0.7 * at)
    phase = 2 * np.pi * np.cumsum(pitch) / AUDIO_RATE
    loud = 0.5 + 0.5 * np.sign(np.sin(2 * np.pi * 1.9 * at + np.sin(at)))
    wave = sum(np.sin(n * phase + n * n) / n for n in range(1, 12))
    breath = np.random.default_rng(7).normal(0, 0.02, len(at))
    return (0.15 * loud * wave + breath).astype(np.float32)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As the finisher leaves it: AAC in MP4."""
    path = tmp_path_factory.mktemp("sound") / "audio.m4a"
    wave = voice(LENGTH_S)
    with av.open(str(path), "w", format="ipod") as container:
        stream = container.add_stream("aac", rate=AUDIO_RATE, layout="mono", bit_rate=96_000)
        for number in range(len(wave) // 1024 + 1):
            block = np.zeros((1, 1024), np.float32)
            piece = wave[number * 1024 : (number + 1) * 1024]
            block[0, : len(piece)] = piece
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = AUDIO_RATE, number * 1024
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def decoded(path: Path) -> Samples:
    """All samples one after the other, as a player hears them; no stamp is looked at."""
    with av.open(str(path)) as container:
        blocks = [frame.to_ndarray() for frame in container.decode(audio=0)]
    return np.concatenate([block.reshape(-1) for block in blocks]).astype(np.float32)


def small(source: Path, folder: Path, spec: SoundSpec) -> Path:
    name = "a.webm" if spec.codec == "libopus" else "a.mp4"
    recipe = Recipe(name, LENGTH_S * 10**9, None, (source, "x"), None, spec)
    return make(recipe, folder, lambda _: None)


def lag(original: Samples, heard: Samples, second: float) -> int:
    """By how many samples half a second of `heard` comes later than the original."""
    at, size, most = round(second * AUDIO_RATE), AUDIO_RATE // 2, 480
    block = original[at : at + size]
    likeness = [block @ heard[at + k : at + k + size] for k in range(-most, most + 1)]
    return int(np.argmax(likeness)) - most


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.codec)
def test_every_sample_is_in_its_place_and_no_seam_is_worse_than_the_rest(
    spec: SoundSpec, source: Path, tmp_path: Path
) -> None:
    length = LENGTH_S * AUDIO_RATE
    original, heard = read_sound(source, 0, length), decoded(small(source, tmp_path, spec))
    assert pieces_of_sound(spec, length) == PIECES
    assert 0 <= len(heard) - length <= 2 * spec.frame
    assert {lag(original, heard, at) for at in (1, 59.5, 60.2, 90, 119.5, 140.2, 189)} == {0}
    noise = np.sqrt(((heard[:length] - original).reshape(-1, 480) ** 2).mean(axis=1))
    for number in range(1, PIECES):
        at = seam(source, spec, length, number) * spec.frame // 480
        assert noise[at - 50 : at + 50].max() <= np.quantile(noise, 0.999)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.codec)
def test_pieces_made_apart_are_those_made_in_any_order(spec: SoundSpec, source: Path) -> None:
    """A kill between them changes nothing: a piece depends on its number alone."""
    length = LENGTH_S * AUDIO_RATE
    later, again = sound_piece(source, spec, length, 1), sound_piece(source, spec, length, 1)
    assert later == again
    places = [unit.pts for unit in later[1]]
    before = [unit.pts for unit in sound_piece(source, spec, length, 0)[1]]
    assert np.diff([*before, *places]).tolist() == [spec.frame] * (len(before) + len(places) - 1)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.codec)
def test_after_an_hour_sound_is_where_it_was_in_the_first_minute(
    spec: SoundSpec, source: Path
) -> None:
    """Each packet's place comes from its number alone: there is nothing that could add up."""
    hour = 3600 * AUDIO_RATE
    last = pieces_of_sound(spec, hour) - 1
    _, first_units = sound_piece(source, spec, hour, 0)
    _, units = sound_piece(source, spec, hour, last)
    at = seam(source, spec, hour, last)
    delay = -first_units[0].pts
    assert 0 <= delay <= 1024
    assert [unit.pts for unit in units] == [
        (at + number) * spec.frame - delay for number in range(len(units))
    ]
    end = units[-1].pts + spec.frame
    assert hour <= end < hour + spec.frame + 1024


def test_a_piece_of_other_parameters_or_torn_is_not_taken(source: Path, tmp_path: Path) -> None:
    out = small(source, tmp_path, SPECS[0])
    piece = next(out.parent.glob("sound-*.piece"))
    with pytest.raises(PieceError, match="other parameters"):
        list(read_piece(piece, b"others"))
    extradata, _units = sound_piece(source, SPECS[0], LENGTH_S * AUDIO_RATE, 0)
    piece.write_bytes(piece.read_bytes()[:-1])
    with pytest.raises(PieceError, match="torn"):
        list(read_piece(piece, extradata))


def test_a_browser_plays_it_and_jumps_in_it(source: Path, tmp_path: Path) -> None:
    out = small(source, tmp_path, SPECS[0])
    seen = play(out.parent, out.name, rate=16.0)
    assert seen.ended
    assert abs(seen.duration - LENGTH_S) < 0.2
    assert seen.audio_bytes > 100_000
    assert [round(at, 1) for at in seen.seeks] == [0.7, 0.1, 0.9] or seen.seeks[2] > 0.94
