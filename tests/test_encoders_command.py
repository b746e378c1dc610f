"""`edge-agent encoders`, with verdicts that are known and with trials."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edge_agent.encoder_book import Book, save, this_computer
from edge_agent.locks import only_one
from encoders.ladder import Verdict, candidates
from tests.published import answer_of

ROOT = Path(__file__).parents[1]


@pytest.fixture
def room(tmp_path: Path) -> Path:
    for name in ("spool", "run"):
        (tmp_path / name).mkdir()
    storage = f'[storage]\nspool = "{tmp_path}/spool"\nruntime = "{tmp_path}/run"\n'
    (tmp_path / "config.toml").write_text(storage)
    return tmp_path


def know(room: Path) -> None:
    """A book of this computer, on which VAAPI works."""
    verdicts = [
        Verdict(c.name, "h264", c.encoder == "h264_vaapi", "" if "vaapi" in c.name else "no card")
        for c in candidates("h264")
    ]
    save(room / "spool/encoders.json", Book(this_computer(), "2026-11-22", tuple(verdicts)))


def say(room: Path, *words: str) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "edge_agent.cli", "--config", str(room / "config.toml"), *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    return done.returncode, answer_of(done.stdout)


def test_what_is_known_is_told_without_a_trial(room: Path) -> None:
    know(room)
    code, answer = say(room, "encoders", "--json")
    assert (code, answer["schema"]) == (0, "edge-agent/encoders/1")
    told = {each["name"]: each for each in answer["data"]["encoders"]}
    assert list(told) == [each.name for each in candidates("h264")]
    assert told["h264_nvenc"]["reason"] == "no card"
    assert answer["data"]["chosen"] == "h264_vaapi"


def test_a_lecture_is_not_disturbed_by_trials(room: Path) -> None:
    know(room)
    (room / "run/status.json").write_text(json.dumps({"lecture": {"id": "one"}}))
    with only_one(room / "run/agent.lock", "agent"):
        code, answer = say(room, "encoders", "--retry", "--json")
        assert (code, answer["error"]["code"]) == (5, "recording")
        assert say(room, "encoders", "--json")[0] == 0, "what is known can be asked at any time"


@pytest.mark.slow
def test_another_codec_is_tried_and_kept_beside_the_first(room: Path) -> None:
    know(room)
    code, answer = say(room, "encoders", "--codec", "hevc", "--json")
    assert code == 0
    assert [each["name"] for each in answer["data"]["encoders"]][-1] == "libx265"
    assert answer["data"]["chosen"] in ("libx265", "libx264")
    kept = json.loads((room / "spool/encoders.json").read_text())["verdicts"]
    assert {each["codec"] for each in kept} == {"h264", "hevc"}


@pytest.mark.slow
def test_a_benchmark_measures_the_configured_tracks_and_keeps_what_it_chose(room: Path) -> None:
    know_software(room)
    track = 'kind = "synthetic"\nsize = [320, 240]\nfps = 15.0\n'
    with (room / "config.toml").open("a") as file:
        file.write(f"[tracks.camera]\n{track}[tracks.slides]\n{track}")
        file.write('[tracks.room]\nkind = "synthetic"\noptions = {stream = "audio"}\n')
    code, answer = say(room, "encoders", "--benchmark", "--json")
    assert code == 0
    found = answer["data"]["headroom"]
    assert [each["name"] for each in found["tracks"]] == ["camera", "slides"]
    assert [each["error"] for each in found["loads"]] == ["", ""]
    assert found["effort"] == found["tried"][-1]["effort"]
    assert found["at_once"] >= 0
    _, again = say(room, "encoders", "--json")
    assert again["data"]["headroom"] == found
    done = subprocess.run(
        [sys.executable, "-m", "edge_agent.cli", "--config", str(room / "config.toml"), "encoders"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "camera 320×240 15/s with libx264" in done.stdout
    assert f"can encode {found['at_once']} such tracks at once; the room has 2" in done.stdout


@pytest.mark.slow
def test_a_room_without_tracks_is_measured_with_what_is_plugged_in_or_one_camera(
    room: Path,
) -> None:
    know_software(room)
    code, answer = say(room, "encoders", "--benchmark", "--json")
    assert code == 0
    [track] = answer["data"]["headroom"]["tracks"]
    assert (track["width"], track["height"], track["fps"]) == (1920, 1080, 30.0)
    assert any("no camera" in warning for warning in answer["warnings"])


def know_software(room: Path) -> None:
    verdicts = [Verdict(c.name, "h264", c.way == "software") for c in candidates("h264")]
    save(room / "spool/encoders.json", Book(this_computer(), "2026-11-22", tuple(verdicts)))


def test_nothing_is_measured_during_a_lecture(room: Path) -> None:
    know_software(room)
    status = {"lecture": {"id": "x"}, "tracks": {}}
    (room / "run/status.json").write_text(json.dumps(status))
    with only_one(room / "run/agent.lock", "agent"):
        code, answer = say(room, "encoders", "--benchmark", "--json")
    assert (code, answer["error"]["code"]) == (5, "recording")
