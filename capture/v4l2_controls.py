"""Setting a camera's controls: exposure, focus, the mains its lamps flicker with.

Never a reason to fail: a control that a camera does not have is passed over, one that it refuses is
told. Set at each opening, so also after re-plugging and after a driver has forgotten them. A driver
that hangs here blocks for ever, as it does when it is opened.
"""

from __future__ import annotations

import fcntl
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from capture.v4l2_ioctl import opened, request
from device_profiles.mains import LINE_FREQUENCY, mains_of_zone
from device_profiles.profile import Control, Profile

USER, CAMERA = 0x00980900, 0x009A0900  # V4L2_CID_BASE, V4L2_CID_CAMERA_CLASS_BASE
#: As v4l2-ctl and newer kernels (linux/v4l2-controls.h) name them.
NUMBERS = {
    "brightness": USER,
    "contrast": USER + 1,
    "saturation": USER + 2,
    "hue": USER + 3,
    "white_balance_automatic": USER + 12,
    "gamma": USER + 16,
    "gain": USER + 19,
    "power_line_frequency": USER + 24,
    "white_balance_temperature": USER + 26,
    "sharpness": USER + 27,
    "backlight_compensation": USER + 28,
    "auto_exposure": CAMERA + 1,
    "exposure_time_absolute": CAMERA + 2,
    "exposure_dynamic_framerate": CAMERA + 3,
    "pan_absolute": CAMERA + 8,
    "tilt_absolute": CAMERA + 9,
    "focus_absolute": CAMERA + 10,
    "focus_automatic_continuous": CAMERA + 12,
    "zoom_absolute": CAMERA + 13,
}
_QUERY = struct.Struct("=II32siiiiI8x")
_CONTROL = struct.Struct("=Ii")
QUERYCTRL = request(3, 36, _QUERY.size)
G_CTRL = request(3, 27, _CONTROL.size)
S_CTRL = request(3, 28, _CONTROL.size)
UNUSABLE = 0x1 | 0x4  # V4L2_CTRL_FLAG_DISABLED, V4L2_CTRL_FLAG_READ_ONLY
#: V4L2_CTRL_FLAG_INACTIVE (an automatic has it), _WRITE_ONLY, _VOLATILE (the camera changes it).
UNSTEADY = UNUSABLE | 0x10 | 0x40 | 0x80
OFF = "off"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be set, in this order, and what of it could not be understood."""

    values: tuple[tuple[str, int], ...] = ()
    mistakes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Setting:
    """A control that a camera has. `value` is None when the camera does not tell it now."""

    name: str
    value: int | None
    low: int
    high: int
    default: int
    #: It can be set (some can only while an automatic is off).
    settable: bool


def plan_controls(profile: tuple[Control, ...], asked: str, mains: int | None) -> Plan:
    """A profile's controls, then the track's own: "power_line_frequency=2,gain=10", or "off".

    A value that depends on the mains is left out where their frequency is not known.
    """
    if asked.strip() == OFF:
        return Plan()
    values: dict[str, int] = {}
    for control in profile:
        if control.value != "mains":
            values[control.name] = control.value
        elif mains is not None:
            values[control.name] = LINE_FREQUENCY[mains]
    mistakes = []
    for word in filter(None, (part.strip() for part in asked.split(","))):
        name, _, number = word.partition("=")
        try:
            values[name.strip()] = int(number)
        except ValueError:
            mistakes.append(f"{word} (write NAME=NUMBER)")
    return Plan(tuple(values.items()), tuple(mistakes))


def plan_preset(profile: Profile | None, name: str) -> Plan:
    """Where to look: a preset of the camera's profile. Without a name nothing is turned."""
    if not name:
        return Plan()
    presets = {preset.name: preset for preset in profile.presets} if profile else {}
    if name not in presets:
        there = ", ".join(presets) or "none"
        return Plan(mistakes=(f"preset {name} (its profile has: {there})",))
    return Plan(presets[name].values)


def set_controls(path: str, values: Mapping[str, int]) -> list[str]:
    """Set what the camera has; returns what it refused, each with the cause. Raises nothing."""
    refused = []
    try:
        with opened(path) as fd:
            for name, value in values.items():
                why = _set(fd, name, value)
                if why:
                    refused.append(f"{name}={value} ({why})")
    except OSError as error:  # the camera itself: opening it will tell
        refused.append(f"all controls ({error.strerror})")
    return refused


def _set(fd: int, name: str, value: int) -> str:
    """Why not; empty if it is set, or if the camera has no such control."""
    number = NUMBERS.get(name)
    if number is None:
        return "not a control that can be set here"
    question = bytearray(_QUERY.pack(number, 0, b"", 0, 0, 0, 0, 0))
    try:
        fcntl.ioctl(fd, QUERYCTRL, question, True)
    except OSError:
        return ""  # EINVAL: it has none; ENOTTY: this driver has no controls at all
    _, _, _, low, high, _, _, flags = _QUERY.unpack(question)
    if flags & UNUSABLE:
        return "this camera does not let it be set"
    if not low <= value <= high:
        return f"this camera takes {low} to {high}"
    try:
        fcntl.ioctl(fd, S_CTRL, bytearray(_CONTROL.pack(number, value)), True)
    except OSError as error:
        return error.strerror or "refused"
    return ""


def read_controls(path: str) -> list[Setting]:
    """What the camera has of the controls that can be set here. Raises OSError."""
    with opened(path) as fd:
        found = (_read(fd, name, number) for name, number in NUMBERS.items())
        return [setting for setting in found if setting is not None]


def read_values(path: str, names: Iterable[str]) -> dict[str, int]:
    """What these are set to, without those that change by themselves. Raises OSError."""
    with opened(path) as fd:
        asked = [(name, NUMBERS[name]) for name in names if name in NUMBERS]
        found = [_read(fd, *each, UNSTEADY) for each in asked]
    steady = [each for each in found if each is not None and each.settable]
    return {each.name: each.value for each in steady if each.value is not None}


def _read(fd: int, name: str, number: int, unusable: int = UNUSABLE) -> Setting | None:
    question = bytearray(_QUERY.pack(number, 0, b"", 0, 0, 0, 0, 0))
    try:
        fcntl.ioctl(fd, QUERYCTRL, question, True)
    except OSError:
        return None
    _, _, _, low, high, _, default, flags = _QUERY.unpack(question)
    answer = bytearray(_CONTROL.pack(number, 0))
    try:
        fcntl.ioctl(fd, G_CTRL, answer, True)
        value = _CONTROL.unpack(answer)[1]
    except OSError:
        value = None
    return Setting(name, value, low, high, default, not flags & unusable)


def local_mains(etc: Path = Path("/etc")) -> int | None:
    """50 or 60 Hz by this computer's time zone; None where that does not tell."""
    try:
        zone = str((etc / "localtime").resolve(strict=True)).partition("zoneinfo/")[2]
        found = mains_of_zone(zone)
        return found or mains_of_zone((etc / "timezone").read_text("utf-8").strip())
    except (OSError, UnicodeDecodeError):
        return None
