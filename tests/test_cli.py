"""The command line without a running agent: error texts, exit codes, the one envelope."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from edge_agent.clock import SystemClock
from edge_agent.config import to_toml
from edge_agent.ledger import Ledger
from edge_agent.locks import only_one
from edge_agent.rows import Lecture
from edge_agent.rules.lecture import State
from edge_agent.spool import Runtime, Spool

ROOT = Path(__file__).parents[1]
ENVELOPE = {
    "type": "object",
    "required": ["schema", "ok", "data", "warnings"],
    "additionalProperties": False,
    "properties": {
        "schema": {"type": "string", "pattern": r"^edge-agent/[a-z]+(\.[a-z]+)?/1$"},
        "ok": {"type": "boolean"},
        "data": {},
        "warnings": {"type": "array", "items": {"type": "string"}},
        "error": {
            "type": "object",
            "required": ["code", "message", "hint", "retryable"],
            "additionalProperties": False,
            "properties": {
                "code": {"type": "string", "pattern": "^[a-z-]+$"},
                "message": {"type": "string", "minLength": 1},
                "hint": {"type": "string", "minLength": 1},
                "retryable": {"type": "boolean"},
            },
        },
    },
}


class Shell:
    """`edge-agent` with a configuration of its own, and what it answered."""

    def __init__(self, home: Path) -> None:
        self.spool, self.runtime = Spool(home / "spool"), Runtime(home / "run")
        self.config = home / "config.toml"
        self.configure({})

    def configure(self, tracks: dict[str, Any], **storage: Any) -> None:
        folders = {"spool": str(self.spool.root), "runtime": str(self.runtime.root)}
        self.config.write_text(to_toml({"storage": folders | storage, "tracks": tracks}))

    def __call__(
        self, *words: str, path: str = "", before: Sequence[str] = ()
    ) -> subprocess.CompletedProcess[str]:
        """`path` is a folder whose modules hide the installed ones, `before` a command's prefix."""
        return subprocess.run(
            [*before, sys.executable, "-m", "edge_agent.cli", "--config", str(self.config), *words],
            env=os.environ | {"PYTHONPATH": f"{path}:{ROOT}" if path else str(ROOT)},
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    def lecture(self, name: str, state: State) -> None:
        """A lecture in the ledger."""
        self.spool.root.mkdir(exist_ok=True)
        ledger, now = Ledger.create(self.spool.ledger), SystemClock().now()
        ledger.add_lecture(Lecture(name, state, now.utc_text, now.trust, now.boot, now.mono_ns), [])
        ledger.close()


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


FAULTY = {"kind": "synthetic", "options": {"fault": "missing"}}
BUSY = {"kind": "synthetic", "options": {"fault": "busy"}}
NO_MEDIA = {"kind": "file", "device": str(ROOT / "pyproject.toml")}

# command, exit code, error code, a part of the next step
ERRORS: list[tuple[list[str], int, str, str]] = [
    (["record", "start"], 8, "agent-not-running", "edge-agent run"),
    (["record", "stop"], 8, "agent-not-running", "edge-agent run"),
    (["record", "mark", "here"], 8, "agent-not-running", "edge-agent run"),
    (["record", "start", "--until", "noon"], 2, "bad-time", "16:30"),
    (["lectures", "list", "--state", "lost"], 2, "bad-state", "planned, recording"),
    (["lectures", "show", "01f0"], 4, "no-such-lecture", "edge-agent lectures list"),
    (["lectures", "show", "0193-"], 4, "ambiguous-id", "edge-agent lectures list"),
    (["lectures", "verify", "aaaa"], 5, "no-package", "edge-agent lectures show 0193-aaaa"),
    (["lectures", "verify", "/no/such"], 4, "no-such-folder", "edge-agent lectures list"),
    (["lectures", "retry", "aaaa"], 8, "agent-not-running", "edge-agent run"),
    (["upload", "pause", "--for", "long"], 2, "bad-time", "--for 2h30m"),
    (["upload", "pause", "--until", "noon"], 2, "bad-time", "--until 16:30"),
    (["upload", "pause", "--until", "16:30", "--for", "2h"], 2, "two-ends", "leave one"),
    (["upload", "limit", "fast"], 2, "bad-rate", "limit 512k"),
    (["upload", "limit", "pause"], 2, "bad-rate", "upload pause"),
    (["upload", "now"], 5, "nothing-waits", "edge-agent upload status"),
    (["upload", "now", "aaaa"], 5, "nothing-waits", "edge-agent upload status"),
    (["upload", "retry", "01f0"], 4, "no-such-lecture", "edge-agent lectures list"),
    (["schedule", "import", "/no/such.ics"], 4, "file", "name another one"),
    (["schedule", "import", "/"], 4, "file", "name another one"),
    (["schedule", "import", "/proc/version/x"], 4, "file", "name another one"),
    (["devices", "test", "nothing"], 9, "device-missing", "edge-agent devices list"),
    (["devices", "test", "faulty"], 9, "device-missing", ""),
    (["devices", "test", "busy"], 9, "device-busy", ""),
    (["devices", "test", "nomedia"], 9, "device-unusable", ""),
]


@pytest.fixture
def room(shell: Shell) -> Shell:
    """With two lectures in the ledger and three tracks that cannot work."""
    shell.configure({"faulty": FAULTY, "busy": BUSY, "nomedia": NO_MEDIA})
    shell.lecture("0193-aaaa", State.FAILED)
    shell.lecture("0193-bbbb", State.FAILED)
    return shell


@pytest.mark.parametrize(("words", "exit_code", "code", "hint"), ERRORS, ids=lambda it: str(it))
def test_an_error_has_its_exit_code_its_reason_and_the_next_step(
    room: Shell, words: list[str], exit_code: int, code: str, hint: str
) -> None:
    as_json = room(*words, "--json")
    document = json.loads(as_json.stdout)
    jsonschema.validate(document, ENVELOPE)
    assert (as_json.returncode, document["ok"]) == (exit_code, False)
    assert document["error"]["code"] == code
    assert hint in document["error"]["hint"]

    for_people = room(*words)
    assert for_people.returncode == exit_code
    assert for_people.stdout == ""
    assert f"error: {document['error']['message']}" in for_people.stderr
    assert f"next:  {document['error']['hint']}" in for_people.stderr


READING = [
    ["status"],
    ["record", "status"],
    ["lectures", "list"],
    ["lectures", "show", "last"],
    ["upload", "status"],
    ["storage", "check"],
]


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_reading_works_when_the_agent_is_down_and_says_so(room: Shell, words: list[str]) -> None:
    answer = room(*words, "--json")
    document = json.loads(answer.stdout)
    jsonschema.validate(document, ENVELOPE)
    assert answer.returncode == 0
    assert any("the agent is not running" in warning for warning in document["warnings"])
    for_people = room(*words)
    assert "note: the agent is not running" in for_people.stderr
    assert for_people.stdout


@pytest.mark.parametrize(
    "words", [["lectures", "list"], ["storage", "check"], ["upload", "status"]]
)
def test_before_the_first_start_there_is_nothing_to_read(shell: Shell, words: list[str]) -> None:
    answer = shell(*words)
    assert answer.returncode == 4
    assert "next:  start the agent with: edge-agent run" in answer.stderr


def test_people_who_may_only_read_the_spool_can_read_when_the_agent_is_down(room: Shell) -> None:
    """As a member of the group; root is bound by permissions only without that capability."""
    powerless = ["setpriv", "--bounding-set=-dac_override"] if os.geteuid() == 0 else []
    room.spool.root.chmod(0o555)
    try:
        answer = room("lectures", "list", before=powerless)
    finally:
        room.spool.root.chmod(0o755)
    assert answer.returncode == 0, answer.stderr
    assert "0193-bbbb" in answer.stdout


def test_pressing_a_button_without_the_right_to_is_exit_code_7(room: Shell) -> None:
    powerless = ["setpriv", "--bounding-set=-dac_override"] if os.geteuid() == 0 else []
    places = [room.spool.root, room.spool.ledger]
    for place in places:
        place.chmod(0o555)
    try:
        with only_one(room.runtime.agent_lock, "agent"):
            answer = room("record", "stop", before=powerless)
    finally:
        for place in places:
            place.chmod(0o755)
    assert answer.returncode == 7, answer.stderr
    assert "sudo -u edge-agent" in answer.stderr


def test_status_works_before_the_first_start(shell: Shell) -> None:
    answer = shell("status")
    assert answer.returncode == 0
    assert "NOT RUNNING" in answer.stdout


def test_a_wrong_configuration_value_names_file_key_and_what_is_allowed(shell: Shell) -> None:
    shell.config.write_text('[tracks.cam]\nkind = "v4l"\ndevice = "/dev/video0"\n')
    for words in (["config", "validate"], ["run"], ["upload", "run"], ["config", "show"]):
        answer = shell(*words)
        assert answer.returncode == 6
        assert f"{shell.config}: tracks.cam.kind: 'v4l' is not allowed; did you mean 'v4l2'?" in (
            answer.stderr
        )
        assert "next:  correct it, then: edge-agent config validate" in answer.stderr


def test_a_spool_that_cannot_be_written_stops_the_agent_with_the_next_step(
    shell: Shell, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    shell.configure({"cam": FAULTY}, spool=str(tmp_path / "file/spool"))
    answer = shell("run")
    assert answer.returncode == 7
    assert "edge-agent config show" in answer.stderr


@pytest.mark.parametrize("words", [["run"], ["upload", "run"]], ids=" ".join)
def test_a_second_process_of_a_kind_is_refused(shell: Shell, words: list[str]) -> None:
    runtime = shell.runtime
    lock = runtime.upload_lock if "upload" in words else runtime.agent_lock
    with only_one(lock, "first"):
        answer = shell(*words)
    assert answer.returncode == 5
    assert "next:  look at it with: edge-agent status" in answer.stderr


def test_the_configuration_that_is_shown_is_valid_toml_of_the_same_meaning(shell: Shell) -> None:
    shell.configure({"cam": FAULTY})
    shown = shell("config", "show").stdout
    other = shell.config.with_name("shown.toml")
    other.write_text(shown)
    assert shell("config", "validate", str(other)).returncode == 0
    shell.config.write_text(shown)
    assert shell("config", "show").stdout == shown


def test_the_configurations_schema_accepts_the_sample(shell: Shell) -> None:
    import tomllib

    schema = json.loads(shell("config", "schema").stdout)
    jsonschema.validate(tomllib.loads((ROOT / "docs/config.sample.toml").read_text()), schema)


def test_config_path_lists_the_files_in_the_order_they_count(shell: Shell) -> None:
    extra = shell.config.parent / "conf.d/10.toml"
    extra.parent.mkdir()
    extra.write_text("[room]\n")
    assert shell("config", "path").stdout.splitlines() == [str(shell.config), str(extra)]


def test_a_device_is_tried_and_its_picture_kept(shell: Shell, tmp_path: Path) -> None:
    shell.configure({"cam": {"kind": "synthetic", "size": [320, 180], "fps": 25.0}})
    picture = tmp_path / "picture.jpg"
    answer = shell("devices", "test", "cam", "--seconds", "1", "--save", str(picture), "--json")
    data = json.loads(answer.stdout)["data"]
    assert answer.returncode == 0
    assert (data["width"], data["height"], data["held_by_agent"]) == (320, 180, False)
    assert picture.read_bytes().startswith(b"\xff\xd8")


def test_a_silent_microphone_is_a_finding(shell: Shell) -> None:
    options = {"stream": "audio", "fault": "silence"}
    shell.configure({"mic": {"kind": "synthetic", "options": options}})
    answer = shell("devices", "test", "mic", "--seconds", "1")
    assert answer.returncode == 3
    assert "no sound" in answer.stderr


@pytest.mark.slow
def test_a_driver_that_hangs_is_left_behind(shell: Shell) -> None:
    shell.configure({"cam": {"kind": "synthetic", "options": {"fault": "hang_gil"}}})
    answer = shell("devices", "test", "cam", "--seconds", "0.5", "--json")
    assert answer.returncode == 12
    assert json.loads(answer.stdout)["error"]["code"] == "device-hangs"


def test_a_driver_that_crashes_takes_only_its_test_along(shell: Shell) -> None:
    shell.configure({"cam": {"kind": "synthetic", "options": {"fault": "crash"}}})
    answer = shell("devices", "test", "cam", "--json")
    assert answer.returncode == 9
    assert json.loads(answer.stdout)["error"]["code"] == "driver-crashed"


def test_without_portaudio_cameras_are_still_listed_and_the_reason_is_told(
    shell: Shell, tmp_path: Path
) -> None:
    hiding = tmp_path / "hiding"
    hiding.mkdir()
    (hiding / "sounddevice.py").write_text('raise OSError("PortAudio library not found")')
    answer = shell("devices", "list", path=str(hiding))
    assert answer.returncode == 0
    assert "no microphones: PortAudio is not installed; install libportaudio2" in answer.stderr


def test_the_versions_name_what_the_agent_stands_on(shell: Shell) -> None:
    data = json.loads(shell("version", "--json").stdout)["data"]
    assert data["edge-agent"]
    assert data["av"]


def test_a_reader_that_has_seen_enough_is_no_error(shell: Shell) -> None:
    command = [sys.executable, "-m", "edge_agent.cli", "--config", str(shell.config)]
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as closed:
        done = subprocess.run(
            [*command, "config", "show"],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")


def test_wrong_usage_is_exit_code_2(shell: Shell) -> None:
    assert shell("record", "begin").returncode == 2
    assert shell("lectures", "show").returncode == 2
