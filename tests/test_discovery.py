"""Laws of a room that nobody has configured."""

from __future__ import annotations

import pytest

from capture.discover import Device
from device_profiles.profile import load_profiles
from edge_agent.discovery import candidates, choose_tracks, profile_of, unasked

WEBCAM = Device("v4l2", "/dev/video0", "Logi C270", "usb 1-2", "usb:046d:0825:CAM0001")
GRABBER = Device("v4l2", "/dev/video2", "USB Video", "usb 1-3", "usb:534d:2109:")
SECOND = Device("v4l2", "/dev/video4", "Room camera", "usb 1-4", "port:usb-1-4")
MICROPHONE = Device("microphone", "pulse:mic1", "Lectern", "usb 1-5", "usb:1:2:3")
OTHER_MICROPHONE = Device("microphone", "hw:CARD=C270,DEV=0", "C270", "usb 1-2", "alsa:hw")
PAPER = Device("v4l2", "/dev/video6", "IPEVO V4K", "usb 1-6", "port:usb-1-6")
NO_SERIAL = Device("v4l2", "/dev/video8", "AV TO USB", "usb 1-8", "port:usb-1-8", usb="534d:2109")
SCREEN = Device("screen", ":0", "screen :0", "X11", "screen::0")


def test_camera_slides_and_microphone_are_told_apart() -> None:
    tracks = choose_tracks([GRABBER, WEBCAM, MICROPHONE, SCREEN], load_profiles())
    assert {name: (t.kind, t.device, t.flavor) for name, t in tracks.items()} == {
        "slides": ("v4l2", GRABBER.identity, "presentation/source"),
        "camera": ("v4l2", WEBCAM.identity, "presenter/source"),
        "microphone": ("microphone", "pulse:mic1", "presenter/source"),
    }


def test_the_first_of_a_kind_is_chosen() -> None:
    tracks = choose_tracks([WEBCAM, SECOND, MICROPHONE, OTHER_MICROPHONE], load_profiles())
    assert (tracks["camera"].device, tracks["microphone"].device) == (
        WEBCAM.identity,
        "pulse:mic1",
    )


def test_cameras_are_chosen_by_what_stays_the_same_after_replugging() -> None:
    assert choose_tracks([SECOND], load_profiles())["camera"].device == "port:usb-1-4"


def test_a_document_camera_is_the_camera_only_where_there_is_no_other() -> None:
    assert choose_tracks([PAPER, WEBCAM], load_profiles())["camera"].device == WEBCAM.identity
    assert choose_tracks([PAPER], load_profiles())["camera"].device == PAPER.identity


def test_a_grabber_without_a_serial_number_shows_the_slides() -> None:
    tracks = choose_tracks([NO_SERIAL, WEBCAM], load_profiles())
    assert tracks["slides"].device == NO_SERIAL.identity
    assert tracks["slides"].options == {"formats": "mjpeg,raw"}


def test_the_screen_of_the_room_pc_is_never_recorded_unasked() -> None:
    assert choose_tracks([SCREEN], load_profiles()) == {}


def test_a_camera_without_a_profile_is_recorded_as_it_comes() -> None:
    track = choose_tracks([WEBCAM], [])["camera"]
    assert (track.size, track.fps, track.options) == (None, None, {})


def test_what_a_grabber_hears_is_the_computer_and_never_the_room() -> None:
    heard = Device("microphone", "pulse:av", "AV TO USB", "usb 1-8", "pulse:1-8", usb="534d:2109")
    webcam = Device("v4l2", "/dev/video0", "C270", "usb-2", "port:2", usb="046d:0825")
    own = Device("microphone", "pulse:c270", "C270", "usb 1-2", "pulse:1-2", usb="046d:0825")
    tracks = choose_tracks([heard, NO_SERIAL, webcam, own], load_profiles())
    assert tracks["microphone"].device == "pulse:c270"
    assert "backup" not in tracks


def test_a_second_usb_microphone_is_recorded_in_case_the_first_is_dead() -> None:
    def microphone(name: str, usb: str) -> Device:
        return Device("microphone", name, name, name, f"pulse:{name}", usb=usb)

    webcam = Device("v4l2", "/dev/video0", "C270", "usb-2", "port:2", usb="046d:0825")
    own, yeti = microphone("own", "046d:0825"), microphone("yeti", "b58e:9e84")
    again, board = microphone("hw:CARD=Yeti,DEV=0", "b58e:9e84"), microphone("board", "")
    tracks = choose_tracks([webcam, own, yeti, again, board], load_profiles())
    assert (tracks["microphone"].device, tracks["backup"].device) == ("yeti", "own")
    assert tracks["backup"].flavor == "backup/source"
    assert "backup" not in choose_tracks([yeti, again, board], load_profiles())


def test_a_webcam_with_a_microphone_is_a_room_that_needs_no_configuration() -> None:
    """Beside the board's own input, which nearly every PC has, and which is mostly empty."""
    board = Device("microphone", "pulse:alsa_input.pci", "Built-in Audio", "pci-0", "pulse:pci-0")
    webcam = Device("v4l2", "/dev/video0", "Logi C270", "usb 1-2", "port:1-2", usb="046d:0825")
    its_own = Device("microphone", "pulse:c270", "C270", "usb 1-2", "pulse:1-2", usb="046d:0825")
    tracks = choose_tracks([webcam, board, its_own], load_profiles())
    assert {name: track.device for name, track in tracks.items()} == {
        "camera": "port:1-2",
        "microphone": "pulse:c270",
    }
    assert (tracks["camera"].flavor, tracks["camera"].media) == ("presenter/source", "video")


def test_microphones_of_lecture_rooms_come_first_and_what_is_built_in_last() -> None:
    def microphone(name: str, usb: str) -> Device:
        return Device("microphone", name, name, name, f"pulse:{name}", usb=usb)

    board, own = microphone("board", ""), microphone("own", "046d:0825")
    other, known = microphone("other", "1111:2222"), microphone("yeti", "b58e:9e84")
    webcam = Device("v4l2", "/dev/video0", "Logi C270", "usb 1-2", "port:1-2", usb="046d:0825")
    profiles = load_profiles()
    there = [(each, profile_of(each, profiles)) for each in (board, own, other, known, webcam)]
    found = candidates(there)
    assert [device.id for device in found.microphones] == ["yeti", "other", "own", "board"]


@pytest.mark.parametrize(
    ("identity", "ignored", "used"),
    [
        ("usb:1:2:A", ["usb:1:2:A"], False),
        ("usb:1:2:A", ["usb:1:2:B"], True),
        ("usb:1:2:A@usb-3", ["usb:1:2:A"], False),  # both of one serial number
        ("usb:1:2:A@usb-3", ["usb:1:2:A@usb-3"], False),
        ("usb:1:2:A@usb-3", ["usb:1:2:A@usb-4"], True),  # its twin
        ("usb:1:2:A", ["usb:1:2:A@usb-3"], False),  # its twin is not plugged in now
        ("port:usb-3", ["port:usb-3"], False),
    ],
)
def test_what_is_ignored_is_never_used_unasked(
    identity: str, ignored: list[str], used: bool
) -> None:
    camera = Device("v4l2", "/dev/video0", "C270", "usb-3", identity)
    assert (camera in unasked([camera, GRABBER], ignored)) is used
    assert GRABBER in unasked([camera, GRABBER], ignored)
