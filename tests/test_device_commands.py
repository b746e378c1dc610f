"""Laws of `edge-agent devices show|test|watch|name|ignore|rules`."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from capture.v4l2_controls import NUMBERS
from edge_agent.commands.device_facts import find, identity_of
from edge_agent.commands.device_rules import NAME, rules_for
from edge_agent.commands.device_watch import changes, sentence
from edge_agent.commands.output import Failure
from tests.hardware_fixtures import DEADLINE_S, ROOT, FakeCameras, shim_camera
from tests.published import demand_published

BUS = "usb-0000:00:14.0-3"
SOCKET = f"port:{BUS}"


class Desk:
    """`edge-agent` beside fake cameras, with a configuration of its own."""

    def __init__(self, home: Path, cameras: FakeCameras) -> None:
        self.config = home / "config.toml"
        self.config.write_text(
            f'# kept\n[storage]\nspool = "{home}/spool"\nruntime = "{home}/run"\n'
        )
        self.cameras = cameras
        cameras.unplug()
        self.command = [sys.executable, "-m", "edge_agent.cli", "--config", str(self.config)]
        self.env = os.environ | {"PYTHONPATH": str(ROOT)} | cameras.env

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.command, "devices", *words],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    def data(self, *words: str) -> Any:
        answer = self(*words, "--json")
        assert answer.returncode == 0, answer.stderr + answer.stdout
        document = json.loads(answer.stdout)
        assert document["schema"] == f"edge-agent/devices.{words[0]}/1"
        if words[0] not in ("name", "ignore"):  # these answer as a change of the configuration
            demand_published(document)
        return document["data"]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with shim_camera(tmp_path / "cameras") as cameras:
        desk = Desk(tmp_path, cameras)
        cameras.plug(card="HD Pro Webcam C920", bus=BUS)
        yield desk


def test_one_device_is_shown_with_all_that_is_known_of_it(desk: Desk) -> None:
    gain, dynamic = NUMBERS["gain"], NUMBERS["exposure_dynamic_framerate"]
    desk.cameras.set("controls", f"{gain:x} 0 255 0\n{dynamic:x} 0 1 4\n")
    it = desk.data("show", "/dev/video0")
    assert (it["identity"], it["where"], it["profile"]) == (SOCKET, BUS, "logitech_c920")
    assert (it["called"], it["ignored"], it["used_by"], it["track"]) == ("", False, "", None)
    assert it["modes"]
    controls = {each["name"]: each for each in it["controls"]}
    assert controls["gain"]["value"] == 0
    assert controls["gain"]["settable"]
    assert not controls["exposure_dynamic_framerate"]["settable"]
    assert controls["exposure_dynamic_framerate"]["profile_sets"] == 0
    for_people = desk("show", SOCKET).stdout
    assert SOCKET in for_people
    assert "gain" in for_people
    assert controls["exposure_dynamic_framerate"]["why"] in for_people


def test_where_a_camera_looks_is_told_as_lines_for_a_profile(desk: Desk) -> None:
    pan, zoom = NUMBERS["pan_absolute"], NUMBERS["zoom_absolute"]
    desk.cameras.set("controls", f"{pan:x} -36000 36000 0\n{zoom:x} 100 500 0\n")
    turn = [sys.executable, "-m", "edge_agent.commands.looking", "turn", "/dev/video0", "1"]
    request = '{"pan_absolute": -3600, "zoom_absolute": 150, "tilt_absolute": 7}'
    done = subprocess.run(turn, env=desk.env, input=request, stdout=subprocess.PIPE, text=True)
    assert json.loads(done.stdout) == {"refused": []}
    it = desk.data("preset", "/dev/video0")
    assert it["now"] == {"pan_absolute": -3600, "zoom_absolute": 150}
    assert (it["presets"], it["turned"]) == ([], None)
    assert "  [presets.NAME]\n  pan_absolute = -3600\n" in desk("preset", SOCKET).stdout


@pytest.mark.parametrize(
    ("controls", "code", "error"), [("", 9, "cannot-turn"), ("{:x} 100 500 0\n", 4, "no-preset")]
)
def test_a_place_that_nobody_knows_turns_nothing(
    desk: Desk, controls: str, code: int, error: str
) -> None:
    desk.cameras.set("controls", controls.format(NUMBERS["zoom_absolute"]))
    done = desk("preset", "/dev/video0", "lectern", "--json")
    assert (done.returncode, json.loads(done.stdout)["error"]["code"]) == (code, error)
    assert not (desk.cameras.folder / "video0.set").exists()


def test_a_name_is_kept_in_the_configuration_and_means_the_device_from_then_on(desk: Desk) -> None:
    assert desk.data("name", "/dev/video0", "Lectern camera")["identity"] == SOCKET
    text = desk.config.read_text()
    assert text.startswith("# kept\n")
    assert tomllib.loads(text)["devices"] == {SOCKET: {"name": "Lectern camera"}}
    assert desk.data("show", "Lectern camera")["id"] == "/dev/video0"
    assert "Lectern camera (HD Pro Webcam C920)" in desk("list").stdout
    desk.data("name", "Lectern camera", "")
    assert desk.data("list")[0]["called"] == ""


def test_what_is_ignored_is_said_so_and_may_be_used_again(desk: Desk) -> None:
    before = desk.config.read_text()
    desk.data("ignore", "/dev/video0", "--dry-run")
    assert desk.config.read_text() == before
    desk.data("ignore", "/dev/video0")
    assert tomllib.loads(desk.config.read_text())["devices"] == {SOCKET: {"ignore": True}}
    assert "(ignored)" in desk("list").stdout
    desk.data("ignore", SOCKET, "--undo")
    assert desk.data("list")[0]["ignored"] is False


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        (["show", "/dev/video7"], 9, "edge-agent devices list"),
        (["name", "nothing", "x"], 9, "edge-agent devices list"),
        (["name", "/dev/video0", " x "], 2, "edge-agent devices name"),
        (["name", "/dev/video0", "a\x1b[2Jb"], 2, "edge-agent devices name"),
        (["ignore", "nothing"], 9, "edge-agent devices list"),
        (["rules", "--install", "--folder", "/no/such"], 4, "a container"),
    ],
    ids=lambda it: str(it),
)
def test_an_error_names_the_next_step_and_writes_nothing(
    desk: Desk, words: list[str], code: int, hint: str
) -> None:
    before = desk.config.read_text()
    answer = desk(*words)
    assert answer.returncode == code
    assert f"next:  {hint}" in answer.stderr or hint in answer.stderr
    assert desk.config.read_text() == before


def test_a_device_that_is_not_plugged_in_can_be_ignored_by_its_identity(desk: Desk) -> None:
    desk.data("ignore", "usb:046d:0825:AB12")
    assert tomllib.loads(desk.config.read_text())["devices"]["usb:046d:0825:AB12"]["ignore"]


def test_a_camera_is_tried_and_judged(desk: Desk, tmp_path: Path) -> None:
    it = desk.data("test", "/dev/video0", "--seconds", "2", "--save", str(tmp_path / "p.jpg"))
    assert it["held_by_agent"] is False
    assert it["samples"] > 2
    assert 0 < it["per_second"] <= it["promised"] + 1
    assert it["spread"] > 3, "the numbered bars are a picture"
    assert {each["grade"] for each in it["remarks"]} <= {"good", "doubtful"}
    assert (tmp_path / "p.jpg").read_bytes().startswith(b"\xff\xd8")


def test_a_driver_that_gives_nothing_is_left_behind(desk: Desk) -> None:
    """Only the child hangs in the driver."""
    desk.cameras.set("busy")
    answer = desk("test", "/dev/video0", "--json")
    assert answer.returncode == 9
    assert json.loads(answer.stdout)["error"]["code"] == "device-busy"


class Lines:
    """The lines of a command that goes on, each with a deadline."""

    def __init__(self, desk: Desk, *words: str) -> None:
        self.process = subprocess.Popen(
            [*desk.command, "devices", *words],
            env=desk.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._pump, daemon=True).start()

    def _pump(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)

    def next(self) -> str:
        return self._lines.get(timeout=DEADLINE_S)

    def end(self) -> None:
        self.process.kill()
        self.process.wait(60)
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()


def test_watching_tells_what_comes_and_goes_line_by_line(desk: Desk) -> None:
    lines = Lines(desk, "watch", "--json")
    try:
        first = json.loads(lines.next())
        assert (first["event"], first["device"]["id"]) == ("there", "/dev/video0")
        demand_published(first)
        desk.cameras.plug(1, card="Second", bus="usb-0000:00:14.0-6")
        came = json.loads(lines.next())
        demand_published(came)
        assert (came["event"], came["device"]["name"]) == ("came", "Second")
        desk.cameras.unplug(1)
        assert json.loads(lines.next())["event"] == "went"
    finally:
        lines.end()


def test_watching_ends_by_itself_when_asked_to(desk: Desk) -> None:
    answer = desk("watch", "--seconds", "1", "--json")
    events, document = answer.stdout.splitlines()[:-1], json.loads(answer.stdout.splitlines()[-1])
    assert answer.returncode == 0
    demand_published(document)
    assert document["data"] == {"events": len(events)}


# ---------------------------------------------------------------- pure


def entry(number: int = 0, **more: Any) -> dict[str, Any]:
    where = f"usb-0000:00:14.0-{number + 3}"
    return {
        "id": f"/dev/video{number}",
        "kind": "v4l2",
        "name": "C270",
        "where": where,
        "identity": f"usb:046d:0825:AB{number}",
        "also": [],
        "called": "",
        "ignored": False,
        "used_by": "",
    } | more


def test_what_has_gone_is_told_before_what_has_come() -> None:
    one, two = entry(0), entry(1)
    assert list(changes({}, {"a": one}, True)) == [("there", one)]
    assert list(changes({"a": one}, {"b": two}, False)) == [("went", one), ("came", two)]
    assert list(changes({"a": one}, {"a": one}, False)) == []


def test_a_line_names_device_node_and_socket() -> None:
    line = sentence(
        {"event": "came", "utc": "2026-11-22T10:00:00Z", "device": entry(called="Hall")}
    )
    assert "came" in line
    assert "Hall (C270)  /dev/video0  usb-0000:00:14.0-3" in line
    levels = sentence(
        {"event": "levels", "utc": "2026-11-22T10:00:00Z", "peaks": {"mic": -14.0, "two": -120.0}}
    )
    assert "mic -14 dBFS, two digital silence" in levels


def test_a_word_that_means_two_devices_means_neither() -> None:
    with pytest.raises(Failure, match="2 devices are called 'C270'"):
        find([entry(0), entry(1)], "C270")
    assert find([entry(0), entry(1)], "usb:046d:0825:AB1")["id"] == "/dev/video1"
    assert find([entry(0, called="C270"), entry(1)], "C270")["id"] == "/dev/video0"


def test_two_nodes_of_one_camera_are_one_device() -> None:
    twins = [entry(0), entry(0, id="/dev/video9")]
    assert find(twins, "C270")["id"] == "/dev/video0"


def test_an_identity_needs_no_device() -> None:
    assert identity_of([], "usb:1:2:X") == "usb:1:2:X"
    assert identity_of([entry()], "/dev/video0") == "usb:046d:0825:AB0"


def links(*cameras: dict[str, Any]) -> list[str]:
    return [line for line in rules_for(cameras).splitlines() if "SYMLINK" in line]


def test_a_camera_gets_a_link_by_its_serial_number() -> None:
    [line] = links(entry(called="Lectern camera"))
    assert 'ATTRS{idVendor}=="046d", ATTRS{idProduct}=="0825", ATTRS{serial}=="AB0"' in line
    assert 'ATTR{index}=="0"' in line
    assert line.endswith('SYMLINK+="edge-agent/lectern-camera"')


def test_one_without_a_serial_number_gets_it_by_its_socket() -> None:
    [line] = links(entry(identity=SOCKET))
    assert 'ENV{ID_PATH}=="pci-0000:00:14.0-usb-0:3:*"' in line
    [behind_a_hub] = links(entry(identity="port:usb-0000:00:14.0-3.2"))
    assert 'ENV{ID_PATH}=="pci-0000:00:14.0-usb-0:3.2:*"' in behind_a_hub


def test_twins_of_one_serial_number_get_two_links_by_number_and_socket() -> None:
    twins = [entry(n, identity=f"usb:046d:0825:SAME@usb-0000:00:14.0-{n + 3}") for n in (0, 1)]
    first, second = links(*twins)
    assert "usb-0:3:*" in first
    assert "usb-0:4:*" in second
    assert 'ATTRS{serial}=="SAME"' in first
    assert first.endswith('"edge-agent/c270"')
    assert second.endswith('"edge-agent/c270-2"')


@pytest.mark.parametrize("serial", ['A"B', "A*", "A?", "A[1]", "A|B", "A\nB", "A\\"])
def test_no_serial_number_can_write_a_rule_of_its_own(serial: str) -> None:
    text = rules_for([entry(identity=f"usb:046d:0825:{serial}", name='x"\nRUN+="/bin/sh"')])
    assert serial not in text
    known = ("#", "ACTION", "SUBSYSTEM", "LABEL")
    assert all(line.startswith(known) for line in text.splitlines() if line)
    assert "pci-0000:00:14.0-usb-0:3" in text


def test_what_has_nothing_that_stays_gets_no_link() -> None:
    text = rules_for([entry(identity="node:/dev/video0", where="platform:vivid-000")])
    assert "no link" in text
    assert "SYMLINK" not in text


def test_rules_are_written_where_udev_reads_them(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "rules.d"
    folder.mkdir()
    printed = desk("rules").stdout
    data = desk.data("rules", "--install", "--folder", str(folder))
    assert data["file"] == str(folder / NAME)
    assert (folder / NAME).read_text().rstrip("\n") == printed.rstrip("\n")
    assert (folder / NAME).stat().st_mode & 0o777 == 0o644
