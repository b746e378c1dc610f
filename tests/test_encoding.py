"""An encoder that dies in a recording is replaced in place, and the lecture has no hole."""

from __future__ import annotations

import itertools
from pathlib import Path

import av
import pytest
from av.video.frame import PictureType

from edge_agent.encoding import Encoding
from encoders.boxes import read_index
from encoders.encoder import NANO, AnyPacket, Encoder, EncoderError, VideoSpec
from encoders.rungs import open_rung
from encoders.segments import TrackWriter
from tests.fake_ffmpeg import put_first_on_path
from tests.lecture_maker import PLENTY_NS, SECOND, picture

SPEC = VideoSpec(320, 240, 30)
PICTURE = 320 * 240 * 3 // 2


class Room:
    """A track's folder, and what was said of its encoders."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.failures: list[tuple[str, str, str]] = []

    def encoding(self, *rungs: str) -> Encoding:
        return Encoding(
            rungs,
            lambda name: open_rung(name, SPEC),
            lambda template: TrackWriter(self.folder, template, queue_ns=PLENTY_NS),
            lambda *failure: self.failures.append(failure),
        )

    def record(self, encoding: Encoding, count: int) -> list[int]:
        stamps = [SECOND + n * SECOND // 30 for n in range(count)]
        for number, ns in enumerate(stamps):
            frame = picture(number, 320, 240)
            frame.pts, frame.time_base = ns, NANO
            key = encoding.keyframe_due(ns)
            frame.pict_type = PictureType.I if key else PictureType.NONE
            encoding.feed(frame)
        encoding.close(stamps[-1] + SECOND // 30)
        return [round(ns * 9 / 100_000) for ns in stamps]

    def files(self) -> list[list[int]]:
        """The stamps of the pictures that decode, by file."""
        found = []
        for path in sorted(self.folder.glob("*.mp4")):
            with av.open(str(path)) as file:
                found.append([int(frame.pts or 0) for frame in file.decode(video=0)])
        return found


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path / "track")


@pytest.mark.parametrize("fault", ["stalls later", "dies later"])
def test_the_next_encoder_takes_over_and_not_one_picture_is_lost(
    fault: str, room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_first_on_path(tmp_path, monkeypatch, fault, after=40 * PICTURE)
    stamps = room.record(room.encoding("h264_vaapi", "libx264"), 90)
    first, second = room.files()
    assert [*first, *second] == stamps
    ((name, reason, successor),) = room.failures
    assert (name, successor) == ("h264_vaapi", "libx264")
    assert "h264_vaapi" in reason


def test_an_encoder_that_does_not_open_any_more_is_passed_over(room: Room) -> None:
    stamps = room.record(room.encoding("h264_nvenc", "h264_magic", "libx264"), 20)
    assert room.files() == [stamps]
    assert [(name, after) for name, _, after in room.failures] == [
        ("h264_nvenc", "h264_magic"),
        ("h264_magic", "libx264"),
    ]


def test_a_hardware_encoder_that_works_records_to_the_end(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_first_on_path(tmp_path, monkeypatch)
    stamps = room.record(room.encoding("h264_vaapi", "libx264"), 400)
    files = room.files()
    assert list(itertools.chain(*files)) == stamps
    assert len(files) == 2, "a new file each 10 s, begun by the key frame that was asked for"
    assert room.failures == []


def test_an_encoder_that_fails_at_the_very_end_is_made_up_for(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_first_on_path(tmp_path, monkeypatch, "stalls later", after=8 * PICTURE)
    stamps = room.record(room.encoding("h264_vaapi", "libx264"), 12)
    assert list(itertools.chain(*room.files())) == stamps
    assert len(room.failures) == 1


def test_when_the_last_encoder_fails_the_recording_says_so(room: Room) -> None:
    with pytest.raises(EncoderError, match="h264_nvenc"):
        room.encoding("h264_nvenc")


def test_the_last_encoder_s_error_in_the_middle_is_the_recording_s(room: Room) -> None:
    class Dying:
        name, extradata = "dying", b""

        def __init__(self, within: Encoder) -> None:
            self.template = within.template

        def encode(self, frame: object) -> list[AnyPacket]:
            raise EncoderError("it is over", "look at it")

        def flush(self) -> list[AnyPacket]:
            return []

    encoding = Encoding(
        ["dying"],
        lambda _: Dying(open_rung("libx264", SPEC)),
        lambda template: TrackWriter(room.folder, template),
    )
    frame = picture(0, 320, 240)
    frame.pts, frame.time_base = SECOND, NANO
    with pytest.raises(EncoderError, match="it is over"):
        encoding.feed(frame)


def test_another_size_begins_with_the_next_segment_and_leaves_no_hole(room: Room) -> None:
    encoding = room.encoding("libx264")
    small = VideoSpec(160, 120, 30)
    encoding.change(lambda name: open_rung(name, small))
    stamps = room.record(encoding, 330)
    assert list(itertools.chain(*room.files())) == stamps
    paths = sorted(room.folder.glob("*.mp4"))
    widths = [av.open(str(path)).streams.video[0].width for path in paths]
    assert widths == [320, 160]
    first, second = (read_index(path) for path in paths)
    assert abs(first.end_ns - second.start_ns) < SECOND // 1000


def test_an_encoder_that_dies_on_the_way_to_another_size_is_replaced_in_that_size(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_first_on_path(tmp_path, monkeypatch, "dies later", after=100 * PICTURE)
    encoding = room.encoding("h264_vaapi", "libx264")
    encoding.change(lambda name: open_rung(name, VideoSpec(160, 120, 30)))
    stamps = room.record(encoding, 330)
    assert list(itertools.chain(*room.files())) == stamps
    assert [name for name, _reason, _next in room.failures] == ["h264_vaapi"]
