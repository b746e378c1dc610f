"""A network camera over RTSP, with a small server of our own at the other end."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from capture.rtsp import redact
from tests.hardware_fixtures import NetworkCamera, reading, rtsp_server, write_pictures

MS = 1_000_000
FRAMES = 60


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    write_pictures(path, "h264", FRAMES)
    return path


@pytest.fixture(scope="module")
def disordered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film whose pictures are not sent in the order in which they are shown."""
    path = tmp_path_factory.mktemp("film") / "disordered.mp4"
    rng = np.random.default_rng(1)
    with av.open(str(path), "w") as out:
        options = {"preset": "ultrafast", "x264-params": "keyint=15:bframes=2:b-adapt=0"}
        stream: Any = out.add_stream("libx264", rate=15, options=options)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for number in range(FRAMES):
            noise = rng.integers(0, 255, (180, 320, 3), dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(noise, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 15)
            out.mux(stream.encode(frame.reformat(format="yuv420p")))
        out.mux(stream.encode(None))
    return path


#: Our own client, and FFmpeg's, which is there for what ours does not know.
CLIENTS = pytest.mark.parametrize("client", ["", "ffmpeg"])


@pytest.fixture
def camera(film: Path) -> Iterator[NetworkCamera]:
    with rtsp_server(film, "bob", "s3cret") as found:
        yield found


def stream(url: str, **options: str) -> dict[str, Any]:
    return {"kind": "rtsp", "device": url, "options": options}


@CLIENTS
def test_every_picture_arrives_once_as_h264(camera: NetworkCamera, client: str) -> None:
    with reading(stream(camera.url, client=client), {}) as reader:
        info = reader.next()["opened"]
        facts = reader.take(45)
    assert (info["delivers"], info["width"], info["height"], info["fps"]) == ("h264", 640, 360, 15)
    assert "67" in info["extradata"]
    assert info["bursts"] == (client == "")
    assert [fact["number"] for fact in facts] == [number % FRAMES for number in range(45)]
    assert [fact["key"] for fact in facts] == [number % 15 == 0 for number in range(45)]
    assert all(fact["pictures"] == 1 for fact in facts)


@CLIENTS
def test_stamps_keep_the_cameras_rhythm_on_our_clock(camera: NetworkCamera, client: str) -> None:
    with reading(stream(camera.url, client=client), {}) as reader:
        reader.next()
        facts = reader.take(45)
    steps = [later["dts"] - earlier["dts"] for earlier, later in pairwise(facts)]
    assert all(step > 0 for step in steps)
    assert facts[-1]["dts"] - facts[0]["dts"] == pytest.approx(44 / 15 * 1e9, rel=0.05)
    assert all(abs(fact["late"]) < 2_000 * MS for fact in facts[15:])


def test_two_readers_can_share_a_camera(camera: NetworkCamera) -> None:
    with reading(stream(camera.url), {}) as one, reading(stream(camera.url), {}) as other:
        assert one.take(5)[-1]["pts"]
        assert other.take(5)[-1]["pts"]


@CLIENTS
def test_a_camera_that_falls_silent_is_lost(camera: NetworkCamera, client: str) -> None:
    with reading(stream(camera.url, silent_s="1", client=client), {}) as reader:
        reader.take(10)
        camera.tell("stall")
        error = reader.error()
    assert (error["error"], "sent nothing for 1 s" in error["reason"]) == ("DeviceLost", True)


@CLIENTS
def test_a_broken_connection_is_lost(camera: NetworkCamera, client: str) -> None:
    with reading(stream(camera.url, client=client), {}) as reader:
        reader.take(10)
        camera.tell("drop")
        assert reader.error()["error"] == "DeviceLost"


def test_a_wrong_password_is_told_and_never_shown(camera: NetworkCamera) -> None:
    with reading(stream(camera.url.replace("s3cret", "wr0ng")), {}) as reader:
        error = reader.error()
    assert "refused the password" in error["reason"]
    assert "wr0ng" not in reader.text
    assert "bob" not in reader.text


def test_no_text_holds_the_credentials(camera: NetworkCamera) -> None:
    with reading(stream(camera.url, silent_s="1"), {}) as reader:
        reader.take(5)
        camera.tell("drop")
        reader.error()
    assert "127.0.0.1" in reader.text
    assert "s3cret" not in reader.text
    assert "bob" not in reader.text


@CLIENTS
def test_a_camera_that_describes_itself_apart_gives_key_frames_that_stand_alone(
    film: Path, client: str
) -> None:
    with (
        rtsp_server(film, habits=["apart"]) as camera,
        reading(stream(camera.url, client=client), {}) as reader,
    ):
        assert reader.next()["opened"]["width"] == 640
        facts = reader.take(20)
    assert [fact["number"] for fact in facts] == list(range(20))
    assert all("00000167" in fact["head"] for fact in facts if fact["key"])


def test_a_camera_that_wants_a_digest_gets_one(film: Path) -> None:
    with (
        rtsp_server(film, "bob", "s3cret", ["digest"]) as camera,
        reading(stream(camera.url), {}) as reader,
    ):
        assert reader.next()["opened"]["bursts"], "our own client was let in"
        assert reader.take(5)[-1]["pts"]


@pytest.mark.parametrize("habit", ["forgetful", "curious"])
def test_a_camera_that_wants_to_hear_from_us_plays_on(film: Path, habit: str) -> None:
    with (
        rtsp_server(film, "bob", "s3cret", ["digest", habit]) as camera,
        reading(stream(camera.url), {}) as reader,
    ):
        assert reader.next()["opened"]["bursts"]
        facts = reader.take(90)
    assert [fact["number"] for fact in facts] == [number % FRAMES for number in range(90)]


def test_pictures_out_of_order_are_left_to_ffmpegs_client(disordered: Path) -> None:
    with (
        rtsp_server(disordered) as camera,
        reading(stream(camera.url), {}, decode=False) as reader,
    ):
        assert reader.next()["opened"]["width"] == 320
        facts = reader.take(60)
    steps = [later["dts"] - earlier["dts"] for earlier, later in pairwise(facts[15:])]
    assert all(step > 20 * MS for step in steps), "each picture has a place of its own"
    assert any(fact["pts"] > fact["dts"] for fact in facts[15:])


def test_a_camera_whose_clock_stands_still_is_left_to_ffmpegs_client(film: Path) -> None:
    """Ours tells pictures apart by their times alone."""
    with (
        rtsp_server(film, habits=["stuck"]) as camera,
        reading(stream(camera.url, silent_s="1"), {}) as reader,
    ):
        assert reader.next()["opened"]["width"] == 640
        facts = reader.take(30)
    assert all(later["dts"] > earlier["dts"] for earlier, later in pairwise(facts))


def test_a_camera_that_sends_datagrams_only_says_why_it_cannot_be_used(film: Path) -> None:
    with (
        rtsp_server(film, habits=["datagrams"]) as camera,
        reading(stream(camera.url), {}) as reader,
    ):
        assert reader.error()["error"] == "DeviceMissing"


def test_an_absent_camera_is_missing() -> None:
    with reading(stream("rtsp://bob:s3cret@127.0.0.1:9/live"), {}) as reader:
        error = reader.error()
    assert error["error"] == "DeviceMissing"
    assert "s3cret" not in reader.text


def test_what_is_no_rtsp_address_is_said_so() -> None:
    with reading(stream("http://bob:s3cret@camera/"), {}) as reader:
        assert reader.error()["error"] == "NotMedia"
    assert "s3cret" not in reader.text


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://bob:s3cret@cam/1", "rtsp://***@cam/1"),
        ("rtsp://bob@cam/1", "rtsp://***@cam/1"),
        ("rtsp://bob:p@ss@cam/1", "rtsp://***@cam/1"),
        ("rtsp://cam/1?user=x@y", "rtsp://cam/1?user=x@y"),
        ("rtsp://cam:554/1", "rtsp://cam:554/1"),
    ],
)
def test_credentials_are_taken_out_of_an_address(url: str, shown: str) -> None:
    assert redact(url) == shown
