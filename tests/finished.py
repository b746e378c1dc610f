"""Lectures that are finished, and what must hold of each package."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import av
import jsonschema

from edge_agent.finish_messages import FinishJob, Packaged, Progress
from edge_agent.finisher import finish
from edge_agent.messages import Message
from edge_agent.verify import verify_package

CAM = ("cam", "presenter/source", "video")
SLIDES = ("slides", "presentation/source", "video")
MIC = ("mic", "presenter/source", "audio")
ALIGNED_S = 0.040


def build(task: FinishJob) -> Packaged:
    said: list[Message] = []
    result = finish(task, said.append)
    assert all(isinstance(message, Progress) for message in said)
    assert verify_package(Path(task.lecture_dir) / "package") == []
    return result


def probe(path: Path) -> list[dict[str, str]]:
    """The streams as ffprobe sees them; nothing may be said on stderr."""
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_streams", str(path)]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    assert done.stderr == b""
    streams: list[dict[str, str]] = json.loads(done.stdout)["streams"]
    return streams


def assert_clean(path: Path) -> None:
    """FFmpeg decodes all of it without a word, and time only goes forward.

    Without -enc_time_base the ffmpeg command rounds the pictures' times to its guess of a frame
    rate and then complains about its own rounding.
    """
    command = ["ffmpeg", "-v", "error", "-xerror", "-i", str(path)]
    command += ["-enc_time_base", "-1", "-f", "null", "-"]
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    with av.open(str(path)) as container:
        last: dict[int, int] = {}
        for packet in container.demux():
            if packet.dts is not None:
                assert packet.dts > last.get(packet.stream.index, -(1 << 62))
                last[packet.stream.index] = packet.dts


def assert_package(lecture: Path, duration_s: float, names: set[str]) -> None:
    """All media begin at 0 and end together at the duration; all of it decodes."""
    package = lecture / "package"
    media = {path.name for path in package.iterdir() if path.suffix in (".mp4", ".m4a")}
    assert media == names
    for name in names:
        assert_clean(package / name)
        for stream in probe(package / name):
            assert abs(float(stream["start_time"])) <= ALIGNED_S
            assert abs(float(stream["duration"]) - duration_s) <= ALIGNED_S
    manifest = json.loads((package / "manifest.json").read_text())
    assert abs(manifest["durationSeconds"] - duration_s) <= ALIGNED_S
    schema = Path(__file__).parent.parent / "edge_agent" / "schemas" / "manifest-1.json"
    jsonschema.validate(manifest, json.loads(schema.read_text()))


def manifest_of(lecture: Path) -> dict[str, object]:
    data: dict[str, object] = json.loads((lecture / "package" / "manifest.json").read_text())
    return data


def gaps_of(lecture: Path) -> list[tuple[str, float, float, str, bool]]:
    found = manifest_of(lecture)["gaps"]
    assert isinstance(found, list)
    return [
        (g["track"], g["lectureStart"], g["lectureEnd"], g["cause"], g["collapsed"]) for g in found
    ]
