"""Naming microphones: PortAudio's inputs, ALSA cards, sources of PulseAudio or PipeWire.

The choice itself is pure (`match_input`, `parse_sources`, `source_of_process`). PulseAudio is asked
through `pactl`, which also speaks for PipeWire; where there is no `pactl` the answer is None.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from capture.source import SourceError

PACTL_S = 3.0
_HARDWARE = re.compile(r"\(hw:(\d+),(\d+)\)")
_BY_CARD = re.compile(r"hw:(?:CARD=)?([^,]+)(?:,(?:DEV=)?(\d+))?")


@dataclass(frozen=True, slots=True)
class AudioInput:
    """An input as PortAudio numbers and names it."""

    index: int
    name: str
    channels: int


@dataclass(frozen=True, slots=True)
class PulseSource:
    index: int
    name: str
    description: str
    monitor: bool
    bus: str
    identity: str
    usb: str = ""  # vendor:product
    #: ALSA's numbers of card and device behind it; None where there is no card.
    hardware: tuple[int, int] | None = None


def match_input(
    wanted: str, inputs: Iterable[AudioInput], cards: Mapping[int, str]
) -> AudioInput | None:
    """The one input meant by an exact name, `hw:1,0`, `hw:CARD=Webcam,DEV=0`, or `default`."""
    able = [entry for entry in inputs if entry.channels > 0]
    for entry in able:
        if entry.name == wanted:
            return entry
    asked = _BY_CARD.fullmatch(wanted)
    if asked is None:
        return None
    card, device = asked.group(1), int(asked.group(2) or 0)
    for entry in able:
        found = _HARDWARE.search(entry.name)
        if found and int(found.group(2)) == device:
            number = int(found.group(1))
            if card in (found.group(1), cards.get(number)):
                return entry
    return None


def hardware_id(name: str, cards: Mapping[int, str]) -> str:
    """`hw:CARD=…,DEV=…` of a PortAudio name: the card's own word, which outlives its number."""
    found = _HARDWARE.search(name)
    if found is None:
        return ""
    card = int(found.group(1))
    return f"hw:CARD={cards.get(card, str(card))},DEV={found.group(2)}"


def hardware_numbers(name: str) -> tuple[int, int]:
    """ALSA's numbers of card and device in a PortAudio name; (-1, 0) when it is no hardware."""
    found = _HARDWARE.search(name)
    return (int(found.group(1)), int(found.group(2))) if found else (-1, 0)


def card_ids(proc: Path = Path("/proc/asound")) -> dict[int, str]:
    """ALSA's card numbers and words."""
    return {
        int(place.parent.name.removeprefix("card")): place.read_text().strip()
        for place in proc.glob("card[0-9]*/id")
    }


def card_usb_ids(proc: Path = Path("/proc/asound")) -> dict[int, str]:
    """vendor:product of the ALSA cards that are USB devices, by number."""
    return {
        int(place.parent.name.removeprefix("card")): place.read_text().strip()
        for place in proc.glob("card[0-9]*/usbid")
    }


def usb_of(name: str, ids: Mapping[int, str]) -> str:
    """vendor:product of a PortAudio name; empty when it is none of a USB device."""
    found = _HARDWARE.search(name)
    return ids.get(int(found.group(1)), "") if found else ""


def portaudio_inputs() -> list[AudioInput]:
    """Everything PortAudio lists as an input. The list is as old as this process."""
    return [
        AudioInput(index, device["name"], device["max_input_channels"])
        for index, device in enumerate(load_portaudio().query_devices())
        if device["max_input_channels"] > 0
    ]


def load_portaudio() -> Any:
    """The sounddevice module, which starts PortAudio when it is first imported."""
    try:
        import sounddevice
    except OSError as error:
        raise SourceError("PortAudio is not installed", "install libportaudio2") from error
    except Exception as error:  # PortAudioError, which a failed import cannot name
        raise SourceError(f"PortAudio does not start: {error}", "check ALSA's settings") from error
    return sounddevice


def pulse_sources() -> list[PulseSource] | None:
    """The sound server's sources; None where there is no server to ask."""
    answer = pactl("sources")
    return None if answer is None else parse_sources(answer)


def pactl(what: str) -> list[Any] | None:
    try:
        done = subprocess.run(pactl_command(what), capture_output=True, timeout=PACTL_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return parse_answer(done.stdout)


def pactl_command(what: str) -> list[str]:
    return ["pactl", "-f", "json", "list", what]


def parse_answer(text: bytes) -> list[Any] | None:
    try:
        answer = json.loads(text)
    except ValueError:
        return None
    return answer if isinstance(answer, list) else None


def parse_sources(answer: Iterable[Mapping[str, Any]]) -> list[PulseSource]:
    found = []
    for entry in answer:
        facts = entry.get("properties", {})
        serial = facts.get("device.serial") or facts.get("device.bus_path") or ""
        usb = ":".join(str(facts.get(f"device.{part}.id", "")) for part in ("vendor", "product"))
        monitor = entry.get("monitor_source", "") or facts.get("device.class") == "monitor"
        found.append(
            PulseSource(
                index=int(entry["index"]),
                name=str(entry["name"]),
                description=str(entry.get("description") or entry["name"]),
                monitor=bool(monitor),
                bus=str(facts.get("device.bus_path", "")),
                identity=f"pulse:{serial or entry['name']}",
                usb=usb.replace("0x", "") if len(usb) >= 9 else "",
                hardware=_numbers(facts),
            )
        )
    return found


def _numbers(facts: Mapping[str, Any]) -> tuple[int, int] | None:
    card, device = str(facts.get("alsa.card", "")), str(facts.get("alsa.device") or 0)
    return (int(card), int(device)) if card.isdecimal() and device.isdecimal() else None


def source_called(wanted: str, sources: Iterable[PulseSource]) -> PulseSource | None:
    """The one of this name, else the only microphone whose identity is `pulse:<wanted>`."""
    known = list(sources)
    for source in known:
        if source.name == wanted:
            return source
    same = [it for it in known if it.identity == f"pulse:{wanted}" and not it.monitor]
    return same[0] if len(same) == 1 else None


def source_of_process(outputs: Iterable[Mapping[str, Any]], pid: int) -> int | None:
    """The index of the source that the recording stream of process `pid` is connected to."""
    for entry in outputs:
        if str(entry.get("properties", {}).get("application.process.id")) == str(pid):
            return int(entry["source"])
    return None
