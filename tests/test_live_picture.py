"""Small pictures made beside a recording are those that would have been made after it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.finisher import finish
from edge_agent.live_work import Live
from edge_agent.render_messages import LiveJob
from edge_agent.verify import file_sha256
from encoders import picture_pieces
from encoders.encoder import VIDEO_SCALE
from encoders.live_picture import Closed, live_folder, runs
from encoders.picture_pieces import covered
from encoders.renditions import Recipe, make
from encoders.small_picture import PIECE, PictureSpec
from tests.lecture_maker import job, kill_and_recover, record_pictures, record_sound

CAM, MIC = ("cam", "presenter/source", "video"), ("mic", "presenter/source", "audio")
SPEC = PictureSpec("h264", 50, 160, 120)
FPS = 20.0


def live(lecture: Path) -> Live:
    (lecture / "renditions").mkdir(exist_ok=True)
    return Live(
        LiveJob(
            lecture="x",
            lecture_dir=str(lecture),
            track="cam",
            camera="h264",
            camera_kbps=SPEC.kbps,
        )
    )


@pytest.fixture(autouse=True)
def worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The made-up pictures are small already."""
    monkeypatch.setattr("edge_agent.live_work.worth_making", lambda *_: True)
    monkeypatch.setattr("edge_agent.live_work.RESERVE_BYTES", 0)


def made_live(lecture: Path) -> list[Path]:
    it = live(lecture)
    while it.step():
        pass
    return sorted((lecture / "renditions").glob("live.*/*.live"))


def packaged(lecture: Path, *tracks: tuple[str, str, str]) -> Path:
    finish(job(lecture, list(tracks)), lambda _: None)
    return lecture / "package" / "presenter.mp4"


def rendered(source: Path, work: Path) -> Path:
    with av.open(str(source)) as container:
        length_ns = (container.duration or 0) * 1000
    recipe = Recipe("camera-small.mp4", length_ns, (source, file_sha256(source)), None, SPEC, None)
    work.mkdir(exist_ok=True)
    return make(recipe, work, lambda _: None)


def taken_over(lecture: Path, source: Path) -> list[tuple[int, int]]:
    """Stretches of the finished file, in seconds, that need not be made any more."""
    folder = lecture / "taken over"
    folder.mkdir()
    picture_pieces.adopt(source, SPEC, live_folder(lecture / "renditions", SPEC), folder)
    return [(begin // VIDEO_SCALE, end // VIDEO_SCALE) for begin, end in covered(folder)]


def shown(path: Path) -> list[int]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return [packet.pts for packet in container.demux(stream) if packet.pts is not None]


def assert_same(lecture: Path, source: Path, tmp_path: Path) -> Path:
    """The same pictures at the same times, and hardly more bytes."""
    beside = assert_alike(lecture, source, tmp_path)
    assert shown(beside) == shown(tmp_path / "afterwards" / beside.parent.name / beside.name)
    return beside


def assert_alike(lecture: Path, source: Path, tmp_path: Path) -> Path:
    """As many pictures at times of the finished file. Behind a pause they may be others: fifteenths
    of a second are counted from the beginning, of the lecture here, and of the file there."""
    beside = rendered(source, lecture / "renditions")
    after = rendered(source, tmp_path / "afterwards")
    assert set(shown(beside)) <= set(shown(source))
    assert abs(len(shown(beside)) - len(shown(after))) <= 6
    assert beside.stat().st_size == pytest.approx(after.stat().st_size, rel=0.05)
    return beside


def test_what_was_made_beside_is_what_would_be_made_after(tmp_path: Path) -> None:
    lecture = tmp_path / "lecture"
    record_pictures(lecture / "tracks" / "cam", 0.0, 153.0, fps=FPS)
    assert len(made_live(lecture)) == 2
    source = packaged(lecture, CAM)
    assert taken_over(lecture, source) == [(0, 60), (60, 120)]
    small = assert_same(lecture, source, tmp_path)
    with av.open(str(small)) as container:
        assert sum(1 for _ in container.decode(video=0)) == len(shown(small))


def test_only_what_is_left_over_is_decoded_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lecture = tmp_path / "lecture"
    record_pictures(lecture / "tracks" / "cam", 0.0, 125.0, fps=FPS)
    made_live(lecture)
    source = packaged(lecture, CAM)
    begun: list[int] = []
    whole = picture_pieces.missing

    def noted(there: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        for begin, end in whole(there):
            begun.append(begin)
            yield begin, end

    monkeypatch.setattr("encoders.renditions.missing", noted)
    rendered(source, lecture / "renditions")
    assert [begin >= 120 * VIDEO_SCALE for begin in begun] == [True]


def test_a_pause_and_a_dead_camera_change_nothing(tmp_path: Path) -> None:
    """The pause of all is left out; in the camera's own hole stands a slate, and its key frames
    get parameter sets."""
    lecture = tmp_path / "lecture"
    cam, mic = lecture / "tracks" / "cam", lecture / "tracks" / "mic"
    record_pictures(cam, 0.0, 65.0, fps=FPS)
    record_pictures(cam, 100.03, 165.0, fps=FPS)
    record_pictures(cam, 171.7, 240.0, fps=FPS)
    record_sound(mic, 0.0, 65.0)
    record_sound(mic, 100.0, 240.0)
    assert len(made_live(lecture)) >= 3
    source = packaged(lecture, CAM, MIC)
    beside = assert_alike(lecture, source, tmp_path)
    taken = taken_over(lecture, source)
    assert sum(min(end, 210) - begin for begin, end in taken) >= 180
    with av.open(str(beside)) as container:
        stamps = [frame.pts for frame in container.decode(video=0) if frame.pts is not None]
    assert stamps == shown(beside)


def test_what_the_finished_file_does_not_hold_is_made_of_the_finished_file(tmp_path: Path) -> None:
    """A segment that was damaged after it had been made small."""
    lecture = tmp_path / "lecture"
    cam = lecture / "tracks" / "cam"
    record_pictures(cam, 0.0, 130.0, fps=FPS)
    assert len(made_live(lecture)) == 2
    second = sorted(cam.glob("*.mp4"))[2]
    second.write_bytes(second.read_bytes()[:200])
    source = packaged(lecture, CAM)
    assert_alike(lecture, source, tmp_path)
    assert [begin for begin, _ in taken_over(lecture, source)] == [50]  # ten seconds are left out


def test_a_recovered_lecture_goes_on_with_what_there_is(tmp_path: Path) -> None:
    """The power was cut: the last segment is shorter, the newest pieces may be torn."""
    lecture = tmp_path / "lecture"
    cam = lecture / "tracks" / "cam"
    record_pictures(cam, 0.0, 129.0, fps=FPS)
    pieces = made_live(lecture)
    pieces[1].write_bytes(b"\0" * pieces[1].stat().st_size)
    kill_and_recover(cam)
    record_pictures(cam, 140.0, 205.0, fps=FPS)
    assert len(made_live(lecture)) >= 3
    kept = {path.name: path.stat().st_ino for path in pieces}
    again = {path.name: path.stat().st_ino for path in made_live(lecture)}
    assert kept.items() <= again.items()
    assert_alike(lecture, packaged(lecture, CAM), tmp_path)


def test_pieces_of_other_wishes_are_left_alone(tmp_path: Path) -> None:
    lecture = tmp_path / "lecture"
    record_pictures(lecture / "tracks" / "cam", 0.0, 65.0, fps=FPS)
    (piece,) = made_live(lecture)
    other = live_folder(lecture / "renditions", PictureSpec("h264", 60, 160, 120))
    assert piece.parent == live_folder(lecture / "renditions", SPEC) != other
    shutil.move(piece.parent, other)
    assert taken_over(lecture, packaged(lecture, CAM)) == []


def segment(start_s: int, length_s: int, way: str = "w", *, alone: bool = True) -> Closed:
    start = start_s * VIDEO_SCALE
    name = Path(f"{start_s:06}.mp4")
    return Closed(name, start, start + length_s * VIDEO_SCALE, way, alone)


TRACKS = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 0, 5]), st.integers(1, 30), st.sampled_from("www2"), st.booleans()
    ),
    max_size=30,
)


@given(TRACKS, st.integers(0, 30))
def test_a_minute_is_the_same_whatever_follows_it(
    shapes: list[tuple[int, int, str, bool]], seen: int
) -> None:
    track, at = [], 0
    for hole, length, way, alone in shapes:
        track.append(segment(at + hole, length, way, alone=alone))
        at += hole + length
    whole, part = list(runs(track)), list(runs(track[:seen]))
    assert whole[: len(part)] == part
    used = [each for run in whole for each in run.segments]
    assert len(used) == len(set(used))
    for run in whole:
        assert run.segments[0].alone
        assert len({each.way for each in run.segments}) == 1
        assert all(one.stop == other.start for one, other in pairwise(run.segments))
    for run in whole[:-1]:
        assert sum(each.stop - each.start for each in run.segments[:-1]) < PIECE
