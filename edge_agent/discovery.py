"""Which devices a room records when its configuration names none.

Looking at devices loads native libraries and may hang in a driver, so it happens in a child
(`python -m edge_agent.discovery [IGNORED…] FD`) that is ended when it takes too long.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Container, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from capture.modes import offers
from device_profiles.match import facts_of, match_profile
from device_profiles.own import load_known
from device_profiles.profile import Kind, Profile
from edge_agent.children import Child, Process
from edge_agent.config import TrackConfig
from edge_agent.config_devices import names_of
from edge_agent.messages import Message
from edge_agent.rules.health import SECOND

if TYPE_CHECKING:
    from capture.discover import Device

#: The module that looks, in a child; its arguments are the identities that are not to be used.
SEARCH = "edge_agent.discovery"
#: Asking every device takes about a second; a driver that hangs is left alone after this.
PATIENCE_NS = 15 * SECOND
#: In a room without any device it is looked again this often; in others for what comes later.
AGAIN_NS = 10 * SECOND
LATER_NS = 60 * SECOND
#: After a device was plugged in it is looked twice: a sound server knows it a moment later.
SETTLED_NS = 3 * SECOND
#: Two looks are never closer than this.
CLOSEST_NS = SECOND
#: The names of the tracks.
CAMERA, SLIDES, MICROPHONE, BACKUP = "camera", "slides", "microphone", "backup"
BACKUP_FLAVOR = "backup/source"


class Look(Message):
    """The child's first line; there is nothing to say."""


class Discovery:
    """Looks for devices in the background, again and again."""

    def __init__(self, process: Child | None = None) -> None:
        self._process: Child = process or Process(SEARCH)
        self._due_ns = 0
        self._began_ns: int | None = None
        self._last_ns: int | None = None
        self._once_more = False
        self._found: dict[str, TrackConfig] = {}
        #: One look at least has ended.
        self.looked = False

    def step(self, now_ns: int) -> dict[str, TrackConfig]:
        """Call it each round; the tracks of a look that has just ended, else nothing."""
        if self._began_ns is None:
            if now_ns >= self._due_ns:
                self._process.start(Look())
                self._began_ns = self._last_ns = now_ns
            return {}
        for line in self._process.lines():
            self._found = {k: TrackConfig(**v) for k, v in json.loads(line).items()}
        if now_ns - self._began_ns > PATIENCE_NS:
            self._process.signal(signal.SIGKILL)
        if self._process.reap() is None:
            return {}
        self.looked = True
        wait_ns = SETTLED_NS if self._once_more else LATER_NS if self._found else AGAIN_NS
        self._began_ns, self._due_ns, self._once_more = None, now_ns + wait_ns, False
        return self._found

    def device_came(self, now_ns: int) -> None:
        """Look at once. A look under way may have passed it by, but another one follows."""
        self._once_more = True
        soon_ns = now_ns if self._last_ns is None else max(now_ns, self._last_ns + CLOSEST_NS)
        self._due_ns = min(self._due_ns, soon_ns)

    def end(self) -> None:
        """At the agent's end: a search under way is of no use."""
        self._process.signal(signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class Candidates:
    """What is plugged in for each place in a room, the best first."""

    cameras: list[tuple[Device, Profile | None]]
    grabbers: list[tuple[Device, Profile | None]]
    microphones: list[Device]


def profile_of(device: Device, profiles: Iterable[Profile]) -> Profile | None:
    """What is known about a camera, grabber or microphone."""
    kind: Kind = "camera" if device.kind == "v4l2" else "microphone"
    facts = facts_of(kind, device.name, device.identity, device.usb, offers(device.modes))
    return match_profile(facts, profiles)


def candidates(devices: Iterable[tuple[Device, Profile | None]]) -> Candidates:
    """By place; of equal ones the first that was found. Document cameras come after others.

    Microphones: those of lecture rooms, other USB ones, a camera's own, what is built into the PC
    (nearly every board lists an input, with nothing plugged into it), and last a grabber's: it
    hears the computer that shows the slides.
    """
    known = list(devices)
    pictures = [each for each in known if each[0].kind == "v4l2"]
    sounds = [each for each in known if each[0].kind == "microphone"]
    cameras = [each for each in pictures if _role(each[1]) != "grabber"]
    grabbers = [each for each in pictures if _role(each[1]) == "grabber"]
    with_grabber = {device.usb for device, _ in grabbers if device.usb}
    # A conference camera is made to hear the whole room, a webcam is not.
    with_camera = {device.usb for device, p in cameras if device.usb and _role(p) != "conference"}

    def worth(sound: tuple[Device, Profile | None]) -> int:
        device, profile = sound
        if device.usb in with_grabber:
            return 4
        if not device.usb:
            return 3
        if device.usb in with_camera:
            return 2
        return 0 if profile is not None and profile.usb else 1

    return Candidates(
        sorted(cameras, key=lambda each: _role(each[1]) == "document"),
        grabbers,
        [device for device, _ in sorted(sounds, key=worth)],
    )


def unasked(devices: Iterable[Device], ignored: Container[str]) -> list[Device]:
    """The devices that may be used without being named."""
    return [
        each
        for each in devices
        if not any(name in ignored for name in (*names_of(each.identity, each.where), *each.also))
    ]


def spare_microphones(found: Candidates) -> list[Device]:
    """Those that can be recorded besides the best one, which a sound server and the kernel may list
    under two names. Without a USB plug nobody knows whether there is a microphone at all, and what
    a grabber hears is the computer."""
    best = {device.usb for device in found.microphones[:1]}
    return [device for device in likely_spares(found) if device.usb not in best]


def likely_spares(found: Candidates) -> list[Device]:
    """Those that surely are microphones of the room, the best one too."""
    computers = {device.usb for device, _ in found.grabbers}
    return [device for device in found.microphones if device.usb and device.usb not in computers]


def choose_tracks(devices: Iterable[Device], profiles: Iterable[Profile]) -> dict[str, TrackConfig]:
    """The best camera, HDMI grabber (the slides) and microphone; another in case that is dead."""
    known = list(profiles)
    found = candidates((device, profile_of(device, known)) for device in devices)
    tracks: dict[str, TrackConfig] = {}
    for device, profile in found.cameras[:1]:
        tracks[CAMERA] = camera_track(device.identity, "presenter/source", profile)
    for device, profile in found.grabbers[:1]:
        tracks[SLIDES] = camera_track(device.identity, "presentation/source", profile)
    for device in found.microphones[:1]:
        tracks[MICROPHONE] = TrackConfig(kind="microphone", device=device.id)
    for device in spare_microphones(found)[:1]:
        tracks[BACKUP] = TrackConfig(kind="microphone", device=device.id, flavor=BACKUP_FLAVOR)
    return tracks


def _role(profile: Profile | None) -> str:
    return (profile.role or "") if profile else ""


def camera_track(identity: str, flavor: str, profile: Profile | None) -> TrackConfig:
    """A camera or grabber as its profile wants it asked."""
    if profile is None:
        return TrackConfig(kind="v4l2", device=identity, flavor=flavor)
    return TrackConfig(
        kind="v4l2",
        device=identity,
        flavor=flavor,
        size=profile.size,
        fps=profile.fps,
        options={"formats": ",".join(profile.formats)} if profile.formats else {},
    )


def main(argv: list[str] | None = None) -> int:
    """Look once and write the tracks as one JSON line to the given descriptor.

    Before it stand the identities that are not to be used.
    """
    from capture.discover import list_devices

    *ignored, fd = sys.argv[1:] if argv is None else argv
    known = load_known()
    for mistake in known.mistakes:
        print(f"profile left out: {mistake}", file=sys.stderr)
    tracks = choose_tracks(unasked(list_devices(), ignored), known.profiles)
    chosen = {name: track.model_dump(mode="json") for name, track in tracks.items()}
    os.write(int(fd), json.dumps(chosen).encode() + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
