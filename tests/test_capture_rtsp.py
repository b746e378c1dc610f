"""A network camera over RTSP, with a small server of our own at the other end."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

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


@pytest.fixture
def camera(film: Path) -> Iterator[NetworkCamera]:
    with rtsp_server(film, "bob", "s3cret") as found:
        yield found


def stream(url: str, **options: str):
    return {"kind": "rtsp", "device": url, "options": options}


def test_every_picture_arrives_once_as_h264(camera: NetworkCamera) -> None:
    with reading(stream(camera.url), {}) as reader:
        info = reader.next()["opened"]
        facts = reader.take(45)
    assert (info["delivers"], info["width"], info["height"], info["fps"]) == ("h264", 640, 360, 15)
    assert "67" in info["extradata"]
    assert [fact["number"] for fact in facts] == [number % FRAMES for number in range(45)]
    assert [fact["key"] for fact in facts] == [number % 15 == 0 for number in range(45)]
    assert all(fact["pictures"] == 1 for fact in facts)


def test_stamps_keep_the_cameras_rhythm_on_our_clock(camera: NetworkCamera) -> None:
    with reading(stream(camera.url), {}) as reader:
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


def test_a_camera_that_falls_silent_is_lost(camera: NetworkCamera) -> None:
    with reading(stream(camera.url, silent_s="1"), {}) as reader:
        reader.take(10)
        camera.tell("stall")
        error = reader.error()
    assert (error["error"], "sent nothing for 1 s" in error["reason"]) == ("DeviceLost", True)


def test_a_broken_connection_is_lost(camera: NetworkCamera) -> None:
    with reading(stream(camera.url), {}) as reader:
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
