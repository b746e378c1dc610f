"""Cameras through the real V4L2 demuxer, on a preloaded driver."""

import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.hardware_fixtures import FakeCameras, child_env, reading, shim_camera

SIZE = [640, 360]
MS = 1_000_000


@pytest.fixture
def cameras(tmp_path: Path) -> Iterator[FakeCameras]:
    with shim_camera(tmp_path / "cameras") as found:
        yield found


def camera(form=None, device="/dev/video0", **options):
    return {
        "kind": "v4l2",
        "device": device,
        "size": SIZE,
        "fps": 15.0,
        "format": form,
        "options": options,
    }


def ask(cameras: FakeCameras, code: str):
    """What a child prints as JSON."""
    command = [sys.executable, "-c", f"import json\n{code}"]
    done = subprocess.run(
        command, env=child_env(cameras.env), capture_output=True, check=True, timeout=60
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("form", "pixels", "full"),
    [("raw", "yuyv422", False), ("mjpeg", "yuvj420p", True), ("h264", "yuv420p", False)],
)
def test_every_picture_arrives_once_with_the_drivers_stamp(cameras, form, pixels, full) -> None:
    if form != "raw":
        cameras.offer(form)
    with reading(camera(form), cameras.env) as reader:
        info = reader.next()["opened"]
        facts = reader.take(40)
    assert (info["width"], info["height"], info["fps"]) == (640, 360, 15.0)
    assert (info["delivers"], info["pix_fmt"], info["full_range"]) == (form, pixels, full)
    numbers = [fact["number"] for fact in facts]
    assert [(later - earlier) % 30 for earlier, later in pairwise(numbers)] == [1] * 39
    for fact in facts:
        assert fact["base"] == "1/1000000000"
        assert fact["dts"] == fact["pts"] == fact["picture_pts"]
        assert fact["type"] == 0
        assert 0 <= fact["late"] < 5_000 * MS
    # 15 pictures a second by the driver's clock; a late one does not move its neighbours
    assert facts[-1]["pts"] - facts[0]["pts"] == pytest.approx(39 / 15 * 1e9, rel=0.05)


def test_h264_has_true_keyframes_and_its_parameter_sets(cameras: FakeCameras) -> None:
    cameras.offer("h264")
    with reading(camera("h264"), cameras.env) as reader:
        info = reader.next()["opened"]
        facts = reader.take(35)
    assert [fact["key"] for fact in facts] == [fact["number"] % 15 == 0 for fact in facts]
    assert "67" in info["extradata"]


def test_the_mode_is_chosen_from_what_the_camera_offers(cameras: FakeCameras) -> None:
    with reading({"kind": "v4l2", "device": "/dev/video0"}, cameras.env) as reader:
        info = reader.next()["opened"]
    assert (info["width"], info["height"], info["fps"]) == (1280, 720, 30.0)
    cameras.offer("mjpeg")
    for formats, first in (("raw,mjpeg", "raw"), ("h264,mjpeg,raw", "mjpeg")):
        with reading(camera(formats=formats), cameras.env) as reader:
            assert reader.next()["opened"]["delivers"] == first


def test_a_camera_is_found_by_its_identity_wherever_it_is_plugged_in(cameras) -> None:
    cameras.unplug()
    cameras.plug(5, card="HD Webcam", bus="usb-0000:00:14.0-3")
    with reading(camera(device="port:usb-0000:00:14.0-3"), cameras.env) as reader:
        assert reader.next()["opened"]["identity"] == "port:usb-0000:00:14.0-3"
    with reading(camera(device="usb:dead:beef:1"), cameras.env) as reader:
        error = reader.error()
    assert error["error"] == "DeviceMissing"
    assert "HD Webcam" in error["hint"]


def test_an_unplugged_camera_is_lost(cameras: FakeCameras) -> None:
    with reading(camera("raw"), cameras.env) as reader:
        reader.take(3)
        cameras.unplug()
        error = reader.error()
    assert (error["error"], "unplugged" in error["reason"]) == ("DeviceLost", True)


def test_an_absent_camera_is_missing(cameras: FakeCameras) -> None:
    with reading(camera(device="/dev/video7"), cameras.env) as reader:
        assert reader.error()["error"] == "DeviceMissing"


def test_a_camera_in_use_is_busy(cameras: FakeCameras) -> None:
    cameras.set("busy")
    with reading(camera("raw"), cameras.env) as reader:
        assert reader.error()["error"] == "DeviceBusy"


def test_a_camera_without_a_usable_mode_says_what_it_offers(cameras: FakeCameras) -> None:
    with reading(camera("h264"), cameras.env) as reader:
        error = reader.error()
    assert error["error"] == "NoUsableMode"
    assert "raw 1280×720 at 30/25/15/10/5" in error["hint"]
    cameras.set("depth")
    with reading(camera(), cameras.env) as reader:
        assert reader.error()["error"] == "NoUsableMode"


def test_what_is_no_camera_is_said_so(cameras: FakeCameras, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a camera")
    with reading(camera(device=str(tmp_path / "text")), cameras.env) as reader:
        assert reader.error()["error"] == "NotMedia"


def test_a_hung_driver_is_ended_from_outside(cameras: FakeCameras) -> None:
    with reading(camera("raw"), cameras.env) as reader:
        reader.take(3)
        cameras.set("hang")
        assert reader.falls_silent(for_s=2)
        assert reader.process.poll() is None


def test_a_packet_outlives_its_closed_camera(cameras: FakeCameras) -> None:
    kept = ask(
        cameras,
        "from capture.source import *\n"
        "source = open_source(SourceSpec('v4l2', '/dev/video0', (640, 360), 15.0, 'raw'))\n"
        "source.open(); packets = [source.read() for _ in range(3)]; source.close()\n"
        "from capture.testcard import read_number\n"
        "print(json.dumps([read_number(source.decode(p)[0]) for p in packets]))\n",
    )
    assert kept == [0, 1, 2]


def test_discovery_lists_cameras_while_one_records(cameras: FakeCameras) -> None:
    cameras.plug(3, card="HDMI grabber", bus="usb-2")
    with reading(camera("raw"), cameras.env) as reader:
        reader.take(2)
        found = ask(
            cameras,
            "from capture.discover import list_cameras\n"
            "print(json.dumps([[c.id, c.name, c.where, c.identity, len(c.modes)]"
            " for c in list_cameras()]))",
        )
        reader.take(2)
    assert found == [
        ["/dev/video0", "Fake webcam", "usb-test-1", "port:usb-test-1", 25],
        ["/dev/video3", "HDMI grabber", "usb-2", "port:usb-2", 25],
    ]
