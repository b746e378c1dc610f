"""Which devices a room records when its configuration names none.

Looking at devices loads native libraries and may hang in a driver, so it happens in a child
(`python -m edge_agent.discovery FD`) that is ended when it takes too long.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from capture.modes import offers
from device_profiles.match import facts_of, match_profile
from device_profiles.own import load_known
from device_profiles.profile import Profile
from edge_agent.children import Child, Process
from edge_agent.config import TrackConfig
from edge_agent.messages import Message
from edge_agent.rules.health import SECOND

if TYPE_CHECKING:
    from capture.discover import Device

#: Asking every device takes about a second; a driver that hangs is left alone after this.
PATIENCE_NS = 15 * SECOND
#: In a room without any device it is looked again this often; in others for what comes later.
AGAIN_NS = 10 * SECOND
LATER_NS = 60 * SECOND
#: After a device was plugged in it is looked twice: a sound server knows it a moment later.
SETTLED_NS = 3 * SECOND
#: Two looks are never closer than this.
CLOSEST_NS = SECOND
CAMERA = ("camera", "presenter")  # the track's name and what it shows


class Look(Message):
    """The child's first line; there is nothing to say."""


class Discovery:
    """Looks for devices in the background, again and again."""

    def __init__(self, process: Child | None = None) -> None:
        self._process: Child = process or Process("edge_agent.discovery")
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


def choose_tracks(devices: Iterable[Device], profiles: Iterable[Profile]) -> dict[str, TrackConfig]:
    """The first camera, the first HDMI grabber (the slides) and the first microphone.

    A document camera is the camera only where there is no other.
    """
    known = list(profiles)
    tracks: dict[str, TrackConfig] = {}
    paper: list[TrackConfig] = []
    for device in devices:
        if device.kind == "microphone":
            tracks.setdefault("microphone", TrackConfig(kind="microphone", device=device.id))
        elif device.kind == "v4l2":
            profile = match_profile(
                facts_of("camera", device.name, device.identity, device.usb, offers(device.modes)),
                known,
            )
            role = profile.role if profile else None
            name, flavor = ("slides", "presentation") if role == "grabber" else CAMERA
            track = _camera(device.identity, f"{flavor}/source", profile)
            if role == "document":
                paper.append(track)
            else:
                tracks.setdefault(name, track)
    for track in paper:
        tracks.setdefault(CAMERA[0], track)
    return tracks


def _camera(identity: str, flavor: str, profile: Profile | None) -> TrackConfig:
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
    """Look once and write the tracks as one JSON line to the given descriptor."""
    from capture.discover import list_devices

    fd = int((sys.argv[1:] if argv is None else argv)[0])
    known = load_known()
    for mistake in known.mistakes:
        print(f"profile left out: {mistake}", file=sys.stderr)
    tracks = choose_tracks(list_devices(), known.profiles)
    chosen = {name: track.model_dump(mode="json") for name, track in tracks.items()}
    os.write(fd, json.dumps(chosen).encode() + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
