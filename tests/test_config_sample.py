"""The sample of the configuration: all keys, their defaults, nothing else."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel

from capture.v4l2_controls import NUMBERS, plan_controls
from edge_agent.config import (
    Config,
    FolderDestination,
    LectureDefaults,
    OpencastDestination,
    Room,
    S3Destination,
    StickDestination,
    Storage,
    TrackConfig,
    TusDestination,
    Upload,
    load,
    to_toml,
)
from edge_agent.config_devices import DeviceConfig
from edge_agent.config_light import Light
from edge_agent.config_mqtt import Mqtt
from edge_agent.config_panel import Panel
from edge_agent.config_recording import Guards, Recording, Renditions
from edge_agent.config_schedule import CalendarConfig, Schedule
from edge_agent.config_webhooks import WebhookConfig
from tests.config_files import problems, write

SAMPLE = Path(__file__).parents[1] / "docs" / "config.sample.toml"
MODELS: dict[str, type[BaseModel]] = {
    "room": Room,
    "lecture": LectureDefaults,
    "storage": Storage,
    "recording": Recording,
    "guards": Guards,
    "renditions": Renditions,
    "upload": Upload,
    "panel": Panel,
    "light": Light,
    "schedule": Schedule,
    "calendars.campus": CalendarConfig,
    "mqtt": Mqtt,
    "webhooks.desk": WebhookConfig,
    "tracks.camera": TrackConfig,
    "tracks.microphone": TrackConfig,
    'devices."usb:046d:082d:A1B2C3D4"': DeviceConfig,
    "destinations.platform": FolderDestination,
    "destinations.campus": TusDestination,
    "destinations.store": S3Destination,
    "destinations.courier": StickDestination,
    "destinations.opencast": OpencastDestination,
}


def _sample_tables() -> dict[str, dict[str, str]]:
    """For each table of the sample: key -> value's text, the commented-out keys included."""
    tables: dict[str, dict[str, str]] = {}
    table = ""
    for line in SAMPLE.read_text().splitlines():
        if heading := re.fullmatch(r"\[(\S+)\]", line):
            table = heading[1]
            tables[table] = {}
        elif table and (pair := re.fullmatch(r"(?:# )?([a-z_]+) = (.+)", line)):
            tables[table][pair[1]] = pair[2]
    return tables


def test_the_sample_is_valid(tmp_path: Path) -> None:
    load(SAMPLE, {"HOME": str(tmp_path)})


def test_every_key_of_the_models_stands_in_the_sample() -> None:
    tables = _sample_tables()
    shown: dict[type[BaseModel], set[str]] = {}
    for table, model in MODELS.items():
        shown.setdefault(model, set()).update(tables[table])
    assert shown == {model: set(model.model_fields) for model in MODELS.values()}
    assert {name.split(".")[0] for name in tables} == set(Config.model_fields)


def test_the_values_in_the_sample_are_the_defaults() -> None:
    """An unset default stands as a comment; every key that has a default shows exactly it."""
    for table, keys in _sample_tables().items():
        model = MODELS[table]
        for key, text in keys.items():
            field = model.model_fields[key]
            commented = f"# {key} = {text}" in SAMPLE.read_text().splitlines()
            value = tomllib.loads(f"x = {text}")["x"]
            if field.is_required() or (key == "device" and not commented):
                continue
            assert commented == (field.default is None), f"{table}.{key}"
            if not commented:
                assert value == field.default, f"{table}.{key}"


@pytest.mark.parametrize("kind", ["v4l2", "rtsp", "microphone", "file", "screen"])
def test_every_option_that_a_source_reads_stands_in_the_sample(kind: str) -> None:
    """What a test picture can be told is for tests only."""
    text = (SAMPLE.parents[1] / f"capture/{kind}.py").read_text()
    read = set(re.findall(r"""spec\.options\.get\(\s*"([a-z_]+)\"""", text))
    about = re.search(rf"(?ms)^# - {kind}: (.*?)^(?:# - |options)", SAMPLE.read_text())
    documented = set(re.findall(r'"([a-z_]+)"', about[1] if about else ""))
    assert read <= documented


def test_the_controls_in_the_sample_are_controls(tmp_path: Path) -> None:
    [example] = re.findall(r'options = \{ controls = "([^"]+)" \}', SAMPLE.read_text())
    plan = plan_controls((), example, 50)
    assert plan.mistakes == ()
    assert {name for name, _ in plan.values} <= set(NUMBERS)


def test_commented_out_keys_of_the_sample_are_valid_too(tmp_path: Path) -> None:
    text = re.sub(r"(?m)^# ([a-z_]+ = )", r"\1", SAMPLE.read_text())
    load(write(tmp_path / "c.toml", text), {"HOME": str(tmp_path)})


def test_the_toml_that_is_shown_loads_as_the_same_configuration(tmp_path: Path) -> None:
    text = (
        SAMPLE.read_text()
        + '[tracks.clip]\nkind="file"\ndevice="a b\\".mp4"\noptions={"a.b"="ü"}\n'
    )
    env = {"HOME": str(tmp_path)}
    first = load(write(tmp_path / "a.toml", text), env)
    shown = to_toml(first.model_dump(mode="json", exclude_none=True))
    assert load(write(tmp_path / "b.toml", shown), env) == first


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('flavors = { "camera-small.mp4" = "a/b" }', "Opencast makes versions of its own"),
        ('flavors = { "camera.mp4" = "presenter" }', "two words, such as"),
        ('flavors = { "../camera.mp4" = "a/b" }', "the name of a media file"),
        ('settings = { mediaPackage = "x" }', "no setting of a workflow"),
        ('workflow = "a workflow"', "letters, digits"),
        ('needs = "replicated"', "not allowed"),
    ],
)
def test_what_cannot_go_to_opencast_is_said_at_once(tmp_path: Path, line: str, what: str) -> None:
    text = '[destinations.oc]\ntype = "opencast"\nurl = "https://oc.edu"\ncredential = "oc"\n'
    [problem] = problems(tmp_path, f"{text}{line}\n")
    assert what in problem
