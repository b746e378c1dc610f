"""Another microphone stands in where the main one was dead, and nothing is lost by it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import av
import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.finish_messages import FinishJob, Packaged, TrackWarning
from edge_agent.finisher import finish
from edge_agent.rules.guards import DIGITAL_SILENCE, NO_SAMPLES
from edge_agent.rules.package import SPARE_PRIORITY
from edge_agent.rules.stand_in import BACK_NS, DEAD, LEAST_NS, NOT_RECORDED, Warned, stand_ins
from edge_agent.rules.timeline import SECOND, Span, merge
from edge_agent.rules.voices import HUM, NOBODY, TOO_LOUD, TOO_QUIET, WENT_SILENT
from edge_agent.verify import verify_package
from encoders.boxes import samples
from encoders.encoder import AUDIO_FRAME, AUDIO_RATE
from tests.lecture_maker import job, record_pictures, record_sound, seconds

CAM = ("cam", "presenter/source", "video")
MIC = ("mic", "presenter/source", "audio")
ROOM = ("aback", "backup/source", "audio")  # before the main one in any alphabet
SCHEMA = Path(__file__).parent.parent / "edge_agent" / "schemas" / "manifest-1.json"


def s(start: float, end: float) -> Span:
    return Span(round(start * SECOND), round(end * SECOND))


def warned(start: float, end: float | None, what: str = NOBODY) -> Warned:
    return Warned(round(start * SECOND), None if end is None else round(end * SECOND), what)


def found(
    main: list[Span], main_warned: list[Warned], *, backup: list[Span], quiet: Sequence[Warned] = ()
) -> list[tuple[float, float, str]]:
    spans = stand_ins(main, main_warned, backup, quiet, 100 * SECOND)
    return [(it.start_ns / SECOND, it.end_ns / SECOND, it.why) for it in spans]


WHOLE = [s(1, 100)]


@pytest.mark.parametrize("what", [NO_SAMPLES, DIGITAL_SILENCE, NOBODY, WENT_SILENT, HUM])
def test_it_stands_in_while_the_main_microphone_was_dead(what: str) -> None:
    assert found(WHOLE, [warned(20, 50, what)], backup=WHOLE) == [(20, 50, what)]
    assert found(WHOLE, [warned(20, None, what)], backup=WHOLE) == [(20, 100, what)]


@pytest.mark.parametrize("what", [TOO_QUIET, TOO_LOUD])
def test_a_voice_that_is_heard_somehow_stays(what: str) -> None:
    assert found(WHOLE, [warned(20, 50, what)], backup=WHOLE) == []


def test_it_stands_in_where_the_main_microphone_has_nothing() -> None:
    assert found([s(1, 30), s(60, 80)], [], backup=WHOLE) == [
        (30, 60, NOT_RECORDED),
        (80, 100, NOT_RECORDED),
    ]
    assert found([s(40, 100)], [], backup=WHOLE) == [(1, 40, NOT_RECORDED)]


def test_it_stands_in_only_where_it_has_sound_and_is_not_dead_itself() -> None:
    parts = [s(1, 30), s(40, 100)]
    assert found(WHOLE, [warned(20, 60)], backup=parts) == [(20, 30, NOBODY), (40, 60, NOBODY)]
    dead = [warned(50, None, DIGITAL_SILENCE)]
    assert found(WHOLE, [warned(20, 60)], backup=WHOLE, quiet=dead) == [(20, 50, NOBODY)]
    assert found(WHOLE, [warned(20, 60)], backup=[]) == []


def test_a_microphone_that_stutters_is_no_reason_to_hear_another_one() -> None:
    stuttering = [s(n, n + 0.9) for n in range(1, 100)]
    assert found(stuttering, [], backup=WHOLE) == []


def test_the_sound_does_not_change_for_some_seconds_between_two_stretches() -> None:
    spans = [warned(10, 20), warned(25, 40), warned(60, 70)]
    assert found(WHOLE, spans, backup=WHOLE) == [(10, 40, NOBODY), (60, 70, NOBODY)]


MOMENTS = st.integers(0, 100)
SPANS = st.lists(st.tuples(MOMENTS, MOMENTS).filter(lambda it: it[0] < it[1]), max_size=5)
WARNED = st.lists(
    st.tuples(MOMENTS, st.none() | MOMENTS, st.sampled_from([*DEAD, TOO_QUIET])), max_size=5
)


@given(SPANS, WARNED, SPANS, WARNED)
def test_it_is_heard_only_where_it_has_media_and_the_main_one_was_dead_or_nearly(
    main: list[tuple[int, int]],
    main_warned: list[tuple[int, int | None, str]],
    backup: list[tuple[int, int]],
    backup_warned: list[tuple[int, int | None, str]],
) -> None:
    mains, backups = (merge(s(*each) for each in it) for it in (main, backup))
    spans = stand_ins(
        mains,
        [warned(*each) for each in main_warned],
        backups,
        [warned(*each) for each in backup_warned],
        100 * SECOND,
    )
    reached = 0
    for it in spans:
        assert it.start_ns >= reached
        assert it.end_ns - it.start_ns >= LEAST_NS
        assert any(b.start_ns <= it.start_ns and it.end_ns <= b.end_ns for b in backups)
        reached = it.end_ns
        alive = [m for m in mains if m.start_ns <= it.start_ns and it.end_ns <= m.end_ns]
        if alive and it.end_ns - it.start_ns > BACK_NS:
            assert it.why in DEAD


# ---------------------------------------------------------------- in the package


def build(task: FinishJob, *warnings: TrackWarning) -> Packaged:
    result = finish(task.model_copy(update={"warnings": list(warnings)}), lambda _: None)
    assert verify_package(Path(task.lecture_dir) / "package") == []
    return result


def dead(start_s: float, end_s: float | None, track: str = "mic") -> TrackWarning:
    end_ns = None if end_s is None else seconds(end_s)
    return TrackWarning(track=track, what=DIGITAL_SILENCE, start_ns=seconds(start_s), end_ns=end_ns)


def manifest(lecture: Path) -> dict[str, list[dict[str, object]]]:
    found: dict[str, list[dict[str, object]]] = json.loads(
        (lecture / "package" / "manifest.json").read_text()
    )
    jsonschema.validate(found, json.loads(SCHEMA.read_text()))
    return found


def wave(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.concatenate([f.to_ndarray()[0] for f in container.decode(audio=0)])


def hertz(wave: np.ndarray, at_s: float) -> float:
    """The strongest tone of half a second."""
    part = wave[round(at_s * AUDIO_RATE) :][: AUDIO_RATE // 2]
    return float(np.argmax(np.abs(np.fft.rfft(part * np.hanning(part.size)))) * 2)


def record_both(lecture: Path, end_s: float, channels: int = 1) -> None:
    record_pictures(lecture / "tracks" / "cam", 0, end_s)
    record_sound(lecture / "tracks" / "mic", 0, end_s, hz=440)
    record_sound(lecture / "tracks" / "aback", 0.007, end_s, hz=1000, channels=channels)


@pytest.mark.parametrize("channels", [1, 2])
def test_another_microphone_is_heard_where_the_main_one_was_dead(
    tmp_path: Path, channels: int
) -> None:
    record_both(tmp_path, 22, channels)
    build(job(tmp_path, [ROOM, CAM, MIC], end_s=22), dead(4, 7), dead(18, None))
    package = tmp_path / "package"
    for name in ("audio.m4a", "presenter.mp4"):
        heard = wave(package / name)
        tones = [hertz(heard, at) for at in (1, 3, 4.5, 6, 8, 17, 19, 21)]
        assert tones == [440, 440, 1000, 1000, 440, 440, 1000, 1000]
        assert abs(heard.size / AUDIO_RATE - 22) < 0.05
    entries = manifest(tmp_path)["standIns"]
    assert [(e["track"], e["by"], e["at"], e["duration"], e["why"]) for e in entries] == [
        ("mic", "aback", 4.0, 3.0, DIGITAL_SILENCE),
        ("mic", "aback", 18.0, pytest.approx(4, abs=0.2), DIGITAL_SILENCE),
    ]


def test_both_microphones_are_in_the_package_as_they_were_recorded(tmp_path: Path) -> None:
    record_both(tmp_path, 9)
    result = build(job(tmp_path, [ROOM, CAM, MIC], end_s=9), dead(3, 6))
    for track in ("mic", "aback"):
        recorded = [
            sample.data
            for path in sorted((tmp_path / "tracks" / track).glob("*.mp4"))
            for sample in samples(path)
        ]
        with av.open(str(tmp_path / "package" / f"{track}.m4a")) as container:
            kept = {bytes(packet) for packet in container.demux(audio=0)}
        assert set(recorded) <= kept
    last = [artifact.name for artifact in result.artifacts if artifact.priority == SPARE_PRIORITY]
    assert sorted(last) == ["aback.m4a", "mic.m4a"]
    assert {artifact.name for artifact in result.artifacts[-2:]} == set(last)


def test_sound_that_changes_often_stays_with_the_pictures(tmp_path: Path) -> None:
    """Packets of the two microphones lie elsewhere: no change may leave the sound later."""
    record_sound(tmp_path / "tracks" / "mic", 0, 200, hz=440)
    record_sound(tmp_path / "tracks" / "aback", 0.0077, 200, hz=440)
    changes = [dead(at, at + 3.3) for at in range(5, 190, 14)]
    build(job(tmp_path, [MIC, ROOM], end_s=200), *changes)
    with av.open(str(tmp_path / "package" / "audio.m4a")) as container:
        stamps = [p.pts for p in container.demux(audio=0) if p.pts is not None]
    assert len(stamps) == pytest.approx(200 * AUDIO_RATE / AUDIO_FRAME, abs=2)
    (file,) = (each for each in manifest(tmp_path)["encoding"] if each["name"] == "audio.m4a")
    filled = file["filledPackets"]
    assert isinstance(filled, int)
    assert filled <= len(changes) * 2


def test_a_main_microphone_that_is_well_is_heard_alone(tmp_path: Path) -> None:
    record_both(tmp_path, 4)
    result = build(job(tmp_path, [ROOM, CAM, MIC], end_s=4))
    assert hertz(wave(tmp_path / "package" / "audio.m4a"), 2) == 440
    assert manifest(tmp_path)["standIns"] == []
    media = [a.name for a in result.artifacts if a.name.endswith((".m4a", ".mp4"))]
    assert media == ["audio.m4a", "presenter.mp4", "aback.m4a"]


def test_a_backup_alone_is_the_main_microphone(tmp_path: Path) -> None:
    record_sound(tmp_path / "tracks" / "aback", 0, 3, hz=1000)
    result = build(job(tmp_path, [ROOM, MIC], end_s=3))
    assert hertz(wave(tmp_path / "package" / "audio.m4a"), 1) == 1000
    assert [a.name for a in result.artifacts if a.name.endswith(".m4a")] == ["audio.m4a"]
