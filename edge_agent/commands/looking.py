"""Look for devices, and try one, in a child process: a driver that hangs is left behind.

python -m edge_agent.commands.looking list        what is plugged in, as JSON
python -m edge_agent.commands.looking controls NODE   what can be set at a camera
python -m edge_agent.commands.looking turn NODE   set controls: a JSON object on stdin
python -m edge_agent.commands.looking test        a JSON request on stdin, a JSON verdict out
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from edge_agent.commands.output import Exit, Failure

if TYPE_CHECKING:
    from capture.source import Source, SourceInfo
    from edge_agent.config import TrackConfig

LIST_S = 15.0
#: Beyond the seconds of the test itself: cameras take up to ten to open.
OPEN_S = 20.0
KILL_S = 1.0
MODULE = "edge_agent.commands.looking"


def list_devices() -> list[dict[str, Any]]:
    """Everything that is plugged in; each with the name of the profile that fits it."""
    found = _child(["list"], "", LIST_S)
    devices: list[dict[str, Any]] = found["devices"]
    return devices


def chosen_tracks() -> dict[str, TrackConfig]:
    """The tracks that the agent would choose from what is plugged in."""
    from edge_agent.config import TrackConfig

    found = _child(["choose"], "", LIST_S)
    return {name: TrackConfig.model_validate(track) for name, track in found.items()}


def controls_of(node: str) -> dict[str, Any]:
    """The controls that a camera has, as "controls"; with "error" why they cannot be read."""
    return _child(["controls", node], "", LIST_S)


def turn(node: str, values: Mapping[str, int]) -> list[str]:
    """Set controls of a camera, also of one that records; what it refused, in words."""
    refused: list[str] = _child(["turn", node], json.dumps(dict(values)), LIST_S)["refused"]
    return refused


def try_device(spec: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """Open a device for some seconds: what it gave, its level, a picture (base64 JPEG)."""
    verdict = _child(
        ["test"], json.dumps({"spec": dict(spec), "seconds": seconds}), OPEN_S + seconds
    )
    if verdict.get("error"):
        error = verdict["error"]
        raise Failure(Exit.DEVICE, error["code"], error["reason"], error["hint"], retryable=True)
    return verdict


def _child(arguments: list[str], request: str, seconds: float) -> dict[str, Any]:
    """Run this module in a child of its own session. What it prints besides goes to stderr."""
    with tempfile.TemporaryFile() as answer:
        command = [sys.executable, "-m", MODULE, *arguments, str(answer.fileno())]
        child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=2, pass_fds=[answer.fileno()], text=True
        )
        try:
            child.communicate(request, timeout=seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(KILL_S)  # a child stuck in the kernel cannot even be killed
            raise Failure(
                Exit.TIMEOUT,
                "device-hangs",
                f"the device or its driver did not answer within {seconds:.0f} s",
                "unplug it, plug it in again, then: edge-agent devices list",
                retryable=True,
            ) from None
        answer.seek(0)
        text = answer.read()
    if child.returncode != 0:
        raise Failure(
            Exit.DEVICE,
            "driver-crashed",
            f"looking at the device ended with status {child.returncode}",
            "see the messages above; unplug the device and try again",
        )
    found: dict[str, Any] = json.loads(text)
    return found


# ---------------------------------------------------------------- in the child


def _list() -> dict[str, Any]:
    from capture.discover import list_devices as discover
    from capture.modes import offers
    from device_profiles.match import facts_of, match_profile
    from device_profiles.own import load_known

    profiles = load_known().profiles
    devices = []
    for found in discover():
        profile = None
        if found.kind != "screen":
            facts = facts_of(
                "camera" if found.kind == "v4l2" else "microphone",
                found.name,
                found.identity,
                found.usb,
                offers(found.modes),
            )
            profile = match_profile(facts, profiles)
        devices.append(
            {
                "id": found.id,
                "kind": found.kind,
                "name": found.name,
                "where": found.where,
                "identity": found.identity,
                "usb": found.usb,
                "also": list(found.also),
                "profile": profile.name if profile else "",
                "modes": [str(mode) for mode in found.modes],
            }
        )
    return {"devices": devices}


def _choose() -> dict[str, Any]:
    from capture.discover import list_devices as discover
    from device_profiles.own import load_known
    from edge_agent.discovery import choose_tracks

    tracks = choose_tracks(discover(), load_known().profiles)
    return {name: track.model_dump(mode="json") for name, track in tracks.items()}


def _test(spec: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    from capture.source import SourceError, SourceSpec, open_source

    size = tuple(spec["size"]) if spec.get("size") else None
    source = open_source(SourceSpec(**{**spec, "size": size}))
    try:
        return _measured(source, source.open(), str(spec["kind"]), seconds)
    except SourceError as error:
        code = {"DeviceMissing": "device-missing", "DeviceBusy": "device-busy"}
        name = code.get(type(error).__name__, "device-unusable")
        return {"error": {"code": name, "reason": error.reason, "hint": error.hint}}
    finally:
        source.close()


def _measured(source: Source, info: SourceInfo, kind: str, seconds: float) -> dict[str, Any]:
    from edge_agent.commands.measuring import document, measure

    measured = measure(source, info, kind, seconds)
    return document(measured) | {
        "description": info.description,
        "identity": info.identity,
        "width": info.width,
        "height": info.height,
        "fps": info.fps,
        "codec": info.codec,
        "jpeg": base64.b64encode(measured.jpeg).decode(),
    }


def _controls(node: str) -> dict[str, Any]:
    from capture.v4l2_controls import read_controls

    try:
        return {"controls": [asdict(setting) for setting in read_controls(node)]}
    except OSError as error:
        return {"controls": [], "error": f"{node}: {error.strerror}"}


def _turn(node: str, values: Mapping[str, int]) -> dict[str, Any]:
    from capture.v4l2_controls import set_controls

    return {"refused": set_controls(node, values)}


def _main(arguments: list[str]) -> None:
    verb, pipe = arguments[0], int(arguments[-1])
    if verb in ("list", "choose"):
        answer = _list() if verb == "list" else _choose()
    elif verb == "controls":
        answer = _controls(arguments[1])
    elif verb == "turn":
        answer = _turn(arguments[1], json.loads(sys.stdin.read()))
    else:
        request = json.loads(sys.stdin.read())
        answer = _test(request["spec"], request["seconds"])
    with os.fdopen(pipe, "w") as out:
        json.dump(answer, out)


if __name__ == "__main__":
    _main(sys.argv[1:])
