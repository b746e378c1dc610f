"""Network cameras that speak ONVIF: which ones answer, and where their streams are.

An extra: the library onveef is loaded only here. A password goes to the camera as a digest, never
into an address that is returned, and never into a text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from capture.source import DeviceMissing, NotMedia, SourceError

#: WS-Discovery's port, for who is asked by its address.
PORT = 3702
CALL_S = 8.0
#: What is recorded unasked is not larger, as with other cameras.
LARGEST = (1920, 1080)

_WANTS_USER = (
    "keep user:password with: edge-agent secret set NAME, then use --credential NAME; many cameras "
    "have users of their own for ONVIF, and want the right time"
)


@dataclass(frozen=True, slots=True)
class NetworkCamera:
    """One that has answered. `service` is where it is asked for more."""

    service: str
    name: str
    hardware: str


@dataclass(frozen=True, slots=True)
class Stream:
    """What a camera offers; sizes are 0 where it does not say."""

    name: str
    encoding: str  # as the camera calls it: H264, H265, JPEG
    width: int
    height: int
    fps: float
    url: str


@dataclass(frozen=True, slots=True)
class Place:
    """A preset that a camera keeps. `token` is its own word for it."""

    name: str
    token: str
    profile: str


@dataclass(frozen=True, slots=True)
class Offer:
    """A camera that has told of itself."""

    maker: str
    model: str
    serial: str
    streams: tuple[Stream, ...]


def discover(seconds: float, address: str = "", port: int = PORT) -> list[NetworkCamera]:
    """Who answers within so long: on this network, or at one address. Raises SourceError."""
    library = _library()
    if address:
        found = library.wsdiscovery.probe_device(address, timeout_s=seconds, port=port)
    else:
        found = library.wsdiscovery.discover(timeout_s=seconds)
    cameras = (NetworkCamera(it.device_service, it.name, it.hardware) for it in found)
    return sorted((it for it in cameras if it.service), key=lambda it: it.service)


def ask(service: str, user: str = "", password: str = "") -> Offer:
    """What the camera at this address of its service offers. Raises SourceError."""
    library = _library()
    with _in_words(library, service):
        client = library.OnvifClient(service, username=user, password=password, timeout_s=CALL_S)
        with client as camera:
            about = camera.get_device_information()
            profiles = camera.get_profiles()
            streams = tuple(
                _stream(it, camera.get_stream_uri(profile_token=it["token"])) for it in profiles
            )
    return Offer(
        about.get("Manufacturer", ""),
        about.get("Model", ""),
        about.get("SerialNumber", ""),
        streams,
    )


def presets(service: str, user: str = "", password: str = "") -> tuple[Place, ...]:
    """Where the camera can be turned to, as it calls it. Raises SourceError."""
    library = _library()
    with _in_words(library, service):
        client = library.OnvifClient(service, username=user, password=password, timeout_s=CALL_S)
        with client as camera:
            profile = str(camera.get_profiles()[0]["token"])
            found = camera.ptz_get_presets(profile_token=profile)
    return tuple(Place(str(it.get("name") or ""), str(it["token"]), profile) for it in found)


def go_to(service: str, place: Place, user: str = "", password: str = "") -> None:
    """Turn the camera. Raises SourceError."""
    library = _library()
    with _in_words(library, service):
        client = library.OnvifClient(service, username=user, password=password, timeout_s=CALL_S)
        with client as camera:
            camera.ptz_goto_preset(profile_token=place.profile, preset_token=place.token)


def best(streams: Iterable[Stream]) -> Stream | None:
    """The one to record: H.264, the largest up to 1080p, else the smallest; None if there is none.

    Other codecs are not taken from the network.
    """
    able = [it for it in streams if it.encoding.upper() == "H264" and it.url.startswith("rtsp")]
    fitting = [it for it in able if it.width <= LARGEST[0] and it.height <= LARGEST[1]]
    if fitting:
        return max(fitting, key=lambda it: (it.width * it.height, it.fps))
    return min(able, key=lambda it: it.width * it.height, default=None)


def _stream(profile: dict[str, Any], url: str) -> Stream:
    encoder = profile.get("video_encoder") or {}
    return Stream(
        name=str(profile.get("name") or profile["token"]),
        encoding=str(encoder.get("encoding") or ""),
        width=int(encoder.get("width") or 0),
        height=int(encoder.get("height") or 0),
        fps=float(encoder.get("fps_limit") or 0),
        url=url,
    )


def _library() -> Any:
    try:
        import onveef
    except ImportError as error:
        raise SourceError(
            "ONVIF is an extra that is not installed",
            "install it beside the agent: /opt/edge-agent/bin/pip install 'edge-agent[onvif]'",
        ) from error
    return onveef


@contextmanager
def _in_words(library: Any, service: str) -> Iterator[None]:
    """The library's errors as ours."""
    try:
        yield
    except library.OnvifAuthError:
        raise SourceError(
            f"{service}: the camera wants a user and a password, or other ones",
            _WANTS_USER,
        ) from None
    except library.OnvifFaultError:
        # By the standard "not authorized" is a fault; each maker has other words for it.
        raise SourceError(f"{service}: the camera refuses to answer", _WANTS_USER) from None
    except library.OnvifTransportError as error:
        raise DeviceMissing(
            f"{service}: the camera does not answer ({type(error).__name__})",
            "check its address and network; some cameras have ONVIF switched off",
        ) from None
    except (library.OnvifError, ValueError, LookupError) as error:
        raise NotMedia(
            f"{service}: what answers is no ONVIF camera as we know it ({type(error).__name__})",
            "take its RTSP address from its manual",
        ) from None
