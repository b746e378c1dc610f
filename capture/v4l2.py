"""A camera or grabber behind V4L2.

The mode is chosen from what the device offers; pictures stay packets (MJPEG, raw, H.264) until
somebody wants to see them. Stamps are the kernel's (CLOCK_MONOTONIC). A read of a driver that hangs
blocks for ever: no timeout of the library reaches it, so the process must be expendable.
"""

from __future__ import annotations

import errno
import sys
import time
from functools import partial
from typing import cast

import av

from capture.discover import camera_identity, locate_camera, node_usb
from capture.lavf import LAVF_ERRORS, Input, LavfError, PictureDecoder, nanoseconds, stamped
from capture.modes import DEFAULT_FORMATS, Mode, Wanted, choose_mode, describe, offers
from capture.source import (
    NS,
    Delivers,
    DeviceBusy,
    DeviceLost,
    DeviceMissing,
    Frame,
    NotMedia,
    NoUsableMode,
    Packet,
    Sample,
    SourceError,
    SourceInfo,
    SourceSpec,
)
from capture.v4l2_controls import (
    local_mains,
    plan_controls,
    plan_preset,
    read_values,
    set_controls,
)
from capture.v4l2_ioctl import Node, ask
from capture.v4l2_keeping import KeptControls
from device_profiles.match import facts_of, match_profile
from device_profiles.own import load_known

NEAR_NS = 5 * NS  # a kernel stamp further from now than this is on another clock
LAVF_NAMES = {"mjpeg": "mjpeg", "h264": "h264"}


class V4l2Source:
    """`spec.device` is a node (/dev/video0, /dev/v4l/by-id/…) or an identity from discovery.

    options: formats = order of preference, as "mjpeg,raw,h264" (a profile's), if `format` is None;
    controls = what to set besides the profile's, as "power_line_frequency=2,gain=10", or "off";
    preset = the name of a place to look at, from the profile.
    """

    def __init__(self, spec: SourceSpec) -> None:
        self._spec = spec
        self._input: Input | None = None
        self._decoder: PictureDecoder | None = None
        self._last = 0
        self._ahead: Packet | None = None
        self._identity = ""
        self._kept: KeptControls | None = None

    def open(self) -> SourceInfo:
        node = self._ask()
        mode = self._choose(node)
        refused = self._set_controls(node)
        self._input = Input(node.path, "v4l2", lavf_options(mode))
        try:
            stream = self._input.open()
        except LAVF_ERRORS as error:
            raise explain(error, node.path, node.modes) from error
        self._decoder = PictureDecoder(stream)
        codec = stream.codec_context
        rate = float(stream.average_rate or mode.fps)
        return SourceInfo(
            media="video",
            description=f"{node.card}, {mode.format} {codec.width}×{codec.height} {rate:g}/s"
            + refused,
            identity=self._identity or camera_identity(node),
            width=codec.width,
            height=codec.height,
            fps=rate,
            pix_fmt=codec.pix_fmt or mode.pixel,
            codec=codec.name,
            delivers=cast(Delivers, mode.format),
            full_range=mode.format == "mjpeg",
            extradata=bytes(codec.extradata or b""),
        )

    def read(self) -> Sample:
        if self._input is None:
            raise DeviceLost("the camera was not opened", "open it before reading")
        if self._kept is not None and (said := self._kept.look(time.monotonic_ns())):
            print(f"{self._spec.device}: {said}", file=sys.stderr)
        packet, self._ahead = self._ahead or self._take(self._input), None
        stamp = _kernel_stamp(packet)
        if stamp is None and not self._last:
            stamp = self._stamp_from_next(self._input, packet)
        self._last = max(self._last + 1, stamp or time.monotonic_ns())
        return stamped(packet, self._last, self._last)

    def decode(self, sample: Sample) -> list[Frame]:
        if self._decoder is None or not isinstance(sample, av.Packet):
            return []
        return list(self._decoder.decode(sample))

    def close(self) -> None:
        if self._input is not None:
            self._input.close()

    def _ask(self) -> Node:
        path, self._identity = locate_camera(self._spec.device, self._spec.identity)
        try:
            node = ask(path)
        except OSError as error:
            raise explain(error, path, ()) from error
        if not node.captures:
            raise NotMedia(
                f"{path} ({node.card}) gives no pictures", "choose the camera's first video node"
            )
        return node

    def _choose(self, node: Node) -> Mode:
        spec = self._spec
        asked = spec.options.get("formats", ",".join(DEFAULT_FORMATS))
        formats = (spec.format,) if spec.format else tuple(asked.split(","))
        mode = choose_mode(node.modes, Wanted(formats, spec.size, spec.fps))
        if mode is None:
            offered = describe(node.modes) or "nothing that can be recorded"
            raise NoUsableMode(
                f"{node.card} offers no {' or '.join(formats)}", f"it offers: {offered}"
            )
        return mode

    def _set_controls(self, node: Node) -> str:
        """What was refused, as words to add to the description."""
        asked = self._spec.options.get("controls", "")
        identity = self._identity or camera_identity(node)
        facts = facts_of("camera", node.card, identity, node_usb(node.path), offers(node.modes))
        profile = match_profile(facts, load_known().profiles)
        plan = plan_controls(profile.controls if profile else (), asked, local_mains())
        place = plan_preset(profile, self._spec.options.get("preset", ""))
        write = partial(set_controls, node.path)
        refused = [*plan.mistakes, *place.mistakes, *write(dict(plan.values + place.values))]
        # Where it looks is not kept: people turn it, too.
        self._kept = KeptControls(dict(plan.values), partial(read_values, node.path), write)
        return f"; not set: {', '.join(refused)}" if refused else ""

    def _take(self, camera: Input) -> Packet:
        try:
            packet = camera.read()
        except LAVF_ERRORS as error:
            raise _lost(error, self._spec.device) from error
        if packet is None:
            raise DeviceLost(f"{self._spec.device} stopped", "check the cable of the camera")
        return packet

    def _stamp_from_next(self, camera: Input, first: Packet) -> int | None:
        """The library's H.264 parser eats the first stamp: it is one picture before the next."""
        self._ahead = self._take(camera)
        following = _kernel_stamp(self._ahead)
        if following is None or not first.duration or first.time_base is None:
            return None
        return following - nanoseconds(first.duration, first.time_base)


def _kernel_stamp(packet: Packet) -> int | None:
    """The driver's stamp, if it is on the monotonic clock."""
    if packet.pts is None or packet.time_base is None:
        return None
    stamp = nanoseconds(packet.pts, packet.time_base)
    return stamp if abs(stamp - time.monotonic_ns()) < NEAR_NS else None


def lavf_options(mode: Mode) -> dict[str, str]:
    """The demuxer's options that ask for exactly this mode."""
    key = "pixel_format" if mode.format == "raw" else "input_format"
    return {
        key: mode.pixel or LAVF_NAMES[mode.format],
        "video_size": f"{mode.width}x{mode.height}",
        "framerate": f"{mode.fps:g}",
    }


def explain(error: LavfError, device: str, modes: tuple[Mode, ...]) -> SourceError:
    """What a failed open means for the person who set the device up."""
    match error.errno:
        case errno.ENOENT | errno.ENODEV | errno.ENXIO:
            return DeviceMissing(f"there is no camera at {device}", "plug it in, or choose another")
        case errno.EBUSY:
            return DeviceBusy(f"{device} is in use by another program", "close that program")
        case errno.EACCES | errno.EPERM:
            hint = "add the recorder's user to the group `video`"
            return SourceError(f"no permission to open {device}", hint)
        case errno.ENOTTY:
            return NotMedia(f"{device} is not a video device", "choose a /dev/video node")
        case errno.EINVAL:
            return NoUsableMode(f"{device} refused its own mode", f"it offers: {describe(modes)}")
    return SourceError(f"{device} cannot be opened: {error.strerror}", "unplug it and plug it in")


def _lost(error: LavfError, device: str) -> DeviceLost:
    if error.errno in (errno.ENODEV, errno.ENXIO):
        return DeviceLost(f"{device} was unplugged", "plug the camera in again")
    return DeviceLost(f"{device} failed: {error.strerror}", "check the cable and the USB port")
