"""Configuration: files, places, error texts, and the sample that documents every key."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel

from capture.v4l2_controls import NUMBERS, plan_controls
from edge_agent import places
from edge_agent.config import (
    Config,
    ConfigError,
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


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path / "home")}


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def problems(tmp_path: Path, text: str) -> list[str]:
    """The error texts that a configuration gets, without the file's name in front."""
    file = write(tmp_path / "config.toml", text)
    with pytest.raises(ConfigError) as caught:
        load(file, {"HOME": str(tmp_path)})
    assert all(p.startswith(f"{file}: ") for p in caught.value.problems)
    return [p.removeprefix(f"{file}: ") for p in caught.value.problems]


# ---------------------------------------------------------------- where things are


def test_without_any_file_the_defaults_hold(home: dict[str, str], tmp_path: Path) -> None:
    config = load(None, home, service_folder=tmp_path / "none")
    assert config.room.name == "Room"
    assert config.tracks == {}
    assert config.storage.spool == tmp_path / "home/.local/state/edge-agent"


def test_the_xdg_folders_are_used_in_user_mode(tmp_path: Path) -> None:
    env = {
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / "conf"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "XDG_RUNTIME_DIR": str(tmp_path / "run"),
    }
    write(tmp_path / "conf/edge-agent/config.toml", '[room]\nname = "B-204"\n')
    config = load(None, env, service_folder=tmp_path / "none")
    assert config.room.name == "B-204"
    assert config.storage.spool == tmp_path / "state/edge-agent"
    assert config.storage.runtime == tmp_path / "run/edge-agent"


def test_the_service_folder_wins_over_the_users_file(home: dict[str, str], tmp_path: Path) -> None:
    write(tmp_path / "home/.config/edge-agent/config.toml", '[room]\nname = "mine"\n')
    service = tmp_path / "etc"
    write(service / "config.toml", '[room]\nname = "service"\n')
    config = load(None, home, service_folder=service)
    assert config.room.name == "service"
    assert config.storage.spool == Path("/var/lib/edge-agent")
    assert config.storage.runtime == Path("/run/edge-agent")


def test_systemds_folders_win_over_the_file(home: dict[str, str], tmp_path: Path) -> None:
    file = write(tmp_path / "c.toml", '[storage]\nspool = "/srv/lectures"\n')
    env = home | {"STATE_DIRECTORY": "/var/lib/x:/var/lib/y", "RUNTIME_DIRECTORY": "/run/x"}
    assert load(file, env).storage == Storage(spool=Path("/var/lib/x"), runtime=Path("/run/x"))


def test_files_in_conf_d_are_merged_in_order_and_the_later_wins(
    home: dict[str, str], tmp_path: Path
) -> None:
    main = write(tmp_path / "config.toml", '[room]\nname = "a"\ninstitution = "kept"\n')
    write(tmp_path / "conf.d/20-b.toml", '[room]\nname = "c"\n')
    write(tmp_path / "conf.d/10-a.toml", '[room]\nname = "b"\n[recording]\nmax_hours = 2\n')
    config = load(main, home)
    assert config.room == Room(name="c", institution="kept")
    assert config.recording.max_hours == 2


def test_an_error_names_the_file_in_conf_d_that_made_it(
    home: dict[str, str], tmp_path: Path
) -> None:
    main = write(tmp_path / "config.toml", '[room]\nname = "a"\n')
    extra = write(tmp_path / "conf.d/x.toml", "[room]\nnam = 1\n")
    with pytest.raises(ConfigError, match=re.escape(f"{extra}: room.nam: there is no such key")):
        load(main, home)


def test_the_places_are_found_without_the_models(home: dict[str, str], tmp_path: Path) -> None:
    file = write(tmp_path / "c.toml", '[storage]\nspool = "~/s"\nruntime = "/r"\n')
    written = places.read(file, home)
    assert places.storage(written) == (Path("~/s").expanduser(), Path("/r"))


# ---------------------------------------------------------------- what wrong values get


CAMERA = '[tracks.cam]\nkind = "v4l2"\ndevice = "/dev/video0"\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[rom]\n", "rom: there is no such key; did you mean 'room'?"),
        ('[room]\nnmae = "x"\n', "room.nmae: there is no such key; did you mean 'name'?"),
        (CAMERA + "frames = 1\n", "tracks.cam.frames: there is no such key; allowed: kind, device"),
        (
            '[tracks.cam]\nkind = "v4l"\ndevice = "x"\n',
            "tracks.cam.kind: 'v4l' is not allowed; did you mean 'v4l2'?",
        ),
        (CAMERA + "channels = 3\n", "tracks.cam.channels: 3 is not allowed; allowed: 1, 2"),
        (CAMERA + 'codec = "h265"\n', "tracks.cam.codec: 'h265' is not allowed"),
        (CAMERA + "crf = 99\n", "tracks.cam.crf: input should be less than or equal to 51, not 99"),
        (CAMERA + 'flavor = "front"\n', "tracks.cam.flavor: 'front' is not two words with a slash"),
        ('[tracks.cam]\ndevice = "x"\n', "tracks.cam.kind: this key is needed"),
        (
            '[tracks.cam]\nkind = "v4l2"\n',
            "tracks.cam: a track of kind 'v4l2' needs a device; "
            "find it with: edge-agent devices list",
        ),
        (
            '[tracks.Cam]\nkind = "synthetic"\n',
            "tracks.Cam: 'Cam' is not a name of small letters, digits and '-'",
        ),
        (
            CAMERA + '[tracks.b]\nkind = "v4l2"\ndevice = "/dev/video0"\n',
            "configuration: tracks 'cam' and 'b' both want /dev/video0; "
            "a device can serve one track only",
        ),
        (
            '[lecture]\nlanguage = "english!"\n',
            "lecture.language: 'english!' is not a language tag",
        ),
        (
            '[destinations.x]\ntype = "folder"\npath = "media"\n',
            "destinations.x.path: must be an absolute path, such as /media/lectures",
        ),
        (
            '[destinations.x]\ntype = "foldr"\npath = "/m"\n',
            "destinations.x.type: 'foldr' is not allowed; did you mean 'folder'?",
        ),
        ("[destinations.x]\n", "destinations.x.type: this key is needed"),
        (
            '[destinations.x]\ntype = "tus"\nurl = "https://a.b"\nreceipt_url = "https://a.b"\n',
            "destinations.x.receipt_url: there is no such key; did you mean 'receipts_url'?",
        ),
        (
            '[destinations.x]\ntype = "tus"\nurl = "http://campus.test/files"\n',
            "destinations.x.url: must be an address that begins with https://",
        ),
        (
            '[destinations.x]\ntype = "tus"\nurl = "https://me:secret@campus.test"\n',
            "destinations.x.url: must have no password in it; name a credential instead",
        ),
        (
            '[destinations.x]\ntype = "tus"\nurl = "https://a.b"\ncredential = "../key"\n',
            "destinations.x.credential: '../key' is not the name of a file, without any folder",
        ),
        (
            '[destinations.x]\ntype = "tus"\nurl = "https://a.b"\nneeds = "verified"\n',
            "destinations.x: receipt_keys and needs want receipts; set receipts_url too",
        ),
        (
            '[destinations.x]\ntype="s3"\nurl="https://a.b/c"\ncredential="c"\nneeds="replicated"\n',
            "destinations.x: only the platform can say that a file is replicated; set receipt_keys",
        ),
        (
            '[destinations.x]\ntype="s3"\nurl="https://a.b/c"\ncredential="c"\nreceipt_keys=["k"]\n',
            "destinations.x.receipt_keys.0: must be a key's id, a colon and the 32 bytes",
        ),
        (
            '[destinations.x]\ntype = "s3"\nurl = "https://a.b/c"\n',
            "destinations.x.credential: this key is needed",
        ),
        (
            '[destinations.x]\ntype="s3"\nurl="https://a.b/c"\ncredential="c"\nprefix="rooms"\n',
            "destinations.x.prefix: 'rooms' is not empty or names that each end with '/'",
        ),
        (
            '[destinations.x]\ntype="s3"\nurl="https://a.b/c"\ncredential="c"\npieces_kib=1\n',
            "destinations.x.pieces_kib: input should be greater than or equal to 64",
        ),
        (
            '[upload]\nlimit = "08:00,fast"\n',
            "upload.limit: 'fast' is no rate; write 512k, 2M, off or pause",
        ),
        (
            '[mqtt]\nurl = "mqtt://broker.test"\n',
            "mqtt: url begins with mqtt://, so that anybody on the way could command this room",
        ),
        (
            '[mqtt]\nurl = "mqtts://me:secret@broker.test"\n',
            "mqtt.url: must have no password in it; name a credential instead",
        ),
        ('[mqtt]\nurl = "https://broker.test"\n', "mqtt.url: must be an address such as mqtts://"),
        (
            '[mqtt]\nroom = "B 204"\n',
            "mqtt.room: 'B 204' is not a name of small letters, digits and '-'",
        ),
        (
            '[mqtt]\ncertificate = "/etc/room.crt"\n',
            "mqtt: certificate and key belong together; set both or none",
        ),
        (
            '[devices."usb:1:2:a"]\nname = "x"\n[devices."usb:1:2:b"]\nname = "x"\n',
            "configuration: two devices have the name 'x'; give one of them another",
        ),
        (
            '[devices."usb:1:2:a"]\nignored = true\n',
            "devices.usb:1:2:a.ignored: there is no such key; did you mean 'ignore'?",
        ),
        (
            '[webhooks.desk]\nurl = "http://hooks.test"\ncredential = "desk"\n',
            "webhooks.desk: url begins with http://, so that anybody on the way could read it",
        ),
        (
            '[webhooks.desk]\nurl = "https://me:secret@hooks.test"\ncredential = "desk"\n',
            "webhooks.desk.url: must have no password in it",
        ),
        (
            '[webhooks.desk]\nurl = "https://hooks.test"\ncredential = "desk"\nalerts = []\n',
            "webhooks.desk.alerts:",
        ),
        ('[mqtt]\ncommands = ["strt"]\n', "mqtt.commands.0: 'strt' is not allowed; did you mean"),
        ("[recording]\nmax_hours = 0\n", "recording.max_hours: input should be greater than 0"),
        ('storage = "/srv"\n', "storage: "),
        ("[room\n", "this is not valid TOML: "),
    ],
)
def test_a_wrong_value_is_told_with_its_key_and_what_is_allowed(
    tmp_path: Path, text: str, expected: str
) -> None:
    (problem,) = problems(tmp_path, text)
    assert problem.startswith(expected)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    assert len(problems(tmp_path, "[room]\nx = 1\ny = 2\n[recording]\nmax_hours = 99\n")) == 3


def test_a_named_file_that_is_missing_is_an_error(tmp_path: Path, home: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        load(tmp_path / "none.toml", home)


def test_a_file_that_is_not_text_is_an_error(tmp_path: Path, home: dict[str, str]) -> None:
    (tmp_path / "c.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(tmp_path / "c.toml", home)


def test_the_configuration_cannot_be_changed_after_loading(tmp_path: Path) -> None:
    config = load(write(tmp_path / "c.toml", ""), {"HOME": str(tmp_path)})
    with pytest.raises(ValueError, match="frozen"):
        config.room.name = "x"


# ---------------------------------------------------------------- tracks


@pytest.mark.parametrize(
    ("track", "media"),
    [
        ({"kind": "microphone", "device": "default"}, "audio"),
        ({"kind": "file", "device": "a.mp4", "options": {"stream": "audio"}}, "audio"),
        ({"kind": "file", "device": "a.mp4"}, "video"),
        ({"kind": "synthetic"}, "video"),
    ],
)
def test_a_tracks_medium_follows_from_kind_and_stream(track: dict[str, object], media: str) -> None:
    assert TrackConfig.model_validate(track).media == media


@pytest.mark.parametrize(
    ("track", "still"),
    [
        ({"kind": "screen"}, True),
        ({"kind": "synthetic", "flavor": "presentation/source"}, True),
        ({"kind": "synthetic"}, False),
        ({"kind": "synthetic", "still": "on"}, True),
        ({"kind": "screen", "still": "off"}, False),
    ],
)
def test_slides_and_screens_leave_out_what_has_not_changed(
    track: dict[str, object], still: bool
) -> None:
    assert TrackConfig.model_validate(track).stands_still is still


CALLED = '[devices."usb:1:2:A"]\nname = "Lectern"\n[devices."pulse:X1"]\nname = "Mic"\n'


def test_a_track_may_name_its_device_as_people_do(tmp_path: Path) -> None:
    tracks = (
        '[tracks.camera]\nkind = "v4l2"\ndevice = "Lectern"\nfps = 10\n'
        '[tracks.sound]\nkind = "microphone"\ndevice = "Mic"\n'
        '[tracks.other]\nkind = "v4l2"\ndevice = "/dev/video7"\n'
    )
    config = load(write(tmp_path / "c.toml", CALLED + tracks), {"HOME": str(tmp_path)})
    devices = {name: track.device for name, track in config.tracks.items()}
    assert devices == {"camera": "usb:1:2:A", "sound": "pulse:X1", "other": "/dev/video7"}
    assert config.tracks["camera"].fps == 10


def test_one_device_by_its_name_and_its_identity_is_one_device(tmp_path: Path) -> None:
    text = (
        CALLED + '[tracks.one]\nkind = "v4l2"\ndevice = "Lectern"\n'
        '[tracks.two]\nkind = "v4l2"\ndevice = "usb:1:2:A"\n'
    )
    assert "both want usb:1:2:A" in problems(tmp_path, text)[0]


@pytest.mark.parametrize(
    "text", ['devices = "x"\n', "tracks = 3\n", '[devices]\na = 1\n[tracks]\nb = "x"\n']
)
def test_tables_of_another_form_are_told_and_no_error_of_ours(tmp_path: Path, text: str) -> None:
    assert problems(tmp_path, text)


# ---------------------------------------------------------------- the sample


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
