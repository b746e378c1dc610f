"""Configuration: its files, where things are, and its tracks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edge_agent import places
from edge_agent.config import ConfigError, Room, Storage, TrackConfig, load
from tests.config_files import home as home
from tests.config_files import problems, write

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
