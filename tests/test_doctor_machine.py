"""Laws of the checks of the PC, of rights, and of what mends them."""

from __future__ import annotations

import grp
import json
import os
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner

from edge_agent.accounts import Account
from edge_agent.cli import app
from edge_agent.commands import checks_devices, checks_sending
from edge_agent.commands.checks import CHECKS, run
from edge_agent.commands.doctor import examine
from edge_agent.commands.finding import Command, Finding, Ground, Mend, State
from edge_agent.commands.mending import mend, perform
from edge_agent.commands.output import Exit, Report
from edge_agent.commands.room import room_of
from edge_agent.config import load
from edge_agent.reach import trouble
from edge_agent.schedule_store import Calendar, ScheduleStore
from tests.fixed_clock import FixedClock

SCHEMA = json.loads((Path(__file__).parents[1] / "edge_agent/schemas/doctor-1.json").read_text())
RECORDER = Account("recorder", 4321, 4321, frozenset({4321}))


class Pc:
    """A PC whose /dev, /etc, /proc and /sys are in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root = folder, folder / "root"
        self.said: dict[str, str] = {}
        self.text = f'[storage]\nspool = "{folder}/spool"\nruntime = "{folder}/run"\n'
        self.text += "least_free_mib = 0\n"
        self.clock = FixedClock()
        (folder / "spool").mkdir()
        self.mounts("/dev/sda1 / ext4 rw,relatime 0 0")

    def put(self, name: str, text: str = "", mode: int = 0o644) -> Path:
        place = self.root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        place.chmod(mode)
        return place

    def mounts(self, *lines: str) -> None:
        self.put("proc/self/mounts", "".join(f"{line}\n" for line in lines))

    def ground(self) -> Ground:
        path = self.folder / "config.toml"
        path.write_text(self.text)

        def ask(command: list[str]) -> str | None:
            return self.said.get(command[0])

        return Ground(room_of(path), load(path, {}), self.clock, None, ask, self.root, RECORDER)

    def one(self, name: str) -> Finding:
        [found] = run(CHECKS[name], self.ground())
        return found


@pytest.fixture
def pc(tmp_path: Path) -> Pc:
    return Pc(tmp_path)


def test_the_zone_is_the_rooms_and_not_that_of_no_place(pc: Pc) -> None:
    assert "not set" in pc.one("zone").what
    (pc.root / "etc").mkdir()
    (pc.root / "etc/localtime").symlink_to("/usr/share/zoneinfo/Asia/Phnom_Penh")
    assert pc.one("zone") == Finding("Asia/Phnom_Penh")
    (pc.root / "etc/localtime").unlink()
    pc.put("etc/timezone", "Etc/UTC\n")
    found = pc.one("zone")
    assert (found.state, "Etc/UTC" in found.what, bool(found.fix)) == (State.NOTE, True, True)


@pytest.mark.parametrize(
    ("mount", "state", "words"),
    [
        ("/dev/sda1 {} ext4 rw,relatime 0 0", State.OK, "ext4 on /dev/sda1"),
        ("/dev/sda1 {} ext4 ro,relatime 0 0", State.WRONG, "read-only"),
        ("/dev/sda1 {} ext4 rw,relatime,emergency_ro 0 0", State.WRONG, "read-only"),
        ("tmpfs {} tmpfs rw 0 0", State.WRONG, "in memory"),
        ("nas:/x {} nfs4 rw 0 0", State.WRONG, "on the network (nfs4)"),
        ("/dev/sdb1 {} exfat rw 0 0", State.NOTE, "a power cut may damage it"),
    ],
)
def test_recordings_lie_on_a_drive_of_this_pc(pc: Pc, mount: str, state: State, words: str) -> None:
    pc.mounts("/dev/sda9 / ext4 rw 0 0", mount.format(pc.folder))
    first, *_ = run(CHECKS["drive"], pc.ground())
    assert first.state is state
    assert words in first.what


@pytest.mark.parametrize(
    ("place", "text", "state", "words"),
    [
        ("sys/fs/ext4/sda1/errors_count", "3\n", State.WRONG, "noted 3 errors"),
        ("sys/block/mmcblk0/device/pre_eol_info", "0x02\n", State.NOTE, "mmcblk0"),
        ("sys/block/mmcblk0/device/pre_eol_info", "0x03\n", State.WRONG, "mmcblk0"),
        ("sys/block/md0/md/degraded", "1\n", State.WRONG, "without one of its drives"),
    ],
)
def test_a_drive_that_ages_is_told_before_it_fails(
    pc: Pc, place: str, text: str, state: State, words: str
) -> None:
    pc.put(place, text)
    found = pc.one("drive")
    assert (found.state, words in found.what, bool(found.fix)) == (state, True, True)
    pc.put(place, "0\n" if "pre_eol" not in place else "0x01\n")
    assert pc.one("drive").state is State.OK


def test_firmware_that_the_kernel_has_missed_is_named_once(pc: Pc) -> None:
    line = "i915 0000:00:02.0: Direct firmware load for i915/tgl_huc.bin failed with error -2\n"
    pc.said["journalctl"] = line + "usb 1-2: new device\n" + line
    found = pc.one("firmware")
    assert (found.state, found.what) == (State.NOTE, "i915/tgl_huc.bin is missing")
    pc.said["journalctl"] = "usb 1-2: new device\n"
    assert pc.one("firmware").state is State.OK


def test_a_device_that_the_recorder_may_not_open_is_wrong(pc: Pc) -> None:
    assert "no device" in pc.one("permissions").what
    pc.put("dev/null", mode=0o600)
    node = pc.put("dev/video0", mode=0o660)
    found = pc.one("permissions")
    assert (found.state, found.what) == (State.WRONG, "recorder may not open /dev/video0")
    node.chmod(0o666)
    assert pc.one("permissions").state is State.OK


def test_the_recorder_joins_the_group_that_may_unless_it_is_roots(pc: Pc) -> None:
    node = pc.put("dev/snd/pcmC0D0c")
    found = checks_devices._closed(RECORDER, grp.getgrnam("audio").gr_gid, [node])
    assert found.mend is not None
    assert found.mend.commands == (("usermod", "--append", "--groups", "audio", "recorder"),)
    roots = checks_devices._closed(RECORDER, 0, [node])
    assert (roots.mend, "udevadm" in roots.fix) == (None, True)


@pytest.mark.parametrize(
    ("uid", "groups", "mode", "may"),
    [
        (0, {0}, 0o000, True),
        (7, {7}, 0o600, True),
        (8, {7}, 0o660, True),
        (8, {7}, 0o640, False),
        (8, {8}, 0o660, False),
        (8, {8}, 0o666, True),
        (7, {8}, 0o066, False),  # the owner's own bits count, not those of others
    ],
)
def test_who_may_use_a_device(uid: int, groups: set[int], mode: int, may: bool) -> None:
    facts = os.stat_result((mode, 0, 0, 1, 7, 7, 0, 0, 0, 0))
    assert Account("x", uid, uid, frozenset(groups)).may_use(facts) is may


def test_a_child_of_another_account_gets_none_of_our_own_folders(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/0")
    child = RECORDER.as_child()
    assert (child["user"], child["extra_groups"], child["env"]["HOME"]) == (4321, [4321], "/")
    assert not [key for key in child["env"] if key.startswith("XDG_")]
    assert Account("us", os.geteuid(), 0, frozenset()).as_child() == {}


def test_a_folder_is_made_where_a_share_is_mounted_and_nowhere_else(
    pc: Pc, monkeypatch: pytest.MonkeyPatch
) -> None:
    pc.text += f'[destinations.disk]\ntype = "folder"\npath = "{pc.folder}/share/lectures"\n'
    monkeypatch.setattr(checks_sending, "_below_a_mount", lambda _: False)
    assert pc.one("destinations").mend is None
    monkeypatch.setattr(checks_sending, "_below_a_mount", lambda _: True)
    found = pc.one("destinations").mend
    assert found is not None
    assert found.commands[0][-1] == f"{pc.folder}/share/lectures"


def test_a_server_that_cannot_be_reached_is_told_in_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert trouble(f"http://127.0.0.1:{port}/") == ""
    assert "refuses" in trouble(f"https://127.0.0.1:{port}/")
    assert "not known here" in trouble("https://no-such-host.invalid/")
    assert "cannot be used" in trouble("https://127.0.0.1/", Path("/no/such/ca.pem"))


def test_the_way_to_a_destination_is_looked_at_without_sending_anything(pc: Pc) -> None:
    assert "needs the network" in pc.one("reach").what
    pc.put("proc/sys/net/ipv4/tcp_allowed_congestion_control", "reno cubic\n")
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/files"
        pc.text += f'[destinations.campus]\ntype = "tus"\nurl = "{address}"\n'
        answers, bbr = run(CHECKS["reach"], pc.ground())
    assert answers == Finding("campus: its server answers")
    assert (bbr.state, "BBR is not allowed" in bbr.what) == (State.NOTE, True)
    refused, _ = run(CHECKS["reach"], pc.ground())
    assert (refused.state, "refuses" in refused.what) == (State.WRONG, True)
    assert refused.fix.endswith("edge-agent upload test campus")


def test_a_unit_that_is_stopped_is_started_and_a_pc_that_may_sleep_is_told(pc: Pc) -> None:
    stopped = "Id=edge-agent.service\nLoadState=loaded\nActiveState=inactive\nUnitFileState=enabled"

    def ask(command: list[str]) -> str | None:
        return "Id=sleep.target\nLoadState=loaded" if "sleep.target" in command else stopped

    unit, sleep = run(CHECKS["units"], replace(pc.ground(), ask=ask))
    assert unit.mend == Mend((("systemctl", "start", "edge-agent.service"),))
    assert (sleep.state, "mask sleep.target" in sleep.fix) == (State.NOTE, True)
    masked = replace(pc.ground(), ask=lambda c: (ask(c) or "").replace("LoadState=loaded", ""))
    assert not [each for each in run(CHECKS["units"], masked) if "asleep" in each.what]


def test_a_panel_for_the_network_without_a_pin_is_noted(pc: Pc) -> None:
    assert "not running" in pc.one("panel").what
    pc.text += '[panel]\nlisten = "0.0.0.0"\n'
    assert "no PIN" in run(CHECKS["panel"], pc.ground())[-1].what


def test_a_calendar_that_has_trouble_is_noted_with_what_it_had(pc: Pc) -> None:
    assert "(optional)" in pc.one("timetable").what
    pc.text += '[calendars.campus]\nurl = "https://127.0.0.1:9/x.ics"\n'
    unread = run(CHECKS["timetable"], pc.ground())
    assert [each.state for each in unread] == [State.NOTE, State.NOTE]
    store = ScheduleStore(pc.ground().room.spool.schedule)
    with store.changing():
        store.put(Calendar("campus", "url", trouble="the server says 503"))
    found = run(CHECKS["timetable"], pc.ground())[-1]
    assert (found.state, "503; what was booked before holds" in found.what) == (State.NOTE, True)
    with store.changing():
        store.put(Calendar("campus", "url"))
    assert run(CHECKS["timetable"], pc.ground())[-1] == Finding("campus: 0 bookings")


def test_a_broker_is_optional_and_one_that_does_not_answer_is_wrong(pc: Pc) -> None:
    assert pc.one("mqtt") == Finding("no broker (optional)")
    with socket.create_server(("127.0.0.1", 0)) as server:
        pc.text += f'[mqtt]\nurl = "mqtt://127.0.0.1:{server.getsockname()[1]}"\n'
        process, broker = run(CHECKS["mqtt"], pc.ground())
    assert (process.state, broker.state) == (State.NOTE, State.OK)
    assert run(CHECKS["mqtt"], pc.ground())[1].state is State.WRONG


def test_what_only_root_may_do_is_not_tried_by_others() -> None:
    done: list[Command] = []

    def note(command: Command) -> str:
        done.append(command)
        return "it is broken" if command == ("two",) else ""

    wanted = Mend((("one",), ("two",), ("three",)))
    assert "sudo edge-agent doctor --fix" in mend(wanted, note, uid=1000)
    assert done == []
    assert mend(wanted, note, uid=0) == "it is broken"
    assert done == [("one",), ("two",)]


def test_a_command_that_fails_says_why() -> None:
    assert perform(("true",)) == ""
    assert "no-such-program" in perform(("no-such-program",))
    assert "no/such/folder" in perform(("ls", "/no/such/folder"))
    assert perform(("false",)) == "false ended with status 1"


def test_what_was_mended_is_looked_at_again(pc: Pc) -> None:
    own = pc.folder / "credentials"
    own.mkdir(mode=0o700)
    (own / "campus").write_text("secret")
    (own / "campus").chmod(0o644)
    pc.text += '[destinations.campus]\ntype = "tus"\nurl = "https://127.0.0.1:9/"\n'
    pc.text += 'credential = "campus"\n'
    told = Report("doctor", True)
    examine(pc.ground(), ["secrets"], told, None, tell_mends=True)
    assert (told.exit, (own / "campus").stat().st_mode & 0o777) == (Exit.FINDINGS, 0o644)
    mended = Report("doctor", True)
    examine(pc.ground(), ["secrets"], mended, perform, tell_mends=True)
    assert (mended.exit, (own / "campus").stat().st_mode & 0o777) == (Exit.OK, 0o600)
    assert [row["message"] for row in mended.data][-1] == "campus: there"
    assert mended.data[0]["message"].startswith("done: chmod 600")


def test_what_could_not_be_mended_stays_wrong(pc: Pc) -> None:
    pc.clock.trust = "unset"
    told = Report("doctor", True)
    examine(pc.ground(), ["clock"], told, lambda _: "no bus", tell_mends=True)
    assert told.exit is Exit.FINDINGS
    assert told.data[-1]["state"] == "wrong"
    assert "not mended" in told.warnings[0]


@pytest.fixture
def documents(pc: Pc) -> list[dict[str, Any]]:
    pc.ground()
    quick = ("clock", "disk", "destinations", "secrets", "panel", "drive")
    config = str(pc.folder / "config.toml")
    answers = [
        CliRunner().invoke(app, ["--config", config, "doctor", *more, *quick, "--json"])
        for more in ([], ["--fix", "--dry-run"])
    ]
    return [json.loads(answer.stdout) for answer in answers]


def test_the_document_keeps_to_its_published_schema(documents: list[dict[str, Any]]) -> None:
    for each in documents:
        jsonschema.validate(each, SCHEMA)
