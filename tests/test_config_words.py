"""Every wrong value of the configuration is told with its key and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.config import ConfigError, load
from tests.config_files import home as home
from tests.config_files import problems, write

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
