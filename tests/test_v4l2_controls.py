"""Laws of a camera's controls: planned by profile and track, set at each opening."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from capture.source import NS
from capture.v4l2_controls import NUMBERS, OFF, Plan, local_mains, plan_controls, plan_preset
from capture.v4l2_keeping import BREAK_NS, MOST, KeptControls
from device_profiles.profile import Control, Preset, Profile
from tests.hardware_fixtures import FakeCameras, reading, shim_camera

STEADY = Control("exposure_dynamic_framerate", 0, "why")
LAMPS = Control("power_line_frequency", "mains", "why")
REFUSES, READ_ONLY = 0x8000, 0x4
C920 = "HD Pro Webcam C920"


@pytest.mark.parametrize(
    ("asked", "mains", "values"),
    [
        ("", 50, (("power_line_frequency", 1), ("exposure_dynamic_framerate", 0))),
        ("", 60, (("power_line_frequency", 2), ("exposure_dynamic_framerate", 0))),
        ("", None, (("exposure_dynamic_framerate", 0),)),
        ("gain=10", None, (("exposure_dynamic_framerate", 0), ("gain", 10))),
        ("exposure_dynamic_framerate=1", None, (("exposure_dynamic_framerate", 1),)),
        (" gain = -3 , ", None, (("exposure_dynamic_framerate", 0), ("gain", -3))),
        (OFF, 50, ()),
    ],
)
def test_a_tracks_own_word_goes_before_its_profile(
    asked: str, mains: int | None, values: tuple[tuple[str, int], ...]
) -> None:
    assert plan_controls((LAMPS, STEADY), asked, mains) == Plan(values)


LECTERN = Preset("lectern", (("pan_absolute", -36000), ("zoom_absolute", 150)))
TURNED = Profile("mine", "camera", "Mine", presets=(LECTERN,))


@pytest.mark.parametrize(
    ("profile", "name", "plan"),
    [
        (TURNED, "", Plan()),
        (None, "", Plan()),
        (TURNED, "lectern", Plan(LECTERN.values)),
        (TURNED, "door", Plan(mistakes=("preset door (its profile has: lectern)",))),
        (None, "door", Plan(mistakes=("preset door (its profile has: none)",))),
    ],
)
def test_a_camera_is_turned_to_a_place_of_its_profile_or_not_at_all(
    profile: Profile | None, name: str, plan: Plan
) -> None:
    assert plan_preset(profile, name) == plan


# ---------------------------------------------------------------- what is changed meanwhile


class Camera:
    """With a driver before it that remembers. It makes even numbers of all that it is told."""

    def __init__(self, **values: int) -> None:
        self.driver, self.own = values, dict(values)
        self.told = list[dict[str, int]]()

    def write(self, values: Mapping[str, int]) -> list[str]:
        self.told.append(dict(values))
        even = {name: value // 2 * 2 for name, value in values.items()}
        self.driver |= even
        self.own |= even
        return []

    def read(self, names: Iterable[str]) -> Mapping[str, int]:
        return {name: self.driver[name] for name in names if name in self.driver}


def streaming(camera: Camera, **wanted: int) -> KeptControls:
    """Set before its first picture."""
    it = KeptControls(wanted, camera.read, camera.write)
    assert it.look(0) == ""
    assert camera.told == [wanted]
    camera.told.clear()
    return it


def look_on(it: KeptControls, begin_s: int, seconds: int) -> list[str]:
    """A picture a second; what was said."""
    return [said for at in range(begin_s, begin_s + seconds) if (said := it.look(at * NS))]


def test_what_another_program_has_changed_is_put_back_and_nothing_else() -> None:
    camera = Camera(hue=1)
    it = streaming(camera, gain=11, gamma=20)
    camera.driver |= {"hue": 2}
    assert look_on(it, 1, 11) == []
    camera.driver["gain"] = 90
    assert look_on(it, 12, 10) == ["changed by another program, set again: gain=11"]
    assert camera.told == [{"gain": 11}]
    assert camera.driver == {"gain": 10, "gamma": 20, "hue": 2}


def test_whoever_goes_on_changing_a_control_wins() -> None:
    camera = Camera()
    it = streaming(camera, gain=10)
    said = []
    for at in range(1, 300):
        camera.driver["gain"] = 90
        said += look_on(it, at, 1)
    assert len(camera.told) == len(said) == MOST
    assert [line for line in said if "left alone" in line] == said[-1:]
    it.look(300 * NS + BREAK_NS)
    assert camera.told[MOST:] == [{}]  # not even after a break


def test_what_a_camera_forgets_behind_its_driver_is_set_again_when_pictures_come() -> None:
    """As its stream begins, and after a break in which it may have begun anew."""
    camera = Camera(gain=10)
    camera.own.clear()
    it = streaming(camera, gain=10)
    assert camera.own == {"gain": 10}
    assert look_on(it, 1, 20) == []
    camera.own.clear()
    assert it.look(20 * NS + BREAK_NS) == ""
    assert camera.own == {"gain": 10}
    assert camera.told == [{"gain": 10}]


def test_a_short_break_means_nothing() -> None:
    camera = Camera()
    it = streaming(camera, gain=10)
    for at in range(1, 20):
        assert it.look(at * (BREAK_NS - 1)) == ""
    assert camera.told == []


def test_a_camera_that_tells_nothing_is_set_and_left_alone() -> None:
    """It has no such controls, or it has just been unplugged: reading its pictures will tell."""

    def gone(names: Iterable[str]) -> Mapping[str, int]:
        raise OSError

    for read in (lambda names: {}, gone):
        camera = Camera()
        it = KeptControls({"gain": 10}, read, camera.write)
        assert look_on(it, 0, 20) == []
        assert camera.told == [{"gain": 10}]


@pytest.mark.parametrize("asked", ["gain", "gain=", "gain=high", "=;"])
def test_what_is_not_understood_is_told(asked: str) -> None:
    plan = plan_controls((), asked, 50)
    assert plan.values == ()
    assert asked in plan.mistakes[0]
    assert "NAME=NUMBER" in plan.mistakes[0]


def test_the_mains_are_told_by_the_time_zone_of_the_computer(tmp_path: Path) -> None:
    assert local_mains(tmp_path) is None
    zone = tmp_path / "usr/share/zoneinfo/America/Chicago"
    zone.parent.mkdir(parents=True)
    zone.write_text("")
    (tmp_path / "localtime").symlink_to(zone)
    assert local_mains(tmp_path) == 60
    (tmp_path / "localtime").unlink()
    (tmp_path / "localtime").write_text("a copy has no name")
    assert local_mains(tmp_path) is None
    (tmp_path / "timezone").write_text("Europe/Vienna\n")
    assert local_mains(tmp_path) == 50


# ---------------------------------------------------------------- through the kernel's ioctls


@pytest.fixture
def cameras(tmp_path: Path) -> Iterator[FakeCameras]:
    with shim_camera(tmp_path / "cameras") as found:
        found.plug(card=C920)
        yield found


def has(cameras: FakeCameras, **controls: tuple[int, int, int]) -> None:
    """The camera's controls: lowest, highest, flags."""
    lines = [f"{NUMBERS[n]:x} {low} {high} {flags:x}" for n, (low, high, flags) in controls.items()]
    cameras.set("controls", "\n".join(lines) + "\n")


def was_set(cameras: FakeCameras, where: str = "set") -> list[tuple[str, int]]:
    """What the driver was told, or what the camera itself still knows of it ("own")."""
    file = cameras.folder / f"video0.{where}"
    if not file.exists():
        return []
    names = {f"{number:x}": name for name, number in NUMBERS.items()}
    words = [line.split() for line in file.read_text().splitlines()]
    return [(names[number], int(value)) for number, value in words]


def opened(cameras: FakeCameras, **options: str) -> str:
    """Open it, take a picture; its description."""
    spec = {"kind": "v4l2", "device": "/dev/video0", "options": options}
    with reading(spec, cameras.env) as reader:
        description: str = reader.next()["opened"]["description"]
        reader.take(1)
    return description


def test_a_profiles_controls_are_set_at_the_opening_and_after_replugging(cameras) -> None:
    has(cameras, exposure_dynamic_framerate=(0, 1, 0), gain=(0, 255, 0))
    assert "not set" not in opened(cameras)
    steady, gain = ("exposure_dynamic_framerate", 0), ("gain", 10)
    assert set(was_set(cameras)) == {steady}
    cameras.unplug()
    cameras.plug(card=C920)
    before = len(was_set(cameras))
    opened(cameras, controls="gain=10")
    assert was_set(cameras)[before:][:2] == [steady, gain]


def test_a_camera_that_forgets_as_its_stream_begins_is_told_again(cameras) -> None:
    """Its driver goes on naming what it was told before."""
    has(cameras, exposure_dynamic_framerate=(0, 1, 0), gain=(0, 255, 0))
    cameras.set("forgets")
    opened(cameras, controls="gain=10")
    assert was_set(cameras, "own") == [("exposure_dynamic_framerate", 0), ("gain", 10)]


def test_a_control_that_the_camera_has_not_is_passed_over(cameras) -> None:
    assert "not set" not in opened(cameras, controls="zoom_absolute=100")
    assert was_set(cameras) == []


@pytest.mark.parametrize(
    ("flags", "asked", "told"),
    [
        (REFUSES, "gain=10", "gain=10 (Input/output error)"),
        (READ_ONLY, "gain=10", "gain=10 (this camera does not let it be set)"),
        (0, "gain=300", "gain=300 (this camera takes 0 to 255)"),
        (0, "shutter=3", "shutter=3 (not a control that can be set here)"),
        (0, "gain=much", "gain=much (write NAME=NUMBER)"),
    ],
)
def test_a_refused_control_is_told_and_the_camera_records(cameras, flags, asked, told) -> None:
    has(cameras, gain=(0, 255, flags))
    assert opened(cameras, controls=asked).endswith(f"; not set: {told}")
    assert was_set(cameras) == []


def test_a_room_may_leave_all_controls_alone(cameras) -> None:
    has(cameras, exposure_dynamic_framerate=(0, 1, 0))
    assert "not set" not in opened(cameras, controls=OFF)
    assert was_set(cameras) == []
