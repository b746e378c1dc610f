"""Laws of room profiles: laid over what is plugged in, whole or not at all; made from a room."""

from __future__ import annotations

import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from capture.discover import Device
from device_profiles.profile import ProfileError, load_profiles
from device_profiles.room_profile import load_rooms, parse_room
from edge_agent.cli import app
from edge_agent.commands import setup_found
from edge_agent.commands.output import Exit, Failure
from edge_agent.commands.profile_changing import profile_of_room
from edge_agent.commands.room_profiles import laid_over, mistakes, placed
from edge_agent.config import Config
from edge_agent.discovery import Candidates, candidates, profile_of
from tests.published import answer_of

ROOMS = {profile.name: profile for profile in load_rooms(Path("/no/such")).profiles}
WEBCAM = Device("v4l2", "/dev/video0", "Logi C270", "usb 1-2", "usb:046d:0825:A", usb="046d:0825")
OTHER = Device("v4l2", "/dev/video4", "Room camera", "usb 1-4", "port:usb-1-4")
GRABBER = Device("v4l2", "/dev/video2", "AV TO USB", "usb 1-8", "port:usb-1-8", usb="534d:2109")
PAPER = Device("v4l2", "/dev/video6", "IPEVO V4K", "usb 1-6", "port:usb-1-6")
LECTERN = Device("microphone", "pulse:lectern", "Lectern", "usb 1-5", "pulse:1-5", usb="1111:2222")
ITS_OWN = Device("microphone", "pulse:c270", "C270", "usb 1-2", "pulse:1-2", usb="046d:0825")
BY_ALSA = Device("microphone", "hw:CARD=L,DEV=0", "L", "hw", "alsa:hw", usb="1111:2222")
EVERYTHING = (WEBCAM, OTHER, GRABBER, PAPER, LECTERN, ITS_OWN)
HEAD = 'kind = "room"\ntitle = "x"\n'
CAMERA = '[sources.camera]\nrole = "camera"\n'


def plugged(*devices: Device) -> Candidates:
    known = load_profiles()
    return candidates((each, profile_of(each, known)) for each in devices)


@pytest.mark.parametrize("name", ROOMS)
def test_a_shipped_profile_is_one_that_the_configuration_takes(name: str) -> None:
    assert mistakes(ROOMS[name]) == []
    found = laid_over(ROOMS[name], plugged(*EVERYTHING), {}, {})
    values: dict[str, Any] = {"storage": {"spool": "/s", "runtime": "/r"}, "tracks": {}}
    for path, value in found.values.items():
        values.setdefault(path[0], {})[path[1]] = value
    assert len(Config.model_validate(values).tracks) == len(ROOMS[name].places)


def test_each_device_stands_at_one_place_and_cameras_come_in_their_order() -> None:
    devices, missing = placed(ROOMS["board"], plugged(WEBCAM, OTHER, LECTERN), {})
    assert missing == []
    assert devices == {
        "camera": WEBCAM.identity,
        "board": OTHER.identity,
        "microphone": LECTERN.id,
    }


def test_what_stands_at_a_place_stays_there() -> None:
    written = {"camera": {"device": OTHER.identity}, "board": {"device": WEBCAM.identity}}
    devices, _ = placed(ROOMS["board"], plugged(WEBCAM, OTHER, LECTERN), written)
    assert (devices["camera"], devices["board"]) == (OTHER.identity, WEBCAM.identity)


def test_a_device_that_people_call_by_its_name_keeps_that_name() -> None:
    written = {"camera": {"kind": "v4l2", "device": "Room camera", "flavor": "presenter/source"}}
    found = laid_over(ROOMS["board"], plugged(WEBCAM, OTHER, LECTERN), written, {})
    assert ("tracks", "camera", "device") not in found.values
    assert found.values["tracks", "board"]["device"] == WEBCAM.identity


def test_a_backup_is_another_microphone_and_not_the_same_by_another_name() -> None:
    _, missing = placed(ROOMS["hall"], plugged(WEBCAM, GRABBER, LECTERN, BY_ALSA), {})
    assert [place.name for place in missing] == ["backup"]
    devices, _ = placed(ROOMS["hall"], plugged(WEBCAM, GRABBER, LECTERN, BY_ALSA, ITS_OWN), {})
    assert devices["backup"] == ITS_OWN.id


def test_what_is_needed_and_missing_is_told_all_at_once() -> None:
    with pytest.raises(Failure, match=r"an HDMI grabber \(slides\), a second microphone") as error:
        laid_over(ROOMS["hall"], plugged(WEBCAM, LECTERN), {}, {})
    assert error.value.exit == Exit.DEVICE
    found = laid_over(ROOMS["webcam"], plugged(WEBCAM, ITS_OWN), {}, {})
    assert found.notes == ("without an HDMI grabber (slides): none is plugged in",)


def test_a_mode_that_the_camera_lacks_is_told() -> None:
    room = parse_room("r", HEAD + CAMERA + "size = [3840, 2160]\n")
    modes = {WEBCAM.identity: ["mjpeg 1280×720 30/s", "raw 640×480 30/s"]}
    found = laid_over(room, plugged(WEBCAM), {}, modes)
    assert "its camera has no 3840×2160" in found.notes[0]
    assert laid_over(room, plugged(WEBCAM), {}, {}).notes == ()


def test_tracks_that_the_profile_has_not_go_and_keys_too() -> None:
    written = {
        "camera": {"kind": "v4l2", "device": WEBCAM.identity, "crf": 18, "flavor": "board/source"},
        "desk": {"kind": "v4l2", "device": OTHER.identity},
    }
    found = laid_over(ROOMS["seminar"], plugged(*EVERYTHING), written, {})
    assert set(found.gone) == {("tracks", "desk"), ("tracks", "camera", "crf")}
    assert found.values["tracks", "camera", "flavor"] == "presenter/source"
    assert ("tracks", "camera", "device") not in found.values


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind = ", "write it as the other profiles are"),
        ('kind = "camera"', "this is no profile of a room"),
        ('kind = "room"', "title is missing"),
        (HEAD, "sources is missing"),
        (HEAD + "sources = 1", "sources is missing"),
        (HEAD + '[sources.camera]\nrole = "cammera"', "role cannot be 'cammera'"),
        (HEAD + '[sources."A b"]\nrole = "camera"', "not understood"),
        (HEAD + CAMERA + "bitrate = 3", "unknown key bitrate"),
        (HEAD + CAMERA + 'device = "/dev/video0"', "unknown key device"),
        (HEAD + CAMERA + "needed = 1", "write true or false"),
        (HEAD + '[sources.a]\nrole = "backup"', "a backup needs a microphone"),
        (
            HEAD + '[sources.a]\nrole = "microphone"\n[sources.b]\nrole = "microphone"',
            "a and b both have the role microphone",
        ),
        (HEAD + '[sources.a]\nrole = "fixed"', "kind is missing"),
        (HEAD + CAMERA + '[set.room]\nname = "x"', "set.room does not belong"),
        (HEAD + CAMERA + "[set]\nrenditions = 1", "set.renditions does not belong"),
        (HEAD + "layout = 1\n" + CAMERA, "unknown key layout"),
        (HEAD + "notes = 1\n" + CAMERA, "write a list of sentences"),
    ],
)
def test_a_mistake_is_named_with_what_would_be_right(text: str, words: str) -> None:
    with pytest.raises(ProfileError) as error:
        parse_room("mine", text)
    assert words in str(error.value)
    assert str(error.value).startswith("mine.toml: ")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (CAMERA + "crf = 99", "sources.camera.crf: input should be less than"),
        (CAMERA + 'codec = "h265"', "sources.camera.codec: input should be 'h264'"),
        (CAMERA + "[set.renditions]\nsound = true", "set.renditions.sound: extra inputs"),
        (CAMERA + "[set.rendition]\naudio = true", "set.rendition: there is no such table"),
        (CAMERA + "[set.calendars.x]\nurl = 1", "belongs to one room alone"),
    ],
)
def test_a_value_that_the_configuration_would_refuse_is_found_before(text: str, words: str) -> None:
    [found] = mistakes(parse_room("mine", HEAD + text))
    assert words in found


def test_a_room_makes_a_profile_that_makes_the_same_room() -> None:
    tracks = {
        "camera": {"kind": "v4l2", "device": WEBCAM.identity, "crf": 20},
        "slides": {"kind": "v4l2", "device": GRABBER.identity, "flavor": "presentation/source"},
        "door": {"kind": "rtsp", "device": "rtsp://10.0.0.9/x", "flavor": "door/source"},
        "microphone": {"kind": "microphone", "device": LECTERN.id},
        "second": {"kind": "microphone", "device": ITS_OWN.id, "flavor": "backup/source"},
    }
    storage = {"spool": "/s", "runtime": "/r"}
    config = Config.model_validate({"storage": storage, "tracks": tracks})
    from edge_agent.config import to_toml

    text = to_toml(profile_of_room(config, "Mine"))
    assert WEBCAM.identity not in text
    found = laid_over(parse_room("mine", text), plugged(*EVERYTHING), tracks, {})
    changed = {path[1:] for path in found.values} - {("camera", "flavor"), ("camera", "size")}
    assert {path for path in changed if path[0] in ("microphone", "second", "door")} == set()
    assert ("tracks", "camera", "crf") not in found.gone


def test_an_address_with_a_password_gets_into_no_profile() -> None:
    track = {"kind": "rtsp", "device": "rtsp://user:pass@10.0.0.9/x", "flavor": "door/source"}
    config = Config.model_validate(
        {"storage": {"spool": "/s", "runtime": "/r"}, "tracks": {"door": track}}
    )
    with pytest.raises(Failure, match="has a password in it") as error:
        profile_of_room(config, "Mine")
    assert "pass@" not in str(error.value)


_LEAF = st.one_of(
    st.text(max_size=4), st.integers(-9, 9), st.booleans(), st.floats(allow_nan=False)
)
_KEYS = st.sampled_from(
    [
        "kind",
        "title",
        "sources",
        "set",
        "notes",
        "role",
        "camera",
        "needed",
        "size",
        "crf",
        "panel",
        "renditions",
        "calendars",
        "mqtt",
    ]
)
_ROLES = st.sampled_from(["camera", "microphone", "backup", "fixed", "room"])
_ANY = st.recursive(
    st.one_of(_LEAF, _ROLES),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_KEYS, inner, max_size=4)),
    max_leaves=12,
)


@given(st.dictionaries(_KEYS, _ANY, max_size=5), st.dictionaries(_KEYS, _ANY, max_size=3))
def test_whatever_a_profile_says_is_taken_or_named_as_a_mistake(
    table: dict[str, Any], sources: dict[str, Any]
) -> None:
    head = {"kind": "room", "title": "x"}
    for values in (table, head | table, table | head | {"sources": sources}):
        with suppress(ProfileError):  # no other exception
            found = parse_room("mine", tomlkit.dumps(values))
            assert all(isinstance(each, str) for each in mistakes(found))


# ---------------------------------------------------------------- by command


class Desk:
    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.file, self.own = folder, folder / "config.toml", folder / "own"
        places = f'[storage]\nspool = "{folder}/spool"\nruntime = "{folder}/run"\n'
        self.file.write_text(f"{places}least_free_mib = 0\n")
        monkeypatch.setattr(setup_found, "list_devices", lambda: [self.row(d) for d in EVERYTHING])
        self.known = load_profiles()

    def row(self, device: Device) -> dict[str, Any]:
        profile = profile_of(device, self.known)
        facts = {key: getattr(device, key) for key in ("id", "kind", "name", "where", "identity")}
        known = {"usb": device.usb, "also": [], "profile": profile.name if profile else ""}
        return {**facts, **known, "modes": ["mjpeg 1280×720 30/s"]}

    def __call__(self, *words: str) -> tuple[int, Any]:
        words = (*words, "--folder", str(self.own), "--json")
        done = CliRunner().invoke(app, ["--config", str(self.file), "profile", *words])
        return done.exit_code, answer_of(done.stdout)

    @property
    def tracks(self) -> dict[str, Any]:
        tracks: dict[str, Any] = tomllib.loads(self.file.read_text()).get("tracks", {})
        return tracks

    def put(self, name: str, text: str) -> None:
        (self.own / "rooms").mkdir(parents=True, exist_ok=True)
        (self.own / "rooms" / f"{name}.toml").write_text(text)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path, monkeypatch)


def test_applying_goes_the_way_of_every_change(desk: Desk) -> None:
    before = desk.file.read_text()
    code, told = desk("apply", "hall", "--dry-run")
    assert (code, told["data"]["written"], desk.file.read_text()) == (0, False, before)
    code, told = desk("apply", "hall")
    assert (code, told["data"]["written"], told["data"]["number"]) == (0, True, 1)
    assert list(desk.tracks) == ["camera", "slides", "microphone", "backup"]
    assert desk("apply", "hall")[1]["data"]["changes"] == []
    done = CliRunner().invoke(app, ["--config", str(desk.file), "config", "rollback"])
    assert (done.exit_code, desk.file.read_text()) == (0, before)


def test_a_profile_that_is_not_there_is_told_with_those_that_are(desk: Desk) -> None:
    code, told = desk("apply", "aula")
    assert (code, "hall" in told["error"]["message"]) == (Exit.NOT_FOUND, True)
    desk.put("aula", "kind = ")
    assert "aula.toml" in desk("apply", "aula")[1]["error"]["message"]


def test_the_rooms_own_profile_replaces_ours_and_is_checked_with_the_others(desk: Desk) -> None:
    desk.put("hall", HEAD + CAMERA)
    assert desk("apply", "hall")[0] == 0
    assert list(desk.tracks) == ["camera"]
    code, told = desk("check")
    assert (code, told["data"]["checked"]) == (0, ["hall"])
    desk.put("hall", HEAD + CAMERA + "crf = 99")
    desk.put("aula", HEAD)
    code, told = desk("check")
    assert (code, len(told["data"]["mistakes"])) == (Exit.FINDINGS, 2)
    rooms = {row["name"]: row for row in desk("list")[1]["data"] if row["kind"] == "room"}
    assert (rooms["hall"]["own"], rooms["seminar"]["own"]) == (True, False)
    assert desk("check", str(desk.own / "rooms/hall.toml"))[0] == Exit.FINDINGS


def test_a_room_is_shown_place_by_place(desk: Desk) -> None:
    told = desk("show", "hall")[1]["data"]
    assert told["places"][-1]["track"]["flavor"] == "backup/source"
    text = CliRunner().invoke(app, ["profile", "show", "document"]).output
    assert "camera: camera, if there is one: flavor presenter/source" in text


def test_a_new_profile_is_made_of_the_room_and_replaces_none_unasked(desk: Desk) -> None:
    desk("apply", "seminar")
    code, told = desk("new", "aula", "--title", "The aula")
    assert (code, told["data"]["profile"]["title"]) == (0, "The aula")
    assert desk("new", "aula")[1]["error"]["code"] == "profile-exists"
    assert desk("new", "aula", "--replace")[0] == 0
    assert desk("new", "../x")[0] == Exit.USAGE
    before = desk.tracks
    assert desk("apply", "aula")[0] == 0
    assert desk.tracks == before


def test_ours_have_names_that_none_of_a_device_has() -> None:
    assert not {profile.name for profile in load_profiles()} & set(ROOMS)
