"""What Home Assistant is told about a room: one retained message describes all of it. Pure.

The form (`homeassistant/device/{id}/config` with origin and components) is that of version 2024.11
and later. Its buttons give the time and a new id with each press, since Home Assistant sets no
expiry.
"""

from __future__ import annotations

import json
from typing import Any

from edge_agent.mqtt.topics import Topics

_WORDS = (
    "not_ready",
    "ready",
    "starting",
    "start_failed",
    "recording",
    "paused",
    "saving",
    "saved",
)
#: What a dashboard needs; the others have arguments, or are better kept from a stray tap.
_BUTTONS = {
    "start": ("Start", "mdi:record-rec"),
    "stop": ("Stop", "mdi:stop"),
    "pause": ("Pause", "mdi:pause"),
    "resume": ("Resume", "mdi:play"),
}
_ALERTS = {
    "device_offline": "Device offline",
    "missing_audio": "Missing audio",
    "missed_capture": "Missed capture",
}


def topic(topics: Topics) -> str:
    return f"homeassistant/device/{_id(topics)}/config"


def _id(topics: Topics) -> str:
    return f"ea_{topics.site}_{topics.room}"


def discovery(topics: Topics, room: str, version: str, commands: list[str]) -> bytes:
    """The payload. Only what the room takes becomes a button."""
    device = _id(topics)
    components: dict[str, dict[str, Any]] = {
        "word": {
            "p": "sensor",
            "name": "State",
            "device_class": "enum",
            "options": list(_WORDS),
            "value_template": "{{ value_json.word }}",
        },
        "recording": {
            "p": "binary_sensor",
            "name": "Recording",
            "device_class": "running",
            "value_template": "{{ 'ON' if value_json.word == 'recording' else 'OFF' }}",
        },
    }
    for key, name in _ALERTS.items():
        components[key] = {
            "p": "binary_sensor",
            "name": name,
            "device_class": "problem",
            "value_template": f"{{{{ 'ON' if '{key}' in value_json.alerts else 'OFF' }}}}",
        }
    for component in components.values():
        component["state_topic"] = topics.state
    for verb, (name, icon) in _BUTTONS.items():
        if verb in commands:
            components[verb] = {
                "p": "button",
                "name": name,
                "icon": icon,
                "command_topic": f"{topics.prefix}/cmd/{verb}",
                "command_template": _press(),
                "qos": 1,
                "retain": False,
            }
    for key, component in components.items():
        component["unique_id"] = f"{device}_{key}"
    document = {
        "device": {
            "identifiers": [device],
            "name": room,
            "manufacturer": "edge-agent",
            "model": "Lecture recorder",
            "sw_version": version,
        },
        "origin": {"name": "edge-agent", "sw_version": version},
        "availability": [
            {
                "topic": topics.online,
                "payload_available": "true",
                "payload_not_available": "false",
            }
        ],
        "components": components,
        "qos": 1,
    }
    return json.dumps(document, ensure_ascii=False).encode()


def _press() -> str:
    number = "{{ (utcnow().timestamp() * 1000) | int }}"
    return (
        f'{{"v": 1, "id": "ha-press-{number}", "at": "{{{{ utcnow().isoformat() }}}}",'
        ' "by": "home-assistant"}'
    )
