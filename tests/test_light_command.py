"""`edge-agent light` and `button`, with devices that are not there."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from device_profiles.lights.known import load_known
from device_profiles.lights.patterns import Mood
from edge_agent.cli import app
from edge_agent.commands.light import asking, looking
from edge_agent.commands.room import room_of
from edge_agent.config import load
from edge_agent.locks import only_one
from tests.fake_usb import FakeDevice, FakeUsb
from tests.published import answer_of

UNITS = Path(__file__).parents[1] / "systemd"
LUXAFOR, PEDAL = "04d8:f372", "0c45:7403"
Run = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "config.toml"
    file.write_text(f'[storage]\nspool = "{tmp_path}/spool"\nruntime = "{tmp_path}/run"\n')
    return file


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> FakeUsb:
    backend = FakeUsb()
    monkeypatch.setattr("usb.backend.libusb1.get_backend", lambda *_, **__: backend)
    return backend


@pytest.fixture
def run(config: Path, bus: FakeUsb) -> Run:
    def call(*words: str) -> tuple[int, dict[str, Any]]:
        done = CliRunner().invoke(app, ["--config", str(config), *words, "--json"])
        return done.exit_code, answer_of(done.stdout)

    return call


def test_lights_and_buttons_are_listed_each_in_its_own_list(run: Run, bus: FakeUsb) -> None:
    bus.devices += [FakeDevice(LUXAFOR, 1, product="Mute"), FakeDevice(PEDAL, 2)]
    _, lights = run("light", "list")
    _, buttons = run("button", "list")
    assert [it["name"] for it in lights["data"]] == ["Luxafor Mute"]
    assert [it["name"] for it in buttons["data"]] == ["Luxafor Mute", "PCsensor foot switch"]


def test_nothing_plugged_in_is_no_fault_to_a_list(run: Run) -> None:
    code, answer = run("light", "list")
    assert (code, answer["data"]) == (0, [])


def test_a_pc_without_libusb_is_told_what_to_install(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("libusb1", "openusb", "libusb0"):
        monkeypatch.setattr(f"usb.backend.{name}.get_backend", lambda *_, **__: None)
    code, answer = run("light", "list")
    assert code == 9
    assert answer["error"]["code"] == "no-usb"
    assert "apt install libusb" in answer["error"]["hint"]


def test_a_test_shows_the_pattern_and_leaves_the_light_dark(run: Run, bus: FakeUsb) -> None:
    light = FakeDevice(LUXAFOR, product="Flag")
    bus.devices.append(light)
    code, answer = run("light", "test", "--mood", "recording", "--seconds", "0.1")
    assert (code, answer["data"]["patterns"]) == (0, ["recording"])
    assert light.written() == ["01ffff0000000000", "01ff000000000000"]


def test_off_darkens_a_light_that_somebody_else_left_lit(run: Run, bus: FakeUsb) -> None:
    light = FakeDevice(LUXAFOR, product="Flag")
    bus.devices.append(light)
    assert run("light", "off")[0] == 0
    assert light.written() == ["01ff000000000000"]
    assert light.driver


def test_a_button_test_says_which_key_and_does_nothing_else(run: Run, bus: FakeUsb) -> None:
    bus.devices.append(FakeDevice(PEDAL, reports=[bytes.fromhex("00006a0000000000")]))
    code, answer = run("button", "test", "--seconds", "1")
    assert (code, answer["data"]["presses"]) == (0, ["stop"])


def test_a_button_that_stays_silent_is_a_finding(run: Run, bus: FakeUsb) -> None:
    bus.devices.append(FakeDevice(PEDAL))
    code, answer = run("button", "test", "--seconds", "1")
    assert (code, answer["data"]["presses"]) == (3, [])


@pytest.mark.parametrize("words", [("light", "test"), ("button", "test")])
def test_without_a_device_a_test_says_so(run: Run, words: tuple[str, str]) -> None:
    code, answer = run(*words)
    assert code == 9
    assert "edge-agent" in answer["error"]["hint"]


@pytest.mark.parametrize("words", [("light", "test"), ("light", "off"), ("button", "test")])
def test_what_the_service_holds_is_left_to_it(
    run: Run, bus: FakeUsb, config: Path, words: tuple[str, str]
) -> None:
    light = FakeDevice(LUXAFOR, product="Mute")
    bus.devices.append(light)
    with only_one(room_of(config).runtime.light_lock, "light"):
        code, answer = run(*words)
    assert (code, answer["error"]["code"]) == (5, "lights-in-use")
    assert light.log == []


def test_an_unknown_pattern_is_refused_with_the_known_ones(run: Run) -> None:
    code, answer = run("light", "test", "--mood", "disco")
    assert code == 2
    assert "recording" in answer["error"]["hint"]


def test_without_an_agent_the_room_looks_unable_and_a_press_says_why(config: Path) -> None:
    here = room_of(config)
    look, look_no_more = looking(load(config, {}), here)
    sight = look()
    look_no_more()
    assert (sight.word, sight.mood) == ("not_ready", Mood.UNABLE)
    assert asking(here)("start") == "the agent is not running"


def test_the_udev_rules_let_the_service_open_what_is_known_and_nothing_else() -> None:
    rules = (UNITS / "edge-agent-lights.rules").read_text()
    ids = re.findall(r'ATTR\{idVendor\}=="(\w{4})", ATTR\{idProduct\}=="(\w{4})"', rules)
    known = {usb for each in load_known() for usb in each.usb}
    assert {f"{vendor}:{product}" for vendor, product in ids} == known
    assert len(ids) == len(known)


def test_a_light_is_switched_off_however_its_service_has_ended() -> None:
    unit = (UNITS / "edge-agent-light.service").read_text()
    assert re.search(r"(?m)^ExecStopPost=-\S+ light off$", unit)
