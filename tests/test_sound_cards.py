"""Laws of USB microphones without a sound server: the same thing whatever ALSA calls it now."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest

from capture.discover import Device, merged
from capture.sound_cards import UsbCard, hardware_of, identity_of_card, usb_cards
from capture.sound_devices import PulseSource, parse_sources
from capture.source import DeviceMissing
from edge_agent.config_devices import DeviceConfig, known_as
from edge_agent.discovery import unasked

#: As ALSA writes it; the second line of a card says where it is plugged in.
CARDS = """\
 0 [PCH            ]: HDA-Intel - HDA Intel PCH
                      HDA Intel PCH at 0xa1230000 irq 137
 1 [C270           ]: USB-Audio - HD Webcam C270
                      HD Webcam C270 at usb-0000:00:14.0-2, high speed
 2 [C270_1         ]: USB-Audio - HD Webcam C270
                      HD Webcam C270 at usb-0000:00:14.0-3.1, high speed
"""
ONE, OTHER = "usb-0000:00:14.0-2", "usb-0000:00:14.0-3.1"


def computer(root: Path, *serials: str) -> tuple[Path, Path]:
    """/proc/asound and /sys/class/sound with two USB cards of these serial numbers."""
    proc, sound = root / "proc", root / "class"
    for folder in (proc, sound):
        folder.mkdir(parents=True)
    (proc / "cards").write_text(CARDS)
    for number, serial in enumerate(serials, 1):
        device = root / f"devices/1-{number}"
        card = device / f"1-{number}:1.2/sound/card{number}"
        card.mkdir(parents=True)
        for name, value in {"idVendor": "046d", "idProduct": "0825", "serial": serial}.items():
            (device / name).write_text(value + "\n")
        (sound / f"card{number}").symlink_to(card)
    return proc, sound


@pytest.mark.parametrize(
    ("serials", "identities"),
    [
        (("", "0000"), (f"alsa:port:{ONE}", f"alsa:port:{OTHER}")),
        (("A1", "B2"), ("alsa:usb:046d:0825:A1", "alsa:usb:046d:0825:B2")),
        (("A1", "A1"), (f"alsa:usb:046d:0825:A1@{ONE}", f"alsa:usb:046d:0825:A1@{OTHER}")),
    ],
)
def test_a_card_is_its_serial_number_else_its_socket_and_twins_are_both(
    tmp_path: Path, serials: tuple[str, str], identities: tuple[str, str]
) -> None:
    cards = usb_cards(*computer(tmp_path, *serials))
    assert tuple(identity_of_card(number, 0, cards) for number in (1, 2)) == identities
    assert [hardware_of(identity, cards) for identity in identities] == ["hw:1,0", "hw:2,0"]
    assert identity_of_card(0, 0, cards) == "", "what is on the board has no plug"


def test_a_second_input_of_a_card_is_another_microphone(tmp_path: Path) -> None:
    cards = usb_cards(*computer(tmp_path, "A1", "B2"))
    identity = identity_of_card(2, 1, cards)
    assert identity == "alsa:usb:046d:0825:B2,DEV=1"
    assert hardware_of(identity, cards) == "hw:2,1"


SERIAL = "alsa:usb:046d:0825:A1"


@pytest.mark.parametrize("order", list(permutations([0, 1, 2])))
def test_whatever_was_plugged_in_first_each_is_found_again(order: tuple[int, ...]) -> None:
    things = [(SERIAL, ONE), (SERIAL, OTHER), (f"alsa:port:{ONE}.4", f"{ONE}.4")]
    cards = [UsbCard(number, *things[at]) for number, at in enumerate(order)]
    for number, at in enumerate(order):
        identity = identity_of_card(number, 0, cards)
        assert hardware_of(identity, cards) == f"hw:{number},0"
        assert things[at][1] in identity


def test_a_twin_is_never_taken_for_the_other() -> None:
    alone = [UsbCard(1, SERIAL, OTHER)]
    assert hardware_of(f"{SERIAL}@{OTHER}", alone) == "hw:1,0"
    for identity in (f"{SERIAL}@{ONE}", f"alsa:port:{ONE}", "alsa:usb:046d:0825:B2"):
        with pytest.raises(DeviceMissing, match="there is no microphone"):
            hardware_of(identity, alone)
    with pytest.raises(DeviceMissing, match="more than one"):
        hardware_of(SERIAL, [*alone, UsbCard(2, SERIAL, ONE)])


def test_without_alsa_there_are_none(tmp_path: Path) -> None:
    assert usb_cards(tmp_path, tmp_path) == []


# ---------------------------------------------------------------- beside a sound server


def source(name: str, card: tuple[int, int] | None) -> PulseSource:
    return PulseSource(1, name, name.title(), False, ONE, f"pulse:{name}", hardware=card)


def card(number: int) -> Device:
    word = f"hw:CARD=C{number},DEV=0"
    return Device("microphone", word, "C270", word, f"alsa:port:{ONE}", usb="046d:0825")


def test_what_a_sound_server_and_alsa_both_list_is_one_microphone() -> None:
    cards = {(1, 0): card(1), (2, 0): card(2)}
    mine, network, other = merged([source("mine", (1, 0)), source("network", None)], cards)
    assert (mine.id, mine.usb) == ("pulse:mine", "046d:0825")
    assert set(mine.also) == {"hw:CARD=C1,DEV=0", f"alsa:port:{ONE}", "alsa:hw:CARD=C1,DEV=0"}
    assert (network.id, network.also) == ("pulse:network", ())
    assert other == card(2), "the server does not have it, so it can be opened"


def test_a_sound_server_tells_which_card_it_has() -> None:
    facts = [{}, {"alsa.card": "2", "alsa.device": "1"}, {"alsa.card": "3"}, {"alsa.card": "x"}]
    told = [{"index": at, "name": "n", "properties": each} for at, each in enumerate(facts)]
    assert [each.hardware for each in parse_sources(told)] == [None, (2, 1), (3, 0), None]


def test_what_was_said_of_a_card_holds_when_a_sound_server_has_it() -> None:
    (mine,) = merged([source("mine", (1, 0))], {(1, 0): card(1)})
    for name in (mine.identity, *mine.also):
        said = {name: DeviceConfig(name="Lectern", ignore=True)}
        assert known_as(said, mine.identity, mine.where, mine.also).ignore
        assert unasked([mine], [name]) == []
