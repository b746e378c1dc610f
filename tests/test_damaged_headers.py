"""Laws of segments whose beginning has been damaged: each costs itself only, and is never deleted.

The seed of each trial stands in the test's name.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_agent.finish_messages import FinishJob, Packaged, SegmentTimes
from edge_agent.finisher import Unfinishable, finish
from edge_agent.verify import verify_package
from encoders.boxes import TIMESCALES, read_index
from encoders.encoder import AUDIO_RATE, VIDEO_SCALE
from encoders.headers import unusable
from tests.lecture_maker import job, record_pictures, record_sound

CAM = ("cam", "presenter/source", "video")
MIC = ("mic", "presenter/source", "audio")
SECONDS = 32
#: Seeds × lectures of each.
SEEDS, LECTURES = 12, 5


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four segments of each track."""
    tracks = tmp_path_factory.mktemp("recorded") / "tracks"
    record_pictures(tracks / "cam", 0, SECONDS, fps=5, size=(64, 48))
    record_sound(tracks / "mic", 0, SECONDS)
    return tracks


@pytest.fixture
def lecture(recorded: Path, tmp_path: Path) -> Path:
    shutil.copytree(recorded, tmp_path / "lecture" / "tracks")
    return tmp_path / "lecture"


def task(lecture: Path) -> FinishJob:
    """With what the ledger knew before anything was damaged."""
    plain = job(lecture, [CAM, MIC], end_s=SECONDS)
    tracks = []
    for track in plain.tracks:
        indexes = {p.name: read_index(p) for p in (lecture / "tracks" / track.name).glob("*.mp4")}
        times = [
            SegmentTimes(name=name, start_ns=each.start_ns, end_ns=each.end_ns)
            for name, each in indexes.items()
        ]
        tracks.append(track.model_copy(update={"segments": times}))
    return plain.model_copy(update={"tracks": tracks})


def built(asked: FinishJob) -> Packaged:
    found = finish(asked, lambda message: None)
    assert verify_package(Path(asked.lecture_dir) / "package") == []
    return found


def gaps(lecture: Path) -> list[tuple[str, float, float, str]]:
    manifest = json.loads((lecture / "package" / "manifest.json").read_text())
    assert manifest["durationSeconds"] == pytest.approx(SECONDS, abs=0.1)
    return [(g["track"], g["lectureStart"], g["lectureEnd"], g["cause"]) for g in manifest["gaps"]]


def overwrite(path: Path, at: int, data: bytes) -> None:
    whole = bytearray(path.read_bytes())
    whole[at : at + len(data)] = data
    path.write_bytes(bytes(whole))


def box(path: Path, kind: bytes) -> int:
    """Where the payload of the first box of a kind begins."""
    return path.read_bytes().index(kind) + 4


def other_codec(path: Path) -> None:
    overwrite(path, box(path, b"stsd") + 12, b"zzzz")


def no_text(path: Path) -> None:
    overwrite(path, box(path, b"hdlr") + 24, b"\xff\xfe\xfd")


def other_scale(path: Path) -> None:
    overwrite(path, box(path, b"mdhd") + 12, b"\0\0\1\0")


def foreign(path: Path) -> None:
    overwrite(path, 0, random.Random(3).randbytes(box(path, b"moof")))


def other_time(path: Path) -> None:
    """The first stamp, by about a quarter of an hour."""
    overwrite(path, box(path, b"tfdt") + 7, b"\7")


def torn_parameters(path: Path) -> None:
    overwrite(path, box(path, b"avcC") + 6, bytes(12))


@pytest.mark.parametrize("number", [1, 2, 4])
@pytest.mark.parametrize(
    "harm", [other_codec, no_text, other_scale, foreign, other_time, torn_parameters]
)
def test_a_segment_with_a_damaged_header_is_left_out_with_a_cause(
    lecture: Path, harm: Callable[[Path], None], number: int
) -> None:
    asked = task(lecture)
    name = f"{number:06d}.mp4"
    harm(lecture / "tracks" / "cam" / name)
    found = built(asked)
    if harm is no_text and not found.damaged:
        assert gaps(lecture) == []  # FFmpeg did not read it: nothing is lost
        return
    assert [(each.track, each.name) for each in found.damaged] == [("cam", name)]
    start, end = (number - 1) * 10.0, min(number * 10.0, SECONDS)
    assert gaps(lecture) == [("cam", start, end, f"{name} is damaged")]


def test_a_track_without_any_usable_segment_is_a_gap_and_the_others_are_packaged(
    lecture: Path,
) -> None:
    asked = task(lecture)
    for path in (lecture / "tracks" / "cam").glob("*.mp4"):
        foreign(path)
    found = built(asked)
    assert len(found.damaged) == 4
    (gap,) = gaps(lecture)
    assert gap[:3] == ("cam", 0, SECONDS)
    assert gap[3].endswith("is damaged")


def test_when_nothing_can_be_used_people_are_told_and_everything_is_kept(lecture: Path) -> None:
    asked = task(lecture)
    paths = sorted(lecture.rglob("*.mp4"))
    for path in paths:
        foreign(path)
    with pytest.raises(Unfinishable, match="none of its segments can be used"):
        finish(asked, lambda message: None)
    assert sorted(lecture.rglob("*.mp4")) == paths


def test_a_camera_with_ways_of_its_own_is_not_taken_for_damaged(lecture: Path) -> None:
    """All headers agree: nothing is tried, whatever a decoder may think of the pictures."""
    paths = sorted((lecture / "tracks" / "cam").glob("*.mp4"))
    for path in paths:
        torn_parameters(path)
    assert unusable(paths, sound=False) == {}


def test_our_timescales_are_those_of_the_encoders() -> None:
    assert set(TIMESCALES) == {AUDIO_RATE, VIDEO_SCALE}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(SEEDS))
def test_whatever_happens_to_a_header_the_rest_of_the_lecture_is_packaged(
    recorded: Path, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    for number in range(LECTURES):
        lecture = tmp_path / str(number)
        shutil.copytree(recorded, lecture / "tracks")
        asked = task(lecture)
        path = chance.choice(sorted(lecture.rglob("*.mp4")))
        hurt_in = (path.parent.name, path.name)
        head = box(path, b"mdat")
        for _ in range(chance.choice((1, 1, 2, 20))):
            harm = chance.randbytes(chance.choice((1, 1, 4, 64)))
            overwrite(path, chance.randrange(head - len(harm)), harm)
        found = built(asked)
        assert {(each.track, each.name) for each in found.damaged} <= {hurt_in}
        first = int(path.stem) * 10.0 - 10
        for track, start, end, cause in gaps(lecture):
            assert (track, cause) == (hurt_in[0], f"{hurt_in[1]} is damaged")
            assert first - 0.1 <= start < end <= min(first + 10, SECONDS) + 0.1
        shutil.rmtree(lecture)
