"""Laws of the lights and buttons of a room, through pyusb with devices that are not there."""

from __future__ import annotations

import errno
import threading
from concurrent.futures import Future

import pytest

from device_profiles.lights.known import load_known
from device_profiles.lights.patterns import BLUE, DARK, RED, Mood, Rgb, Scheme
from device_profiles.lights.reports import Key
from edge_agent.lights import (
    MS,
    SEARCH_NS,
    SECOND,
    STALE_NS,
    Lights,
    Presses,
    Sight,
    Watch,
    run,
)
from edge_agent.usb_hid import Gone, Hid, NotAllowed, UsbLights
from tests.blink1 import Blink1
from tests.fake_usb import FakeDevice, FakeUsb

READY, RECORDING, DOWN = Sight("ready"), Sight("recording"), Sight()
BLINK1, DELCOM, MUTEME, PEDAL = "27b8:01ed", "0fc5:b080", "20a0:42da", "0c45:7403"
LUXAFOR, KUANDO, SET_REPORT = "04d8:f372", "27bb:3bcd", 9


def lights(*devices: FakeDevice, told: list[str] | None = None) -> tuple[Lights, FakeUsb]:
    backend = FakeUsb(*devices)
    tell = told.append if told is not None else lambda line: None
    return Lights(UsbLights(load_known(), backend), tell=tell), backend


# ---------------------------------------------------------------- one device


def test_a_light_is_taken_from_the_kernel_told_and_given_back() -> None:
    light = FakeDevice(DELCOM)
    here, _ = lights(light)
    here.step(0, RECORDING)
    here.close()
    feature = ("control", SET_REPORT, "0x365", 0)
    assert light.log == [
        ("detach", 0),
        ("claim", 0),
        (*feature, "65140f0000000000"),
        (*feature, "6522016400000000"),
        (*feature, "650c02fd00000000"),
        ("ask", "0x364"),
        (*feature, "650c00ff00000000"),
        ("release", 0),
        ("attach", 0),
        ("close",),
    ]


def test_output_reports_take_the_endpoint_for_them_if_there_is_one() -> None:
    with_it, without = FakeDevice(KUANDO, 1, endpoints=(0x81, 0x01)), FakeDevice(KUANDO, 2)
    here, _ = lights(with_it, without)
    here.step(0, RECORDING)
    red = "1000640000000000" + "00" * 48 + "000000000fff0182"
    assert ("interrupt", 0x01, red) in with_it.log
    assert ("control", SET_REPORT, "0x200", 0, red) in without.log


def test_a_pedal_is_read_as_a_boot_keyboard_on_the_interface_that_is_one() -> None:
    pedal = FakeDevice(PEDAL, interfaces=((0, 0), (1, 1)), reports=[bytes.fromhex("00006800")])
    pedal.reports = [bytes.fromhex("0000680000000000")]
    here, _ = lights(pedal)
    assert here.step(0, READY) == "start"
    assert pedal.log[:3] == [("detach", 1), ("claim", 1), ("control", 0x0B, "0x0", 1, "")]


def test_a_device_that_was_free_is_not_given_to_the_kernel() -> None:
    light = FakeDevice(BLINK1, driver=False)
    here, _ = lights(light)
    here.step(0, READY)
    here.close()
    assert not {"detach", "attach"} & {entry[0] for entry in light.log}


@pytest.mark.parametrize("number", [errno.EACCES, errno.EBUSY])
def test_a_light_that_may_not_be_used_is_told_once_with_the_next_step(number: int) -> None:
    told: list[str] = []
    light = FakeDevice(BLINK1, error=number)
    here, _ = lights(light, told=told)
    for turn in range(5):
        here.step(turn * SEARCH_NS, READY)
    assert len(told) == 1
    assert told[0].startswith("ThingM blink(1): ")
    assert "Next: " in told[0]
    assert light.log == []


def test_what_was_not_allowed_is_used_as_soon_as_it_is() -> None:
    light = FakeDevice(BLINK1, error=errno.EACCES)
    here, _ = lights(light)
    here.step(0, READY)
    light.error = 0
    here.step(SEARCH_NS, READY)
    assert here.names == ["ThingM blink(1)"]


def test_a_device_whose_name_cannot_be_read_is_a_trouble_and_no_guess() -> None:
    found, troubles = UsbLights(
        load_known(), FakeUsb(FakeDevice(LUXAFOR, product="Mute", error=errno.EACCES))
    ).find()
    assert found == []
    assert [type(it) for it in troubles] == [NotAllowed]


def test_a_stranger_with_lent_numbers_is_no_trouble_of_ours() -> None:
    keyboard = FakeDevice("16c0:27db", product="My keyboard", error=errno.EACCES)
    assert UsbLights(load_known(), FakeUsb(keyboard)).find() == ([], [])


def test_names_decide_where_numbers_are_shared_and_strangers_are_left_alone() -> None:
    mute = FakeDevice(LUXAFOR, 1, product="LUXAFOR MUTE")
    keyboard = FakeDevice("16c0:27db", 2, product="My keyboard")
    other = FakeDevice("046d:c31c", 3)
    here, _ = lights(mute, keyboard, other)
    here.step(0, READY)
    assert here.names == ["Luxafor Mute"]
    assert other.log == []
    assert not {"detach", "claim", "control"} & {entry[0] for entry in keyboard.log}


def test_a_read_of_a_device_that_is_gone_says_so() -> None:
    backend = FakeUsb(FakeDevice(MUTEME))
    (plugged,), _ = UsbLights(load_known(), backend).find()
    hid = Hid(plugged)
    hid.open()
    assert hid.read(1) is None
    backend.devices.clear()
    with pytest.raises(Gone, match="MuteMe"):
        hid.read(1)
    hid.close()


# ---------------------------------------------------------------- what they show


def test_a_light_is_written_to_only_when_its_colour_changes() -> None:
    light = FakeDevice(LUXAFOR, product="Flag")
    here, _ = lights(light)
    for turn in range(50):
        here.step(turn * 40 * MS, RECORDING)
    assert light.written() == ["01ffff0000000000"]


def test_a_pause_blinks_and_a_change_of_mood_shows_at_once() -> None:
    light = FakeDevice(LUXAFOR, product="Flag")
    here, _ = lights(light)
    here.step(0, RECORDING)
    for turn in range(100):
        here.step(SECOND + turn * 40 * MS, Sight("paused"))
    dark, amber = "01ff000000000000", "01ffff6e00000000"
    assert light.written() == ["01ffff0000000000", amber, dark, amber, dark]


def test_the_green_scheme_shows_a_recording_in_green() -> None:
    light = FakeDevice(LUXAFOR, product="Flag")
    here, _ = lights(light)
    here.scheme = Scheme.GREEN
    here.step(0, RECORDING)
    assert light.written() == ["01ff00ff00000000"]


def test_a_light_with_a_watchdog_is_fed_while_nothing_changes() -> None:
    light = FakeDevice(BLINK1)
    here, _ = lights(light)
    for turn in range(251):
        here.step(turn * 40 * MS, RECORDING)
    fed = [data for data in light.written() if data == "014401019001000b"]
    assert len(fed) == 1 + 10


def heard(light: FakeDevice, model: Blink1, now_ns: int) -> None:
    """The model gets what the light was sent."""
    for data in light.written():
        model.command(bytes.fromhex(data), now_ns / SECOND)
    light.log.clear()


def test_a_blink1_stays_red_while_it_is_fed() -> None:
    """Each of our words could switch it off, by its maker's firmware."""
    light, model, seen = FakeDevice(BLINK1), Blink1(), set()
    here, _ = lights(light)
    for turn in range(251):
        here.step(turn * 40 * MS, RECORDING)
        heard(light, model, turn * 40 * MS)
        seen.add(model.shows(turn * 40 * MS / SECOND))
    assert seen == {RED}


@pytest.mark.parametrize(("hung_s", "shown"), [(3.9, {RED}), (10.0, {RED, BLUE, DARK})])
def test_a_blink1_that_nobody_attends_to_says_so_and_is_red_again_after_it(
    hung_s: float, shown: set[Rgb]
) -> None:
    light, model = FakeDevice(BLINK1), Blink1()
    here, _ = lights(light)
    here.step(0, RECORDING)
    heard(light, model, 0)
    assert {model.shows(at / 10) for at in range(round(hung_s * 10))} == shown
    end_ns = round(hung_s * SECOND)
    here.step(end_ns, RECORDING)
    heard(light, model, end_ns)
    assert model.shows(end_ns / SECOND) == RED


def test_on_leaving_lights_are_dark_and_their_watchdog_is_off() -> None:
    light = FakeDevice(BLINK1)
    here, _ = lights(light)
    here.step(0, RECORDING)
    here.close()
    assert light.written()[-2:] == ["0144000000000000", "016e000000000000"]
    assert here.names == []


# ---------------------------------------------------------------- coming and going


def test_a_light_that_is_pulled_and_plugged_in_again_goes_on() -> None:
    told: list[str] = []
    light = FakeDevice(LUXAFOR, 1, product="Flag")
    here, backend = lights(light, told=told)
    here.step(0, RECORDING)
    backend.devices.clear()
    here.step(SECOND // 10, Sight("paused"))
    assert here.names == []
    again = FakeDevice(LUXAFOR, 2, product="Flag")
    backend.devices.append(again)
    here.step(SEARCH_NS, RECORDING)
    assert again.written() == ["01ffff0000000000"]
    name = "Luxafor Flag or Orb"
    assert [line.split(":")[0] for line in told] == [name] * 3


def test_a_light_that_is_pulled_holds_up_no_other() -> None:
    one, other = (FakeDevice(LUXAFOR, at, product="Flag") for at in (1, 2))
    here, backend = lights(one, other)
    here.step(0, RECORDING)
    backend.devices.remove(one)
    here.step(SECOND // 10, Sight("paused"))
    assert other.written()[-1] == "01ffff6e00000000"


def test_a_button_that_is_pulled_while_it_is_down_is_not_held_for_ever() -> None:
    pedal = FakeDevice(PEDAL, reports=[bytes.fromhex("0000050000000000")])
    here, backend = lights(pedal)
    assert here.step(0, RECORDING) == ""
    backend.devices.clear()
    said = [here.step(turn * 40 * MS, RECORDING) for turn in range(1, 100)]
    assert "stop" not in said


# ---------------------------------------------------------------- keys


def test_keys_stay_down_until_a_report_says_otherwise() -> None:
    button = FakeDevice(MUTEME, reports=[bytes([0, 0, 0, 4, 0, 0, 0, 0])])
    here, _ = lights(button)
    here.search()
    assert [here.keys(1) for _ in range(3)] == [{Key.ONE}] * 3
    button.reports.append(bytes([0, 0, 0, 2, 0, 0, 0, 0]))
    assert here.keys(1) == frozenset()


def test_a_button_that_must_be_asked_is_asked() -> None:
    button = FakeDevice(DELCOM, feature=bytes([0xFF, 0xFF, 0, 0, 0, 0, 0, 0]))
    here, _ = lights(button)
    assert here.step(0, READY) == ""
    button.feature = bytes([0xFE, 0xFF, 0, 0, 0, 0, 0, 0])
    assert here.step(40 * MS, READY) == "start"


def test_held_for_two_seconds_a_button_stops_the_recording() -> None:
    button = FakeDevice(MUTEME, reports=[bytes([0, 0, 0, 4, 0, 0, 0, 0])])
    here, _ = lights(button)
    said = [here.step(turn * 40 * MS, RECORDING) for turn in range(60)]
    assert [verb for verb in said if verb] == ["stop"]
    assert said.index("stop") == 50


# ---------------------------------------------------------------- the room


def test_a_look_at_the_room_that_hangs_is_not_taken_for_a_recording() -> None:
    free = threading.Event()
    seen = [RECORDING]

    def slow() -> Sight:
        if not seen:
            free.wait(30)
        return seen.pop() if seen else RECORDING

    watch = Watch(slow)
    while watch.sight(0) != RECORDING:
        pass
    assert watch.sight(STALE_NS - 1) == RECORDING
    assert watch.sight(STALE_NS) == DOWN
    assert DOWN.mood is Mood.UNABLE
    free.set()
    watch.close()


def test_a_press_waits_for_the_answer_of_the_one_before() -> None:
    told: list[str] = []
    answer: Future[str] = Future()
    presses = Presses(lambda verb: answer.result(30) if verb == "start" else "done", told.append)
    assert presses.press("start")
    presses.settle()
    assert not presses.press("pause")
    answer.set_result("done")
    while presses.press("stop") is False:
        presses.settle()
    assert "start: done" in told
    presses.close()


def test_the_loop_ends_when_it_is_told_to_and_leaves_lights_dark() -> None:
    light = FakeDevice(LUXAFOR, product="Flag")
    here, _ = lights(light)
    stop, asked = threading.Event(), []
    run(
        here,
        Watch(lambda: RECORDING),
        Presses(lambda verb: asked.append(verb) or "done", lambda line: None),
        stop,
        alive=lambda: stop.set() if "01ffff0000000000" in light.written() else None,
    )
    assert light.written()[-1] == "01ff000000000000"
    assert asked == []
