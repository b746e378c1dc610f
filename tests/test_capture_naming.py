"""Which device is meant: names, identities, sources of the sound server."""

from pathlib import Path

import pytest

from capture.discover import camera_identity, list_screens, node_usb, usb_facts
from capture.sound_devices import (
    AudioInput,
    PulseSource,
    card_ids,
    card_usb_ids,
    hardware_id,
    match_input,
    parse_answer,
    parse_sources,
    source_called,
    source_of_process,
    usb_of,
)
from capture.v4l2_ioctl import Node

CARDS = {0: "PCH", 1: "Webcam"}
INPUTS = (
    AudioInput(0, "HDA Intel PCH: ALC887 Analog (hw:0,0)", 2),
    AudioInput(1, "HDA Intel PCH: HDMI 0 (hw:0,3)", 0),
    AudioInput(2, "HD Webcam C270: USB Audio (hw:1,0)", 1),
    AudioInput(3, "pulse", 32),
    AudioInput(4, "default", 32),
)


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        ("HD Webcam C270: USB Audio (hw:1,0)", 2),
        ("hw:1,0", 2),
        ("hw:1", 2),
        ("hw:CARD=Webcam,DEV=0", 2),
        ("hw:Webcam", 2),
        ("hw:CARD=PCH,DEV=0", 0),
        ("default", 4),
        ("hw:0,3", None),  # an output only
        ("hw:2,0", None),
        ("hw:CARD=Other,DEV=0", None),
        ("HD Webcam", None),  # half a name could be another device tomorrow
        ("Default", None),
        ("", None),
    ],
)
def test_a_microphone_is_meant_exactly_or_not_at_all(wanted: str, index: int | None) -> None:
    found = match_input(wanted, INPUTS, CARDS)
    assert (found.index if found else None) == index


def test_a_cards_word_outlives_its_number() -> None:
    moved = (AudioInput(0, "HD Webcam C270: USB Audio (hw:3,0)", 1),)
    name = hardware_id(INPUTS[2].name, CARDS)
    assert name == "hw:CARD=Webcam,DEV=0"
    assert match_input(name, moved, {3: "Webcam"}) == moved[0]


def test_a_microphones_product_is_known(tmp_path: Path) -> None:
    (tmp_path / "card1").mkdir()
    (tmp_path / "card1/usbid").write_text("046d:0825\n")
    ids = card_usb_ids(tmp_path)
    assert [usb_of(entry.name, ids) for entry in INPUTS] == ["", "", "046d:0825", "", ""]
    facts = {"device.vendor.id": "0x046d", "device.product.id": "0825"}
    told = [{"index": 1, "name": "a", "properties": facts}, {"index": 2, "name": "b"}]
    assert [source.usb for source in parse_sources(told)] == ["046d:0825", ""]


def test_card_words_are_read_from_the_kernel(tmp_path: Path) -> None:
    for number, word in CARDS.items():
        (tmp_path / f"card{number}").mkdir()
        (tmp_path / f"card{number}" / "id").write_text(f"{word}\n")
    assert card_ids(tmp_path) == CARDS


def test_sources_of_the_sound_server_are_read() -> None:
    (mic, monitor) = parse_sources(
        [
            {
                "index": 7,
                "name": "alsa_input.usb-Logi",
                "description": "C270",
                "monitor_source": "",
                "properties": {"device.serial": "Logi_C270_1234", "device.bus_path": "usb-1-3"},
            },
            {"index": 1, "name": "out.monitor", "properties": {"device.class": "monitor"}},
        ]
    )
    assert (mic.index, mic.identity, mic.bus, mic.monitor) == (
        7,
        "pulse:Logi_C270_1234",
        "usb-1-3",
        False,
    )
    assert (monitor.monitor, monitor.identity) == (True, "pulse:out.monitor")


def test_the_stream_of_a_process_tells_its_source() -> None:
    outputs = [
        {"source": 3, "properties": {"application.process.id": "41"}},
        {"source": 5, "properties": {"application.process.id": "42"}},
        {"source": 6, "properties": {}},
    ]
    assert source_of_process(outputs, 42) == 5
    assert source_of_process(outputs, 43) is None


@pytest.mark.parametrize("text", [b"", b"Connection failure", b"{}"])
def test_an_answer_that_is_no_list_is_no_answer(text: bytes) -> None:
    assert parse_answer(text) is None


def test_a_cameras_product_is_known_without_a_serial_number(tmp_path: Path) -> None:
    node = usb_camera(tmp_path, "")
    assert camera_identity(node, tmp_path).startswith("port:")
    assert node_usb(node.path, tmp_path) == "046d:0825"
    assert node_usb("/dev/video9", tmp_path) == ""


def usb_camera(sysfs: Path, serial: str, port: str = "1-3") -> Node:
    device = sysfs / f"devices/pci0/usb1/{port}"
    video = device / f"{port}:1.0/video4linux/video0"
    video.mkdir(parents=True)
    for name, value in {"idVendor": "046d", "idProduct": "0825", "serial": serial}.items():
        (device / name).write_text(value + "\n")
    (sysfs / "class/video4linux").mkdir(parents=True)
    (sysfs / "class/video4linux/video0").symlink_to(video)
    return Node("/dev/video0", "uvcvideo", "C270", "usb-0000:00:14.0-3", True, ())


def test_a_serial_number_is_the_identity(tmp_path: Path) -> None:
    node = usb_camera(tmp_path, "200901010001")
    assert camera_identity(node, tmp_path) == "usb:046d:0825:200901010001"
    facts = usb_facts(tmp_path / "class/video4linux/video0")
    assert facts is not None
    assert facts.port == "1-3"


@pytest.mark.parametrize("serial", ["", "0", "0000", "00000001", "0123456789", "SN0001"])
def test_a_serial_number_that_every_copy_has_is_none(tmp_path: Path, serial: str) -> None:
    node = usb_camera(tmp_path, serial)
    assert camera_identity(node, tmp_path) == "port:usb-0000:00:14.0-3"


def test_a_device_without_a_bus_is_its_node(tmp_path: Path) -> None:
    assert (
        camera_identity(Node("/dev/video9", "", "x", "", True, ()), tmp_path) == "node:/dev/video9"
    )


def test_screens_are_found_by_their_sockets(tmp_path: Path) -> None:
    for name in ("X0", "X12"):
        (tmp_path / name).touch()
    assert [screen.id for screen in list_screens(tmp_path)] == [":0", ":12"]


def source(name: str, identity: str, monitor: bool = False) -> PulseSource:
    return PulseSource(0, name, name, monitor, "", identity)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("alsa_input.c270", "alsa_input.c270"),
        ("SERIAL1", "alsa_input.c270"),
        ("SERIAL2", None),  # two microphones of one serial number: neither is meant
        ("SERIAL3", None),  # what is played, not what is heard
        ("nothing", None),
    ],
)
def test_a_microphone_is_meant_by_its_name_or_its_identity(wanted: str, found: str | None) -> None:
    sources = [
        source("alsa_input.c270", "pulse:SERIAL1"),
        source("alsa_output.c270.monitor", "pulse:SERIAL1", monitor=True),
        source("one", "pulse:SERIAL2"),
        source("two", "pulse:SERIAL2"),
        source("speaker.monitor", "pulse:SERIAL3", monitor=True),
    ]
    chosen = source_called(wanted, sources)
    assert (chosen.name if chosen else None) == found


def test_a_name_goes_before_an_identity() -> None:
    sources = [source("other", "pulse:mine"), source("mine", "pulse:X")]
    chosen = source_called("mine", sources)
    assert chosen is not None
    assert chosen.name == "mine"
