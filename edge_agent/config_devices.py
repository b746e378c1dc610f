"""What people have said of single devices: a name, and that one is never to be used unasked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints


class DeviceConfig(BaseModel):
    """Of the device with the identity that is its key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, StringConstraints(max_length=64)] = ""
    ignore: bool = False


def names_of(identity: str, where: str) -> Iterator[str]:
    """All that one device may be called: two of one serial number have their socket added, and
    a sound card may be meant by ALSA's word for it."""
    yield identity
    bare = identity.removesuffix(f"@{where}")
    yield f"{bare}@{where}"
    yield bare
    if identity.startswith("alsa:"):
        yield f"alsa:{where}"


def known_as(
    devices: Mapping[str, DeviceConfig], identity: str, where: str, also: Iterable[str] = ()
) -> DeviceConfig:
    """What is said of a device; the most particular word counts."""
    names = (*names_of(identity, where), *also)
    found = (devices[name] for name in names if name in devices)
    return next(found, DeviceConfig())


def ignored(devices: Mapping[str, DeviceConfig]) -> list[str]:
    """The identities that are never used unasked."""
    return [identity for identity, device in devices.items() if device.ignore]


def with_identities(values: Any) -> Any:
    """A configuration as written, with the identity where a track names a device as people do.

    What is of another form is left to the models, which say so.
    """
    if not isinstance(values, dict):
        return values
    called = {
        str(said["name"]): identity
        for identity, said in _tables(values.get("devices"))
        if said.get("name")
    }
    meant = {
        track: {**said, "device": called[said["device"]]}
        for track, said in _tables(values.get("tracks"))
        if isinstance(said.get("device"), str) and said["device"] in called
    }
    return {**values, "tracks": {**values["tracks"], **meant}} if meant else values


def _tables(value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    items = value.items() if isinstance(value, dict) else ()
    return ((key, each) for key, each in items if isinstance(each, dict))


def name_twice(devices: Mapping[str, DeviceConfig]) -> str:
    """A name that two devices have; empty when there is none."""
    seen: set[str] = set()
    for device in devices.values():
        if device.name and device.name in seen:
            return device.name
        seen.add(device.name)
    return ""
